//! Finds the session description in a body (RFC 2046 §5.1, RFC 5621).

use bytes::Bytes;

use crate::message::Headers;

/// The session description of a message: its body, or the `application/sdp` part of a multipart body. Unnamed
/// bodies count as one.
pub(super) fn session_description(headers: &Headers, body: &Bytes) -> Option<Bytes> {
    if body.is_empty() {
        return None;
    }
    let Ok(Some(content_type)) = headers.content_type() else { return Some(body.clone()) };
    if content_type.is("application/sdp") {
        return Some(body.clone());
    }
    if !content_type.essence.starts_with("multipart/") {
        return None;
    }
    let boundary = content_type.params.text("boundary").filter(|b| !b.is_empty() && b.len() <= 70)?;
    let delimiter = format!("--{boundary}");
    let mut starts = find_all(body, delimiter.as_bytes());
    starts.push(body.len());
    starts.windows(2).find_map(|pair| {
        let &[start, end] = pair else { return None };
        let part = body.slice(start + delimiter.len().min(end - start)..end);
        let (head, at) = split_head(&part)?;
        let is_sdp = head.lines().any(|line| {
            line.split_once(':').is_some_and(|(name, value)| {
                let name = name.trim();
                (name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("c"))
                    && value
                        .split(';')
                        .next()
                        .unwrap_or_default()
                        .trim()
                        .eq_ignore_ascii_case("application/sdp")
            })
        });
        let content = part.slice(at..);
        // The line end before the next delimiter belongs to the delimiter.
        let length = content.strip_suffix(b"\r\n").map_or(content.len(), <[u8]>::len);
        is_sdp.then(|| content.slice(..length))
    })
}

/// The most parts looked at.
const MAX_PARTS: usize = 16;

fn find_all(body: &[u8], delimiter: &[u8]) -> Vec<usize> {
    body.windows(delimiter.len())
        .enumerate()
        .filter(|(at, window)| *window == delimiter && (*at == 0 || body.get(at - 1) == Some(&b'\n')))
        .map(|(at, _)| at)
        .take(MAX_PARTS)
        .collect()
}

/// The part's header fields, and where its content begins.
fn split_head(part: &[u8]) -> Option<(String, usize)> {
    let at = part.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = part.get(..at)?;
    Some((String::from_utf8_lossy(head).into_owned(), at + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &str) -> Headers {
        let mut headers = Headers::new();
        headers.push("Content-Type", content_type);
        headers
    }

    #[test]
    fn finds_the_part() {
        let body = Bytes::from_static(
            b"preamble\r\n--x y\r\nContent-Type: text/plain\r\n\r\nv=1\r\n--x y\r\ncontent-type: application/SDP;a=b\r\nContent-ID: <1>\r\n\r\nv=0\r\ns=-\r\n\r\n--x y--\r\n",
        );
        let found = session_description(&headers("multipart/mixed; boundary=\"x y\""), &body);
        assert_eq!(found.as_deref(), Some(&b"v=0\r\ns=-\r\n"[..]));
    }

    #[test]
    fn survives_nonsense() {
        for text in ["--x", "--x--x--x", "--x\r\n\r\n", "", "--x\r\nContent-Type: application/sdp\r\n\r\n"] {
            let body = Bytes::from_static(text.as_bytes());
            let found = session_description(&headers("multipart/mixed;boundary=x"), &body);
            assert!(found.is_none_or(|b| b.is_empty()), "{text:?}");
        }
        assert_eq!(session_description(&headers("multipart/mixed"), &Bytes::from_static(b"--\r\n")), None);
    }
}
