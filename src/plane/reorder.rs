//! Packets of a source in their order, for decoding alone: a packet that is missing is waited for a little, as it may be
//! late or sent again. What is forwarded does not wait.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::plane::forward::Packet;

#[derive(Debug, Default)]
pub(super) struct Reorder {
    /// The sequence number that comes next.
    next: Option<u64>,
    held: BTreeMap<u64, (Instant, Packet)>,
}

impl Reorder {
    /// Forgets everything: another stream begins.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes a packet. Late and repeated ones are dropped.
    pub(super) fn push(&mut self, now: Instant, packet: Packet) {
        if self.next.is_none_or(|next| packet.sequence >= next) {
            self.next.get_or_insert(packet.sequence);
            self.held.entry(packet.sequence).or_insert((now, packet));
        }
    }

    /// The next packet in order; over a gap only after it was waited for.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Packet> {
        let (&sequence, (came, _)) = self.held.first_key_value()?;
        let waited = now.saturating_duration_since(*came) >= PATIENCE || self.held.len() > MAX_HELD;
        if self.next != Some(sequence) && !waited {
            return None;
        }
        self.next = Some(sequence + 1);
        self.held.pop_first().map(|(_, (_, packet))| packet)
    }
}

/// Longer than a retransmission takes on a good network; a picture that is later is noticed.
const PATIENCE: Duration = Duration::from_millis(100);
/// A key frame of 720p and what follows it meanwhile.
const MAX_HELD: usize = 512;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        ids::{LegId, TrackId},
        plane::forward::Source,
    };

    fn order(arrivals: &[(u64, u16)]) -> Vec<u16> {
        let start = Instant::now();
        let mut source = Source::new(TrackId::video(LegId(1)));
        let mut reorder = Reorder::default();
        let mut out = Vec::new();
        for &(ms, sequence) in arrivals {
            let now = start + Duration::from_millis(ms);
            let payload = Bytes::from_static(&[0x41, 0x9A]);
            reorder.push(now, source.take(now, sequence, 0, true, payload).expect("a payload"));
            while let Some(packet) = reorder.pop(now) {
                out.push(packet.sequence as u16);
            }
        }
        out
    }

    #[test]
    fn late_packets_find_their_place_and_lost_ones_are_given_up() {
        assert_eq!(order(&[(0, 65_535), (1, 1), (2, 0), (3, 2)]), [65_535, 0, 1, 2]);
        assert_eq!(order(&[(0, 1), (1, 3), (50, 4), (101, 5)]), [1, 3, 4, 5], "2 is lost");
        assert_eq!(order(&[(0, 1), (1, 3), (101, 4), (102, 2)]), [1, 3, 4], "2 comes too late");
        assert_eq!(order(&[(0, 1), (0, 1), (1, 2), (1, 1)]), [1, 2]);
    }
}
