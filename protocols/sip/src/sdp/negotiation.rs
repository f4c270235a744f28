//! One call's offers and answers (RFC 3264): what is remembered between them, and what they agree on.

use std::net::SocketAddr;

use super::{
    AudioFormat, CryptoLine, Direction, Feedback, H264, KeySource, Local, MediaDescription, MediaKind,
    ProfileLevelId, Session,
};

/// The negotiation of one call. The order of its media lines never changes.
#[derive(Clone, Debug)]
pub struct OfferAnswer {
    pub(super) local: Local,
    /// Our last description without its `o=` line, and the version that it went out with.
    sent: Option<String>,
    version: u64,
    /// The media lines of the call so far.
    pub(super) lines: Vec<Line>,
    /// Whether an offer of ours waits for its answer.
    pub(super) offered: bool,
}

/// What is remembered of a media line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) media: String,
    pub(super) proto: String,
    pub(super) fmt: String,
    pub(super) content: Option<String>,
    pub(super) role: Role,
    /// The keys that we wrote on it, to find ours again by the tag of an answer.
    pub(super) crypto: Vec<CryptoLine>,
}

/// What a line is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Audio(Vec<AudioChoice>, Vec<(u8, u32)>),
    Video(Vec<VideoChoice>, Feedback),
    Refused,
}

/// An audio codec under a payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AudioChoice {
    pub(super) format: AudioFormat,
    pub(super) payload_type: u8,
}

/// An H.264 form under a payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VideoChoice {
    pub(super) payload_type: u8,
    pub(super) profile_level_id: ProfileLevelId,
    pub(super) packetization_mode: u8,
    pub(super) asymmetry: bool,
}

impl OfferAnswer {
    /// A call without any description yet.
    pub const fn new(local: Local) -> Self {
        Self { local, sent: None, version: 0, lines: Vec::new(), offered: false }
    }

    /// Whether an offer of ours waits for its answer.
    pub const fn is_offering(&self) -> bool {
        self.offered
    }

    /// The whole description around these media lines. Its version grows only if anything changed (RFC 3264 §8).
    pub(super) fn describe(&mut self, media: &str) -> String {
        let address = self.local.address;
        let family = if address.is_ipv4() { "IP4" } else { "IP6" };
        let body = format!("s=-\r\nc=IN {family} {address}\r\nt=0 0\r\n{media}");
        if self.sent.as_deref() != Some(body.as_str()) {
            self.version += 1;
            self.sent = Some(body.clone());
        }
        let (id, version) = (self.local.session_id, self.version);
        format!("v=0\r\no=roomgate {id} {version} IN {family} {address}\r\n{body}")
    }
}

/// What both sides agreed on. A missing line was refused, or not offered.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Agreement {
    /// Sound.
    pub audio: Option<AgreedAudio>,
    /// The camera's pictures.
    pub video: Option<AgreedVideo>,
}

/// An agreed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedLine {
    /// Its place among the media lines.
    pub index: usize,
    /// As seen from us.
    pub direction: Direction,
    /// Where the far side receives; none on hold, or if it gave a name instead of an address.
    pub rtp: Option<SocketAddr>,
    /// Where it receives RTCP.
    pub rtcp: Option<SocketAddr>,
    /// Its port, known even if its address is not.
    pub port: u16,
    /// Keys, if the line is encrypted.
    pub crypto: Option<AgreedCrypto>,
}

/// The keys of one line. Both sides use the suite of the far side's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedCrypto {
    /// Protects what we send.
    pub ours: CryptoLine,
    /// Protects what they send.
    pub theirs: CryptoLine,
}

/// Agreed sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedAudio {
    /// Where and how it flows.
    pub line: AgreedLine,
    /// The codec, both ways.
    pub format: AudioFormat,
    /// Its payload type.
    pub payload_type: u8,
    /// Payload type and clock in Hz of RFC 4733 events.
    pub telephone_event: Option<(u8, u32)>,
}

/// Agreed pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedVideo {
    /// Where and how they flow.
    pub line: AgreedLine,
    /// The payload type.
    pub payload_type: u8,
    /// Profile and level of what we send.
    pub profile_level_id: ProfileLevelId,
    /// 0 or 1.
    pub packetization_mode: u8,
    /// What the far side takes, as it said.
    pub remote: H264,
    /// Bits a second that the far side takes: the smallest sane one of what it said.
    pub max_bitrate: u32,
    /// The feedback that both sides take.
    pub feedback: Feedback,
}

impl AgreedLine {
    /// The line as the far side's description has it, with the direction as seen from us.
    pub(super) fn of(
        session: &Session,
        media: &MediaDescription,
        index: usize,
        crypto: Option<AgreedCrypto>,
    ) -> Self {
        let address = session.address_of(media);
        let rtp = address.map(|address| SocketAddr::new(address, media.port));
        let rtcp = match media.rtcp {
            Some((port, own)) => own
                .filter(|own| !own.is_unspecified())
                .or(address)
                .map(|address| SocketAddr::new(address, port)),
            None => {
                address.zip(media.port.checked_add(1)).map(|(address, port)| SocketAddr::new(address, port))
            }
        };
        Self { index, direction: session.direction_of(media).reversed(), rtp, rtcp, port: media.port, crypto }
    }
}

/// Bits a second that this line takes of H.264. Endpoints say it in up to five ways, and get units wrong; what is
/// beyond belief does not count.
pub(super) fn bitrate(session: &Session, media: &MediaDescription, h264: &H264) -> u32 {
    const BELIEVABLE: std::ops::RangeInclusive<u64> = 64_000..=1_000_000_000;
    /// What the session's lines hold for sound beside the pictures.
    const SOUND: u64 = 64_000;
    let kilo = |value: Option<u64>| value.and_then(|value| value.checked_mul(1_000));
    let of_session =
        |value: Option<u64>| kilo(value).map(|bits| if bits > 4 * SOUND { bits - SOUND } else { bits });
    let smallest = [
        of_session(session.bandwidth.application),
        of_session(session.bandwidth.conference_total),
        session.bandwidth.transport_independent,
        kilo(media.bandwidth.application),
        kilo(media.bandwidth.conference_total),
        media.bandwidth.transport_independent,
        Some(h264.bit_rate_limit()),
    ]
    .into_iter()
    .flatten()
    .filter(|bits| BELIEVABLE.contains(bits))
    .min();
    smallest.unwrap_or(64_000).try_into().unwrap_or(u32::MAX)
}

/// The line of these that we can take keys from, in the order of the writer's preference, but one with encrypted
/// SRTCP first; with our own line for it.
pub(super) fn choose_crypto(
    keys: &dyn KeySource,
    kind: MediaKind,
    offered: &[CryptoLine],
) -> Option<AgreedCrypto> {
    let encrypted = offered.iter().filter(|line| !line.unencrypted_srtcp());
    let rest = offered.iter().filter(|line| line.unencrypted_srtcp());
    encrypted.chain(rest).filter(|line| line.session_params_known()).find_map(|line| {
        let key_params = keys.answer(kind, line)?;
        let ours = CryptoLine {
            tag: line.tag,
            suite: line.suite.clone(),
            key_params,
            session_params: line.session_params.clone(),
        };
        Some(AgreedCrypto { ours, theirs: line.clone() })
    })
}
