//! Bits to pictures and samples and back. Knows no IO: no clock, socket, thread or file; and no protocol: RTP payloads
//! are taken apart elsewhere. The only crate with `unsafe`, in `h264::raw`, `audio::opus` and `scale::simd`.
//!
//! * [`picture`]: I420 pictures, the one form in which pictures travel.
//! * [`h264`]: H.264 (ITU-T H.264) byte streams, parameter sets, decoder and encoder.
//! * [`scale`]: pictures into rectangles of other pictures.
//! * [`text`]: words as masks, blended into pictures.
//! * [`audio`]: Opus, G.722, G.711 to 16-bit samples and back.
//! * [`resample`], [`tone`]: sample rates, test tones and levels.
#![warn(missing_docs)]

pub mod audio;
pub mod h264;
pub mod picture;
pub mod resample;
pub mod scale;
pub mod text;
pub mod tone;

/// What our own side got wrong, or a library refused. What a peer sent wrong is [`h264::DecodeError`] or
/// [`audio::AudioError`].
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// No picture has this size: a side is 0, odd where it must be even, or too large.
    #[error("no picture can be {width}x{height}")]
    Size {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// The picture is not of the size that the encoder was made for.
    #[error("the encoder takes {wanted:?}, not {given:?}")]
    OtherSize {
        /// Width and height of the encoder.
        wanted: (u32, u32),
        /// Width and height of the picture.
        given: (u32, u32),
    },
    /// A library refused.
    #[error("{0}")]
    Library(String),
}
