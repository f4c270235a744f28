//! RTP packets (RFC 3550 §5) and their header extensions (RFC 8285).

use rtp_rs::{RtpReader, RtpReaderError};

/// The longest packet that is read: what fits into a UDP datagram.
pub const MAX_PACKET: usize = 65_507;

/// Why a datagram is no RTP packet. Always the peer's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Cut off, or a length in it points behind its end.
    #[error("RTP packet is truncated")]
    Truncated,
    /// Not version 2.
    #[error("not RTP version 2")]
    Version,
    /// The padding length is zero or longer than the payload (RFC 3550 §5.1).
    #[error("RTP padding is longer than its packet")]
    Padding,
    /// Longer than [`MAX_PACKET`].
    #[error("RTP packet is too long")]
    TooLong,
}

impl From<RtpReaderError> for PacketError {
    fn from(error: RtpReaderError) -> Self {
        match error {
            RtpReaderError::BufferTooShort(_) | RtpReaderError::HeadersTruncated { .. } => Self::Truncated,
            RtpReaderError::UnsupportedVersion(_) => Self::Version,
            RtpReaderError::PaddingLengthInvalid(_) => Self::Padding,
        }
    }
}

/// A received RTP packet, checked and read in place.
pub struct RtpView<'a> {
    reader: RtpReader<'a>,
}

impl<'a> RtpView<'a> {
    /// Checks a datagram: version, header and extension lengths, padding.
    ///
    /// # Errors
    /// [`PacketError`] when it is no whole RTP packet; drop and count it.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, PacketError> {
        if datagram.len() > MAX_PACKET {
            return Err(PacketError::TooLong);
        }
        Ok(Self { reader: RtpReader::new(datagram)? })
    }

    /// Payload type, 0 to 127.
    pub fn payload_type(&self) -> u8 {
        self.reader.payload_type()
    }

    /// Marker bit: for video the last packet of a picture, for audio the first after silence.
    pub fn marker(&self) -> bool {
        self.reader.mark()
    }

    /// Sequence number.
    pub fn sequence(&self) -> u16 {
        self.reader.sequence_number().into()
    }

    /// Timestamp in units of the payload type's clock.
    pub fn timestamp(&self) -> u32 {
        self.reader.timestamp()
    }

    /// Synchronisation source.
    pub fn ssrc(&self) -> u32 {
        self.reader.ssrc()
    }

    /// Contributing sources, at most 15.
    pub fn csrc(&self) -> impl Iterator<Item = u32> + '_ {
        self.reader.csrc()
    }

    /// The payload without padding; may be empty (keep-alive packets are).
    pub fn payload(&self) -> &'a [u8] {
        self.reader.payload()
    }

    /// Where the payload begins in the datagram, in octets.
    pub fn payload_offset(&self) -> usize {
        self.reader.payload_offset()
    }

    /// The header extension: its profile word and its content (RFC 3550 §5.3.1).
    pub fn extension(&self) -> Option<(u16, &'a [u8])> {
        self.reader.extension()
    }

    /// The elements of the header extension, in either form of RFC 8285; none if it has another profile.
    pub fn elements(&self) -> Elements<'a> {
        match self.extension() {
            Some((0xBEDE, content)) => Elements { rest: content, form: Form::OneByte },
            Some((profile, content)) if profile & 0xFFF0 == 0x1000 => {
                Elements { rest: content, form: Form::TwoByte }
            }
            _ => Elements { rest: &[], form: Form::OneByte },
        }
    }

    /// The content of the extension element with this local identifier.
    pub fn element(&self, id: u8) -> Option<&'a [u8]> {
        self.elements().find(|element| element.id == id).map(|element| element.data)
    }

    /// The fixed header, to write it anew with other values.
    pub fn header(&self) -> RtpHeader {
        RtpHeader {
            payload_type: self.payload_type(),
            marker: self.marker(),
            sequence: self.sequence(),
            timestamp: self.timestamp(),
            ssrc: self.ssrc(),
        }
    }
}

impl std::fmt::Debug for RtpView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RtpHeader { payload_type, marker, sequence, timestamp, ssrc } = self.header();
        write!(
            f,
            "RtpView(pt {payload_type}, {}seq {sequence}, ts {timestamp}, ssrc {ssrc:08x}, {} octets)",
            if marker { "M, " } else { "" },
            self.payload().len()
        )
    }
}

