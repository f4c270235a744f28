//! Sound of all legs of a media thread: buffered, decoded, mixed for each listener without its own voice, joined by
//! prompts and music, encoded. Sans-IO, 48 kHz mono, one tick each 20 ms on a fixed grid.
//!
//! Who has been silent for two seconds is left out of every mix until the very tick in which it is heard again. Listeners
//! that then hear the same people in the same codec share one encoder: in a room of a hundred where two talk, there are
//! three mixes.

mod ear;
mod mouth;
mod music;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use roomgate_codec::audio::Codec;

use self::{ear::Ear, mouth::Mouth, music::Speech};
use crate::{
    ids::LegId,
    ivr::{Clip, Voices},
    signalling::{AudioCodec, Language},
};

const SAMPLE_RATE: u32 = 48_000;
/// Samples of one tick.
const FRAME: usize = 960;
const TICK: Duration = Duration::from_millis(20);
/// So many ticks are made up for when time was lost. The rest is left out, or everything would stay late.
const MAX_CATCH_UP: u32 = 3;
/// Legs of one thread. It has no time for more.
const MAX_LEGS: usize = 1000;

type Frame = [i16; FRAME];

/// What comes out of a [`Mixer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MixerOutput {
    /// 20 ms for this leg, silence too. Its RTP timestamp advances by `ticks`.
    Frame { leg: LegId, payload: Bytes, ticks: u32 },
    /// All of [`Mixer::speak`] has been sent.
    Spoken { leg: LegId, id: u64 },
}

/// Handle one input, then drain [`Self::poll_output`]; call [`Self::handle_timeout`] at [`Self::next_timeout`].
pub struct Mixer {
    voices: Arc<Voices>,
    legs: BTreeMap<LegId, Leg>,
    mouths: HashMap<Mix, Mouth>,
    /// The next tick.
    next: Instant,
    /// Nobody was here: nothing is to be made up for.
    idle: bool,
    /// Ticks so far: where the music stands.
    tick: u64,
    out: VecDeque<MixerOutput>,
}

struct Leg {
    codec: Codec,
    ear: Ear,
    hears: Arc<[LegId]>,
    speech: Option<Speech>,
    music: bool,
    /// What it was sent last.
    mix: Option<Mix>,
}

/// What a listener hears, in which codec. Equal ones are encoded once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Mix {
    codec: u8,
    /// A prompt is its listener's alone.
    prompt: Option<LegId>,
    music: bool,
    /// In ascending order.
    legs: Vec<LegId>,
}

impl fmt::Debug for Mixer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mixer").field("legs", &self.legs.len()).finish_non_exhaustive()
    }
}

impl Mixer {
    pub fn new(voices: Arc<Voices>, now: Instant) -> Self {
        Self {
            voices,
            legs: BTreeMap::new(),
            mouths: HashMap::new(),
            next: now + TICK,
            idle: true,
            tick: 0,
            out: VecDeque::new(),
        }
    }

    /// From the next tick on the leg is sent a frame each 20 ms. A leg that is open already changes its codec and keeps
    /// the rest.
    pub fn open(&mut self, leg: LegId, codec: AudioCodec) {
        let codec = match codec {
            AudioCodec::Opus => Codec::Opus,
            AudioCodec::G722 => Codec::G722,
            AudioCodec::Pcmu => Codec::Pcmu,
            AudioCodec::Pcma => Codec::Pcma,
        };
        if self.legs.get(&leg).is_some_and(|leg| leg.codec == codec) {
            return;
        }
        let ear = match Ear::new(codec) {
            Ok(ear) if self.legs.len() < MAX_LEGS => ear,
            Ok(_) => return tracing::warn!(%leg, "no room for its sound: {MAX_LEGS} legs are mixed already"),
            Err(error) => return tracing::warn!(%leg, %error, "no decoder for its sound"),
        };
        match self.legs.get_mut(&leg) {
            Some(known) => (known.codec, known.ear) = (codec, ear),
            None => {
                let fresh = Leg { codec, ear, hears: Arc::default(), speech: None, music: false, mix: None };
                self.legs.insert(leg, fresh);
            }
        }
    }

    /// Others stop hearing it, it is sent nothing more.
    pub fn close(&mut self, leg: LegId) {
        self.legs.remove(&leg);
        self.idle |= self.legs.is_empty();
    }

