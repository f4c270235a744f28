//! Sample rates: a polyphase windowed-sinc filter between 8, 16 and 48 kHz, in a stream.

use std::f64::consts::PI;

/// Taps on each side of the centre, in samples of the lower rate.
const REACH: usize = 16;
/// Shape of the Kaiser window: about 70 dB below what passes.
const BETA: f64 = 7.0;
/// The edge of what passes, as part of the lower rate's half.
const CUTOFF: f64 = 0.92;

/// Changes the rate of one stream of mono samples. Keeps the last samples, so calls of any length join without a seam.
/// Delays by 16 samples of the lower rate: 2 ms at 8 kHz.
#[derive(Clone, Debug)]
pub struct Resampler {
    /// Output samples for each `down` input samples.
    up: usize,
    down: usize,
    /// One filter for each of the `up` phases, the taps from the newest sample backwards reversed: oldest first.
    phases: Vec<Vec<f32>>,
    /// The last `taps - 1` samples.
    history: Vec<f32>,
    /// Where the next output lies, in 1/`up` input samples after the next input sample.
    position: usize,
}

impl Resampler {
    /// Between any two rates in Hz whose ratio is of small numbers (8, 16, 32, 48 kHz). Rates of 0 count as 1.
    #[must_use]
    pub fn new(from: u32, to: u32) -> Self {
        let (from, to) = (from.max(1), to.max(1));
        let common = gcd(from, to);
        let (up, down) = ((to / common) as usize, (from / common) as usize);
        if up == down {
            return Self { up: 1, down: 1, phases: vec![vec![1.0]], history: Vec::new(), position: 0 };
        }
        // The filter works at `up` times the input rate; the lower of the two rates sets its edge.
        let widest = up.max(down);
        let half = REACH * widest;
        let edge = CUTOFF / widest as f64;
        let prototype: Vec<f64> = (0..2 * half)
            .map(|n| {
                let x = n as f64 - half as f64;
                up as f64 * edge * sinc(x * edge) * kaiser(x / half as f64)
            })
            .collect();
        let taps = (2 * half).div_ceil(up);
        let phases = (0..up)
            .map(|phase| {
                let taken: Vec<f64> = (0..taps)
                    .rev()
                    .map(|tap| prototype.get(phase + tap * up).copied().unwrap_or(0.0))
                    .collect();
                // each phase passes a constant unchanged
                let sum: f64 = taken.iter().sum();
                taken.iter().map(|tap| (tap / sum) as f32).collect()
            })
            .collect();
        Self { up, down, phases, history: vec![0.0; taps - 1], position: 0 }
    }

    /// Appends what comes out of `input` to `out`: `input.len() * to / from` samples, on the whole.
    pub fn process(&mut self, input: &[i16], out: &mut Vec<i16>) {
        if self.up == self.down {
            out.extend_from_slice(input);
            return;
        }
        let kept = self.history.len();
        self.history.extend(input.iter().map(|&sample| f32::from(sample)));
        out.reserve(input.len() * self.up / self.down + 1);
        while self.position < input.len() * self.up {
            let (sample, phase) = (self.position / self.up, self.position % self.up);
            let taps = &self.phases[phase];
            let window = &self.history[sample..sample + kept + 1];
            out.push(dot(window, taps).round().clamp(-32768.0, 32767.0) as i16);
            self.position += self.down;
        }
        self.position -= input.len() * self.up;
        self.history.drain(..input.len());
    }
}

/// In eight sums, which the compiler makes a vector of.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a8.zip(b8) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    rest + sums.iter().sum::<f32>()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

fn kaiser(x: f64) -> f64 {
    bessel(BETA * (1.0 - x * x).max(0.0).sqrt()) / bessel(BETA)
}

/// The modified Bessel function of the first kind and order 0.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..40 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tone::{goertzel_dbfs, rms_dbfs, sine};

    const RATES: [u32; 3] = [8_000, 16_000, 48_000];

    fn convert(from: u32, to: u32, input: &[i16]) -> Vec<i16> {
        let mut out = Vec::new();
        Resampler::new(from, to).process(input, &mut out);
        out
    }

    #[test]
    fn tones_pass_between_all_rates() {
        for from in RATES {
            for to in RATES {
                for frequency in [300.0, 1000.0, 3000.0] {
                    let input = sine(frequency, from, 16384, from as usize);
                    let out = convert(from, to, &input);
                    assert_eq!(out.len(), to as usize, "{from} -> {to}");
                    let steady = &out[to as usize / 10..];
                    let level = goertzel_dbfs(steady, to, frequency);
                    assert!((level + 6.02).abs() < 0.2, "{frequency} Hz, {from} -> {to}: {level} dBFS");
                    // nothing else: no images, no aliases
                    assert!((rms_dbfs(steady) + 9.03).abs() < 0.2, "{frequency} Hz, {from} -> {to}");
                }
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_gone() {
        for (from, to, frequency) in
            [(48_000, 8_000, 5_000.0), (48_000, 16_000, 9_500.0), (16_000, 8_000, 5_500.0)]
        {
            let out = convert(from, to, &sine(frequency, from, 16384, from as usize));
            let level = rms_dbfs(&out[to as usize / 10..]);
            assert!(level < -65.0, "{frequency} Hz, {from} -> {to}: {level} dBFS");
        }
    }

    #[test]
    fn full_scale_is_clipped_not_wrapped() {
        let square: Vec<i16> = (0..8000).map(|n| if n / 40 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let out = convert(8_000, 48_000, &square);
        let steps = out.windows(2).map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs()).max();
        assert!(steps < Some(30_000), "a jump of {steps:?}");
    }

    proptest! {
        #[test]
        fn cuts_leave_no_seam(
            pair in (0usize..3, 0usize..3),
            input in prop::collection::vec(any::<i16>(), 0..600),
            cuts in prop::collection::vec(0usize..600, 0..6),
        ) {
            let (from, to) = (RATES[pair.0], RATES[pair.1]);
            let whole = convert(from, to, &input);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
            cuts.sort_unstable();
            let mut resampler = Resampler::new(from, to);
            let (mut pieces, mut begin) = (Vec::new(), 0);
            for end in cuts.into_iter().chain([input.len()]) {
                resampler.process(&input[begin..end], &mut pieces);
                begin = end;
            }
            prop_assert_eq!(pieces, whole);
        }
    }
}
