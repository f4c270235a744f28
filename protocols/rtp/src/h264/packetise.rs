//! Access units to packets (RFC 6184 §5.6 to §5.8), and packets to smaller packets.

use super::{Aggregated, FU_A, PPS, SPS, STAP_A, is_nal, nal_type};

/// The usual limit of a payload in octets: with SRTP, an extension and tunnels it still fits into an Ethernet frame.
pub const MAX_PAYLOAD: usize = 1200;

/// Below this a limit makes no sense; smaller ones are raised to it.
const MIN_PAYLOAD: usize = 64;

/// `packetization-mode` (RFC 6184 §8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketizationMode {
    /// 0: each packet is one NAL unit.
    SingleNal,
    /// 1: STAP-A and FU-A too.
    NonInterleaved,
}

impl PacketizationMode {
    /// The mode of a `packetization-mode` value; 2 (interleaved) is not ours.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::SingleNal),
            1 => Some(Self::NonInterleaved),
            _ => None,
        }
    }
}

/// Cuts access units into payloads.
#[derive(Clone, Debug)]
pub struct Packetiser {
    mode: PacketizationMode,
    max_payload: usize,
    dropped: u64,
}

impl Packetiser {
    /// Payloads of at most `max_payload` octets, usually [`MAX_PAYLOAD`].
    pub fn new(mode: PacketizationMode, max_payload: usize) -> Self {
        Self { mode, max_payload: max_payload.max(MIN_PAYLOAD), dropped: 0 }
    }

    /// The payloads of one access unit with their marker bits: the last one has it. The fragments of one NAL unit are
    /// equal in length but for the last. In mode 0 a NAL unit that does not fit is dropped.
    pub fn packetise(&mut self, annex_b: &[u8]) -> Vec<(Vec<u8>, bool)> {
        let mut payloads = Vec::with_capacity(annex_b.len() / self.max_payload + 2);
        let mut sets: Vec<&[u8]> = Vec::new();
        for nal in nal_units(annex_b) {
            let Some(&header) = nal.first() else { continue };
            if self.mode == PacketizationMode::NonInterleaved && matches!(nal_type(header), SPS | PPS) {
                let length = 1 + sets.iter().chain([&nal]).map(|set| set.len() + 2).sum::<usize>();
                if length > self.max_payload {
                    self.flush_sets(&mut sets, &mut payloads);
                }
                sets.push(nal);
                continue;
            }
            self.flush_sets(&mut sets, &mut payloads);
            self.push_nal(nal, &mut payloads);
        }
        self.flush_sets(&mut sets, &mut payloads);
        let last = payloads.len().saturating_sub(1);
        payloads.into_iter().enumerate().map(|(index, payload)| (payload, index == last)).collect()
    }

    /// The mode agreed.
    pub const fn mode(&self) -> PacketizationMode {
        self.mode
    }

    /// The longest payload it makes, in octets.
    pub const fn max_payload(&self) -> usize {
        self.max_payload
    }

    /// How many NAL units did not fit in mode 0.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn flush_sets(&mut self, sets: &mut Vec<&[u8]>, payloads: &mut Vec<Vec<u8>>) {
        match sets.as_slice() {
            [] => {}
            [single] => self.push_nal(single, payloads),
            several => payloads.push(stap_a(several.iter().copied())),
        }
        sets.clear();
    }

    fn push_nal(&mut self, nal: &[u8], payloads: &mut Vec<Vec<u8>>) {
        if nal.len() <= self.max_payload {
            payloads.push(nal.to_vec());
        } else if self.mode == PacketizationMode::NonInterleaved {
            fragment(nal, self.max_payload, payloads);
        } else {
            self.dropped += 1;
        }
    }
}

