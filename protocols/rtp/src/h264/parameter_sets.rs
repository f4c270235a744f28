//! The newest parameter sets of a stream, to be sent before an IDR picture that comes without them.

use super::{Aggregated, MAX_PAYLOAD, PPS, SPS, STAP_A, nal_type, packetise::stap_a};

/// Longer ones do not exist in practice, in octets.
const MAX_SET: usize = 512;
/// ITU-T H.264 §7.4.2.1.1 allows 32 sequence parameter sets; §7.4.2.2 allows 256 of the others. Endpoints use one to three.
const MAX_SETS: usize = 16;

/// Keeps each parameter set of a stream by its identifier.
#[derive(Clone, Debug, Default)]
pub struct ParameterSets {
    sps: Vec<(u32, Vec<u8>)>,
    pps: Vec<(u32, Vec<u8>)>,
}

impl ParameterSets {
    /// None known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the parameter sets of a payload, single or in a STAP-A. Returns whether one was new or another than before.
    pub fn observe(&mut self, payload: &[u8]) -> bool {
        let Some(&header) = payload.first() else { return false };
        match nal_type(header) {
            SPS | PPS => self.keep(payload),
            // Not `any`: all of them are to be kept.
            STAP_A => Aggregated::new(payload).flatten().fold(false, |new, nal| self.keep(nal) | new),
            _ => false,
        }
    }

    /// Whether a decoder could begin with these.
    pub fn is_complete(&self) -> bool {
        !self.sps.is_empty() && !self.pps.is_empty()
    }

    /// All sets in one payload, to be inserted before an IDR picture; `None` until there is one of each kind, and when
    /// they do not fit into one packet.
    pub fn stap_a(&self) -> Option<Vec<u8>> {
        let length = 1 + self.nals().map(|nal| nal.len() + 2).sum::<usize>();
        (self.is_complete() && length <= MAX_PAYLOAD).then(|| stap_a(self.nals()))
    }

    /// The sets as single NAL units, sequence parameter sets first: what a receiver with packetization mode 0 takes.
    pub fn nals(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.sps.iter().chain(&self.pps).map(|(_, nal)| nal.as_slice())
    }

    /// The newest sequence parameter set, with its header octet.
    pub fn sps(&self) -> Option<&[u8]> {
        self.sps.last().map(|(_, nal)| nal.as_slice())
    }

    fn keep(&mut self, nal: &[u8]) -> bool {
        let Some(&header) = nal.first() else { return false };
        if nal.len() > MAX_SET {
            return false;
        }
        let (sets, id) = match nal_type(header) {
            // profile_idc, constraint flags and level_idc come first; none of them makes an emulation octet.
            SPS => (&mut self.sps, exp_golomb(nal.get(4..).unwrap_or_default())),
            PPS => (&mut self.pps, exp_golomb(nal.get(1..).unwrap_or_default())),
            _ => return false,
        };
        let Some(id) = id else { return false };
        if let Some(at) = sets.iter().position(|(known, _)| *known == id) {
            let (_, old) = sets.remove(at);
            let new = old != nal;
            sets.push((id, nal.to_vec()));
            return new;
        }
        if sets.len() >= MAX_SETS {
            sets.remove(0);
        }
        sets.push((id, nal.to_vec()));
        true
    }
}

/// An unsigned Exp-Golomb number at the beginning (ITU-T H.264 §9.1), at most 255.
fn exp_golomb(data: &[u8]) -> Option<u32> {
    let bit = |at: usize| data.get(at / 8).map(|octet| u32::from(octet >> (7 - at % 8) & 1));
    let zeros = (0..8).take_while(|&at| bit(at) == Some(0)).count();
    let value = (zeros..=2 * zeros).try_fold(0, |value, at| Some(value << 1 | bit(at)?))?;
    value.checked_sub(1).filter(|&value| value <= 255)
}
