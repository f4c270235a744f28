//! H.264 (ITU-T H.264, ISO/IEC 14496-10): byte streams, parameter sets, decoder and encoder.
//!
//! The codec behind [`Decoder`] and [`Encoder`] is openh264; nothing outside this module names it.

mod decoder;
mod encoder;
mod nal;
mod raw;
mod sps;

#[cfg(test)]
mod tests;

pub use decoder::{DecodeError, Decoder};
pub use encoder::{Encoded, Encoder, EncoderConfig, level_for};
pub use nal::{NalType, nal_units};
pub use raw::has_assembly;
pub use sps::{Sps, SpsError};