    /// Whom this leg hears from now on. Itself and unknown ones are left out.
    pub fn hears(&mut self, leg: LegId, legs: Arc<[LegId]>) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.hears = legs;
        }
    }

    /// Speaks these clips instead of whatever is being spoken. Ends with [`MixerOutput::Spoken`] unless hushed or
    /// replaced.
    pub fn speak(&mut self, leg: LegId, id: u64, clips: &[(Clip, Language)]) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.speech = Some(Speech::new(id, clips, &self.voices));
        }
    }

    /// Quiet music while nothing is spoken.
    pub fn music(&mut self, leg: LegId, on: bool) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.music = on;
        }
    }

    /// Stops speech. No [`MixerOutput::Spoken`] follows.
    pub fn hush(&mut self, leg: LegId) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.speech = None;
        }
    }

    /// One packet of a leg's microphone, no event (RFC 4733). `timestamp` in the codec's RTP clock.
    pub fn push(&mut self, now: Instant, leg: LegId, sequence: u16, timestamp: u32, payload: &[u8]) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.ear.push(now, sequence, timestamp, payload);
        }
    }

    /// An extra one is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.legs.is_empty() || now < self.next {
            return;
        }
        let late = (now - self.next).as_micros() / TICK.as_micros();
        let mut ticks = u32::try_from(late).unwrap_or(u32::MAX).saturating_add(1);
        let most = if std::mem::take(&mut self.idle) { 1 } else { MAX_CATCH_UP };
        if ticks > most {
            // the grid stays where it is, whatever is left out
            let skipped = ticks - most;
            self.next = self.next.checked_add(TICK * skipped).unwrap_or(now);
            ticks = most;
        }
        for _ in 0..ticks {
            let at = self.next;
            self.next += TICK;
            self.mix(at);
        }
    }

    pub fn next_timeout(&self) -> Option<Instant> {
        (!self.legs.is_empty()).then_some(self.next)
    }

    pub fn poll_output(&mut self) -> Option<MixerOutput> {
        self.out.pop_front()
    }

    fn mix(&mut self, now: Instant) {
        self.tick += 1;
        for leg in self.legs.values_mut() {
            leg.ear.tick(now);
        }
        let mut listeners: BTreeMap<Mix, Vec<LegId>> = BTreeMap::new();
        for (&id, leg) in &self.legs {
            listeners.entry(self.heard_by(id, leg)).or_default().push(id);
        }
        let mut music = None;
        for (mix, legs) in &listeners {
            let mut sum = [0i32; FRAME];
            for ear in mix.legs.iter().filter_map(|leg| self.legs.get(leg)).map(|leg| &leg.ear) {
                add(&mut sum, ear.frame());
            }
            if mix.music {
                add(&mut sum, music.get_or_insert_with(|| music::frame(self.tick)));
            }
            let speech =
                mix.prompt.and_then(|leg| self.legs.get_mut(&leg)).and_then(|leg| leg.speech.as_mut());
            if let Some(speech) = speech {
                add(&mut sum, &speech.frame());
            }
            let Some(mut mouth) = self.mouth_for(mix, legs, &listeners) else { continue };
            let payload = mouth.encode(&sum);
            let ticks = mouth.codec().rtp_clock() / 50;
            self.mouths.insert(mix.clone(), mouth);
            for &leg in legs {
                self.out.push_back(MixerOutput::Frame { leg, payload: payload.clone(), ticks });
            }
        }
        self.mouths.retain(|mix, _| listeners.contains_key(mix));
        for (mix, legs) in listeners {
            for id in legs {
                let Some(leg) = self.legs.get_mut(&id) else { continue };
                leg.mix = Some(mix.clone());
                if let Some(spoken) = leg.speech.take_if(|speech| speech.is_over()) {
                    self.out.push_back(MixerOutput::Spoken { leg: id, id: spoken.id() });
                }
            }
        }
    }

    fn heard_by(&self, id: LegId, leg: &Leg) -> Mix {
        let audible =
            |other: &LegId| *other != id && self.legs.get(other).is_some_and(|other| other.ear.is_audible());
        let mut legs: Vec<LegId> = leg.hears.iter().copied().filter(audible).collect();
        legs.sort_unstable();
        legs.dedup();
        let speaks = leg.speech.is_some();
        Mix { codec: leg.codec as u8, prompt: speaks.then_some(id), music: leg.music && !speaks, legs }
    }

    /// The encoder of a mix. A mix that is new takes over one that its listeners heard until now, if nobody needs that
    /// any more: codecs remember what they sent last, and to change encoders in mid-word can be heard.
    fn mouth_for(&mut self, mix: &Mix, legs: &[LegId], all: &BTreeMap<Mix, Vec<LegId>>) -> Option<Mouth> {
        if let Some(mouth) = self.mouths.remove(mix) {
            return Some(mouth);
        }
        let codec = legs.first().and_then(|leg| self.legs.get(leg))?.codec;
        for before in legs.iter().filter_map(|leg| self.legs.get(leg)).filter_map(|leg| leg.mix.as_ref()) {
            if before.codec == mix.codec
                && !all.contains_key(before)
                && let Some(mouth) = self.mouths.remove(before)
            {
                return Some(mouth);
            }
        }
        Mouth::new(codec).inspect_err(|error| tracing::warn!(?codec, %error, "no encoder")).ok()
    }
}

fn add(sum: &mut [i32; FRAME], frame: &Frame) {
    for (sum, &sample) in sum.iter_mut().zip(frame) {
        *sum += i32::from(sample);
    }
}

#[cfg(test)]
mod tests;
