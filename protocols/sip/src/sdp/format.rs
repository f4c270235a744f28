//! Payload formats: `rtpmap`, `fmtp`, and the static payload types of RFC 3551 §6.

/// One payload type of a media line, with its mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadFormat {
    /// The number on the media line, 0 to 127.
    pub payload_type: u8,
    /// The encoding's name as written; compare without case. Empty if neither `rtpmap` nor RFC 3551 names one.
    pub encoding: String,
    /// RTP clock in Hz; 0 if unknown.
    pub clock: u32,
    /// Channels; 1 unless said otherwise.
    pub channels: u8,
    /// The format's parameters.
    pub parameters: Parameters,
}

impl PayloadFormat {
    /// Whether this is the named encoding (any case) at this clock.
    pub fn is(&self, encoding: &str, clock: u32) -> bool {
        self.clock == clock && self.encoding.eq_ignore_ascii_case(encoding)
    }

    /// The audio codec of ours that this is, if any.
    pub fn audio(&self) -> Option<AudioFormat> {
        if self.is("opus", 48_000) {
            Some(AudioFormat::Opus)
        } else if self.channels > 1 {
            None
        } else if self.is("G722", 8_000) || self.is("G722", 16_000) {
            // 16000 is what the codec samples at; some write that (RFC 3551 §4.5.2 says 8000).
            Some(AudioFormat::G722)
        } else if self.is("PCMU", 8_000) {
            Some(AudioFormat::Pcmu)
        } else if self.is("PCMA", 8_000) {
            Some(AudioFormat::Pcma)
        } else {
            None
        }
    }

    /// Whether this is H.264 by RFC 6184: neither SVC nor a vendor's wrapper.
    pub fn is_h264(&self) -> bool {
        self.is("H264", 90_000)
    }

    /// A format known by its static payload type alone (RFC 3551 §6), or a nameless one.
    pub(super) fn from_static(payload_type: u8) -> Self {
        let (encoding, clock) = match payload_type {
            0 => ("PCMU", 8_000),
            3 => ("GSM", 8_000),
            4 => ("G723", 8_000),
            8 => ("PCMA", 8_000),
            9 => ("G722", 8_000),
            15 => ("G728", 8_000),
            18 => ("G729", 8_000),
            31 => ("H261", 90_000),
            34 => ("H263", 90_000),
            _ => ("", 0),
        };
        Self {
            payload_type,
            encoding: encoding.to_owned(),
            clock,
            channels: 1,
            parameters: Parameters::default(),
        }
    }

    /// Reads the part of `a=rtpmap:` behind the payload type: `H264/90000`, `opus/48000/2`.
    pub(super) fn apply_rtpmap(&mut self, value: &str) {
        let mut parts = value.trim().split('/').map(str::trim);
        if let Some(encoding) = parts.next() {
            encoding.clone_into(&mut self.encoding);
        }
        self.clock = parts.next().and_then(|clock| clock.parse().ok()).unwrap_or(0);
        self.channels = parts.next().and_then(|channels| channels.parse().ok()).unwrap_or(1);
    }
}

/// An audio codec that we can answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioFormat {
    /// RFC 7587.
    Opus,
    /// RFC 3551 §4.5.2.
    G722,
    /// RFC 3551 §4.5.14, mu-law.
    Pcmu,
    /// RFC 3551 §4.5.14, A-law.
    Pcma,
}

impl AudioFormat {
    /// What `rtpmap` says of it.
    pub const fn rtpmap(self) -> &'static str {
        match self {
            Self::Opus => "opus/48000/2",
            Self::G722 => "G722/8000",
            Self::Pcmu => "PCMU/8000",
            Self::Pcma => "PCMA/8000",
        }
    }

    /// RTP clock in Hz, as signalled.
    pub const fn clock(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 | Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// The payload type that we offer it with.
    pub const fn offered_payload_type(self) -> u8 {
        match self {
            Self::Opus => 96,
            Self::G722 => 9,
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// What we state in `fmtp` of it.
    pub(super) const fn fmtp(self) -> Option<&'static str> {
        match self {
            Self::Opus => Some("useinbandfec=1"),
            Self::G722 | Self::Pcmu | Self::Pcma => None,
        }
    }
}

/// The parameters of one `fmtp` line: names in lower case, values as written.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Splits at `;`, though not within braces (`dec-parallel-cap={t:28;level-id=90}`).
    pub fn parse(value: &str) -> Self {
        let mut depth = 0_u32;
        let pieces = value.split(|c| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ';' && depth == 0
        });
        let parameters =
            pieces.map(str::trim).filter(|piece| !piece.is_empty()).take(MAX_PARAMETERS).map(|piece| {
                match piece.split_once('=') {
                    Some((name, value)) => (name.trim().to_ascii_lowercase(), value.trim().to_owned()),
                    None => (piece.to_ascii_lowercase(), String::new()),
                }
            });
        Self(parameters.collect())
    }

    /// The first value of this name, which must be given in lower case.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The first value of this name as a number.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.value(name)?.parse().ok()
    }
}

/// No format has half as many parameters.
const MAX_PARAMETERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_shield_semicolons() {
        let p = Parameters::parse("level-id=60;Max-FPS=6000; dec-parallel-cap={t:28;level-id=90};x");
        assert_eq!(p.number("level-id"), Some(60));
        assert_eq!(p.number("max-fps"), Some(6000));
        assert_eq!(p.value("dec-parallel-cap"), Some("{t:28;level-id=90}"));
        assert_eq!(p.value("x"), Some(""));
    }

    #[test]
    fn unclosed_brace_swallows_no_more_than_the_line() {
        let p = Parameters::parse("a=1;b={;c=2");
        assert_eq!(p.number("a"), Some(1));
        assert_eq!(p.value("c"), None);
    }
}
