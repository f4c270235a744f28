//! Packets to access units (RFC 6184 §7).

use crate::sequence;

use super::{Aggregated, DELIMITER, FU_A, IDR, PPS, SPS, STAP_A, begins_picture, is_nal, is_slice, nal_type};

/// The longest access unit that is put together, in octets; what is longer is cut and flagged.
pub const MAX_ACCESS_UNIT: usize = 4 << 20;

/// So many packets in a row from far behind are a sender that began anew, not late packets.
const OUT_OF_ORDER_LIMIT: u8 = 10;

/// One coded picture with what precedes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// RTP timestamp, 90 kHz.
    pub timestamp: u32,
    /// NAL units, each behind a four-octet start code (ITU-T H.264 annex B).
    pub annex_b: Vec<u8>,
    /// Holds a slice of an IDR picture.
    pub idr: bool,
    /// Nothing of it was lost and, unless it is an IDR picture, nothing between it and the unit before. `false` means:
    /// ask for an IDR picture.
    pub complete: bool,
}

/// Puts access units together from the packets of one stream, in the order they come.
///
/// A unit ends with the marker bit or, for senders that do not set it, with the next timestamp. Parameter sets that
/// come with a marker or a timestamp of their own are kept for the picture behind them.
#[derive(Debug, Default)]
pub struct Depacketiser {
    /// The newest sequence number taken.
    last: Option<u16>,
    unit: Unit,
    /// The FU-A in progress: where its start code lies in the unit.
    fragment: Option<usize>,
    behind: u8,
    discarded: u64,
}

#[derive(Debug, Default)]
struct Unit {
    timestamp: Option<u32>,
    annex_b: Vec<u8>,
    has_slice: bool,
    idr: bool,
    /// Something inside is missing.
    damaged: bool,
    /// Something before the unit is missing, perhaps its beginning.
    after_gap: bool,
    /// The first NAL unit can only be the first of an access unit.
    clean_start: bool,
}

