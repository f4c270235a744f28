//! Packet indices and the replay window (RFC 3711 §3.3.1, §3.3.2).

use super::{SrtpError, sequence};

/// How far behind the newest a packet is still taken. The RFC wants 64 at least.
const SIZE: u64 = 128;

/// The newest index of a stream and which of those behind it were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    newest: Option<u64>,
    /// Bit n: the index n below the newest was seen.
    seen: u128,
}

impl Window {
    /// The index of a packet: rollover counter and sequence number. A stream begins with the counter 0.
    pub(super) fn index(&self, sequence: u16) -> u64 {
        self.newest.map_or_else(|| u64::from(sequence), |newest| sequence::nearest(newest, sequence))
    }

    /// Refuses what was seen, is too old, or lies beyond the key's life.
    pub(super) fn check(&self, index: u64) -> Result<(), SrtpError> {
        if index >= 1 << 48 {
            return Err(SrtpError::Exhausted);
        }
        match self.newest {
            Some(newest) if index <= newest => {
                let behind = newest - index;
                if behind >= SIZE || self.seen >> behind & 1 == 1 {
                    return Err(SrtpError::Replayed);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Notes an index that was checked.
    pub(super) fn accept(&mut self, index: u64) {
        match self.newest {
            Some(newest) if index <= newest => {
                self.seen |= 1u128.checked_shl((newest - index) as u32).unwrap_or(0)
            }
            Some(newest) => {
                let step = index - newest;
                self.seen = if step >= SIZE { 1 } else { self.seen << step | 1 };
                self.newest = Some(index);
            }
            None => {
                self.seen = 1;
                self.newest = Some(index);
            }
        }
    }
}
