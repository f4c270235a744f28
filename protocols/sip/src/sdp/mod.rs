//! Session descriptions (SDP, RFC 8866) and their offer/answer (RFC 3264), for what video endpoints send.
//!
//! The text layer is `sdp-types`, behind a front end that forgives what endpoints get wrong ([`Session::parse`]).
//! Typed on top of it: payload formats with their `fmtp` (H.264: RFC 6184 §8.1), `rtcp-fb` (RFC 4585, RFC 5104),
//! `crypto` (RFC 4568), `rtcp` (RFC 3605), bandwidths (RFC 3890), `content` (RFC 4796). [`OfferAnswer`] is one
//! call's negotiation: it answers offers line by line, makes offers, and reads answers, the odd ones too.
//!
//! Keys are text here: whoever drives [`OfferAnswer`] gives a [`KeySource`] that knows SRTP.

mod answer;
mod crypto;
mod feedback;
mod format;
mod h264;
mod local;
mod media;
mod negotiation;
mod offer;
mod session;
mod text;
mod write;

pub use crypto::{CryptoLine, KeySource, NoKeys};
pub use feedback::{Feedback, RtcpFb};
pub use format::{AudioFormat, Parameters, PayloadFormat};
pub use h264::{H264, Level, ProfileClass, ProfileLevelId};
pub use local::{Local, LocalAudio, LocalVideo};
pub use media::{Bandwidth, Connection, Direction, MediaDescription, MediaKind, Proto};
pub use negotiation::{AgreedAudio, AgreedCrypto, AgreedLine, AgreedVideo, Agreement, OfferAnswer};
pub use session::{Origin, Session};

/// Why a session description cannot be read, or cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SdpError {
    /// The text is not a session description. Answer 400.
    #[error("not a session description: {0}")]
    Malformed(String),
    /// More than the bound of text, media lines or the like. Answer 400 (or 413).
    #[error("session description with too many {0}")]
    TooMany(&'static str),
    /// No audio or video line can be accepted. Answer 488.
    #[error("nothing in common: {0}")]
    NothingInCommon(&'static str),
    /// An answer came, but nothing was offered. Answer 400, or drop it.
    #[error("an answer without an offer")]
    NoOffer,
}
