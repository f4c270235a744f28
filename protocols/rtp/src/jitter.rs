//! The receive buffer of an audio stream: evens out arrival times, puts packets in order and tells losses.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::sequence;

/// The shortest and the longest time that a packet is held on purpose.
pub const MIN_DELAY: Duration = Duration::from_millis(20);
/// See [`MIN_DELAY`].
pub const MAX_DELAY: Duration = Duration::from_millis(80);

/// The most packets held: one second of 20 ms packets. Older ones give way.
const MAX_PACKETS: usize = 50;
/// A sequence number further away than this begins a new series, if a second one follows it.
const MAX_JUMP: i32 = 100;
/// So many of the newest packets tell how uneven the arrival is: about two seconds.
const WINDOW: usize = 100;
/// So many pops in a row with too much in store, and one packet is left out: the sender's clock is faster than ours.
const SURPLUS_POPS: u32 = 100;
/// The longest hole that is told as lost packets; behind a longer one playing begins anew.
const MAX_HOLE: u32 = 10;

/// What to play next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Playout {
    /// The next packet in order.
    Packet {
        /// Its sequence number.
        sequence: u16,
        /// Its timestamp.
        timestamp: u32,
        /// Its payload.
        payload: Bytes,
    },
    /// One packet is missing, and later ones are here: conceal it.
    Lost,
    /// Nothing to play: silence, or not enough in store yet.
    Empty,
}

/// Holds the packets of one audio stream until they are due.
///
/// `pop` gives one packet, whatever time it covers: call it when the sound of the last one is played, usually every
/// 20 ms. Events (RFC 4733) share the sequence numbers and are not pushed; a hole is told by timestamps, so they leave
/// none.
#[derive(Debug)]
pub struct AudioJitter {
    rate: u32,
    slots: BTreeMap<u64, Slot>,
    /// The highest index received.
    newest: Option<u64>,
    /// What was given out last.
    played: Option<Played>,
    playing: bool,
    /// Timestamp units per packet.
    step: u32,
    transits: VecDeque<i64>,
    origin: Option<(Instant, u32)>,
    delay: Duration,
    surplus: u32,
    /// The first packet of what may be a new series.
    stray: Option<(u16, Slot)>,
    counts: Counts,
}

#[derive(Clone, Debug)]
struct Slot {
    arrival: Instant,
    timestamp: u32,
    payload: Bytes,
}

#[derive(Clone, Copy, Debug)]
struct Played {
    index: u64,
    timestamp: u32,
    /// It had not come in time.
    lost: bool,
}

/// What became of the packets, since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Came after their turn.
    pub late: u64,
    /// Came twice.
    pub duplicate: u64,
    /// Told as [`Playout::Lost`].
    pub lost: u64,
    /// Left out because too much was in store.
    pub discarded: u64,
    /// The store ran empty while playing.
    pub underruns: u64,
}

impl AudioJitter {
    /// For a stream whose timestamps run at `rate` Hz (8000 for G.722 too, RFC 3551 §4.5.2; 48000 for Opus).
    pub fn new(rate: u32) -> Self {
        let rate = rate.max(1000);
        Self {
            rate,
            slots: BTreeMap::new(),
            newest: None,
            played: None,
            playing: false,
            step: rate / 50,
            transits: VecDeque::with_capacity(WINDOW),
            origin: None,
            delay: MIN_DELAY,
            surplus: 0,
            stray: None,
            counts: Counts::default(),
        }
    }

    /// Takes a packet that arrived at `now`.
    pub fn push(&mut self, now: Instant, sequence: u16, timestamp: u32, payload: Bytes) {
        let slot = Slot { arrival: now, timestamp, payload };
        let Some(newest) = self.newest else {
            // The first turn begins above zero, so that packets before the first have an index too.
            self.insert(0x1_0000 + u64::from(sequence), slot);
            return;
        };
        if sequence::distance(sequence, newest as u16).abs() > MAX_JUMP {
            match self.stray.take() {
                Some((before, first)) if sequence == before.wrapping_add(1) => {
                    self.restart();
                    self.insert(0x1_0000 + u64::from(before), first);
                    self.push(now, sequence, timestamp, slot.payload);
                }
                _ => self.stray = Some((sequence, slot)),
            }
            return;
        }
        self.stray = None;
        let index = sequence::nearest(newest, sequence);
        if self.slots.contains_key(&index)
            || self.played.is_some_and(|played| played.index == index && !played.lost)
        {
            self.counts.duplicate += 1;
        } else if self.played.is_some_and(|played| index <= played.index) {
            self.counts.late += 1;
            // It would have been in time with more delay.
            self.observe(&slot);
        } else {
            self.insert(index, slot);
        }
    }