impl Depacketiser {
    /// Nothing received yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one packet; gives the access units that it ends: none, one, or the one before and its own.
    ///
    /// Duplicates and packets that come too late are dropped. Payloads that cannot be read flag the unit incomplete.
    pub fn push(&mut self, sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<AccessUnit> {
        let mut ended = Vec::new();
        let gap = match self.last {
            None => false,
            Some(last) => match sequence::distance(sequence, last) {
                1 => false,
                2.. => true,
                _ => {
                    self.behind = self.behind.saturating_add(1);
                    if sequence == last || self.behind < OUT_OF_ORDER_LIMIT {
                        self.discarded += 1;
                        return ended;
                    }
                    true
                }
            },
        };
        self.behind = 0;
        self.last = Some(sequence);
        if gap {
            self.drop_fragment();
        }
        // Keep-alive and padding packets only take a sequence number.
        if payload.is_empty() {
            self.unit.after_gap |= gap && self.unit.annex_b.is_empty();
            self.unit.damaged |= gap && !self.unit.annex_b.is_empty();
            return ended;
        }
        if self.unit.timestamp.is_some_and(|open| open != timestamp) && self.unit.has_slice {
            self.drop_fragment();
            // The lost packets may be the end of the old unit, the start of the new one, or both.
            self.unit.damaged |= gap;
            ended.extend(self.finish());
            self.unit.after_gap |= gap;
        } else if gap {
            if self.unit.annex_b.is_empty() {
                self.unit.after_gap = true;
            } else {
                self.unit.damaged = true;
            }
        }
        self.unit.timestamp = Some(timestamp);
        self.take(payload);
        // A marker behind parameter sets alone does not end a picture.
        if marker && self.unit.has_slice {
            self.drop_fragment();
            ended.extend(self.finish());
        }
        ended
    }

    /// Forgets the unit in progress and the sequence: the sender or its SSRC changed.
    pub fn reset(&mut self) {
        *self = Self { discarded: self.discarded, ..Self::default() };
    }

    /// How many packets were dropped as duplicate or late.
    pub const fn discarded(&self) -> u64 {
        self.discarded
    }

    fn take(&mut self, payload: &[u8]) {
        let Some(&header) = payload.first() else { return };
        match nal_type(header) {
            FU_A => self.take_fragment(payload),
            STAP_A => {
                self.drop_fragment();
                for nal in Aggregated::new(payload) {
                    match nal {
                        Ok(nal) => self.unit.append(nal),
                        Err(_) => self.unit.damaged = true,
                    }
                }
            }
            single if is_nal(single) => {
                self.drop_fragment();
                self.unit.append(payload);
            }
            _ => {
                self.drop_fragment();
                self.unit.damaged = true;
            }
        }
    }

    fn take_fragment(&mut self, payload: &[u8]) {
        let Some((&[indicator, header], content)) = payload.split_first_chunk::<2>() else {
            self.unit.damaged = true;
            return;
        };
        let (start, end) = (header & 0x80 != 0, header & 0x40 != 0);
        if start {
            self.drop_fragment();
            if !is_nal(nal_type(header)) {
                self.unit.damaged = true;
                return;
            }
            self.fragment = Some(self.unit.annex_b.len());
            let first = indicator & 0xE0 | nal_type(header);
            // Enough of the slice to see whether it begins a picture.
            let head = [first, content.first().copied().unwrap_or_default()];
            if !self.unit.begin(&head, content.len() + 1) {
                self.fragment = None;
                return;
            }
            self.unit.annex_b.push(first);
            self.unit.annex_b.extend_from_slice(content);
        } else if self.fragment.is_none() {
            // Its beginning was lost.
            self.unit.note(nal_type(header));
            self.unit.damaged = true;
        } else if self.unit.annex_b.len() + content.len() > MAX_ACCESS_UNIT {
            self.drop_fragment();
        } else {
            self.unit.annex_b.extend_from_slice(content);
        }
        if end {
            self.fragment = None;
        }
    }

    /// A fragmented NAL unit whose end was lost is worth nothing.
    fn drop_fragment(&mut self) {
        if let Some(start) = self.fragment.take() {
            self.unit.annex_b.truncate(start);
            self.unit.damaged = true;
        }
    }

    fn finish(&mut self) -> Option<AccessUnit> {
        let unit = std::mem::take(&mut self.unit);
        let timestamp = unit.timestamp?;
        if unit.annex_b.is_empty() {
            // Nothing of it is left, but the next one must tell.
            self.unit.after_gap = unit.damaged || unit.after_gap;
            return None;
        }
        let begun = !unit.after_gap || (unit.idr && unit.clean_start);
        Some(AccessUnit { timestamp, annex_b: unit.annex_b, idr: unit.idr, complete: begun && !unit.damaged })
    }
}

impl Unit {
    fn append(&mut self, nal: &[u8]) {
        if self.begin(nal, nal.len()) {
            self.annex_b.extend_from_slice(nal);
        }
    }

    /// Writes the start code of a NAL unit that begins with `head`; `false` when there is no room for it.
    fn begin(&mut self, head: &[u8], length: usize) -> bool {
        let Some(&header) = head.first() else { return false };
        let nal_type = nal_type(header);
        self.note(nal_type);
        if self.annex_b.len() + length + START_CODE.len() > MAX_ACCESS_UNIT {
            self.damaged = true;
            return false;
        }
        if self.annex_b.is_empty() {
            self.clean_start = matches!(nal_type, DELIMITER | SPS | PPS) || begins_picture(head);
        }
        self.annex_b.extend_from_slice(&START_CODE);
        true
    }

    fn note(&mut self, nal_type: u8) {
        self.has_slice |= is_slice(nal_type);
        self.idr |= nal_type == IDR;
    }
}

const START_CODE: [u8; 4] = [0, 0, 0, 1];
