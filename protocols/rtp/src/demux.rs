//! What a datagram on a media port is: STUN, DTLS, RTP or RTCP (RFC 7983 §7, RFC 5761 §4).

/// The protocol of a datagram, told by its first two octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 0 to 3: STUN (RFC 8489).
    Stun,
    /// 16 to 19: ZRTP.
    Zrtp,
    /// 20 to 63: DTLS.
    Dtls,
    /// 64 to 79: TURN channel data.
    TurnChannel,
    /// 128 to 191, unless it is RTCP.
    Rtp,
    /// 128 to 191 with a packet type of 192 to 223 (RFC 5761 §4).
    Rtcp,
    /// Empty, or of no known range: keep-alive noise.
    Unknown,
}

/// Tells the protocol of a datagram. Looks at no more than two octets, so parsing can still fail.
pub const fn classify(datagram: &[u8]) -> Kind {
    match datagram {
        [0..=3, ..] => Kind::Stun,
        [16..=19, ..] => Kind::Zrtp,
        [20..=63, ..] => Kind::Dtls,
        [64..=79, ..] => Kind::TurnChannel,
        [128..=191, 192..=223, ..] => Kind::Rtcp,
        [128..=191, _, ..] => Kind::Rtp,
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_rfc_7983_and_5761() {
        let cases: [(&[u8], Kind); 13] = [
            (&[], Kind::Unknown),
            (&[0x80], Kind::Unknown),
            (&[0, 1], Kind::Stun),
            (&[3, 0], Kind::Stun),
            (&[4, 0], Kind::Unknown),
            (&[16, 0], Kind::Zrtp),
            (&[20, 0xFE], Kind::Dtls),
            (&[63], Kind::Dtls),
            (&[0x40, 0], Kind::TurnChannel),
            (&[0x80, 0x60 | 0x80], Kind::Rtp),
            (&[0x80, 200], Kind::Rtcp),
            (&[0x81, 206], Kind::Rtcp),
            (&[0x80, 127], Kind::Rtp),
        ];
        for (datagram, kind) in cases {
            assert_eq!(classify(datagram), kind, "{datagram:?}");
        }
    }
}