/// Cuts a payload that is too long for a path, without looking at its neighbours: a NAL unit becomes FU-A, a STAP-A its
/// NAL units, an FU-A shorter ones. One that fits comes back as it is; one that is no H.264 payload gives none.
///
/// The caller numbers the packets anew; the marker, if there was one, belongs to the last.
pub fn refragment(payload: &[u8], max: usize) -> Vec<Vec<u8>> {
    let max = max.max(MIN_PAYLOAD);
    let mut payloads = Vec::new();
    match payload.first().map(|&header| nal_type(header)) {
        None => {}
        Some(STAP_A | FU_A | 1..=23) if payload.len() <= max => payloads.push(payload.to_vec()),
        Some(FU_A) => {
            if let Some((&[indicator, header], content)) = payload.split_first_chunk::<2>() {
                cut(indicator, header, content, max, &mut payloads);
            }
        }
        Some(STAP_A) => {
            for nal in Aggregated::new(payload).flatten() {
                if nal.len() <= max {
                    payloads.push(nal.to_vec());
                } else {
                    fragment(nal, max, &mut payloads);
                }
            }
        }
        Some(single) if is_nal(single) => fragment(payload, max, &mut payloads),
        Some(_) => {}
    }
    payloads
}

/// Several NAL units in one payload. The caller has seen that they fit; importance is that of the highest.
pub(super) fn stap_a<'a>(nals: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<u8> {
    let headers = || nals.clone().filter_map(|nal| nal.first());
    let importance = headers().map(|header| header & 0x60).max().unwrap_or_default();
    let forbidden = headers().fold(0, |bits, header| bits | header & 0x80);
    let mut payload = vec![forbidden | importance | STAP_A];
    for nal in nals {
        let Ok(length) = u16::try_from(nal.len()) else { continue };
        payload.extend_from_slice(&length.to_be_bytes());
        payload.extend_from_slice(nal);
    }
    payload
}

/// One NAL unit as FU-A.
fn fragment(nal: &[u8], max: usize, payloads: &mut Vec<Vec<u8>>) {
    if let Some((&header, content)) = nal.split_first() {
        cut(header & 0xE0 | FU_A, 0xC0 | nal_type(header), content, max, payloads);
    }
}

/// Cuts the content of an FU-A; the start and end bits of `header` go to the first and the last piece.
fn cut(indicator: u8, header: u8, content: &[u8], max: usize, payloads: &mut Vec<Vec<u8>>) {
    let pieces = content.len().div_ceil(max - 2).max(1);
    let length = content.len().div_ceil(pieces).max(1);
    // Equal lengths may need fewer pieces than the count they were made from.
    let last = content.len().div_ceil(length).saturating_sub(1);
    for (index, piece) in content.chunks(length).enumerate() {
        let start = if index == 0 { header & 0x80 } else { 0 };
        let end = if index == last { header & 0x40 } else { 0 };
        let mut payload = Vec::with_capacity(piece.len() + 2);
        payload.extend_from_slice(&[indicator, start | end | nal_type(header)]);
        payload.extend_from_slice(piece);
        payloads.push(payload);
    }
}

/// The NAL units of an annex B stream, without start codes and trailing zero octets.
fn nal_units(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(annex_b);
    std::iter::from_fn(move || {
        let begin = rest?;
        let (nal, next) = match find_start_code(begin) {
            Some(at) => (begin.get(..at)?, begin.get(at + 3..)),
            None => (begin, None),
        };
        rest = next;
        let length = nal.iter().rposition(|&octet| octet != 0).map_or(0, |at| at + 1);
        nal.get(..length)
    })
    .filter(|nal| !nal.is_empty())
}

fn after_start_code(annex_b: &[u8]) -> Option<&[u8]> {
    find_start_code(annex_b).and_then(|at| annex_b.get(at + 3..))
}

/// Where the next 00 00 01 lies. Steps over what cannot be one: three octets at a time in coded data.
fn find_start_code(data: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match data.get(at..at + 3)? {
            [0, 0, 1] => return Some(at),
            [_, _, third] if *third > 1 => at += 3,
            [_, 1, _] => at += 2,
            _ => at += 1,
        }
    }
}
