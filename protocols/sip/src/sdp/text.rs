//! The front end before `sdp-types`: keeps what we read and brings it into the form that the RFC asks for, so that
//! one odd line costs that line and not the call.

use super::SdpError;

/// Bounds of one description. Real ones have up to 6 media lines and 5 kB.
const MAX_TEXT: usize = 65_536;
pub(super) const MAX_MEDIA: usize = 64;
pub(super) const MAX_FORMATS: usize = 64;
const MAX_LINES: usize = 2_048;

/// Forgives: LF or blanks at line ends, runs of blanks, a missing `s=` or `t=`, a user name with blanks in `o=`,
/// numbers that are none in `b=`, a media line without formats, octets that are not UTF-8, lines of no known type.
pub(super) fn clean(text: &[u8]) -> Result<String, SdpError> {
    if text.len() > MAX_TEXT {
        return Err(SdpError::TooMany("octets"));
    }
    let text = String::from_utf8_lossy(text);
    let mut out = String::with_capacity(text.len() + 64);
    let mut lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    match lines.next().and_then(|line| line.split_once('=')) {
        Some(("v", version)) if version.trim() == "0" => out.push_str("v=0\r\n"),
        _ => return Err(SdpError::Malformed("no v=0 line".to_owned())),
    }
    let (mut media, mut origin, mut name, mut connection) = (0, false, false, false);
    for (n, line) in lines.enumerate() {
        if n > MAX_LINES {
            return Err(SdpError::TooMany("lines"));
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.trim();
        let value = match key.trim() {
            "m" => {
                media += 1;
                connection = false;
                if media > MAX_MEDIA {
                    return Err(SdpError::TooMany("media lines"));
                }
                Some(("m", media_line(value)))
            }
            "o" if media == 0 && !std::mem::replace(&mut origin, true) => {
                Some(("o", origin_line(value).unwrap_or_else(|| UNKNOWN_ORIGIN.to_owned())))
            }
            "s" if media == 0 && !std::mem::replace(&mut name, true) => Some(("s", value.to_owned())),
            "c" if !connection => connection_line(value).map(|value| {
                connection = true;
                ("c", value)
            }),
            "b" => bandwidth_line(value).map(|value| ("b", value)),
            "a" if !value.is_empty() => Some(("a", value.to_owned())),
            _ => None,
        };
        if let Some((key, value)) = value {
            out.push_str(key);
            out.push('=');
            out.push_str(&value);
            out.push_str("\r\n");
        }
    }
    Ok(out)
}

const UNKNOWN_ORIGIN: &str = "- 0 0 IN IP4 0.0.0.0";

fn joined(value: &str) -> String {
    let words: Vec<_> = value.split_ascii_whitespace().collect();
    words.join(" ")
}

fn media_line(value: &str) -> String {
    let line = joined(value);
    match line.split(' ').count() {
        // Refused lines sometimes come without any format; one must stand there.
        3 => line + " 0",
        _ => line,
    }
}

fn origin_line(value: &str) -> Option<String> {
    let words: Vec<_> = value.split_ascii_whitespace().collect();
    let (user, rest) = words.split_at_checked(words.len().checked_sub(5)?)?;
    let [id, version, net, kind, address] = rest else { return None };
    let user = if user.is_empty() { "-".to_owned() } else { user.join("_") };
    let version: u64 = version.parse().ok()?;
    Some(format!("{user} {id} {version} {net} {kind} {address}"))
}

fn connection_line(value: &str) -> Option<String> {
    let line = joined(value);
    (line.split(' ').count() == 3).then_some(line)
}

fn bandwidth_line(value: &str) -> Option<String> {
    let (kind, number) = value.split_once(':')?;
    let number: u64 = number.trim().parse().ok()?;
    Some(format!("{}:{number}", kind.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_lines_are_mended_or_dropped() {
        let text = "v=0\no=Room 12 1 2 IN IP4 192.0.2.1 \nc=IN  IP4  192.0.2.1\nb=AS: 512\nb=AS:many\n\
                    m=audio  5000  RTP/AVP  0  8 \nnonsense\nx=1\nm=video 0 RTP/AVP\na=\n";
        assert_eq!(
            clean(text.as_bytes()).unwrap(),
            "v=0\r\no=Room_12 1 2 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nb=AS:512\r\n\
             m=audio 5000 RTP/AVP 0 8\r\nm=video 0 RTP/AVP 0\r\n"
        );
    }

    #[test]
    fn bounds() {
        let many = format!("v=0\r\n{}", "m=audio 1 RTP/AVP 0\r\n".repeat(MAX_MEDIA + 1));
        assert_eq!(clean(many.as_bytes()), Err(SdpError::TooMany("media lines")));
        assert_eq!(clean(&vec![b'v'; MAX_TEXT + 1]), Err(SdpError::TooMany("octets")));
        assert!(matches!(clean(b"hello"), Err(SdpError::Malformed(_))));
        assert!(matches!(clean(b""), Err(SdpError::Malformed(_))));
    }
}
