//! Reads one whole message (RFC 3261 §7, §8.2.6, §18.3, §20).

use bytes::Bytes;

use super::{
    HeaderError, MAX_HEADER_LINE, MAX_HEADERS, MAX_MESSAGE, Message, Method, Request, Response, StatusCode,
    Uri,
    headers::{Header, Headers},
    lex,
};

/// A message that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What is wrong with it, for logs and the reason phrase.
    pub fault: String,
    /// What to answer, if it was a request that can be answered. To has no tag yet.
    pub response: Option<Response>,
}

/// Reads one datagram, or one message cut from a stream. Octets after the body are dropped (§18.3).
///
/// # Errors
/// [`Rejected`], with 400, 416 or 505 to send where an answer is due.
pub fn parse(bytes: &Bytes) -> Result<Message, Rejected> {
    if bytes.len() > MAX_MESSAGE {
        return Err(Rejected::silent("message too large"));
    }
    let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(bytes.len());
    let (line, mut at) = next_line(bytes, start).ok_or_else(|| Rejected::silent("no start line"))?;
    let start_line = bytes.slice(line);
    let (headers, length, fault) = read_headers(bytes, &mut at);
    let body = bytes.slice(at.min(bytes.len())..);
    let text = String::from_utf8_lossy(&start_line).into_owned();
    let fault = fault.map_or(Ok(()), Err).and_then(|()| cut(body, length));
    if text.get(..4).is_some_and(|s| s.eq_ignore_ascii_case("SIP/")) {
        return response(&text, headers, fault)
            .map(Message::Response)
            .map_err(|fault| Rejected::silent(&fault));
    }
    match request(&text, headers.clone(), fault) {
        Ok(request) => Ok(Message::Request(request)),
        Err((status, fault)) => Err(Rejected::answered(&text, &headers, status, fault)),
    }
}

impl Rejected {
    fn silent(fault: &str) -> Self {
        Self { fault: fault.to_owned(), response: None }
    }

    /// Whatever can be read of what an answer must carry is copied (RFC 4475 §3.1.2).
    fn answered(start_line: &str, headers: &Headers, status: u16, fault: String) -> Self {
        let ack = start_line.starts_with("ACK ");
        let Some(status) = StatusCode::new(status).filter(|_| !ack && headers.has("Via")) else {
            return Self { fault, response: None };
        };
        let mut response = Response::new(status);
        if status == 400 {
            response = response.with_reason(&format!("Bad Request ({fault})"));
        }
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            response.headers.copy(headers, name);
        }
        Self { fault, response: Some(response) }
    }
}

fn request(line: &str, headers: Headers, body: Result<Bytes, String>) -> Result<Request, (u16, String)> {
    let bad = |fault: &str| (400, fault.to_owned());
    let mut words = line.split(' ');
    let (Some(method), Some(uri), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad("malformed request line"));
    };
    if !lex::is_token(method) {
        return Err(bad("malformed method"));
    }
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        let known = version.get(..4).is_some_and(|s| s.eq_ignore_ascii_case("SIP/"));
        return Err(if known { (505, "not SIP/2.0".to_owned()) } else { bad("malformed version") });
    }
    let uri = Uri::parse(uri).map_err(bad)?;
    if !uri.headers().is_empty() {
        return Err(bad("header fields in the Request-URI"));
    }
    let body = body.map_err(|fault| (400, fault))?;
    let method = Method::from_token(method);
    check(&headers, Some(&method)).map_err(|fault| (400, fault))?;
    headers.max_forwards().map_err(|fault| (400, fault.to_string()))?;
    Ok(Request { method, uri, headers, body })
}

fn response(line: &str, headers: Headers, body: Result<Bytes, String>) -> Result<Response, String> {
    let mut words = line.splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return Err("not SIP/2.0".to_owned());
    }
    let digits = words.next().filter(|d| d.len() == 3).and_then(lex::number);
    let status = digits.and_then(|n| u16::try_from(n).ok()).and_then(StatusCode::new);
    let status = status.ok_or("malformed status code")?;
    let reason = words.next().unwrap_or_default().replace('\r', " ");
    let body = body?;
    check(&headers, None)?;
    Ok(Response { status, reason, headers, body })
}

