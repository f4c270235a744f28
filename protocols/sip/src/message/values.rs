//! Typed values of the other header fields: Via, CSeq, Content-Type, Session-Expires.

use std::{fmt, net::IpAddr, str::FromStr};

use super::{
    HeaderError,
    lex::{self, Fault},
    method::Method,
    params::Params,
    uri::Host,
};

/// Every branch made by RFC 3261 begins with this (§8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One Via value (RFC 3261 §20.42, RFC 3581).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The transport token as written: `UDP`, `TCP`, `TLS`, or anything else.
    pub transport: String,
    /// Host of `sent-by`.
    pub host: Host,
    /// Port of `sent-by`.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport`, `maddr`, …
    pub params: Params,
}

impl Via {
    /// A Via of our own, with `rport` asked for.
    pub fn new(transport: &str, host: Host, port: Option<u16>, branch: &str) -> Self {
        let mut params = Params::new();
        params.set("branch", Some(branch));
        params.set("rport", None);
        Self { transport: transport.to_owned(), host, port, params }
    }

    /// The `branch` as written.
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch").filter(|branch| !branch.is_empty())
    }

    /// The branch if it identifies a transaction: it begins with the magic cookie and has something after it.
    /// `None` means that RFC 2543 matching must be used (RFC 3261 §17.2.3, RFC 4475 §3.2.1).
    pub fn rfc3261_branch(&self) -> Option<&str> {
        self.branch().filter(|b| {
            b.len() > MAGIC_COOKIE.len()
                && b.get(..MAGIC_COOKIE.len()).is_some_and(|cookie| cookie.eq_ignore_ascii_case(MAGIC_COOKIE))
        })
    }

    /// The `received` address.
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        text.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// `Some(None)`: `rport` without a value, the sender asks for symmetric responses; `Some(Some(port))`: filled in.
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.get("rport").map(|port| port.parse().ok())
    }

    /// `sent-by` port, or the transport's default.
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or_else(|| if self.transport.eq_ignore_ascii_case("TLS") { 5061 } else { 5060 })
    }

    pub(super) fn parse(value: &str) -> Result<Self, Fault> {
        let (end, transport) = Self::sent_protocol(value)?;
        let rest = lex::lws(end);
        if rest.len() == end.len() {
            return Err("no space before sent-by");
        }
        let (sent_by, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        let (host, port) = Host::parse_with_port(sent_by.trim())?;
        Ok(Self { transport: transport.to_owned(), host, port, params: Params::parse_header(params)? })
    }

    /// `SIP / 2.0 / transport`, white space allowed around the slashes; gives what is left and the transport.
    fn sent_protocol(value: &str) -> Result<(&str, &str), Fault> {
        let slash = |rest| lex::lws(rest).strip_prefix('/').map(lex::lws).ok_or("malformed sent-protocol");
        let word = |rest| lex::token(rest).map_err(|_| "malformed sent-protocol");
        let (rest, name) = word(lex::lws(value))?;
        let (rest, version) = word(slash(rest)?)?;
        if !name.eq_ignore_ascii_case("SIP") || version != "2.0" {
            return Err("sent-protocol is not SIP/2.0");
        }
        word(slash(rest)?)
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)
    }
}

impl FromStr for Via {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).map_err(|fault| HeaderError::Malformed("Via", fault))
    }
}

/// The CSeq header field (RFC 3261 §20.16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2^31 by §8.1.1.5.
    pub number: u32,
    /// The request's method.
    pub method: Method,
}

impl CSeq {
    /// A CSeq of our own.
    pub fn new(number: u32, method: Method) -> Self {
        Self { number, method }
    }

    pub(super) fn parse(value: &str) -> Result<Self, Fault> {
        let (number, method) = value.trim().split_once([' ', '\t']).ok_or("no method")?;
        let number = lex::number(number).and_then(|n| u32::try_from(n).ok()).filter(|n| *n < 1 << 31);
        let method = method.trim();
        if !lex::is_token(method) {
            return Err("malformed method");
        }
        Ok(Self { number: number.ok_or("number out of range")?, method: Method::from_token(method) })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// The Content-Type header field (RFC 3261 §20.15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    /// `type/subtype` in lower case: `application/sdp`.
    pub essence: String,
    /// `charset`, `boundary`, …
    pub params: Params,
}

impl ContentType {
    pub(super) fn parse(value: &str) -> Result<Self, Fault> {
        let (essence, params) = value.split_at(value.find(';').unwrap_or(value.len()));
        let (kind, subtype) = essence.split_once('/').ok_or("no subtype")?;
        let (kind, subtype) = (kind.trim(), subtype.trim());
        if !lex::is_token(kind) || !lex::is_token(subtype) {
            return Err("malformed media type");
        }
        let essence = format!("{kind}/{subtype}").to_ascii_lowercase();
        Ok(Self { essence, params: Params::parse_header(params)? })
    }

    /// True for this `type/subtype`, given in lower case.
    pub fn is(&self, essence: &str) -> bool {
        self.essence == essence
    }
}

/// The Session-Expires header field (RFC 4028 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// Seconds.
    pub delta_seconds: u32,
    /// Who refreshes, if said.
    pub refresher: Option<Refresher>,
}

/// Who refreshes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the RFC's own words")]
pub enum Refresher {
    Uac,
    Uas,
}

impl SessionExpires {
    pub(super) fn parse(value: &str) -> Result<Self, Fault> {
        let (seconds, params) = value.split_at(value.find(';').unwrap_or(value.len()));
        let params = Params::parse_header(params)?;
        let refresher = match params.get("refresher") {
            Some(r) if r.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(r) if r.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            _ => None,
        };
        Ok(Self { delta_seconds: delta_seconds(seconds).ok_or("malformed number")?, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.delta_seconds)?;
        match self.refresher {
            Some(Refresher::Uac) => f.write_str(";refresher=uac"),
            Some(Refresher::Uas) => f.write_str(";refresher=uas"),
            None => Ok(()),
        }
    }
}

/// Seconds; what is larger than 2^32-1 means 2^32-1 (RFC 3261 §20.19).
pub(super) fn delta_seconds(text: &str) -> Option<u32> {
    lex::number(text.trim()).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
}