/// One element of a header extension (RFC 8285).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Local identifier, as `a=extmap` gave it.
    pub id: u8,
    /// Content; empty only in the two-byte form.
    pub data: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
enum Form {
    /// RFC 8285 §4.2.
    OneByte,
    /// RFC 8285 §4.3.
    TwoByte,
}

/// Iterates over the elements of a header extension. A cut-off element ends it.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
    form: Form,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            let (&first, rest) = self.rest.split_first()?;
            if first == 0 {
                // A padding octet.
                self.rest = rest;
                continue;
            }
            let (id, length, content) = match self.form {
                // 15 ends the processing (RFC 8285 §4.2).
                Form::OneByte if first >> 4 == 15 => (15, 0, &[][..]),
                Form::OneByte => (first >> 4, usize::from(first & 0x0F) + 1, rest),
                Form::TwoByte => {
                    let (&length, content) = rest.split_first()?;
                    (first, usize::from(length), content)
                }
            };
            if (matches!(self.form, Form::OneByte) && id == 15) || content.len() < length {
                self.rest = &[];
                return None;
            }
            let (data, rest) = content.split_at(length);
            self.rest = rest;
            if id == 0 {
                // Identifier 0 with a length is padding too (RFC 8285 §4.2).
                continue;
            }
            return Some(Element { id, data });
        }
    }
}

/// The fixed header of a packet that we send (RFC 3550 §5.1): no padding, extension or contributing sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// 0 to 127; the high bit is cut off when written.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in units of the payload type's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

impl RtpHeader {
    /// Octets of the fixed header.
    pub const LEN: usize = 12;

    /// The twelve octets on the wire.
    pub const fn to_bytes(&self) -> [u8; Self::LEN] {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = self.ssrc.to_be_bytes();
        let second = self.payload_type & 0x7F | if self.marker { 0x80 } else { 0 };
        [0x80, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3]
    }

    /// Appends header and payload to `out`.
    pub fn write(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.reserve(Self::LEN + payload.len());
        out.extend_from_slice(&self.to_bytes());
        out.extend_from_slice(payload);
    }

