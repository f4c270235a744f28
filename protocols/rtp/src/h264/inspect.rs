//! What a payload carries, without putting it together: for forwarding.

use super::{Aggregated, FU_A, IDR, PPS, SPS, STAP_A, begins_picture, is_nal, nal_type};

/// What one payload carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Holds the first slice of an IDR picture, or its first fragment: a decoder that has the parameter sets can begin
    /// here.
    pub starts_idr: bool,
    /// Holds a part of an IDR picture.
    pub idr: bool,
    /// Holds a sequence parameter set.
    pub has_sps: bool,
    /// Holds a picture parameter set.
    pub has_pps: bool,
    /// Is one whole NAL unit, so an endpoint with packetization mode 0 can take it.
    pub single_nal: bool,
    /// Is a payload of mode 0 or 1 at all.
    pub valid: bool,
}

impl Inspection {
    /// Where a receiver can begin: an IDR picture or the parameter sets before it.
    pub const fn keyframe(&self) -> bool {
        self.starts_idr || self.has_sps
    }
}

/// Looks into a payload.
pub fn inspect(payload: &[u8]) -> Inspection {
    let mut found = Inspection::default();
    let Some(&header) = payload.first() else { return found };
    match nal_type(header) {
        STAP_A => {
            found.valid = true;
            for nal in Aggregated::new(payload) {
                match nal {
                    Ok(nal) => found.note(nal),
                    Err(_) => found.valid = false,
                }
            }
        }
        FU_A => {
            if let [_, header, content @ ..] = payload {
                found.valid = is_nal(nal_type(*header));
                found.idr = nal_type(*header) == IDR;
                found.starts_idr =
                    found.idr && header & 0x80 != 0 && content.first().is_some_and(|octet| octet & 0x80 != 0);
            }
        }
        single if is_nal(single) => {
            found.valid = true;
            found.single_nal = true;
            found.note(payload);
        }
        _ => {}
    }
    found
}

impl Inspection {
    fn note(&mut self, nal: &[u8]) {
        match nal.first().map(|&header| nal_type(header)) {
            Some(IDR) => {
                self.idr = true;
                self.starts_idr |= begins_picture(nal);
            }
            Some(SPS) => self.has_sps = true,
            Some(PPS) => self.has_pps = true,
            _ => {}
        }
    }
}
