//! The few calls into openh264 that its safe binding does not offer. All `unsafe` of H.264 is here.
#![expect(unsafe_code, reason = "the library's own interface")]

use std::{ffi::c_int, ptr};

use openh264::encoder::Encoder;
use openh264_sys2::{
    ENCODER_OPTION_BITRATE, ENCODER_OPTION_MAX_BITRATE, ENCODER_OPTION_TRACE_LEVEL, SBitrateInfo,
    SPATIAL_LAYER_0, SPATIAL_LAYER_ALL, WELS_LOG_QUIET,
};

use crate::CodecError;

unsafe extern "C" {
    /// `codec/common/inc/cpu.h` of openh264: the SIMD extensions that it will use, as flags. Without assembly in the
    /// build it knows none.
    fn WelsCPUFeatureDetect(processors: *mut c_int) -> u32;
}

/// Whether the H.264 library was built with assembly and this processor can run it. Without it everything works, at 2
/// to 2.5 times the CPU: say so in the log.
#[must_use]
pub fn has_assembly() -> bool {
    // SAFETY: openh264 is linked in statically, so the symbol is there with this C signature; the function has no
    // preconditions and takes a null pointer when the caller does not want to know the number of processors.
    let features = unsafe { WelsCPUFeatureDetect(ptr::null_mut()) };
    features != 0
}

/// Keeps the library from writing to stderr, from before its first picture.
pub(super) fn silence(encoder: &mut Encoder) {
    let mut level: c_int = WELS_LOG_QUIET;
    // SAFETY: the encoder is alive; the option, allowed before initialisation, reads an `int` during the call. A refusal
    // would only leave the warnings on.
    let _code = unsafe { encoder.raw_api().set_option(ENCODER_OPTION_TRACE_LEVEL, (&raw mut level).cast()) };
}

/// Changes the target of an encoder that has encoded at least once, `from` bits per second to `to`.
pub(super) fn set_bitrate(encoder: &mut Encoder, from: u32, to: u32) -> Result<(), CodecError> {
    let wanted = c_int::try_from(to).map_err(|_| CodecError::Library("bitrate out of range".into()))?;
    let target = (ENCODER_OPTION_BITRATE, SPATIAL_LAYER_ALL);
    let limit = (ENCODER_OPTION_MAX_BITRATE, SPATIAL_LAYER_0);
    // a target above the limit is refused
    for (option, layer) in if to > from { [limit, target] } else { [target, limit] } {
        let mut info = SBitrateInfo { iLayer: layer, iBitrate: wanted };
        // SAFETY: the encoder is alive and initialised by its first picture; both options read a `SBitrateInfo` through
        // the pointer during the call and keep nothing of it.
        let code = unsafe { encoder.raw_api().set_option(option, (&raw mut info).cast()) };
        if code != 0 {
            return Err(CodecError::Library(format!("openh264 refused a bitrate of {to} ({code})")));
        }
    }
    Ok(())
}
