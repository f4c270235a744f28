//! Writes our media lines.

use std::fmt::{self, Write};

use super::{
    AudioFormat, CryptoLine, Direction, Feedback, LocalVideo,
    negotiation::{AudioChoice, Line, Role, VideoChoice},
};

/// Keys of a telephone: digits, star, pound, A to D.
const EVENTS: &str = "0-15";

/// Writing into a string does not fail.
macro_rules! line {
    ($out:expr, $($arg:tt)*) => {{
        let _ = write!($out, $($arg)*);
        $out.push_str("\r\n");
    }};
}

/// A line that we do not take, in its place with its own words (RFC 3264 §6).
pub(super) fn refused(out: &mut String, line: &Line) {
    line!(out, "m={} 0 {} {}", line.media, line.proto, line.fmt);
}

pub(super) fn audio(
    out: &mut String,
    line: &Line,
    port: u16,
    choices: &[AudioChoice],
    events: &[(u8, u32)],
    direction: Direction,
) {
    let numbers = choices.iter().map(|choice| choice.payload_type).chain(events.iter().map(|(pt, _)| *pt));
    line!(out, "m={} {port} {} {}", line.media, line.proto, Numbers(numbers.collect()));
    for AudioChoice { format, payload_type } in choices {
        line!(out, "a=rtpmap:{payload_type} {}", format.rtpmap());
        if let Some(fmtp) = format.fmtp() {
            line!(out, "a=fmtp:{payload_type} {fmtp}");
        }
    }
    for (payload_type, clock) in events {
        line!(out, "a=rtpmap:{payload_type} telephone-event/{clock}");
        line!(out, "a=fmtp:{payload_type} {EVENTS}");
    }
    line!(out, "a=ptime:20");
    rest(out, line, direction);
}

pub(super) fn video(
    out: &mut String,
    line: &Line,
    local: &LocalVideo,
    choices: &[VideoChoice],
    feedback: Feedback,
    direction: Direction,
) {
    let numbers = choices.iter().map(|choice| choice.payload_type).collect();
    line!(out, "m={} {} {} {}", line.media, local.port, line.proto, Numbers(numbers));
    line!(out, "b=AS:{}", local.max_bitrate / 1_000);
    line!(out, "b=TIAS:{}", local.max_bitrate);
    for choice in choices {
        let pt = choice.payload_type;
        let id = choice.profile_level_id;
        line!(out, "a=rtpmap:{pt} H264/90000");
        let _ =
            write!(out, "a=fmtp:{pt} profile-level-id={id};packetization-mode={}", choice.packetization_mode);
        if choice.asymmetry {
            out.push_str(";level-asymmetry-allowed=1");
        }
        line!(out, ";{}", local.parameters(id.level()));
    }
    let named = [(feedback.pli, "nack pli"), (feedback.fir, "ccm fir")];
    for (_, name) in named.into_iter().filter(|(taken, _)| *taken) {
        for choice in choices {
            line!(out, "a=rtcp-fb:{} {name}", choice.payload_type);
        }
    }
    if let Some(content) = &line.content {
        line!(out, "a=content:{content}");
    }
    rest(out, line, direction);
}

fn rest(out: &mut String, line: &Line, direction: Direction) {
    for crypto in &line.crypto {
        line!(out, "a=crypto:{}", CryptoLine::to_value(crypto));
    }
    line!(out, "a={}", direction.as_str());
}

struct Numbers(Vec<u8>);

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, number) in self.0.iter().enumerate() {
            let gap = if n == 0 { "" } else { " " };
            write!(f, "{gap}{number}")?;
        }
        Ok(())
    }
}

/// A line as it is answered or offered, whatever it is to us.
pub(super) fn line(
    out: &mut String,
    line: &Line,
    audio_port: Option<u16>,
    local: Option<&LocalVideo>,
    direction: Direction,
) {
    match (&line.role, audio_port, local) {
        (Role::Audio(choices, events), Some(port), _) => audio(out, line, port, choices, events, direction),
        (Role::Video(choices, feedback), _, Some(local)) => {
            video(out, line, local, choices, *feedback, direction)
        }
        _ => refused(out, line),
    }
}

impl AudioFormat {
    /// All that we offer, best first.
    pub(super) const OFFERED: [Self; 4] = [Self::Opus, Self::G722, Self::Pcma, Self::Pcmu];
}
