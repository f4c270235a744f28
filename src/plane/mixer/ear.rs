//! What one leg says: packets in, 20 ms of samples out at each tick.

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;
use roomgate_codec::{
    CodecError,
    audio::{AudioDecoder, Codec, MAX_PAYLOAD},
    resample::Resampler,
};
use roomgate_rtp::jitter::{AudioJitter, Playout};

use super::{FRAME, Frame, SAMPLE_RATE};

/// A peak of -50 dBFS: below it is the hiss of a microphone in a silent room.
const AUDIBLE: u16 = 104;
/// Ticks for which somebody stays in the mix after falling silent: pauses between sentences do not change mixes.
const HANGOVER: u32 = 100;
/// Ticks without packets after which even what was made up in their place has faded.
const FADED: u32 = 8;

pub(super) struct Ear {
    codec: Codec,
    jitter: AudioJitter,
    decoder: AudioDecoder,
    resampler: Resampler,
    /// Decoded beyond the last tick: packets need not be 20 ms long.
    stored: VecDeque<i16>,
    frame: Frame,
    /// Ticks since it was last loud enough.
    quiet: u32,
    /// Ticks since anything came.
    missing: u32,
    decoded: Vec<i16>,
    resampled: Vec<i16>,
}

impl Ear {
    pub(super) fn new(codec: Codec) -> Result<Self, CodecError> {
        Ok(Self {
            codec,
            jitter: AudioJitter::new(codec.rtp_clock()),
            decoder: AudioDecoder::new(codec)?,
            resampler: Resampler::new(codec.sample_rate(), SAMPLE_RATE),
            stored: VecDeque::new(),
            frame: [0; FRAME],
            quiet: HANGOVER,
            missing: FADED,
            decoded: Vec::new(),
            resampled: Vec::new(),
        })
    }

    pub(super) fn push(&mut self, now: Instant, sequence: u16, timestamp: u32, payload: &[u8]) {
        if !payload.is_empty() && payload.len() <= MAX_PAYLOAD {
            self.jitter.push(now, sequence, timestamp, Bytes::copy_from_slice(payload));
        }
    }

    /// Makes [`Self::frame`] that of the next 20 ms.
    pub(super) fn tick(&mut self, now: Instant) {
        // A packet has at least 2.5 ms.
        for _ in 0..8 {
            if self.stored.len() >= FRAME {
                break;
            }
            self.decoded.clear();
            match self.jitter.pop(now) {
                Playout::Packet { payload, .. } => {
                    self.missing = 0;
                    if self.decoder.decode(&payload, &mut self.decoded).is_err() {
                        self.conceal();
                    }
                }
                Playout::Lost => self.conceal(),
                Playout::Empty if self.missing < FADED => {
                    self.missing += 1;
                    self.decoder.conceal(self.codec.frame(), &mut self.decoded);
                }
                Playout::Empty => break,
            }
            self.resampled.clear();
            self.resampler.process(&self.decoded, &mut self.resampled);
            self.stored.extend(&self.resampled);
        }
        let ready = self.stored.len().min(FRAME);
        self.frame.fill(0);
        for (sample, stored) in self.frame.iter_mut().zip(self.stored.drain(..ready)) {
            *sample = stored;
        }
        if self.frame.iter().any(|sample| sample.unsigned_abs() > AUDIBLE) {
            self.quiet = 0;
        } else {
            self.quiet = self.quiet.saturating_add(1);
        }
    }

    pub(super) const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Whether it is to be heard: now, or a moment ago.
    pub(super) const fn is_audible(&self) -> bool {
        self.quiet < HANGOVER
    }

    /// As long as the packets of this stream are.
    fn conceal(&mut self) {
        let samples =
            self.jitter.packet_time().as_micros() * u128::from(self.codec.sample_rate()) / 1_000_000;
        self.decoder.conceal(samples as usize, &mut self.decoded);
    }
}
