//! SDP's words to ours: what an offer says that a side can, and what was agreed.

use std::net::{IpAddr, SocketAddr};

use roomgate_sip::{
    endpoint::Transport,
    sdp::{
        AgreedLine, Agreement, AudioFormat, Direction as SdpDirection, H264, MediaDescription, MediaKind,
        Session,
    },
};

use super::keys;
use crate::signalling::{
    AudioCodec, AudioParams, Capabilities, Direction, Feedback, MediaParams, SrtpParams, TransportParams,
    VideoLimits, VideoParams,
    capabilities::{Encryption, EncryptionState, VideoCapability},
};

/// Who the far side is, as far as media is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) source: IpAddr,
    pub(super) transport: Transport,
    pub(super) registered: bool,
}

/// What an offer says that its maker can.
pub(super) fn capabilities(offer: &Session) -> Capabilities {
    let in_use = |media: &&MediaDescription| media.port != 0;
    let audio = offer.media.iter().filter(in_use).find(|media| media.kind == MediaKind::Audio);
    let video = offer.media.iter().filter(in_use).find(|media| media.is_main_video());
    let mut codecs: Vec<AudioCodec> = Vec::new();
    for format in audio.iter().flat_map(|audio| &audio.formats).filter_map(|format| format.audio()) {
        if !codecs.contains(&codec(format)) {
            codecs.push(codec(format));
        }
    }
    let forms =
        video.iter().flat_map(|video| &video.formats).filter(|format| format.is_h264()).map(|format| {
            let h264 = H264::from_parameters(&format.parameters);
            VideoCapability {
                profile_level_id: h264.profile_level_id.octets(),
                packetization_mode: h264.packetization_mode,
                limits: limits(&h264, h264.bit_rate_limit().try_into().unwrap_or(u32::MAX)),
            }
        });
    let lines = || audio.into_iter().chain(video);
    let encryption = if lines().any(|media| media.proto.is_secure()) {
        Encryption::Required
    } else if lines().any(|media| !media.crypto.is_empty()) {
        Encryption::BestEffort
    } else {
        Encryption::None
    };
    Capabilities {
        telephone_event: audio.is_some_and(|audio| {
            audio.formats.iter().any(|format| format.encoding.eq_ignore_ascii_case("telephone-event"))
        }),
        audio: codecs,
        video: forms.collect(),
        encryption,
    }
}

/// What was agreed. `before` is what was agreed last: on hold a line keeps the address that it had.
pub(super) fn media_params(agreement: &Agreement, peer: Peer, before: Option<&MediaParams>) -> MediaParams {
    let audio = agreement.audio.as_ref().map(|agreed| AudioParams {
        codec: codec(agreed.format),
        payload_type: agreed.payload_type,
        telephone_event: agreed.telephone_event,
        direction: direction(agreed.line.direction),
        transport: transport(
            &agreed.line,
            peer,
            before.and_then(|b| b.audio.as_ref()).map(|audio| &audio.transport),
        ),
    });
    let video = agreement.video.as_ref().map(|agreed| VideoParams {
        payload_type: agreed.payload_type,
        profile_level_id: agreed.profile_level_id.octets(),
        packetization_mode: agreed.packetization_mode,
        limits: limits(&agreed.remote, agreed.max_bitrate),
        feedback: Feedback {
            nack: agreed.feedback.nack,
            pli: agreed.feedback.pli,
            fir: agreed.feedback.fir,
            tmmbr: agreed.feedback.tmmbr,
        },
        direction: direction(agreed.line.direction),
        transport: transport(
            &agreed.line,
            peer,
            before.and_then(|b| b.video.as_ref()).map(|video| &video.transport),
        ),
    });
    let mut transports =
        audio.iter().map(|a| &a.transport).chain(video.iter().map(|v| &v.transport)).peekable();
    let encrypted = transports.peek().is_some() && transports.all(|transport| transport.srtp.is_some());
    let encryption = match (encrypted, peer.transport) {
        (false, _) => EncryptionState::Clear,
        (true, Transport::Tls) => EncryptionState::ToGateway,
        (true, Transport::Udp | Transport::Tcp) => EncryptionState::KeysExposed,
    };
    MediaParams { audio, video, encryption }
}

fn transport(line: &AgreedLine, peer: Peer, before: Option<&TransportParams>) -> TransportParams {
    // Without an address (hold, or a name that we do not look up) what was known before holds, or the place that the
    // signalling came from.
    let rtp = line
        .rtp
        .or_else(|| before.map(|before| before.rtp))
        .unwrap_or_else(|| SocketAddr::new(peer.source, line.port));
    let rtcp = line
        .rtcp
        .or_else(|| before.map(|before| before.rtcp))
        .unwrap_or_else(|| SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1)));
    let srtp = line.crypto.as_ref().and_then(|crypto| {
        Some(SrtpParams { send: keys::material(&crypto.ours)?, receive: keys::material(&crypto.theirs)? })
    });
    TransportParams {
        rtp,
        rtcp,
        // Every device that we know does without it, and the ports are there.
        rtcp_mux: false,
        signalling_source: peer.source,
        registered: peer.registered,
        srtp,
    }
}

/// The real capability stands in the parameters, the level is often low beside them.
fn limits(h264: &H264, max_bitrate: u32) -> VideoLimits {
    const USUAL_FPS: u32 = 30;
    const MAX_FPS: u32 = 60;
    VideoLimits {
        max_fs: h264.frame_size_limit(),
        max_mbps: h264.macroblock_rate_limit(),
        max_bitrate,
        max_fps: h264.max_fps.map_or(USUAL_FPS, |hundredths| (hundredths / 100).clamp(1, MAX_FPS)),
    }
}

const fn codec(format: AudioFormat) -> AudioCodec {
    match format {
        AudioFormat::Opus => AudioCodec::Opus,
        AudioFormat::G722 => AudioCodec::G722,
        AudioFormat::Pcmu => AudioCodec::Pcmu,
        AudioFormat::Pcma => AudioCodec::Pcma,
    }
}

const fn direction(direction: SdpDirection) -> Direction {
    match direction {
        SdpDirection::SendRecv => Direction::SendRecv,
        SdpDirection::SendOnly => Direction::SendOnly,
        SdpDirection::RecvOnly => Direction::RecvOnly,
        SdpDirection::Inactive => Direction::Inactive,
    }
}
