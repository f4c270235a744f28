//! Requests, responses, and how they are written (RFC 3261 §7.1, §7.2, §8.2.6).

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::{headers::Headers, method::Method, status::StatusCode, uri::Uri};

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "self-explanatory")]
pub enum Message {
    Request(Request),
    Response(Response),
}

impl Message {
    /// The header fields of either.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// The body of either.
    pub fn body(&self) -> &Bytes {
        match self {
            Self::Request(request) => &request.body,
            Self::Response(response) => &response.body,
        }
    }

    /// The octets to send.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// Header fields, without Content-Length.
    pub headers: Headers,
    /// The body; empty if there is none.
    pub body: Bytes,
}

impl Request {
    /// A request without header fields.
    pub fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: Headers::new(), body: Bytes::new() }
    }

    /// Appends a header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets the body and its Content-Type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: Bytes) -> Self {
        self.headers.set("Content-Type", content_type);
        self.body = body;
        self
    }

    /// The response to this request (§8.2.6): Via, From, To, Call-ID and CSeq copied octet for octet, the default
    /// reason phrase. A tag for To is the caller's to add ([`Response::set_to_tag`]).
    pub fn response(&self, status: impl Into<StatusCode>) -> Response {
        let mut response = Response::new(status);
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            response.headers.copy(&self.headers, name);
        }
        // RFC 3261 §8.2.6.1: a 100 tells when the request was sent.
        if response.status == 100 {
            response.headers.copy(&self.headers, "Timestamp");
        }
        response
    }

    /// The octets to send, with the right Content-Length.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(1024 + self.body.len());
        start(&mut out, format_args!("{} {} {}", self.method, self.uri, rsip::Version::V2));
        finish(out, &self.headers, &self.body)
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The reason phrase, for people.
    pub reason: String,
    /// Header fields, without Content-Length.
    pub headers: Headers,
    /// The body; empty if there is none.
    pub body: Bytes,
}

impl Response {
    /// A response without header fields, with the default reason phrase.
    pub fn new(status: impl Into<StatusCode>) -> Self {
        let status = status.into();
        Self { status, reason: status.default_reason(), headers: Headers::new(), body: Bytes::new() }
    }

    /// Another reason phrase.
    #[must_use]
    pub fn with_reason(mut self, reason: &str) -> Self {
        self.reason = reason.replace(['\r', '\n'], " ");
        self
    }

    /// Appends a header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets the body and its Content-Type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: Bytes) -> Self {
        self.headers.set("Content-Type", content_type);
        self.body = body;
        self
    }

    /// Gives To a tag if it has none (§8.2.6.2).
    pub fn set_to_tag(&mut self, tag: &str) {
        if let Ok(to) = self.headers.to()
            && !to.params.has("tag")
        {
            let to = to.with_param("tag", Some(tag));
            self.headers.set("To", to);
        }
    }

    /// The octets to send, with the right Content-Length.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(1024 + self.body.len());
        let reason = self.reason.as_str();
        start(&mut out, format_args!("{} {} {reason}", rsip::Version::V2, self.status));
        finish(out, &self.headers, &self.body)
    }
}

fn put(out: &mut BytesMut, text: fmt::Arguments<'_>) {
    // Writing into a growing buffer cannot fail.
    let _ = fmt::Write::write_fmt(out, text);
}

/// The start line stays one line, whatever its parts were made from.
fn start(out: &mut BytesMut, line: fmt::Arguments<'_>) {
    put(out, line);
    for byte in out.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')) {
        *byte = b' ';
    }
    out.put_slice(b"\r\n");
}

fn finish(mut out: BytesMut, headers: &Headers, body: &Bytes) -> Bytes {
    for header in headers.iter().filter(|h| !h.is("Content-Length")) {
        out.put_slice(header.name().as_bytes());
        out.put_slice(b": ");
        out.put_slice(header.value());
        out.put_slice(b"\r\n");
    }
    put(&mut out, format_args!("Content-Length: {}\r\n\r\n", body.len()));
    out.put_slice(body);
    out.freeze()
}