    /// Appends header, one header extension in the one-byte form (RFC 8285 §4.2) and payload to `out`.
    /// Elements with an identifier outside 1 to 14, or not of 1 to 16 octets, are left out.
    pub fn write_with_elements(&self, elements: &[Element<'_>], payload: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.to_bytes());
        let content = out.len() + 4;
        out.extend_from_slice(&[0xBE, 0xDE, 0, 0]);
        for element in elements.iter().take(255) {
            let length = element.data.len();
            if !(1..=14).contains(&element.id) || !(1..=16).contains(&length) {
                continue;
            }
            out.push(element.id << 4 | (length - 1) as u8);
            out.extend_from_slice(element.data);
        }
        if out.len() == content {
            out.truncate(content - 4);
        } else {
            while !(out.len() - content).is_multiple_of(4) {
                out.push(0);
            }
            let words = ((out.len() - content) / 4) as u16;
            if let Some(length) = out.get_mut(content - 2..content) {
                length.copy_from_slice(&words.to_be_bytes());
            }
            if let Some(first) = out.get_mut(start) {
                *first |= 0x10;
            }
        }
        out.extend_from_slice(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Dice, hex};

    const HEADER: RtpHeader = RtpHeader {
        payload_type: 97,
        marker: true,
        sequence: 0x1234,
        timestamp: 0x89AB_CDEF,
        ssrc: 0xCAFE_BABE,
    };

    #[test]
    fn a_packet_comes_back() {
        let mut packet = vec![];
        HEADER.write(b"sound", &mut packet);
        assert_eq!(packet[..12], hex("80E1 1234 89ABCDEF CAFEBABE"));
        let view = RtpView::parse(&packet).unwrap();
        assert_eq!((view.header(), view.payload(), view.payload_offset()), (HEADER, &b"sound"[..], 12));
        assert_eq!(view.elements().count(), 0);
    }

    #[test]
    fn sources_extension_and_padding_are_taken_off() {
        // Two sources, one word of a foreign extension, four octets of padding.
        let packet = hex("B2 60 0001 00000002 00000003 0000000A 0000000B ABCD0001 01020304 7777 00000004");
        let view = RtpView::parse(&packet).unwrap();
        assert_eq!(view.csrc().collect::<Vec<_>>(), [10, 11]);
        assert_eq!(view.extension(), Some((0xABCD, &[1, 2, 3, 4][..])));
        assert_eq!(view.elements().count(), 0, "not of RFC 8285");
        assert_eq!(view.payload(), [0x77, 0x77]);
    }

    #[test]
    fn elements_of_both_forms() {
        // One-byte form: 1 with one octet, padding, 3 with two, then 15, which ends it.
        let packet = hex("90 60 0001 00000002 00000003 BEDE0002 10AA0031 BBCCF0DD 77");
        let view = RtpView::parse(&packet).unwrap();
        let found: Vec<_> = view.elements().map(|element| (element.id, element.data.to_vec())).collect();
        assert_eq!(found, [(1, vec![0xAA]), (3, vec![0xBB, 0xCC])]);
        // Two-byte form: 1 empty, 200 with three octets, then one that is cut off.
        let packet = hex("90 60 0001 00000002 00000003 10000002 0100C803 11223305 77");
        let view = RtpView::parse(&packet).unwrap();
        assert_eq!(view.element(1), Some(&[][..]));
        assert_eq!(view.element(200), Some(&[0x11, 0x22, 0x33][..]));
        assert_eq!(view.elements().count(), 2);
    }

    #[test]
    fn elements_come_back() {
        let elements = [
            Element { id: 1, data: &[9; 16] },
            Element { id: 15, data: &[1] },
            Element { id: 2, data: &[] },
            Element { id: 14, data: &[7] },
        ];
        let mut packet = vec![];
        HEADER.write_with_elements(&elements, b"video", &mut packet);
        let view = RtpView::parse(&packet).unwrap();
        assert_eq!((view.header(), view.payload()), (HEADER, &b"video"[..]));
        assert_eq!(
            view.elements().collect::<Vec<_>>(),
            [elements[0], elements[3]],
            "the others have no such form"
        );
        packet.clear();
        HEADER.write_with_elements(&elements[1..3], b"video", &mut packet);
        assert_eq!(packet.len(), RtpHeader::LEN + 5, "no extension without elements");
    }

    #[test]
    fn what_is_no_packet() {
        let plain = hex("80600001 00000002 00000003");
        assert!(RtpView::parse(&plain).is_ok(), "empty payloads are keep-alives");
        assert_eq!(RtpView::parse(&plain[..11]).err(), Some(PacketError::Truncated));
        for (text, error) in [
            ("40600001 00000002 00000003", PacketError::Version),
            ("8F600001 00000002 00000003", PacketError::Truncated),
            ("90600001 00000002 00000003 BEDE0001", PacketError::Truncated),
            ("A0600001 00000002 00000003 00", PacketError::Padding),
            ("A0600001 00000002 00000003 02", PacketError::Padding),
            ("A0600001 00000002 00000003", PacketError::Truncated),
        ] {
            assert_eq!(RtpView::parse(&hex(text)).err(), Some(error), "{text}");
        }
        assert_eq!(RtpView::parse(&vec![0x80; MAX_PACKET + 1]).err(), Some(PacketError::TooLong));
    }

    #[test]
    fn no_octets_make_it_panic() {
        let mut dice = Dice::new(3);
        let mut read = 0;
        for _ in 0..50_000 {
            let length = dice.below(80);
            let mut noise = dice.bytes(length);
            if let Some(first) = noise.first_mut() {
                *first = 0x80 | *first & 0x33;
            }
            if let Some(profile) = noise.get_mut(12..16) {
                profile.copy_from_slice(&[0xBE, 0xDE, 0, 3]);
            }
            if let Ok(view) = RtpView::parse(&noise) {
                read += 1;
                assert!(view.payload().len() + view.payload_offset() <= noise.len());
                assert!(view.elements().map(|element| element.data.len()).sum::<usize>() <= noise.len());
                assert!(view.csrc().count() <= 15);
            }
        }
        assert!(read > 10_000, "{read}");
    }
}
