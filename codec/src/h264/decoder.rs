//! H.264 to pictures.

use std::fmt;

use openh264::{
    OpenH264API,
    decoder::{DecodeOptions, DecoderConfig, Flush},
    formats::YUVSource,
};

use crate::{
    CodecError,
    h264::{NalType, Sps, SpsError, nal_units},
    picture::Picture,
};

/// Why no picture came out. Keep the last one and ask the sender for an IDR.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The stream is damaged, or a part it refers to is missing. Lasts until the next IDR.
    #[error("damaged: {0}")]
    Damaged(String),
    /// A parameter set cannot be read.
    #[error(transparent)]
    ParameterSet(#[from] SpsError),
    /// Interlaced, or not 4:2:0: an IDR will not help.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    /// Pictures would be larger than we take.
    #[error("pictures of {0}x{1} are too large")]
    TooLarge(u32, u32),
}

/// Decodes one H.264 stream: Baseline, Main and High, frames only. Its size may change at any IDR.
pub struct Decoder {
    inner: openh264::decoder::Decoder,
}

impl Decoder {
    /// A decoder that waits for its first IDR.
    pub fn new() -> Result<Self, CodecError> {
        // The default flushes after each picture and breaks streams with B-frames.
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let inner = openh264::decoder::Decoder::with_api_config(OpenH264API::from_source(), config)
            .map_err(|error| CodecError::Library(error.to_string()))?;
        Ok(Self { inner })
    }

    /// Takes one access unit as a byte stream with start codes. Gives the next picture in the order of showing: for
    /// streams that reorder, one from before; none while the decoder needs more.
    ///
    /// After an error the caller keeps the last picture and asks for an IDR; feeding may go on.
    pub fn decode(&mut self, annex_b: &[u8]) -> Result<Option<Picture>, DecodeError> {
        let mut anything = false;
        for nal in nal_units(annex_b) {
            anything = true;
            if NalType::of(nal) == Some(NalType::Sps) {
                check(&Sps::parse(nal)?)?;
            }
        }
        if !anything {
            return Ok(None);
        }
        let options = DecodeOptions::new().flush_after_decode(Flush::NoFlush);
        match self.inner.decode_with_options(annex_b, options) {
            Ok(Some(yuv)) => copy(&yuv).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(DecodeError::Damaged(error.to_string())),
        }
    }

    /// What the decoder held back for reordering, at the end of a stream.
    pub fn flush(&mut self) -> Result<Vec<Picture>, DecodeError> {
        let pictures =
            self.inner.flush_remaining().map_err(|error| DecodeError::Damaged(error.to_string()))?;
        pictures.iter().map(copy).collect()
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoder")
    }
}

/// Refuses what the library would try and fail at, or what would take too much memory, before it sees it.
fn check(sps: &Sps) -> Result<(), DecodeError> {
    if sps.chroma_format_idc != 1 {
        return Err(DecodeError::Unsupported("a chroma format other than 4:2:0"));
    }
    if !sps.frame_mbs_only {
        return Err(DecodeError::Unsupported("interlaced video"));
    }
    if !Picture::possible(sps.width, sps.height) {
        return Err(DecodeError::TooLarge(sps.width, sps.height));
    }
    Ok(())
}

fn copy(yuv: &openh264::decoder::DecodedYUV<'_>) -> Result<Picture, DecodeError> {
    let (width, height) = yuv.dimensions();
    let (Ok(width), Ok(height)) = (u32::try_from(width), u32::try_from(height)) else {
        return Err(DecodeError::Unsupported("this size"));
    };
    let (luma, chroma, _) = yuv.strides();
    Picture::from_planes((width, height), (yuv.y(), yuv.u(), yuv.v()), (luma, chroma))
        .ok_or(DecodeError::TooLarge(width, height))
}