    /// What to play now.
    pub fn pop(&mut self, now: Instant) -> Playout {
        let Some((&index, slot)) = self.slots.first_key_value() else {
            if std::mem::take(&mut self.playing) {
                self.counts.underruns += 1;
            }
            return Playout::Empty;
        };
        if !self.playing {
            let due = now.saturating_duration_since(slot.arrival) >= self.delay;
            // The packet to be played does not count: behind it the delay must be in store.
            if !due && self.stored() <= self.delay {
                return Playout::Empty;
            }
            self.playing = true;
        } else if let Some(played) = self.played {
            let missing = index.saturating_sub(played.index + 1);
            let hole = slot.timestamp.wrapping_sub(played.timestamp).saturating_sub(1) / self.step;
            if hole > 0 && (missing == 0 || hole > MAX_HOLE) {
                // The sender was silent (or sent nothing but events): what follows gets its delay anew.
                self.playing = false;
                self.played = Some(Played { timestamp: slot.timestamp.wrapping_sub(self.step), ..played });
                return self.pop(now);
            }
            if missing > 0 && hole > 0 {
                self.counts.lost += 1;
                self.played = Some(Played {
                    index: played.index + 1,
                    timestamp: played.timestamp.wrapping_add(self.step),
                    lost: true,
                });
                return Playout::Lost;
            }
        }
        self.shrink();
        let Some((index, slot)) = self.slots.pop_first() else { return Playout::Empty };
        self.played = Some(Played { index, timestamp: slot.timestamp, lost: false });
        Playout::Packet { sequence: index as u16, timestamp: slot.timestamp, payload: slot.payload }
    }

    /// Forgets everything but the counts: the sender, its SSRC or its codec changed.
    pub fn reset(&mut self) {
        self.restart();
        self.step = self.rate / 50;
    }

    /// How long packets are held at present.
    pub const fn delay(&self) -> Duration {
        self.delay
    }

    /// The time that one packet covers, learned from the stream; 20 ms at first.
    pub fn packet_time(&self) -> Duration {
        self.time(self.step)
    }

    /// Packets in store.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing is in store.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// What became of the packets.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    fn insert(&mut self, index: u64, slot: Slot) {
        self.observe(&slot);
        self.newest = Some(self.newest.map_or(index, |newest| newest.max(index)));
        let stored =
            index.checked_sub(1).and_then(|before| self.slots.get(&before)).map(|slot| slot.timestamp);
        let played = self.played.filter(|played| played.index + 1 == index).map(|played| played.timestamp);
        if let Some(before) = stored.or(played) {
            // Between 5 and 120 ms; a longer step is silence that was not sent.
            let step = slot.timestamp.wrapping_sub(before);
            if (self.rate / 200..=self.rate * 3 / 25).contains(&step) {
                self.step = step;
            }
        }
        self.slots.insert(index, slot);
        while self.slots.len() > MAX_PACKETS {
            if let Some((index, slot)) = self.slots.pop_first() {
                self.played = Some(Played { index, timestamp: slot.timestamp, lost: false });
                self.counts.discarded += 1;
            }
        }
    }

    /// Learns from one arrival. The delay covers the spread between the quickest and the slowest of the window.
    fn observe(&mut self, slot: &Slot) {
        let (start, first) = *self.origin.get_or_insert((slot.arrival, slot.timestamp));
        let arrival = slot.arrival.saturating_duration_since(start).as_micros() as i64;
        let media = i64::from(slot.timestamp.wrapping_sub(first) as i32) * 1_000_000 / i64::from(self.rate);
        if media.abs_diff(arrival) > 10_000_000 {
            // The sender set its clock anew, or was silent on a clock that stood still.
            self.transits.clear();
            self.origin = Some((slot.arrival, slot.timestamp));
            return;
        }
        if self.transits.len() == WINDOW {
            self.transits.pop_front();
        }
        self.transits.push_back(arrival - media);
        let quickest = self.transits.iter().min().copied().unwrap_or_default();
        let slowest = self.transits.iter().max().copied().unwrap_or_default();
        let spread = Duration::from_micros(slowest.abs_diff(quickest));
        self.delay = (spread + MIN_DELAY / 2).clamp(MIN_DELAY, MAX_DELAY);
    }

    /// Leaves out one packet when for two seconds more was in store than the delay asks for.
    fn shrink(&mut self) {
        if self.stored() <= self.delay + 2 * self.packet_time() {
            self.surplus = 0;
            return;
        }
        self.surplus += 1;
        if self.surplus >= SURPLUS_POPS {
            self.surplus = 0;
            self.slots.pop_first();
            self.counts.discarded += 1;
        }
    }

    fn stored(&self) -> Duration {
        self.packet_time() * self.slots.len() as u32
    }

    fn time(&self, units: u32) -> Duration {
        Duration::from_micros(u64::from(units) * 1_000_000 / u64::from(self.rate))
    }

    fn restart(&mut self) {
        self.slots.clear();
        self.newest = None;
        self.played = None;
        self.playing = false;
        self.transits.clear();
        self.origin = None;
        self.surplus = 0;
        self.stray = None;
    }
}

#[cfg(test)]
mod tests;
