//! Speech codecs: Opus (RFC 6716), G.722, G.711. All mono; payloads are what RTP carries (RFC 7587, RFC 3551 §4.5).

mod g711;
mod opus;

use std::fmt;

use audio_codec::{
    Decoder as _, Encoder as _,
    g722::{G722Decoder, G722Encoder},
};

use crate::CodecError;

/// A speech codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// 48 kHz, about 40 kbit/s, with in-band error correction.
    Opus,
    /// 16 kHz, 64 kbit/s. Its RTP clock says 8000 all the same, RFC 3551 §4.5.2.
    G722,
    /// G.711 µ-law: 8 kHz, 64 kbit/s.
    Pcmu,
    /// G.711 A-law: 8 kHz, 64 kbit/s.
    Pcma,
}

impl Codec {
    /// Samples per second going in and coming out.
    #[must_use]
    pub const fn sample_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 => 16_000,
            Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// Ticks per second of the RTP timestamp.
    #[must_use]
    pub const fn rtp_clock(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 | Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// Samples in 20 ms.
    #[must_use]
    pub const fn frame(self) -> usize {
        self.sample_rate() as usize / 50
    }
}

/// The longest payload we decode, in bytes: 180 ms of G.711, and more than any Opus packet.
pub const MAX_PAYLOAD: usize = 1500;

/// What a peer sent cannot be decoded. Treat the packet as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    /// Nothing in it.
    #[error("empty payload")]
    Empty,
    /// Longer than [`MAX_PAYLOAD`].
    #[error("payload too long")]
    TooLong,
    /// Not a packet of this codec.
    #[error("not a packet of this codec")]
    Malformed,
}

/// Payloads to samples, one stream.
pub struct AudioDecoder {
    codec: Codec,
    inner: Inner,
    /// The end of what was decoded last, to be repeated and faded when packets are lost.
    last: Vec<i16>,
    /// How many samples have been made up since.
    concealed: usize,
}

enum Inner {
    Opus(opus::Decoder),
    G722(Box<G722Decoder>),
    Pcmu,
    Pcma,
}

impl AudioDecoder {
    /// For a stream that begins.
    pub fn new(codec: Codec) -> Result<Self, CodecError> {
        let inner = match codec {
            Codec::Opus => Inner::Opus(opus::Decoder::new()?),
            Codec::G722 => Inner::G722(Box::new(G722Decoder::new())),
            Codec::Pcmu => Inner::Pcmu,
            Codec::Pcma => Inner::Pcma,
        };
        Ok(Self { codec, inner, last: Vec::new(), concealed: 0 })
    }

    /// Which codec this is.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Samples per second that come out.
    #[must_use]
    pub const fn sample_rate(&self) -> u32 {
        self.codec.sample_rate()
    }

    /// Appends one packet's samples to `out`; gives their number. Stereo becomes mono.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<usize, AudioError> {
        if payload.is_empty() {
            return Err(AudioError::Empty);
        }
        if payload.len() > MAX_PAYLOAD {
            return Err(AudioError::TooLong);
        }
        let begin = out.len();
        match &mut self.inner {
            Inner::Opus(decoder) => {
                if opus::is_silence(payload) {
                    self.conceal(self.codec.frame(), out);
                    return Ok(out.len() - begin);
                }
                decoder.decode(payload, out)?;
            }
            Inner::G722(decoder) => {
                out.resize(begin + payload.len() * 2, 0);
                let done = decoder.decode_into(payload, &mut out[begin..]).unwrap_or(0);
                out.truncate(begin + done);
            }
            Inner::Pcmu => out.extend(payload.iter().map(|&byte| g711::decode_mu(byte))),
            Inner::Pcma => out.extend(payload.iter().map(|&byte| g711::decode_a(byte))),
        }
        self.remember(&out[begin..]);
        Ok(out.len() - begin)
    }

    /// Appends `samples` made up in place of a lost packet: what was heard last, fading to silence within 100 ms.
    pub fn conceal(&mut self, samples: usize, out: &mut Vec<i16>) {
        let fade = self.sample_rate() as usize / 10;
        for _ in 0..samples.min(MAX_CONCEALED) {
            let sample = match self.last.len() {
                0 => 0,
                len => {
                    // backwards and forwards in turn, so that the ends meet without a click
                    let turn = self.concealed % (2 * len);
                    let at = if turn < len { len - 1 - turn } else { turn - len };
                    let left = fade.saturating_sub(self.concealed) as i64;
                    (i64::from(self.last[at]) * left / fade as i64) as i16
                }
            };
            self.concealed = (self.concealed + 1).min(fade);
            out.push(sample);
        }
    }

    fn remember(&mut self, heard: &[i16]) {
        let keep = heard.len().min(self.codec.frame());
        self.last.clear();
        self.last.extend_from_slice(&heard[heard.len() - keep..]);
        self.concealed = 0;
    }
}

impl fmt::Debug for AudioDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AudioDecoder({:?})", self.codec)
    }
}

/// 120 ms at 48 kHz: the longest packet.
const MAX_CONCEALED: usize = 5760;

/// Samples to payloads, one stream.
pub struct AudioEncoder {
    codec: Codec,
    inner: Outer,
}

enum Outer {
    Opus(opus::Encoder),
    G722(Box<G722Encoder>),
    Pcmu,
    Pcma,
}

impl AudioEncoder {
    /// For a stream that begins.
    pub fn new(codec: Codec) -> Result<Self, CodecError> {
        let inner = match codec {
            Codec::Opus => Outer::Opus(opus::Encoder::new()?),
            Codec::G722 => Outer::G722(Box::new(G722Encoder::new())),
            Codec::Pcmu => Outer::Pcmu,
            Codec::Pcma => Outer::Pcma,
        };
        Ok(Self { codec, inner })
    }

    /// Which codec this is.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Samples per second that go in.
    #[must_use]
    pub const fn sample_rate(&self) -> u32 {
        self.codec.sample_rate()
    }

    /// Appends the payload of one packet to `out`. Opus takes 10, 20, 40 or 60 ms; the others any even number of samples,
    /// 20 ms by habit ([`Codec::frame`]).
    pub fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) -> Result<(), CodecError> {
        let begin = out.len();
        let done = match &mut self.inner {
            Outer::Opus(encoder) => return encoder.encode(samples, out),
            Outer::G722(encoder) => {
                out.resize(begin + samples.len().div_ceil(2) + 1, 0);
                encoder.encode_into(samples, &mut out[begin..])
            }
            Outer::Pcmu => {
                out.extend(samples.iter().map(|&sample| g711::encode_mu(sample)));
                return Ok(());
            }
            Outer::Pcma => {
                out.extend(samples.iter().map(|&sample| g711::encode_a(sample)));
                return Ok(());
            }
        };
        match done {
            Ok(done) => {
                out.truncate(begin + done);
                Ok(())
            }
            Err(error) => {
                out.truncate(begin);
                Err(CodecError::Library(format!("{:?}: {error:?}", self.codec)))
            }
        }
    }
}

impl fmt::Debug for AudioEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AudioEncoder({:?})", self.codec)
    }
}

#[cfg(test)]
mod tests;
