//! The recordings, decoded once at start: 16 kHz, mono. Made by `src/ivr/make-voices`.

use std::{collections::HashMap, fmt, sync::Arc};

use crate::{ivr::Clip, signalling::Language};

/// All recordings in all languages, as samples.
pub struct Voices {
    clips: HashMap<(Clip, Language), Arc<[i16]>>,
}

impl Voices {
    /// Samples in a second.
    pub const SAMPLE_RATE: u32 = 16_000;

    /// Our own recordings, which are part of the binary.
    pub fn built_in() -> Self {
        let mut clips = HashMap::new();
        for &clip in Clip::ALL {
            for language in [Language::Nb, Language::En] {
                // A file that cannot be read is silence, never a call that fails; a test reads every one of them.
                let samples =
                    Wav::parse(clip.built_in(language)).map(|wav| wav.samples()).unwrap_or_default();
                clips.insert((clip, language), samples.into());
            }
        }
        Self { clips }
    }

    /// The samples of one recording, at [`Self::SAMPLE_RATE`].
    pub fn clip(&self, clip: Clip, language: Language) -> Arc<[i16]> {
        self.clips.get(&(clip, language)).cloned().unwrap_or_default()
    }
}

impl Default for Voices {
    fn default() -> Self {
        Self::built_in()
    }
}

impl fmt::Debug for Voices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Voices({} clips)", self.clips.len())
    }
}

/// A WAV file as the script writes it: mono, 16 kHz, G.711 µ-law or 16-bit linear.
struct Wav<'a> {
    format: WavFormat,
    data: &'a [u8],
    /// The words that were spoken (RIFF INFO, ICMT).
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that compares recordings and texts"))]
    comment: Option<&'a str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WavFormat {
    Linear,
    MuLaw,
}

impl<'a> Wav<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
        let (mut format, mut comment) = (None, None);
        while let Some((name, body, after)) = chunk(rest) {
            match name {
                b"fmt " => {
                    let field = |at: usize| Some(u16::from_le_bytes(body.get(at..at + 2)?.try_into().ok()?));
                    let rate = u32::from_le_bytes(body.get(4..8)?.try_into().ok()?);
                    format = match (field(0)?, field(2)?, rate, field(14)?) {
                        (0x0001, 1, Voices::SAMPLE_RATE, 16) => Some(WavFormat::Linear),
                        (0x0007, 1, Voices::SAMPLE_RATE, 8) => Some(WavFormat::MuLaw),
                        _ => return None,
                    };
                }
                b"LIST" => {
                    let mut info = body.strip_prefix(b"INFO").unwrap_or_default();
                    while let Some((name, body, after)) = chunk(info) {
                        if name == b"ICMT" {
                            comment = std::str::from_utf8(body).ok().map(|text| text.trim_end_matches('\0'));
                        }
                        info = after;
                    }
                }
                b"data" => return Some(Self { format: format?, data: body, comment }),
                _ => {}
            }
            rest = after;
        }
        None
    }

    fn samples(&self) -> Vec<i16> {
        match self.format {
            WavFormat::Linear => {
                self.data.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
            }
            WavFormat::MuLaw => self.data.iter().map(|&byte| mu_law(byte)).collect(),
        }
    }
}

/// One chunk of a RIFF file: its name, its body, and what follows. Bodies are padded to even sizes.
fn chunk(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let size = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?) as usize;
    let body = bytes.get(8..8usize.checked_add(size)?)?;
    let after = bytes.get(8 + size + size % 2..).unwrap_or_default();
    Some((&bytes[..4], body, after))
}

/// G.711 µ-law to linear. The codec crate has this too, but stages before the media plane do not name it.
fn mu_law(byte: u8) -> i16 {
    let byte = !byte;
    let exponent = (byte >> 4) & 0x07;
    let magnitude = ((i16::from(byte & 0x0f) << 3) + 0x84) << exponent;
    if byte & 0x80 == 0 { magnitude - 0x84 } else { 0x84 - magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(language: Language, clip: Clip) -> Option<&'static str> {
        let texts = match language {
            Language::Nb => include_str!("voices/nb.txt"),
            Language::En => include_str!("voices/en.txt"),
        };
        texts
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .find(|(name, _)| *name == clip.name())
            .map(|l| l.1)
    }

    fn every(mut check: impl FnMut(Clip, Language)) {
        for &clip in Clip::ALL {
            check(clip, Language::Nb);
            check(clip, Language::En);
        }
    }

    #[test]
    fn each_recording_says_what_its_text_says() {
        every(|clip, language| {
            let wav = Wav::parse(clip.built_in(language)).expect("a WAV file of our kind");
            let text = text(language, clip);
            assert!(text.is_some(), "{clip:?} has no text in {language:?}");
            assert_eq!(wav.comment, text, "{clip:?} {language:?}: run src/ivr/make-voices");
        });
    }

    #[test]
    fn no_text_is_without_a_clip() {
        for texts in [include_str!("voices/nb.txt"), include_str!("voices/en.txt")] {
            for line in texts.lines() {
                let name = line.split('\t').next().unwrap_or_default();
                assert!(Clip::ALL.iter().any(|clip| clip.name() == name), "{name}");
            }
        }
    }

    #[test]
    fn recordings_are_alike_in_loudness_and_do_not_clip() {
        let voices = Voices::built_in();
        every(|clip, language| {
            let samples = voices.clip(clip, language);
            let seconds = samples.len() as f64 / f64::from(Voices::SAMPLE_RATE);
            assert!((0.3..7.0).contains(&seconds), "{clip:?} {language:?} takes {seconds} s");
            let energy: f64 = samples.iter().map(|&s| f64::from(s).powi(2)).sum();
            let dbfs = 20.0 * ((energy / samples.len() as f64).sqrt() / 32_768.0).log10();
            assert!((-23.0..=-18.5).contains(&dbfs), "{clip:?} {language:?} is at {dbfs:.1} dBFS");
            let peak = samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or_default();
            assert!(peak < 30_000, "{clip:?} {language:?} peaks at {peak}");
        });
    }

    #[test]
    fn mu_law_expands_as_g711_tables_say() {
        assert_eq!([0xff, 0x7f, 0x80, 0x00, 0xf0, 0xef].map(mu_law), [0, 0, 32_124, -32_124, 120, 132]);
    }

    #[test]
    fn a_damaged_file_is_refused_and_not_a_panic() {
        let whole = Clip::EnterPin.built_in(Language::Nb);
        for length in (0..200).chain([whole.len() - 2]) {
            assert!(Wav::parse(&whole[..length]).is_none(), "{length} octets");
        }
        let stereo = [&whole[..22], &[2, 0], &whole[24..]].concat();
        assert!(Wav::parse(&stereo).is_none());
    }
}
