//! `a=rtcp-fb` (RFC 4585 §4.2, RFC 5104 §7): endpoints send it under plain RTP/AVP too.

/// One `rtcp-fb` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtcpFb {
    /// The payload type it speaks of; none for `*`, all of them.
    pub payload_type: Option<u8>,
    /// `nack`, `ccm`, …, in lower case.
    pub kind: String,
    /// `pli`, `fir`, `tmmbr`, …, in lower case; empty for plain `nack`.
    pub parameter: String,
}

impl RtcpFb {
    /// Reads what stands behind `a=rtcp-fb:`.
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let payload_type = match words.next()? {
            "*" => None,
            number => Some(number.parse::<u8>().ok().filter(|pt| *pt < 128)?),
        };
        Some(Self {
            payload_type,
            kind: words.next()?.to_ascii_lowercase(),
            parameter: words.next().unwrap_or("").to_ascii_lowercase(),
        })
    }

    /// Whether it speaks of this payload type.
    pub fn applies_to(&self, payload_type: u8) -> bool {
        self.payload_type.is_none_or(|pt| pt == payload_type)
    }
}

/// The feedback messages that a side takes for one payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Feedback {
    /// Generic NACK (RFC 4585 §6.2.1).
    pub nack: bool,
    /// Picture loss indication (RFC 4585 §6.3.1).
    pub pli: bool,
    /// Full intra request (RFC 5104 §4.3.1).
    pub fir: bool,
    /// Temporary maximum bit rate (RFC 5104 §4.2).
    pub tmmbr: bool,
}

impl Feedback {
    /// What these lines say of one payload type.
    pub fn of(lines: &[RtcpFb], payload_type: u8) -> Self {
        let mut feedback = Self::default();
        for line in lines.iter().filter(|line| line.applies_to(payload_type)) {
            match (line.kind.as_str(), line.parameter.as_str()) {
                ("nack", "") => feedback.nack = true,
                ("nack", "pli") => feedback.pli = true,
                ("ccm", "fir") => feedback.fir = true,
                ("ccm", "tmmbr") => feedback.tmmbr = true,
                _ => {}
            }
        }
        feedback
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_and_number() {
        let lines: Vec<_> = ["* nack pli", "97 ccm  FIR", "98 nack", "* ccm tmmbr smaxpr=120", "x nack"]
            .into_iter()
            .filter_map(RtcpFb::parse)
            .collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(Feedback::of(&lines, 97), Feedback { pli: true, fir: true, tmmbr: true, nack: false });
        assert_eq!(Feedback::of(&lines, 98), Feedback { pli: true, fir: false, tmmbr: true, nack: true });
    }
}
