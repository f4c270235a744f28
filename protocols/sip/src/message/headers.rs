//! The header fields of one message, in order (RFC 3261 §7.3, §20).

use std::{borrow::Cow, fmt};

use bytes::Bytes;

use super::{
    HeaderError,
    address::{Contacts, NameAddr},
    lex::{self, Fault},
    values::{self, CSeq, ContentType, SessionExpires, Via},
};

/// Known names in their usual spelling, with the compact form where there is one (RFC 3261 §7.3.3 and the IANA list).
const NAMES: &[(&str, Option<u8>)] = &[
    ("Via", Some(b'v')),
    ("From", Some(b'f')),
    ("To", Some(b't')),
    ("Call-ID", Some(b'i')),
    ("CSeq", None),
    ("Contact", Some(b'm')),
    ("Max-Forwards", None),
    ("Content-Type", Some(b'c')),
    ("Content-Length", Some(b'l')),
    ("Content-Encoding", Some(b'e')),
    ("Subject", Some(b's')),
    ("Supported", Some(b'k')),
    ("Allow-Events", Some(b'u')),
    ("Event", Some(b'o')),
    ("Refer-To", Some(b'r')),
    ("Referred-By", Some(b'b')),
    ("Accept-Contact", Some(b'a')),
    ("Reject-Contact", Some(b'j')),
    ("Request-Disposition", Some(b'd')),
    ("Session-Expires", Some(b'x')),
    ("Identity", Some(b'y')),
    ("Identity-Info", Some(b'n')),
    ("Accept", None),
    ("Allow", None),
    ("Authorization", None),
    ("Content-Disposition", None),
    ("Date", None),
    ("Expires", None),
    ("Min-Expires", None),
    ("Min-SE", None),
    ("Path", None),
    ("Proxy-Authenticate", None),
    ("Proxy-Authorization", None),
    ("Proxy-Require", None),
    ("Reason", None),
    ("Record-Route", None),
    ("Require", None),
    ("Retry-After", None),
    ("Route", None),
    ("Server", None),
    ("Session-ID", None),
    ("Unsupported", None),
    ("User-Agent", None),
    ("Warning", None),
    ("WWW-Authenticate", None),
];

/// One header field.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    name: Bytes,
    value: Bytes,
}

impl Header {
    /// The name: known ones in their usual spelling, compact forms expanded; others as they came.
    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.name).unwrap_or_default()
    }

    /// The value's octets: unfolded, without white space at either end, otherwise as they came.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The value; octets that are not UTF-8 (display names in Latin-1) are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }

    pub(super) fn from_wire(name: Bytes, value: Bytes) -> Self {
        let name = canonical(&name).map_or(name, |known| Bytes::from_static(known.as_bytes()));
        Self { name, value }
    }

    fn own(name: &str, value: &str) -> Self {
        let name = match canonical(name.as_bytes()) {
            Some(known) => Bytes::from_static(known.as_bytes()),
            None => name.bytes().filter(|b| lex::is_token_char(*b)).collect(),
        };
        // A line end in a value would let its author write header fields of his own.
        let value = match value.contains(['\r', '\n']) {
            true => Bytes::from(value.replace(['\r', '\n'], " ").trim().to_owned()),
            false => Bytes::copy_from_slice(value.trim().as_bytes()),
        };
        Self { name, value }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digests and identities of others have no place in logs.
        let secret = ["Authorization", "Proxy-Authorization"].iter().any(|name| self.is(name));
        let text = if secret { "…".into() } else { self.text() };
        write!(f, "{}: {text}", self.name())
    }
}

fn canonical(name: &[u8]) -> Option<&'static str> {
    if let [letter] = name {
        let letter = letter.to_ascii_lowercase();
        return NAMES.iter().find(|(_, compact)| *compact == Some(letter)).map(|(full, _)| *full);
    }
    NAMES.iter().find(|(full, _)| full.as_bytes().eq_ignore_ascii_case(name)).map(|(full, _)| *full)
}

