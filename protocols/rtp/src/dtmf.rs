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
