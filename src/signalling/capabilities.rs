//! What a side can do ([`Capabilities`]) and what was agreed ([`MediaParams`]), in no protocol's words:
//! SDP (RFC 8866, RFC 3264) and H.245 both map to these.

use std::{fmt, net::SocketAddr};

/// An audio codec that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    Opus,
    G722,
    Pcmu,
    Pcma,
}

impl AudioCodec {
    /// The RTP clock in Hz. G.722 says 8000 though it samples at 16000 (RFC 3551 §4.5.2).
    pub const fn clock(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 | Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// The sample rate in Hz of what we encode and decode, one channel.
    pub const fn sample_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 => 16_000,
            Self::Pcmu | Self::Pcma => 8_000,
        }
    }
}

/// Which way a stream flows, as seen from the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// What one side of a call says that it can do.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// In the order of preference.
    pub audio: Vec<AudioCodec>,
    /// Whether a line for audio was offered at all.
    pub telephone_event: bool,
    /// H.264 forms, in the order of preference.
    pub video: Vec<VideoCapability>,
    pub encryption: Encryption,
}

/// One H.264 form that a side takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoCapability {
    /// profile_idc, profile-iop and level_idc as signalled (RFC 6184 §8.1).
    pub profile_level_id: [u8; 3],
    pub packetization_mode: u8,
    pub limits: VideoLimits,
}

/// How a side wants its media encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Encryption {
    #[default]
    None,
    /// Taken if we can, done without otherwise.
    BestEffort,
    Required,
}

/// What has been agreed. A missing line was refused, or not offered.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaParams {
    pub audio: Option<AudioParams>,
    pub video: Option<VideoParams>,
    /// Whether media is encrypted and its keys did not travel in the clear.
    pub encryption: EncryptionState,
}

/// How well a leg's media is protected, told truthfully to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum EncryptionState {
    #[default]
    Clear,
    /// Encrypted, but its keys travelled in the clear.
    KeysExposed,
    /// Encrypted to the gateway.
    ToGateway,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AudioParams {
    pub codec: AudioCodec,
    pub payload_type: u8,
    /// Payload type and clock of RFC 4733 events, if agreed.
    pub telephone_event: Option<(u8, u32)>,
    pub direction: Direction,
    pub transport: TransportParams,
}

#[derive(Clone, Debug, PartialEq)]
pub struct VideoParams {
    pub payload_type: u8,
    /// profile_idc, profile-iop and level_idc of what we send.
    pub profile_level_id: [u8; 3],
    /// RFC 6184 §6.2: 0 single NAL units only, 1 also STAP-A and FU-A.
    pub packetization_mode: u8,
    /// What the far side takes: never exceeded by what we send.
    pub limits: VideoLimits,
    pub feedback: Feedback,
    pub direction: Direction,
    pub transport: TransportParams,
}

/// What a receiver of H.264 takes (RFC 6184 §8.1): the level's limits, widened by its max- parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoLimits {
    /// Macroblocks a frame.
    pub max_fs: u32,
    /// Macroblocks a second.
    pub max_mbps: u32,
    /// Bits a second on the wire: the smallest sane of level, max-br and the bandwidth lines.
    pub max_bitrate: u32,
    /// Frames a second; from max-fps where given.
    pub max_fps: u32,
}

/// The RTCP feedback that the far side takes from us for its video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Feedback {
    pub nack: bool,
    pub pli: bool,
    pub fir: bool,
    pub tmmbr: bool,
}

/// Where a stream goes, and how it is protected.
#[derive(Clone, Debug, PartialEq)]
pub struct TransportParams {
    pub rtp: SocketAddr,
    pub rtcp: SocketAddr,
    pub rtcp_mux: bool,
    /// The address the signalling came from: media may come from there too (symmetric RTP).
    pub signalling_source: std::net::IpAddr,
    /// A caller whose account was proved may send from anywhere at first.
    pub registered: bool,
    pub srtp: Option<SrtpParams>,
}

/// Keys of one stream, ours and theirs (RFC 4568).
#[derive(Clone, Debug, PartialEq)]
pub struct SrtpParams {
    pub send: KeyMaterial,
    pub receive: KeyMaterial,
}

/// An SRTP suite with its key: never printed.
#[derive(Clone, PartialEq)]
pub struct KeyMaterial {
    pub suite: roomgate_rtp::srtp::Suite,
    /// Master key and salt, joined as RFC 4568 has them.
    pub key_and_salt: Vec<u8>,
    pub mki: Option<Vec<u8>>,
    pub unencrypted_srtcp: bool,
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyMaterial({:?}, _)", self.suite)
    }
}
