//! NAL units of a byte stream, ITU-T H.264 §7.3.1 and Annex B.

/// What a NAL unit carries, from the low five bits of its first byte: `nal_unit_type`, H.264 table 7-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NalType {
    /// 1: a slice of a picture that refers to others, or may.
    Slice,
    /// 2 to 4: data partitions (Extended profile).
    Partition,
    /// 5: a slice of an IDR picture.
    IdrSlice,
    /// 6: supplemental enhancement information.
    Sei,
    /// 7: sequence parameter set.
    Sps,
    /// 8: picture parameter set.
    Pps,
    /// 9: access unit delimiter.
    Delimiter,
    /// 10: end of sequence; 11: end of stream.
    End,
    /// 12: filler.
    Filler,
    /// Everything else: reserved, extensions (14, 15, 20 of scalable streams) and payload structures of RTP (24-29).
    Other(u8),
}

impl NalType {
    /// From a NAL unit's first byte.
    #[must_use]
    pub const fn from_header(byte: u8) -> Self {
        match byte & 0x1f {
            1 => Self::Slice,
            2..=4 => Self::Partition,
            5 => Self::IdrSlice,
            6 => Self::Sei,
            7 => Self::Sps,
            8 => Self::Pps,
            9 => Self::Delimiter,
            10 | 11 => Self::End,
            12 => Self::Filler,
            other => Self::Other(other),
        }
    }

    /// Of a whole NAL unit; none if it is empty.
    #[must_use]
    pub fn of(nal: &[u8]) -> Option<Self> {
        nal.first().map(|&byte| Self::from_header(byte))
    }

    /// Whether this carries part of a picture (VCL), so that an access unit ends after the last of them.
    #[must_use]
    pub const fn is_picture(self) -> bool {
        matches!(self, Self::Slice | Self::Partition | Self::IdrSlice)
    }
}

/// The NAL units of a byte stream (Annex B), without start codes (three or four bytes) and without zeros after them.
/// What stands before the first start code is skipped; empty units are left out.
pub fn nal_units(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut next = start_code(annex_b, 0);
    std::iter::from_fn(move || {
        loop {
            let from = next? + 3;
            next = start_code(annex_b, from);
            let mut nal = annex_b.get(from..next.unwrap_or(annex_b.len()))?;
            while let [rest @ .., 0] = nal {
                nal = rest;
            }
            if !nal.is_empty() {
                return Some(nal);
            }
        }
    })
}

/// Where the next `00 00 01` begins.
fn start_code(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(&[first, second, third]) = bytes.get(at..at + 3) {
        match third {
            1 if first == 0 && second == 0 => return Some(at),
            0 => at += 1,
            // neither this byte nor the two before it can be inside a start code that ends later
            _ => at += 3,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_start_codes_and_trailing_zeros() {
        let stream = [9, 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 0, 1, 0x65, 0, 0, 3, 0, 0, 0];
        let units: Vec<_> = nal_units(&stream).collect();
        assert_eq!(units, [&[0x67, 1][..], &[0x68, 2], &[0x65, 0, 0, 3]]);
        assert_eq!(nal_units(&[]).count(), 0);
        assert_eq!(nal_units(&[0, 0, 1]).count(), 0);
        assert_eq!(nal_units(&[0, 0, 1, 0, 0, 1, 0x41]).collect::<Vec<_>>(), [&[0x41]]);
        assert_eq!(NalType::of(&[0x65]), Some(NalType::IdrSlice));
        assert_eq!(NalType::of(&[]), None);
    }

    proptest! {
        #[test]
        fn what_was_joined_comes_apart(
            units in prop::collection::vec((prop::collection::vec(2u8.., 1..40), any::<bool>()), 0..20)
        ) {
            let mut stream = Vec::new();
            for (unit, long) in &units {
                stream.extend_from_slice(if *long { &[0, 0, 0, 1] } else { &[0, 0, 1] });
                stream.extend_from_slice(unit);
            }
            let found: Vec<_> = nal_units(&stream).map(<[u8]>::to_vec).collect();
            let joined: Vec<_> = units.into_iter().map(|(unit, _)| unit).collect();
            prop_assert_eq!(found, joined);
        }

        #[test]
        fn any_bytes_are_safe(bytes in prop::collection::vec(0u8..3, 0..200)) {
            for unit in nal_units(&bytes) {
                prop_assert!(!unit.is_empty());
                prop_assert!(!unit.windows(3).any(|three| three == [0, 0, 1]));
            }
        }
    }
}
