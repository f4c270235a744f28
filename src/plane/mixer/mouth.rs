//! A mix to payloads: limited, resampled, encoded.

use bytes::Bytes;
use roomgate_codec::{
    CodecError,
    audio::{AudioEncoder, Codec},
    resample::Resampler,
};

use super::{FRAME, SAMPLE_RATE};

/// No sample leaves louder than -1 dBFS, so that resampling has room.
const CEILING: f32 = 29_200.0;
/// The gain falls within this part of a frame (2.5 ms).
const ATTACK: usize = 120;
/// And rises again by so much with each frame: 6 dB in a quarter of a second.
const RELEASE: f32 = 1.06;

pub(super) struct Mouth {
    encoder: AudioEncoder,
    resampler: Resampler,
    /// What the limiter multiplied the last sample by.
    gain: f32,
    limited: Vec<i16>,
    resampled: Vec<i16>,
}

impl Mouth {
    pub(super) fn new(codec: Codec) -> Result<Self, CodecError> {
        Ok(Self {
            encoder: AudioEncoder::new(codec)?,
            resampler: Resampler::new(SAMPLE_RATE, codec.sample_rate()),
            gain: 1.0,
            limited: Vec::with_capacity(FRAME),
            resampled: Vec::with_capacity(FRAME),
        })
    }

    pub(super) const fn codec(&self) -> Codec {
        self.encoder.codec()
    }

    /// One packet. It is empty if the encoder fails, which it does not for 20 ms of anything.
    pub(super) fn encode(&mut self, sum: &[i32; FRAME]) -> Bytes {
        self.limit(sum);
        self.resampled.clear();
        self.resampler.process(&self.limited, &mut self.resampled);
        let mut payload = Vec::with_capacity(320);
        if let Err(error) = self.encoder.encode(&self.resampled, &mut payload) {
            tracing::warn!(codec = ?self.codec(), %error, "20 ms were not encoded");
            payload.clear();
        }
        payload.into()
    }

    /// Turns everything down where the sum is too loud, rather than cutting peaks off; those of the attack are rounded.
    fn limit(&mut self, sum: &[i32; FRAME]) {
        let peak = sum.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0) as f32;
        let wanted = if peak > CEILING { CEILING / peak } else { 1.0 };
        let (from, to) = (self.gain, wanted.min(self.gain * RELEASE));
        let ramp = if to < from { ATTACK } else { FRAME };
        self.limited.clear();
        self.limited.extend(sum.iter().enumerate().map(|(at, &sample)| {
            let part = ((at + 1) as f32 / ramp as f32).min(1.0);
            round_peak(sample as f32 * (from + (to - from) * part)) as i16
        }));
        self.gain = to;
    }
}

/// Leaves what is below the ceiling alone; above it approaches full scale.
fn round_peak(sample: f32) -> f32 {
    let over = sample.abs() - CEILING;
    if over <= 0.0 {
        return sample;
    }
    let room = 32_767.0 - CEILING;
    (CEILING + room * over / (over + room)).copysign(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limiter_turns_down_and_never_wraps() {
        let mut mouth = Mouth::new(Codec::Pcmu).unwrap();
        let quiet = [1000; FRAME];
        mouth.limit(&quiet);
        assert!(mouth.limited.iter().all(|&sample| sample == 1000), "untouched");
        let loud: [i32; FRAME] = std::array::from_fn(|n| if n / 48 % 2 == 0 { 160_000 } else { -160_000 });
        for _ in 0..3 {
            mouth.limit(&loud);
            for (&sum, &limited) in loud.iter().zip(&mouth.limited) {
                assert_eq!(sum.signum(), i32::from(limited).signum());
                assert!(limited.unsigned_abs() > 25_000);
            }
        }
        assert!(mouth.limited[ATTACK..].iter().all(|sample| sample.unsigned_abs() <= 29_200));
        mouth.limit(&quiet);
        assert!(mouth.limited[FRAME - 1] < 250, "not loud at once again");
        for _ in 0..60 {
            mouth.limit(&quiet);
        }
        assert_eq!(mouth.limited[0], 1000);
    }
}
