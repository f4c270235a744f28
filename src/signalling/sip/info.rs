//! INFO bodies: keys in signalling, and RFC 5168's wish for a key frame.

use crate::signalling::Digit;

/// Longer than any of these bodies.
const MAX_BODY: usize = 2_048;

pub(super) const MEDIA_CONTROL: &str = "application/media_control+xml";

/// Asks for a key frame (RFC 5168 §3).
pub(super) const PICTURE_FAST_UPDATE: &str = "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\r\n\
    <media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>\r\n";

/// What an INFO says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Info {
    Digit(Digit),
    PictureFastUpdate,
}

/// Reads a body by its type; none for what means nothing to us.
pub(super) fn parse(content_type: &str, body: &[u8]) -> Option<Info> {
    let text = std::str::from_utf8(body.get(..body.len().min(MAX_BODY))?).ok()?;
    match content_type {
        "application/dtmf-relay" => {
            let signal = text.lines().find_map(|line| {
                let (name, value) = line.split_once('=')?;
                name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
            });
            signal.and_then(key).map(Info::Digit)
        }
        // Only the key itself, or the same lines under the shorter name.
        "application/dtmf" if text.contains('=') => parse("application/dtmf-relay", body),
        "application/dtmf" => key(text.trim()).map(Info::Digit),
        MEDIA_CONTROL => text.contains("picture_fast_update").then_some(Info::PictureFastUpdate),
        _ => None,
    }
}

/// A key by its face, or by its number in RFC 4733: 10 is star, 11 is pound.
fn key(text: &str) -> Option<Digit> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Digit::from_char(c),
        _ => match text {
            "10" => Some(Digit::Star),
            "11" => Some(Digit::Pound),
            "12" => Some(Digit::Letter(0)),
            "13" => Some(Digit::Letter(1)),
            "14" => Some(Digit::Letter(2)),
            "15" => Some(Digit::Letter(3)),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_all_their_spellings() {
        let relay = |body: &str| parse("application/dtmf-relay", body.as_bytes());
        assert!(relay("Signal=5\r\nDuration=160\r\n") == Some(Info::Digit(Digit::Number(5))));
        assert!(relay("Signal= *\r\nDuration= 250") == Some(Info::Digit(Digit::Star)));
        assert!(relay("Duration=160\nsignal=11") == Some(Info::Digit(Digit::Pound)));
        assert!(relay("Signal=55").is_none());
        assert!(relay("").is_none());
        assert!(parse("application/dtmf", b"#\r\n") == Some(Info::Digit(Digit::Pound)));
        assert!(parse("application/dtmf", b"10") == Some(Info::Digit(Digit::Star)));
        assert!(parse("application/dtmf", b"Signal=7\r\n") == Some(Info::Digit(Digit::Number(7))));
        assert!(parse("text/plain", b"5").is_none());
        assert!(parse("application/dtmf", &[0xff]).is_none());
        assert_eq!(parse(MEDIA_CONTROL, PICTURE_FAST_UPDATE.as_bytes()), Some(Info::PictureFastUpdate));
        assert_eq!(parse(MEDIA_CONTROL, b"<media_control/>"), None);
    }
}
