//! What the gateway itself says: prompts, and music for those who wait.

use std::{collections::VecDeque, f64::consts::TAU, sync::Arc};

use roomgate_codec::resample::Resampler;

use super::{FRAME, Frame, SAMPLE_RATE};
use crate::{
    ivr::{Clip, Voices},
    signalling::Language,
};

/// Between two languages, so that one hears that another begins.
const PAUSE: usize = Voices::SAMPLE_RATE as usize / 5;
/// One prompt has two or three sentences in two languages.
const MAX_CLIPS: usize = 64;

/// Clips being spoken to one leg.
pub(super) struct Speech {
    id: u64,
    parts: VecDeque<Part>,
    /// Samples of the first part that were spoken.
    at: usize,
    resampler: Resampler,
}

enum Part {
    Clip(Arc<[i16]>),
    Pause,
}

impl Part {
    fn len(&self) -> usize {
        match self {
            Self::Clip(samples) => samples.len(),
            Self::Pause => PAUSE,
        }
    }
}

impl Speech {
    pub(super) fn new(id: u64, clips: &[(Clip, Language)], voices: &Voices) -> Self {
        let mut parts = VecDeque::new();
        let mut before = None;
        for &(clip, language) in clips.iter().take(MAX_CLIPS) {
            if before.replace(language).is_some_and(|before| before != language) {
                parts.push_back(Part::Pause);
            }
            parts.push_back(Part::Clip(voices.clip(clip, language)));
        }
        Self { id, parts, at: 0, resampler: Resampler::new(Voices::SAMPLE_RATE, SAMPLE_RATE) }
    }

    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    /// Whether all of it was given out.
    pub(super) fn is_over(&self) -> bool {
        self.parts.is_empty()
    }

    /// The next 20 ms.
    pub(super) fn frame(&mut self) -> Frame {
        const SAMPLES: usize = Voices::SAMPLE_RATE as usize / 50;
        let mut samples = Vec::with_capacity(SAMPLES);
        while samples.len() < SAMPLES {
            let Some(part) = self.parts.front() else { break };
            let end = part.len().min(self.at + SAMPLES - samples.len());
            match part {
                Part::Clip(clip) => samples.extend_from_slice(clip.get(self.at..end).unwrap_or_default()),
                Part::Pause => samples.resize(samples.len() + end - self.at, 0),
            }
            self.at = end;
            if end == part.len() {
                self.parts.pop_front();
                self.at = 0;
            }
        }
        samples.resize(SAMPLES, 0);
        let mut resampled = Vec::with_capacity(FRAME);
        self.resampler.process(&samples, &mut resampled);
        let mut frame = [0; FRAME];
        for (to, from) in frame.iter_mut().zip(resampled) {
            *to = from;
        }
        frame
    }
}

/// In Hz. Within what a telephone carries, and calm.
const CHORDS: [[f64; 4]; 4] = [
    [261.63, 329.63, 392.00, 493.88], // C major 7
    [220.00, 329.63, 392.00, 523.25], // A minor 7
    [349.23, 440.00, 523.25, 659.26], // F major 7
    [293.66, 392.00, 493.88, 587.33], // G over D
];
/// Samples from one chord to the next. Each swells and fades over twice this time.
const CHORD: u64 = 4 * SAMPLE_RATE as u64;
/// Peak of one note: four of them at -30 dBFS.
const NOTE: f64 = 730.0;

/// 20 ms of music, the same for all who hear it: slow chords which fade into each other.
pub(super) fn frame(tick: u64) -> Frame {
    let mut frame = [0; FRAME];
    for (sample, at) in frame.iter_mut().zip(tick * FRAME as u64..) {
        let (number, since) = (at / CHORD, at % CHORD);
        let now = chord(number, since);
        let before = number.checked_sub(1).map_or(0.0, |before| chord(before, since + CHORD));
        *sample = (now + before) as i16;
    }
    frame
}

/// A chord that began `since` samples ago.
fn chord(number: u64, since: u64) -> f64 {
    let seconds = since as f64 / f64::from(SAMPLE_RATE);
    // with that of the neighbour its power stays the same
    let swell = (TAU / 4.0 * since as f64 / CHORD as f64).sin();
    let notes = CHORDS[(number % CHORDS.len() as u64) as usize];
    NOTE * swell * notes.into_iter().map(|note| (TAU * note * seconds).sin()).sum::<f64>()
}
