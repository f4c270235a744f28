//! One media description (RFC 8866 §5.14), typed.

use std::net::IpAddr;

use super::{
    crypto::CryptoLine,
    feedback::RtcpFb,
    format::{Parameters, PayloadFormat},
    text::MAX_FORMATS,
};

/// The media type of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures, of the camera or of a presentation.
    Video,
    /// BFCP, H.224, iX and whatever else.
    Other,
}

/// The transport of a media line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proto {
    /// Plain RTP.
    RtpAvp,
    /// Plain RTP with RTCP feedback.
    RtpAvpf,
    /// SRTP keyed by `crypto` lines.
    RtpSavp,
    /// The same with RTCP feedback.
    RtpSavpf,
    /// SRTP keyed by DTLS, and everything that is not RTP.
    Other,
}

impl Proto {
    fn parse(text: &str) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "RTP/AVP" => Self::RtpAvp,
            "RTP/AVPF" => Self::RtpAvpf,
            "RTP/SAVP" => Self::RtpSavp,
            "RTP/SAVPF" => Self::RtpSavpf,
            _ => Self::Other,
        }
    }

    /// Whether media must be encrypted under it.
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::RtpSavp | Self::RtpSavpf)
    }
}

/// Which way a stream flows, as seen by the side that writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// From the writer only.
    SendOnly,
    /// To the writer only.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// From its parts.
    pub const fn new(send: bool, receive: bool) -> Self {
        match (send, receive) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether the writer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the writer receives.
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same as seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// The attribute's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    pub(super) fn parse(attribute: &str) -> Option<Self> {
        match attribute.to_ascii_lowercase().as_str() {
            "sendrecv" => Some(Self::SendRecv),
            "sendonly" => Some(Self::SendOnly),
            "recvonly" => Some(Self::RecvOnly),
            "inactive" => Some(Self::Inactive),
            _ => None,
        }
    }
}

/// Where media goes (`c=`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// An address. Unspecified (`0.0.0.0`) means hold (RFC 3264 §8.4).
    Address(IpAddr),
    /// A host name, not resolved here.
    Name(String),
}

impl Connection {
    pub(super) fn parse(connection: &sdp_types::Connection) -> Self {
        let text = connection.connection_address.as_str();
        let host = text.split_once('/').map_or(text, |(host, _ttl)| host);
        host.parse().map_or_else(|_| Self::Name(host.to_owned()), Self::Address)
    }

    /// The address, if it is one that packets can be sent to.
    pub fn reachable(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) if !address.is_unspecified() => Some(*address),
            _ => None,
        }
    }

    /// Whether it means hold.
    pub fn is_hold(&self) -> bool {
        matches!(self, Self::Address(address) if address.is_unspecified())
    }
}

/// Bandwidth lines, as written; which of them to believe is the reader's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Bandwidth {
    /// `b=AS`, kbit/s with headers.
    pub application: Option<u64>,
    /// `b=TIAS`, bit/s without headers (RFC 3890).
    pub transport_independent: Option<u64>,
    /// `b=CT`, kbit/s of the whole session.
    pub conference_total: Option<u64>,
}

impl Bandwidth {
    pub(super) fn parse(lines: &[sdp_types::Bandwidth]) -> Self {
        let find =
            |kind: &str| lines.iter().find(|b| b.bwtype.eq_ignore_ascii_case(kind)).map(|b| b.bandwidth);
        Self { application: find("AS"), transport_independent: find("TIAS"), conference_total: find("CT") }
    }
}

/// One media description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaDescription {
    /// What kind of media, as far as it matters here.
    pub kind: MediaKind,
    /// The media type as written.
    pub media: String,
    /// 0: refused, or not in use.
    pub port: u16,
    /// The transport, as far as it matters here.
    pub proto: Proto,
    /// The transport as written.
    pub proto_text: String,
    /// The format list as written.
    pub fmt: String,
    /// The payload types of an RTP line, in order, with their mappings. Empty for other lines.
    pub formats: Vec<PayloadFormat>,
    /// `c=` of this line alone.
    pub connection: Option<Connection>,
    /// `b=` of this line.
    pub bandwidth: Bandwidth,
    /// The direction attribute, the session's if the line has none.
    pub direction: Direction,
    /// Port and address of RTCP (RFC 3605), if not the next port.
    pub rtcp: Option<(u16, Option<IpAddr>)>,
    /// `rtcp-mux` (RFC 5761).
    pub rtcp_mux: bool,
    /// `rtcp-fb` lines.
    pub feedback: Vec<RtcpFb>,
    /// `crypto` lines, in order.
    pub crypto: Vec<CryptoLine>,
    /// Whether a DTLS fingerprint is given, here or for the session.
    pub fingerprint: bool,
    /// `content` (RFC 4796), in lower case: `main`, `slides`, …
    pub content: Option<String>,
    /// `label` (RFC 4574).
    pub label: Option<String>,
    /// `setup` (RFC 4145).
    pub setup: Option<String>,
    /// All attributes as written, for lines that only others understand.
    pub attributes: Vec<(String, Option<String>)>,
}

