//! Which line of a browser's offer carries what (RFC 8866 §5.14, RFC 9429 §5.2).

use str0m::{
    format::{CodecConfig, CodecSpec, PayloadParams},
    media::Mid,
};

/// As many pictures as a layout may show.
pub(super) const MAX_SLOTS: usize = 25;
/// Lines, used or not. A browser keeps those that it stopped.
const MAX_LINES: usize = 64;
/// In bytes. Chromium's offer of eleven lines has about 60 000.
const MAX_OFFER: usize = 256 * 1024;
/// Constrained Baseline, level 3.1: 1280x720 at 30 frames a second. It bounds what a browser sends us, not what we send:
/// we say `level-asymmetry-allowed`, and browsers' decoders know no level.
const PROFILE_LEVEL_ID: u32 = 0x42_e01f;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) audio: Option<Mid>,
    /// The first line on which the browser sends video.
    pub(super) camera: Option<Mid>,
    /// The lines that only receive video, in their order.
    pub(super) slots: Vec<Mid>,
}

impl Lines {
    /// Reads kinds, names and directions. The rest is left to whoever parses the offer in full.
    pub(super) fn read(offer: &str) -> Result<Self, String> {
        if offer.len() > MAX_OFFER {
            return Err(unreadable("it is too long"));
        }
        let sections: Vec<&str> = offer.split("\nm=").skip(1).collect();
        if sections.is_empty() || sections.len() > MAX_LINES {
            return Err(unreadable(if sections.is_empty() {
                "it offers nothing"
            } else {
                "it has too many lines"
            }));
        }
        let mut lines = Self::default();
        for section in sections {
            let attribute = |wanted: &str| section.lines().skip(1).find_map(|line| line.strip_prefix(wanted));
            let Some(mid) = attribute("a=mid:").map(|mid| Mid::from(mid.trim())) else { continue };
            let has = |direction: &str| section.lines().skip(1).any(|line| line.trim_end() == direction);
            let (sends, receives) =
                if has("a=inactive") { (false, false) } else { (!has("a=recvonly"), !has("a=sendonly")) };
            if section.starts_with("audio ") {
                if sends || receives {
                    lines.audio.get_or_insert(mid);
                }
            } else if section.starts_with("video ") {
                if sends {
                    lines.camera = lines.camera.or(Some(mid));
                } else if receives && lines.slots.len() < MAX_SLOTS {
                    lines.slots.push(mid);
                }
            }
        }
        Ok(lines)
    }
}

/// What we take of H.264. Payload types here are but wishes: the browser's are used.
pub(super) fn add_h264(codecs: &mut CodecConfig) {
    codecs.add_h264(108.into(), Some(109.into()), true, PROFILE_LEVEL_ID);
}

pub(super) fn is_mode_1(params: &PayloadParams) -> bool {
    let CodecSpec { codec, format, .. } = params.spec();
    codec == str0m::format::Codec::H264 && format.packetization_mode == Some(1)
}

/// For people: without what the far side could have put in there to confuse them.
pub(super) fn unreadable(why: &str) -> String {
    let why: String = why.chars().filter(|c| !c.is_control()).take(160).collect();
    format!("The browser's session description cannot be used: {why}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_the_lines_that_only_receive_video() {
        let offer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=sendrecv\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendrecv\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=sendonly\r\n\
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=recvonly\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=inactive\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:4\r\na=recvonly\r\n";
        let lines = Lines::read(offer).unwrap();
        assert_eq!(lines.audio, Some("0".into()));
        assert_eq!(lines.camera, Some("1".into()));
        assert_eq!(lines.slots, ["2".into(), "4".into()]);
    }

    #[test]
    fn bounds_are_kept() {
        let line = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=recvonly\r\n";
        let offer = |count| format!("v=0\r\n{}", line.repeat(count));
        assert_eq!(Lines::read(&offer(64)).unwrap().slots.len(), MAX_SLOTS);
        assert!(Lines::read(&offer(65)).unwrap_err().contains("too many"));
        assert!(Lines::read("v=0\r\n").unwrap_err().contains("nothing"));
        assert!(Lines::read(&"x".repeat(MAX_OFFER + 1)).unwrap_err().contains("too long"));
    }
}