/// What every message must have, readable and once.
fn check(headers: &Headers, method: Option<&Method>) -> Result<(), String> {
    let text = |fault: HeaderError| fault.to_string();
    if headers.vias().map_err(text)?.is_empty() {
        return Err("Via is missing".to_owned());
    }
    headers.from().map_err(text)?;
    headers.to().map_err(text)?;
    headers.call_id().map_err(text)?;
    let cseq = headers.cseq().map_err(text)?;
    if method.is_some_and(|method| *method != cseq.method) {
        return Err("CSeq names another method".to_owned());
    }
    Ok(())
}

/// The body as Content-Length says; without one, all that is left (§18.3).
fn cut(body: Bytes, length: Option<usize>) -> Result<Bytes, String> {
    match length {
        Some(length) if length > body.len() => Err("Content-Length is larger than the body".to_owned()),
        Some(length) => Ok(body.slice(..length)),
        None => Ok(body),
    }
}

/// Reads header fields up to the empty line. What can be read is returned even if some of it cannot, so that an
/// answer can be built.
fn read_headers(bytes: &Bytes, at: &mut usize) -> (Headers, Option<usize>, Option<String>) {
    let mut list = Vec::new();
    let mut length = None;
    let mut fault: Option<&str> = None;
    loop {
        let Some((line, after)) = next_line(bytes, *at) else {
            fault = fault.or(Some("no end of the header fields"));
            *at = bytes.len();
            break;
        };
        *at = after;
        if line.is_empty() {
            break;
        }
        // Folding (§7.3.1): lines that begin with white space belong to the one before.
        let mut end = line.end;
        let mut folded = false;
        while matches!(bytes.get(*at), Some(b' ' | b'\t')) {
            let Some((more, after)) = next_line(bytes, *at) else { break };
            (end, *at, folded) = (more.end, after, true);
        }
        if end - line.start > MAX_HEADER_LINE || list.len() >= MAX_HEADERS {
            fault = fault.or(Some("header fields too large"));
            continue;
        }
        let whole = bytes.slice(line.start..end);
        // Some take a lone CR for a line end: passed on, it would become a header field of its author's choice.
        if has_lone_cr(&whole) {
            fault = fault.or(Some("CR within a header field"));
            continue;
        }
        let Some(colon) = whole.iter().position(|b| *b == b':') else {
            fault = fault.or(Some("header field without a colon"));
            continue;
        };
        let name = trim(&whole.slice(..colon));
        if !std::str::from_utf8(&name).is_ok_and(lex::is_token) {
            fault = fault.or(Some("malformed header field name"));
            continue;
        }
        let value = trim(&whole.slice(colon + 1..));
        let value = if folded { unfold(&value) } else { value };
        if name.eq_ignore_ascii_case(b"Content-Length") || name.eq_ignore_ascii_case(b"l") {
            let number = std::str::from_utf8(&value).ok().and_then(lex::number);
            match number.and_then(|n| usize::try_from(n).ok()) {
                Some(n) if length.is_none() => length = Some(n),
                Some(_) => fault = fault.or(Some("Content-Length is repeated")),
                None => fault = fault.or(Some("Content-Length is malformed")),
            }
            continue;
        }
        list.push(Header::from_wire(name, value));
    }
    (Headers::from_list(list), length, fault.map(str::to_owned))
}

/// The line that begins at `from`, without its end, and where the next begins.
fn next_line(bytes: &Bytes, from: usize) -> Option<(std::ops::Range<usize>, usize)> {
    let rest = bytes.get(from..)?;
    let feed = rest.iter().position(|b| *b == b'\n')?;
    let end = if feed > 0 && rest.get(feed - 1) == Some(&b'\r') { feed - 1 } else { feed };
    Some((from..from + end, from + feed + 1))
}

fn has_lone_cr(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().any(|(at, b)| *b == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
}

fn trim(bytes: &Bytes) -> Bytes {
    let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let Some(start) = bytes.iter().position(|b| !space(b)) else { return Bytes::new() };
    let end = bytes.iter().rposition(|b| !space(b)).map_or(start, |at| at + 1);
    bytes.slice(start..end)
}

/// Line ends and the white space around them become one space.
fn unfold(value: &Bytes) -> Bytes {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if matches!(byte, b'\r' | b'\n') {
            while matches!(out.last(), Some(b' ' | b'\t')) {
                out.pop();
            }
            while bytes.next_if(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).is_some() {}
            out.push(b' ');
        } else {
            out.push(byte);
        }
    }
    out.into()
}