impl MediaDescription {
    pub(super) fn parse(media: sdp_types::Media, session_direction: Direction, fingerprint: bool) -> Self {
        let kind = match media.media.to_ascii_lowercase().as_str() {
            "audio" => MediaKind::Audio,
            "video" => MediaKind::Video,
            _ => MediaKind::Other,
        };
        let is_rtp = media.proto.to_ascii_uppercase().contains("RTP/");
        let mut line = Self {
            kind,
            port: media.port,
            proto: Proto::parse(&media.proto),
            formats: if is_rtp { formats(&media.fmt) } else { Vec::new() },
            connection: media.connections.first().map(Connection::parse),
            bandwidth: Bandwidth::parse(&media.bandwidths),
            direction: session_direction,
            rtcp: None,
            rtcp_mux: false,
            feedback: Vec::new(),
            crypto: Vec::new(),
            fingerprint,
            content: None,
            label: None,
            setup: None,
            attributes: Vec::with_capacity(media.attributes.len()),
            media: media.media,
            proto_text: media.proto,
            fmt: media.fmt,
        };
        for attribute in media.attributes {
            line.apply(&attribute.attribute, attribute.value.as_deref().unwrap_or(""));
            line.attributes.push((attribute.attribute, attribute.value));
        }
        line
    }

    /// The format of this payload type.
    pub fn format(&self, payload_type: u8) -> Option<&PayloadFormat> {
        self.formats.iter().find(|format| format.payload_type == payload_type)
    }

    /// Whether this is the camera's video, or video of no stated content, rather than a presentation.
    pub fn is_main_video(&self) -> bool {
        self.kind == MediaKind::Video
            && self.content.as_deref().is_none_or(|content| content == "main" || content == "speaker")
    }

    fn apply(&mut self, name: &str, value: &str) {
        if let Some(direction) = Direction::parse(name) {
            self.direction = direction;
            return;
        }
        match name.to_ascii_lowercase().as_str() {
            "rtpmap" => {
                if let Some((format, value)) = self.named_format(value) {
                    format.apply_rtpmap(value);
                }
            }
            "fmtp" => {
                if let Some((format, value)) = self.named_format(value)
                    && format.parameters == Parameters::default()
                {
                    format.parameters = Parameters::parse(value);
                }
            }
            "rtcp-fb" if self.feedback.len() < MAX_REPEATED => self.feedback.extend(RtcpFb::parse(value)),
            "crypto" if self.crypto.len() < MAX_REPEATED => self.crypto.extend(CryptoLine::parse(value)),
            "rtcp" => {
                let mut words = value.split_ascii_whitespace();
                let port = words.next().and_then(|port| port.parse().ok()).filter(|port| *port != 0);
                let address = words.nth(2).and_then(|address| address.parse().ok());
                self.rtcp = port.map(|port| (port, address));
            }
            "rtcp-mux" => self.rtcp_mux = true,
            "fingerprint" => self.fingerprint = true,
            "content" => self.content = Some(value.to_ascii_lowercase()),
            "label" => self.label = Some(value.to_owned()),
            "setup" => self.setup = Some(value.to_ascii_lowercase()),
            _ => {}
        }
    }

    fn named_format<'a>(&mut self, value: &'a str) -> Option<(&mut PayloadFormat, &'a str)> {
        let (number, rest) = value.trim_start().split_once([' ', '\t'])?;
        let number: u8 = number.parse().ok()?;
        Some((self.formats.iter_mut().find(|format| format.payload_type == number)?, rest.trim()))
    }
}

/// The bound of lines of one kind that are read: `rtcp-fb`, `crypto`.
const MAX_REPEATED: usize = 64;

fn formats(fmt: &str) -> Vec<PayloadFormat> {
    let mut formats: Vec<PayloadFormat> = Vec::new();
    for number in fmt.split_ascii_whitespace().take(MAX_FORMATS).filter_map(|word| word.parse::<u8>().ok()) {
        if number < 128 && !formats.iter().any(|format| format.payload_type == number) {
            formats.push(PayloadFormat::from_static(number));
        }
    }
    formats
}
