//! Keys as RTP events (RFC 4733 §2).
//!
//! ```text
//!  0                   1                   2                   3
//! |     event     |E|R| volume    |          duration             |
//! ```
//! A key is several packets with one timestamp, that of its beginning, and a growing duration; the last, with E, is sent
//! three times.

use crate::sequence;

/// Events above are no keys: 0 to 9 are digits, 10 is `*`, 11 is `#`, 12 to 15 are A to D.
const LAST_KEY: u8 = 15;
/// Packets this far behind are no late ones: the sender began anew.
const LATE: i32 = 64;
/// Where a long event goes on under a new timestamp (RFC 4733 §2.5.1.3).
const SEGMENT: u32 = 0xFFFF;

/// Tells each key once, at its first packet that arrives.
#[derive(Default)]
pub struct EventReceiver {
    current: Option<Current>,
}

#[derive(Clone, Copy)]
struct Current {
    event: u8,
    sequence: u16,
    timestamp: u32,
    duration: u32,
    ended: bool,
}

impl EventReceiver {
    /// No key pressed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one packet of the telephone-event payload type; gives the event, 0 to 15, when a key begins.
    ///
    /// Needs neither marker nor first or last packet: the timestamp tells keys apart. Where senders let the timestamp
    /// grow inside a key, it is one key as long as the packet falls into the key's duration.
    pub fn handle(&mut self, sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Option<u8> {
        let (&[event, flags, high, low], _) = payload.split_first_chunk::<4>()?;
        if event > LAST_KEY {
            return None;
        }
        let new = Current {
            event,
            sequence,
            timestamp,
            duration: u32::from(u16::from_be_bytes([high, low])),
            ended: flags & 0x80 != 0,
        };
        let Some(current) = &mut self.current else {
            self.current = Some(new);
            return Some(event);
        };
        match current.judge(&new, marker) {
            Judgement::Late => None,
            Judgement::Same => {
                current.sequence = sequence;
                current.timestamp = timestamp;
                current.duration = new.duration;
                current.ended |= new.ended;
                None
            }
            Judgement::Another => {
                *current = new;
                Some(event)
            }
        }
    }

    /// Forgets the last key: the sender or its SSRC changed.
    pub fn reset(&mut self) {
        self.current = None;
    }
}

impl std::fmt::Debug for EventReceiver {
    /// Keys are secrets: PINs are made of them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventReceiver").finish_non_exhaustive()
    }
}

enum Judgement {
    /// Belongs to the current key and goes on.
    Same,
    /// Came after something newer, or twice.
    Late,
    Another,
}

impl Current {
    fn judge(&self, new: &Self, marker: bool) -> Judgement {
        let step = sequence::distance(new.sequence, self.sequence);
        let later = new.timestamp.wrapping_sub(self.timestamp);
        if (-LATE..=0).contains(&step) && (later == 0 || later >= 1 << 31) {
            return Judgement::Late;
        }
        if new.event != self.event {
            return Judgement::Another;
        }
        let same = match later {
            // Some senders stand still with their timestamp: a fresh start after an end is a new key.
            0 => !(self.ended && marker && new.duration < self.duration),
            _ if later < self.duration => true,
            // A long key's next segment; the last packet of the segment before may be lost.
            _ => !self.ended && (later == self.duration || later == SEGMENT),
        };
        if same { Judgement::Same } else { Judgement::Another }
    }
}

/// One packet of an event, for tests and tools that call out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventPacket {
    /// Set on the first packet of the event.
    pub marker: bool,
    /// The beginning of the event, the same in all its packets.
    pub timestamp: u32,
    /// What follows the RTP header.
    pub payload: [u8; 4],
}

/// Makes the packets of keys as RFC 4733 §2.5.1 wants them. One packet goes out every [`EventSender::step`] units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSender {
    /// Units of the clock between two packets: 160 is 20 ms at 8 kHz.
    pub step: u16,
    /// 0 to 63, in -dBm0.
    pub volume: u8,
}

impl EventSender {
    /// For an event clock of `rate` Hz and 20 ms between packets, at -10 dBm0.
    pub const fn new(rate: u32) -> Self {
        Self { step: (rate / 50) as u16, volume: 10 }
    }

