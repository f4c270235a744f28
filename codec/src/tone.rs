//! Test tones, and how loud something is. Samples are 16-bit, levels in dB below full scale (dBFS): 0 is a sine, or a
//! square wave, as loud as 16 bits allow; see each function.

use std::f64::consts::TAU;

/// What silence measures, in dBFS.
pub const SILENCE: f64 = -96.0;

/// A sine of `frequency` Hz with peaks of `amplitude`, beginning at phase 0.
#[must_use]
pub fn sine(frequency: f64, sample_rate: u32, amplitude: i16, samples: usize) -> Vec<i16> {
    let step = TAU * frequency / f64::from(sample_rate);
    (0..samples).map(|n| (f64::from(amplitude) * (step * n as f64).sin()).round() as i16).collect()
}

/// How loud `frequency` Hz is within `samples`, by Goertzel's algorithm. A sine of full scale is 0 dBFS.
#[must_use]
pub fn goertzel_dbfs(samples: &[i16], sample_rate: u32, frequency: f64) -> f64 {
    if samples.is_empty() {
        return SILENCE;
    }
    let turn = 2.0 * (TAU * frequency / f64::from(sample_rate)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for &sample in samples {
        (last, before) = (f64::from(sample) + turn * last - before, last);
    }
    let power = last * last + before * before - turn * last * before;
    decibels(2.0 * power.max(0.0).sqrt() / samples.len() as f64)
}

/// The mean level. A square wave of full scale is 0 dBFS, a sine -3.01.
#[must_use]
pub fn rms_dbfs(samples: &[i16]) -> f64 {
    if samples.is_empty() {
        return SILENCE;
    }
    let sum: i64 = samples.iter().map(|&sample| i64::from(sample) * i64::from(sample)).sum();
    decibels((sum as f64 / samples.len() as f64).sqrt())
}

fn decibels(amplitude: f64) -> f64 {
    if amplitude < 1e-3 { SILENCE } else { (20.0 * (amplitude / 32768.0).log10()).max(SILENCE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_what_they_say() {
        let tone = sine(1000.0, 8000, 16384, 1600);
        assert!((rms_dbfs(&tone) + 9.03).abs() < 0.05, "{}", rms_dbfs(&tone));
        assert!((goertzel_dbfs(&tone, 8000, 1000.0) + 6.02).abs() < 0.05);
        assert!(goertzel_dbfs(&tone, 8000, 1500.0) < -60.0);
        assert_eq!(
            (rms_dbfs(&[0; 160]), rms_dbfs(&[]), goertzel_dbfs(&[], 8000, 1.0)),
            (SILENCE, SILENCE, SILENCE)
        );
        assert!(rms_dbfs(&[i16::MIN; 100]).abs() < 0.01);
    }
}
