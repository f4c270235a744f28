//! The H.264 payload (RFC 6184): packetization modes 0 and 1, that is single NAL units, STAP-A and FU-A.
//!
//! ```text
//! +---------------+  F: forbidden zero bit, NRI: importance
//! |0|1|2|3|4|5|6|7|  Type 1..23: a NAL unit as it is; 24: STAP-A; 28: FU-A
//! |F|NRI|  Type   |  (25, 26, 27 and 29 belong to mode 2, which we never negotiate)
//! +---------------+
//! ```

mod depacketise;
mod inspect;
mod packetise;
mod parameter_sets;
#[cfg(test)]
mod tests;

pub use depacketise::{AccessUnit, Depacketiser, MAX_ACCESS_UNIT};
pub use inspect::{Inspection, inspect};
pub use packetise::{MAX_PAYLOAD, Packetiser, PacketizationMode, refragment};
pub use parameter_sets::ParameterSets;

/// NAL unit type of a slice of a picture that is no IDR picture (ITU-T H.264 table 7-1).
const NON_IDR: u8 = 1;
/// NAL unit type of a slice of an IDR picture.
const IDR: u8 = 5;
/// NAL unit type of a sequence parameter set.
const SPS: u8 = 7;
/// NAL unit type of a picture parameter set.
const PPS: u8 = 8;
/// NAL unit type of an access unit delimiter.
const DELIMITER: u8 = 9;
/// Payload type of several NAL units in one packet (RFC 6184 §5.7.1).
const STAP_A: u8 = 24;
/// Payload type of a fragment of a NAL unit (RFC 6184 §5.8).
const FU_A: u8 = 28;

/// The type field of a NAL unit's first octet.
const fn nal_type(header: u8) -> u8 {
    header & 0x1F
}

/// Whether a type is that of a NAL unit itself, and so may stand alone, in a STAP-A or in an FU-A.
const fn is_nal(nal_type: u8) -> bool {
    matches!(nal_type, 1..=23)
}

/// Whether a type carries coded picture data.
const fn is_slice(nal_type: u8) -> bool {
    matches!(nal_type, NON_IDR..=IDR)
}

/// Whether a slice begins with the first macroblock of its picture: `first_mb_in_slice` is ue(v), and 0 is one bit.
fn begins_picture(nal: &[u8]) -> bool {
    nal.get(1).is_some_and(|octet| octet & 0x80 != 0)
}

/// The NAL units of a STAP-A. A length that points behind the end ends the iteration with `Err`.
struct Aggregated<'a> {
    rest: &'a [u8],
}

/// A STAP-A whose lengths do not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Malformed;

impl<'a> Aggregated<'a> {
    /// `payload` with the STAP-A octet.
    fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload.get(1..).unwrap_or_default() }
    }
}

impl<'a> Iterator for Aggregated<'a> {
    type Item = Result<&'a [u8], Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((length, rest)) = self.rest.split_first_chunk::<2>() else {
            self.rest = &[];
            return Some(Err(Malformed));
        };
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((nal, rest)) = rest.split_at_checked(length) else {
            self.rest = &[];
            return Some(Err(Malformed));
        };
        self.rest = rest;
        match nal.first() {
            Some(&header) if is_nal(nal_type(header)) => Some(Ok(nal)),
            _ => Some(Err(Malformed)),
        }
    }
}