    /// The packets of one key that begins at `timestamp` and lasts `steps` steps: an update for each, then the end three
    /// times.
    pub fn press(&self, event: u8, timestamp: u32, steps: u16) -> Vec<EventPacket> {
        let steps = steps.max(1);
        let packet = |step: u16, end: bool| {
            let [high, low] = self.step.saturating_mul(step).to_be_bytes();
            let flags = self.volume & 0x3F | if end { 0x80 } else { 0 };
            EventPacket { marker: step == 1 && !end, timestamp, payload: [event, flags, high, low] }
        };
        (1..=steps).map(|step| packet(step, false)).chain([packet(steps, true); 3]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Dice;

    /// Packets on their way: sequence, timestamp, marker, payload.
    type Wire = Vec<(u16, u32, bool, Vec<u8>)>;

    fn wire(sequence: &mut u16, event: u8, timestamp: u32, steps: u16) -> Wire {
        let packets = EventSender::new(8000).press(event, timestamp, steps);
        let numbered = packets.into_iter().map(|packet| {
            *sequence = sequence.wrapping_add(1);
            (*sequence, packet.timestamp, packet.marker, packet.payload.to_vec())
        });
        numbered.collect()
    }

    fn heard(wire: &Wire) -> Vec<u8> {
        let mut receiver = EventReceiver::new();
        let keys = wire.iter().filter_map(|(sequence, timestamp, marker, payload)| {
            receiver.handle(*sequence, *timestamp, *marker, payload)
        });
        keys.collect()
    }

    /// 1 1 2 #, across the turn of the sequence numbers.
    fn pin() -> Wire {
        let mut sequence = 65_520;
        [(1, 0), (1, 2400), (2, 4800), (11, 7200)]
            .into_iter()
            .flat_map(|(event, timestamp)| wire(&mut sequence, event, timestamp, 5))
            .collect()
    }

    #[test]
    fn each_key_once() {
        assert_eq!(heard(&pin()), [1, 1, 2, 11]);
    }

    #[test]
    fn senders_without_markers() {
        let wire =
            pin().into_iter().map(|(sequence, timestamp, _, payload)| (sequence, timestamp, false, payload));
        assert_eq!(heard(&wire.collect()), [1, 1, 2, 11]);
    }

    #[test]
    fn one_packet_of_each_key_is_enough() {
        for kept in 0..8 {
            let wire = pin().chunks(8).map(|key| key[kept].clone()).collect();
            assert_eq!(heard(&wire), [1, 1, 2, 11], "packet {kept} of eight");
        }
    }

    #[test]
    fn duplicates_and_disorder_make_no_keys() {
        for seed in 1..200 {
            let mut dice = Dice::new(seed);
            let mut wire: Wire = pin().into_iter().flat_map(|packet| [packet.clone(), packet]).collect();
            for at in 0..wire.len() - 4 {
                wire.swap(at, at + dice.below(4));
            }
            // Disorder may bring the last of a key behind the first of the next, never make one of its own.
            assert_eq!(heard(&wire), [1, 1, 2, 11], "seed {seed}");
        }
    }

    #[test]
    fn a_key_held_for_long_is_one_key() {
        let mut long = Wire::new();
        let mut packet = |timestamp, duration: u16, end: bool| {
            let [high, low] = duration.to_be_bytes();
            let number = long.len() as u16;
            long.push((number, timestamp, number == 0, vec![5, if end { 0x8A } else { 10 }, high, low]));
        };
        packet(1000, 160, false);
        packet(1000, 65_500, false);
        packet(1000, 0xFFFF, false);
        packet(1000 + 0xFFFF, 160, false);
        packet(1000 + 0xFFFF, 65_300, false);
        // The segment's last packet is lost.
        packet(1000 + 2 * 0xFFFF, 320, false);
        packet(1000 + 2 * 0xFFFF, 480, true);
        assert_eq!(heard(&long), [5]);
    }

    #[test]
    fn timestamps_that_move_inside_a_key() {
        let mut moving = Wire::new();
        for (key, event) in [(0u32, 7u8), (1, 7)] {
            for step in 0..8u16 {
                let duration = 160 * (step.min(5) + 1);
                let [high, low] = duration.to_be_bytes();
                let timestamp = key * 8000 + u32::from(step) * 160;
                let flags = if step >= 5 { 0x8A } else { 10 };
                moving.push((key as u16 * 20 + step, timestamp, step == 0, vec![event, flags, high, low]));
            }
        }
        assert_eq!(heard(&moving), [7, 7]);
    }

    #[test]
    fn timestamps_that_stand_still() {
        let mut sequence = 0;
        let mut still = wire(&mut sequence, 3, 500, 4);
        still.extend(wire(&mut sequence, 3, 500, 4));
        still.extend(wire(&mut sequence, 4, 500, 4));
        assert_eq!(heard(&still), [3, 3, 4]);
    }

    #[test]
    fn a_sender_that_begins_anew_is_heard() {
        let mut restarted = wire(&mut 30_000, 1, 900_000, 3);
        restarted.extend(wire(&mut 100, 2, 1_000, 3));
        assert_eq!(heard(&restarted), [1, 2]);
    }

    #[test]
    fn what_is_no_key_is_left_alone() {
        let mut receiver = EventReceiver::new();
        assert_eq!(receiver.handle(1, 0, true, &[16, 10, 0, 160]), None, "flash");
        assert_eq!(receiver.handle(2, 0, true, &[1, 10, 0]), None, "cut off");
        assert_eq!(receiver.handle(3, 0, true, &[]), None);
        assert_eq!(
            receiver.handle(4, 0, true, &[15, 10, 0, 160, 1, 2]),
            Some(15),
            "longer than it should be"
        );
        assert_eq!(format!("{receiver:?}"), "EventReceiver { .. }", "keys stay out of logs");
    }

    #[test]
    fn the_sender_ends_a_key_three_times() {
        let key = EventSender::new(8000).press(9, 77, 3);
        let durations: Vec<_> =
            key.iter().map(|packet| u16::from_be_bytes([packet.payload[2], packet.payload[3]])).collect();
        assert_eq!(durations, [160, 320, 480, 480, 480, 480]);
        assert_eq!(key.iter().map(|packet| packet.payload[1] >> 7).collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1]);
        assert_eq!(key.iter().filter(|packet| packet.marker).count(), 1);
        assert!(key.iter().all(|packet| packet.timestamp == 77 && packet.payload[0] == 9));
    }
}