/// The header fields of one message. Names are matched without case and in either form; order is kept.
///
/// Content-Length is not among them: it is framing, checked when a message is read and written anew from the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// No header fields.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn from_list(list: Vec<Header>) -> Self {
        Self(list)
    }

    /// All header fields in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Header> {
        self.0.iter()
    }

    /// The number of header fields.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All header fields of this name, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Header> {
        self.0.iter().filter(move |h| h.is(name))
    }

    /// The first value of this name, if it is UTF-8.
    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next().and_then(|h| std::str::from_utf8(&h.value).ok())
    }

    /// True if there is a header field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Appends a header field. Line ends in the value become spaces.
    pub fn push(&mut self, name: &str, value: impl fmt::Display) {
        self.0.push(Header::own(name, &value.to_string()));
    }

    /// Puts a header field before all others: a new top Via or Route.
    pub fn push_front(&mut self, name: &str, value: impl fmt::Display) {
        self.0.insert(0, Header::own(name, &value.to_string()));
    }

    /// Replaces all header fields of this name by one, in the place of the first.
    pub fn set(&mut self, name: &str, value: impl fmt::Display) {
        let header = Header::own(name, &value.to_string());
        match self.0.iter().position(|h| h.is(name)) {
            Some(at) => {
                let mut index = 0;
                self.0.retain(|h| {
                    index += 1;
                    index - 1 <= at || !h.is(name)
                });
                if let Some(slot) = self.0.get_mut(at) {
                    *slot = header;
                }
            }
            None => self.0.push(header),
        }
    }

    /// Takes all header fields of this name away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|h| !h.is(name));
    }

    /// Appends all header fields of this name from another message, octet for octet and in order.
    pub fn copy(&mut self, from: &Self, name: &str) {
        self.0.extend(from.all(name).cloned());
    }

    /// From.
    pub fn from(&self) -> Result<NameAddr, HeaderError> {
        self.one("From", NameAddr::parse)
    }

    /// To.
    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        self.one("To", NameAddr::parse)
    }

    /// CSeq.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        self.one("CSeq", CSeq::parse)
    }

    /// Call-ID.
    pub fn call_id(&self) -> Result<&str, HeaderError> {
        let value = self.single("Call-ID")?.ok_or(HeaderError::Missing("Call-ID"))?;
        match std::str::from_utf8(&value.value) {
            Ok(text) if !text.is_empty() && !text.contains([' ', '\t']) => Ok(text),
            _ => Err(HeaderError::Malformed("Call-ID", "not a word")),
        }
    }

    /// All Via values, topmost first, over however many header fields.
    pub fn vias(&self) -> Result<Vec<Via>, HeaderError> {
        self.list("Via", Via::parse)
    }

    /// The topmost Via value.
    pub fn top_via(&self) -> Result<Via, HeaderError> {
        let header = self.all("Via").next().ok_or(HeaderError::Missing("Via"))?;
        let text = header.text();
        let first = lex::split_list(&text).map(|items| items.first().copied().unwrap_or_default());
        first.and_then(Via::parse).map_err(|fault| HeaderError::Malformed("Via", fault))
    }

    /// Replaces the topmost Via value, leaving the others as they are: for `received` and `rport` (RFC 3581 §4).
    pub fn set_top_via(&mut self, via: &Via) {
        let Some(header) = self.0.iter_mut().find(|h| h.is("Via")) else { return };
        let text = String::from_utf8_lossy(&header.value).into_owned();
        let Ok(items) = lex::split_list(&text) else { return };
        let mut value = via.to_string();
        for item in items.iter().skip(1) {
            value.push_str(", ");
            value.push_str(item);
        }
        *header = Header::own("Via", &value);
    }

    /// Takes the topmost Via value away: what a proxy does to a response.
    pub fn pop_via(&mut self) {
        let Some(at) = self.0.iter().position(|h| h.is("Via")) else { return };
        let Some(header) = self.0.get_mut(at) else { return };
        let text = String::from_utf8_lossy(&header.value).into_owned();
        match lex::split_list(&text) {
            Ok(items) if items.len() > 1 => {
                header.value = items.get(1..).unwrap_or_default().join(", ").into();
            }
            _ => {
                self.0.remove(at);
            }
        }
    }

    /// Contact, in all its forms. Parameters a device invents are kept; one malformed contact is an error, for a
    /// registrar must not take a binding for a query.
    pub fn contacts(&self) -> Result<Contacts, HeaderError> {
        if self.all("Contact").any(|h| h.value.as_ref() == b"*") {
            return match self.all("Contact").count() {
                1 => Ok(Contacts::Any),
                _ => Err(HeaderError::Malformed("Contact", "* beside other contacts")),
            };
        }
        self.list("Contact", NameAddr::parse).map(Contacts::List)
    }

    /// Route.
    pub fn routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.list("Route", NameAddr::parse)
    }

    /// Record-Route.
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.list("Record-Route", NameAddr::parse)
    }

    /// Path (RFC 3327).
    pub fn paths(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.list("Path", NameAddr::parse)
    }

    /// Max-Forwards; `Ok(None)` if there is none, as RFC 2543 elements send. Above 255 it is malformed (§20.22).
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        self.optional("Max-Forwards", |value| {
            lex::number(value).and_then(|n| u8::try_from(n).ok()).ok_or("not a number up to 255")
        })
    }

    /// Expires in seconds; larger numbers than fit mean the largest, what is no number counts as absent (§20.19).
    pub fn expires(&self) -> Option<u32> {
        self.get("Expires").and_then(values::delta_seconds)
    }

    /// Min-Expires in seconds.
    pub fn min_expires(&self) -> Option<u32> {
        self.get("Min-Expires").and_then(values::delta_seconds)
    }

    /// Retry-After in seconds, without its comment and parameters.
    pub fn retry_after(&self) -> Option<u32> {
        self.get("Retry-After")?.split([';', '(', ' ']).next().and_then(values::delta_seconds)
    }

    /// Session-Expires (RFC 4028).
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, HeaderError> {
        self.optional("Session-Expires", SessionExpires::parse)
    }

    /// Min-SE in seconds (RFC 4028).
    pub fn min_se(&self) -> Option<u32> {
        self.get("Min-SE")?.split(';').next().and_then(values::delta_seconds)
    }

    /// Content-Type.
    pub fn content_type(&self) -> Result<Option<ContentType>, HeaderError> {
        self.optional("Content-Type", ContentType::parse)
    }

    /// Option tags of Require, all header fields together.
    pub fn require(&self) -> Vec<String> {
        self.tokens("Require")
    }

    /// Option tags of Proxy-Require.
    pub fn proxy_require(&self) -> Vec<String> {
        self.tokens("Proxy-Require")
    }

    /// Option tags of Supported.
    pub fn supported(&self) -> Vec<String> {
        self.tokens("Supported")
    }

    /// Methods of Allow.
    pub fn allow(&self) -> Vec<String> {
        self.tokens("Allow")
    }

    /// Media ranges of Accept without their parameters, in lower case; empty if there is no Accept.
    pub fn accept(&self) -> Vec<String> {
        let range = |item: String| item.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        self.tokens("Accept").into_iter().map(range).collect()
    }

    /// True if an option tag stands in this header field (`Supported`, `Require`).
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.tokens(name).iter().any(|t| t.eq_ignore_ascii_case(token))
    }

    /// Credentials of Authorization, each as one text (see [`crate::auth`]).
    pub fn authorization(&self) -> impl Iterator<Item = &str> {
        self.all("Authorization").filter_map(|h| std::str::from_utf8(&h.value).ok())
    }

    /// Credentials of Proxy-Authorization.
    pub fn proxy_authorization(&self) -> impl Iterator<Item = &str> {
        self.all("Proxy-Authorization").filter_map(|h| std::str::from_utf8(&h.value).ok())
    }

    /// User-Agent, or Server as responses have it.
    pub fn user_agent(&self) -> Option<&str> {
        self.get("User-Agent").or_else(|| self.get("Server"))
    }

    fn tokens(&self, name: &str) -> Vec<String> {
        let mut out = Vec::new();
        for header in self.all(name) {
            let text = header.text();
            let items = lex::split_list(&text).unwrap_or_default();
            out.extend(items.into_iter().map(str::to_owned));
        }
        out
    }

    /// The only header field of this name; two are an error (RFC 4475 §3.3.8).
    fn single(&self, name: &'static str) -> Result<Option<&Header>, HeaderError> {
        let mut all = self.0.iter().filter(|h| h.is(name));
        let first = all.next();
        match all.next() {
            Some(_) => Err(HeaderError::Repeated(name)),
            None => Ok(first),
        }
    }

    fn optional<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Result<Option<T>, HeaderError> {
        let Some(header) = self.single(name)? else { return Ok(None) };
        parse(&header.text()).map(Some).map_err(|fault| HeaderError::Malformed(name, fault))
    }

    fn one<T>(&self, name: &'static str, parse: impl Fn(&str) -> Result<T, Fault>) -> Result<T, HeaderError> {
        self.optional(name, parse)?.ok_or(HeaderError::Missing(name))
    }

    fn list<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Result<Vec<T>, HeaderError> {
        let mut out = Vec::new();
        for header in self.0.iter().filter(|h| h.is(name)) {
            let text = header.text();
            let items = lex::split_list(&text).map_err(|fault| HeaderError::Malformed(name, fault))?;
            for item in items {
                out.push(parse(item).map_err(|fault| HeaderError::Malformed(name, fault))?);
            }
        }
        Ok(out)
    }
}
