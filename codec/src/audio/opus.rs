//! Opus, RFC 6716, by a translation of libopus. All `unsafe` of sound is here.
//!
//! The translation checks arithmetic as the rest of the build does, and so may panic on hostile packets where the
//! original wraps. A panic is caught: the packet counts as malformed and the decoder begins anew.
//!
//! Its concealment of lost packets and its use of the redundancy in the next packet are never called: in unsafe-libopus
//! 0.2.0 both give a roar at full scale where SILK has a part. Our own sender puts the redundancy in for others.
#![expect(unsafe_code, reason = "the library's own interface")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
};

use unsafe_libopus::{
    OPUS_APPLICATION_VOIP, OPUS_OK, OPUS_SET_BITRATE_REQUEST, OPUS_SET_COMPLEXITY_REQUEST,
    OPUS_SET_INBAND_FEC_REQUEST, OPUS_SET_PACKET_LOSS_PERC_REQUEST, OpusDecoder, OpusEncoder, opus_decode,
    opus_decoder_create, opus_decoder_destroy, opus_encode, opus_encoder_create, opus_encoder_ctl_impl,
    opus_encoder_destroy, varargs,
};

use crate::{CodecError, audio::AudioError};

const RATE: i32 = 48_000;
const CHANNELS: i32 = 1;
/// 120 ms, the longest packet (RFC 6716 §2.1.4).
const MAX_SAMPLES: usize = 5760;
/// More than one packet of 60 ms at our bitrate can take.
const MAX_PACKET: usize = 1275;
const BITRATE: i32 = 40_000;
/// Redundancy for this much loss, in percent.
const EXPECTED_LOSS: i32 = 5;
const COMPLEXITY: i32 = 5;

/// Whether a packet carries no frame: a pause of discontinuous transmission, which the library would conceal.
pub(super) fn is_silence(packet: &[u8]) -> bool {
    packet.len() <= 1
}

pub(super) struct Decoder {
    state: NonNull<OpusDecoder>,
}

// SAFETY: the state is one heap block that only this value points to; the library keeps no thread-local data.
unsafe impl Send for Decoder {}

impl Decoder {
    pub(super) fn new() -> Result<Self, CodecError> {
        let mut error = OPUS_OK;
        // SAFETY: rate and channels are among those allowed, and `error` outlives the call.
        let state = unsafe { opus_decoder_create(RATE, CHANNELS, &raw mut error) };
        match NonNull::new(state) {
            Some(state) if error == OPUS_OK => Ok(Self { state }),
            _ => Err(CodecError::Library(format!("no Opus decoder ({error})"))),
        }
    }

    pub(super) fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> Result<(), AudioError> {
        let room = MAX_SAMPLES;
        let begin = out.len();
        out.resize(begin + room, 0);
        let state = self.state.as_ptr();
        let samples = &mut out[begin..];
        let done = catch_unwind(AssertUnwindSafe(|| {
            let (data, len) = (payload.as_ptr(), payload.len() as i32);
            // SAFETY: `state` came from `opus_decoder_create` and is not shared; `data` is a slice of
            // that length; `samples` has room for `room` mono samples, the number given.
            unsafe { opus_decode(state, data, len, samples.as_mut_ptr(), room as i32, 0) }
        }));
        match done {
            Ok(count) if count >= 0 && count as usize <= room => {
                out.truncate(begin + count as usize);
                Ok(())
            }
            Ok(_) => {
                out.truncate(begin);
                Err(AudioError::Malformed)
            }
            Err(_panic) => {
                out.truncate(begin);
                if let Ok(fresh) = Self::new() {
                    *self = fresh;
                }
                Err(AudioError::Malformed)
            }
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: made by `opus_decoder_create`, destroyed once.
        unsafe { opus_decoder_destroy(self.state.as_ptr()) }
    }
}

pub(super) struct Encoder {
    state: NonNull<OpusEncoder>,
}

// SAFETY: as for `Decoder`.
unsafe impl Send for Encoder {}

impl Encoder {
    pub(super) fn new() -> Result<Self, CodecError> {
        let mut error = OPUS_OK;
        // SAFETY: rate, channels and application are among those allowed, and `error` outlives the call.
        let state = unsafe { opus_encoder_create(RATE, CHANNELS, OPUS_APPLICATION_VOIP, &raw mut error) };
        let Some(state) = NonNull::new(state).filter(|_| error == OPUS_OK) else {
            return Err(CodecError::Library(format!("no Opus encoder ({error})")));
        };
        let encoder = Self { state };
        for (request, value) in [
            (OPUS_SET_BITRATE_REQUEST, BITRATE),
            (OPUS_SET_COMPLEXITY_REQUEST, COMPLEXITY),
            (OPUS_SET_INBAND_FEC_REQUEST, 1),
            (OPUS_SET_PACKET_LOSS_PERC_REQUEST, EXPECTED_LOSS),
        ] {
            // SAFETY: the state is alive and each of these requests takes one `i32`.
            let code = unsafe { opus_encoder_ctl_impl(encoder.state.as_ptr(), request, varargs!(value)) };
            if code != OPUS_OK {
                return Err(CodecError::Library(format!("Opus refused setting {request} ({code})")));
            }
        }
        Ok(encoder)
    }

    pub(super) fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) -> Result<(), CodecError> {
        if !matches!(samples.len(), 480 | 960 | 1920 | 2880) {
            return Err(CodecError::Library(format!("Opus takes no packets of {} samples", samples.len())));
        }
        let begin = out.len();
        out.resize(begin + MAX_PACKET, 0);
        // SAFETY: `state` came from `opus_encoder_create` and is not shared; `samples` holds as many mono samples as
        // said, a packet length that Opus knows; `out` has room for `MAX_PACKET` bytes from `begin` on.
        let done = unsafe {
            opus_encode(
                self.state.as_ptr(),
                samples.as_ptr(),
                samples.len() as i32,
                out[begin..].as_mut_ptr(),
                MAX_PACKET as i32,
            )
        };
        match usize::try_from(done) {
            Ok(len) if len <= MAX_PACKET => {
                out.truncate(begin + len);
                Ok(())
            }
            _ => {
                out.truncate(begin);
                Err(CodecError::Library(format!("Opus: {done}")))
            }
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: made by `opus_encoder_create`, destroyed once.
        unsafe { opus_encoder_destroy(self.state.as_ptr()) }
    }
}
