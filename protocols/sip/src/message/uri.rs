//! SIP and SIPS URIs (RFC 3261 §19.1); any other scheme is kept as opaque text.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use super::{
    HeaderError,
    lex::{self, Fault},
    params::Params,
};

/// A host: a name or an address. Names are equal without case.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "self-explanatory")]
pub enum Host {
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Host {
    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(ip) => Some((*ip).into()),
            Self::V6(ip) => Some((*ip).into()),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        if let Some(inside) = text.strip_prefix('[') {
            let inside = inside.strip_suffix(']').ok_or("unfinished IPv6 reference")?;
            return inside.parse().map(Self::V6).map_err(|_| "malformed IPv6 reference");
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::V4(ip));
        }
        // Underscores are no part of the grammar but of many an office's host names.
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        if text.is_empty() || !text.bytes().all(allowed) {
            return Err("malformed host");
        }
        Ok(Self::Name(text.to_owned()))
    }

    /// Splits `host [":" port]`, with white space around the colon as §25.1 allows in header fields.
    pub(super) fn parse_with_port(text: &str) -> Result<(Self, Option<u16>), Fault> {
        let end = if text.starts_with('[') { text.find(']').map_or(text.len(), |at| at + 1) } else { 0 };
        let (bracketed, tail) = text.split_at(end);
        match tail.split_once(':') {
            Some((host, port)) => {
                let host = if end == 0 {
                    host.trim_end()
                } else if host.trim().is_empty() {
                    bracketed
                } else {
                    ""
                };
                let port =
                    lex::number(port.trim()).and_then(|p| u16::try_from(p).ok()).ok_or("malformed port")?;
                Ok((Self::parse(host)?, Some(port)))
            }
            None => Ok((Self::parse(text)?, None)),
        }
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) => a.eq_ignore_ascii_case(b),
            (Self::V4(a), Self::V4(b)) => a == b,
            (Self::V6(a), Self::V6(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Host {}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => Self::V6(ip),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(ip) => ip.fmt(f),
            Self::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

/// A URI. `Display` writes it as it goes on the wire; `Debug` leaves a password out, so log with `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Uri(Inner);

#[derive(Clone, PartialEq, Eq)]
enum Inner {
    Sip(Box<SipUri>),
    /// `tel:`, `urn:`, `http:` and whatever else: scheme and the rest.
    Opaque {
        scheme: String,
        rest: String,
    },
}

#[derive(Clone, PartialEq, Eq)]
struct SipUri {
    secure: bool,
    /// As written, escapes included.
    user: Option<String>,
    password: Option<String>,
    host: Host,
    port: Option<u16>,
    params: Params,
    /// Name and value as written.
    headers: Vec<(String, String)>,
}

static NO_PARAMS: Params = Params::empty();

impl Uri {
    /// A `sip:` URI; the user is plain text and is escaped as needed.
    pub fn sip(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        let user = user.filter(|u| !u.is_empty()).map(escape_user);
        let params = Params::new();
        Self(Inner::Sip(Box::new(SipUri {
            secure: false,
            user,
            password: None,
            host,
            port,
            params,
            headers: Vec::new(),
        })))
    }

    /// The same with the scheme `sips:`.
    pub fn sips(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        let mut uri = Self::sip(user, host, port);
        if let Inner::Sip(sip) = &mut uri.0 {
            sip.secure = true;
        }
        uri
    }

    /// Adds or replaces a URI parameter; nothing happens to a URI of another scheme.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        if let Inner::Sip(sip) = &mut self.0 {
            sip.params.set(name, value);
        }
        self
    }

    /// The scheme in lower case.
    pub fn scheme(&self) -> &str {
        match &self.0 {
            Inner::Sip(sip) if sip.secure => "sips",
            Inner::Sip(_) => "sip",
            Inner::Opaque { scheme, .. } => scheme,
        }
    }

    /// `sip:` or `sips:`; everything else is answered with 416 where it matters.
    pub fn is_sip(&self) -> bool {
        matches!(self.0, Inner::Sip(_))
    }

    /// `sips:`.
    pub fn is_sips(&self) -> bool {
        matches!(&self.0, Inner::Sip(sip) if sip.secure)
    }

    /// The user part with its escapes resolved; it may hold any character, NUL and `@` included.
    pub fn user(&self) -> Option<Cow<'_, str>> {
        self.as_sip()?.user.as_deref().map(lex::unescape)
    }

    /// The host; none for other schemes.
    pub fn host(&self) -> Option<&Host> {
        self.as_sip().map(|sip| &sip.host)
    }

    /// The port as written.
    pub fn port(&self) -> Option<u16> {
        self.as_sip()?.port
    }

    /// The port to use when DNS says nothing: as written, else 5061 for `sips:` and `transport=tls`, else 5060.
    pub fn port_or_default(&self) -> u16 {
        let tls = self.is_sips() || self.transport().is_some_and(|t| t.eq_ignore_ascii_case("tls"));
        self.port().unwrap_or(if tls { 5061 } else { 5060 })
    }

    /// URI parameters; empty for other schemes.
    pub fn params(&self) -> &Params {
        self.as_sip().map_or(&NO_PARAMS, |sip| &sip.params)
    }

    /// The `transport` parameter.
    pub fn transport(&self) -> Option<&str> {
        self.params().get("transport").filter(|t| !t.is_empty())
    }

    /// Loose routing is asked for (`lr`, RFC 3261 §16.12).
    pub fn is_loose_router(&self) -> bool {
        self.params().has("lr")
    }

    /// Header fields carried after `?`, as written. They have no place in a Request-URI.
    pub fn headers(&self) -> &[(String, String)] {
        self.as_sip().map_or(&[], |sip| &sip.headers)
    }

    /// What stands after the scheme of a URI that is not SIP.
    pub fn opaque(&self) -> Option<&str> {
        match &self.0 {
            Inner::Opaque { rest, .. } => Some(rest),
            Inner::Sip(_) => None,
        }
    }

    /// The canonical form of an address-of-record (§10.3 step 5): `user@host`, escapes resolved, host in lower case,
    /// no scheme, port, parameters or headers; `host` alone if there is no user.
    pub fn aor(&self) -> Option<String> {
        let host = self.host()?.to_string().to_ascii_lowercase();
        Some(match self.user() {
            Some(user) => format!("{user}@{host}"),
            None => host,
        })
    }

    /// Equality as RFC 3261 §19.1.4 defines it. (It is not transitive, therefore not `==`.)
    pub fn equivalent(&self, other: &Self) -> bool {
        let (Some(a), Some(b)) = (self.as_sip(), other.as_sip()) else {
            return self == other;
        };
        let same_text = |a: &Option<String>, b: &Option<String>| match (a, b) {
            (Some(a), Some(b)) => lex::unescape(a) == lex::unescape(b),
            (None, None) => true,
            _ => false,
        };
        if a.secure != b.secure
            || a.host != b.host
            || a.port != b.port
            || !same_text(&a.user, &b.user)
            || !same_text(&a.password, &b.password)
        {
            return false;
        }
        let same_value = |x: &str, y: &str| lex::unescape(x).eq_ignore_ascii_case(&lex::unescape(y));
        // These four must agree even when only one side names them; `transport` is treated the same way, since a
        // missing one never means a particular transport.
        for name in ["user", "ttl", "method", "maddr", "transport"] {
            match (a.params.get(name), b.params.get(name)) {
                (Some(x), Some(y)) if same_value(x, y) => {}
                (None, None) => {}
                _ => return false,
            }
        }
        let shared_params_agree = a.params.iter().all(|(name, x)| {
            b.params.get(&lex::unescape(name)).is_none_or(|y| same_value(x.unwrap_or_default(), y))
        });
        let contains = |all: &[(String, String)], (name, value): &(String, String)| {
            all.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && lex::unescape(v) == lex::unescape(value))
        };
        shared_params_agree
            && a.headers.len() == b.headers.len()
            && a.headers.iter().all(|h| contains(&b.headers, h))
            && b.headers.iter().all(|h| contains(&a.headers, h))
    }

    fn as_sip(&self) -> Option<&SipUri> {
        match &self.0 {
            Inner::Sip(sip) => Some(sip),
            Inner::Opaque { .. } => None,
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"')) {
            return Err("white space or delimiters in a URI");
        }
        let (scheme, rest) = text.split_once(':').ok_or("URI without a scheme")?;
        let scheme_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(scheme_char) {
            return Err("malformed URI scheme");
        }
        let secure = scheme.eq_ignore_ascii_case("sips");
        if !secure && !scheme.eq_ignore_ascii_case("sip") {
            if rest.is_empty() {
                return Err("empty URI");
            }
            return Ok(Self(Inner::Opaque { scheme: scheme.to_ascii_lowercase(), rest: rest.to_owned() }));
        }
        // `;`, `?`, `/` and `:` may stand in the user part, so the first `@` decides (RFC 4475 §3.1.1.9).
        let (user, password, rest) = match rest.split_once('@') {
            Some((userinfo, rest)) => {
                let (user, password) = match userinfo.split_once(':') {
                    Some((user, password)) => (user, Some(password.to_owned())),
                    None => (userinfo, None),
                };
                if user.is_empty() {
                    return Err("empty user part");
                }
                (Some(user.to_owned()), password, rest)
            }
            None => (None, None, rest),
        };
        let (rest, headers) = match rest.split_once('?') {
            Some((rest, headers)) => (rest, parse_headers(headers)?),
            None => (rest, Vec::new()),
        };
        let (hostport, params) = match rest.split_once(';') {
            Some((hostport, params)) => (hostport, Params::parse_uri(params)?),
            None => (rest, Params::new()),
        };
        let (host, port) = Host::parse_with_port(hostport)?;
        Ok(Self(Inner::Sip(Box::new(SipUri { secure, user, password, host, port, params, headers }))))
    }
}

fn parse_headers(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let mut headers = Vec::new();
    for item in text.split('&') {
        let (name, value) = item.split_once('=').ok_or("URI header without a value")?;
        if name.is_empty() {
            return Err("URI header without a name");
        }
        headers.push((name.to_owned(), value.to_owned()));
        if headers.len() > super::MAX_PARAMS {
            return Err("too many URI headers");
        }
    }
    Ok(headers)
}

/// Escapes everything that is not allowed in the user part (§25.1 `unreserved` and `user-unreserved`).
fn escape_user(user: &str) -> String {
    let mut out = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

impl SipUri {
    fn write(&self, f: &mut fmt::Formatter<'_>, with_password: bool) -> fmt::Result {
        f.write_str(if self.secure { "sips:" } else { "sip:" })?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            match &self.password {
                Some(password) if with_password => write!(f, ":{password}")?,
                Some(_) => f.write_str(":…")?,
                None => {}
            }
            f.write_str("@")?;
        }
        fmt::Display::fmt(&self.host, f)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        fmt::Display::fmt(&self.params, f)?;
        for (at, (name, value)) in self.headers.iter().enumerate() {
            write!(f, "{}{name}={value}", if at == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Sip(sip) => sip.write(f, true),
            Inner::Opaque { scheme, rest } => write!(f, "{scheme}:{rest}"),
        }
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Sip(sip) => sip.write(f, false),
            Inner::Opaque { scheme, rest } => write!(f, "{scheme}:{rest}"),
        }
    }
}

impl FromStr for Uri {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).map_err(|fault| HeaderError::Malformed("URI", fault))
    }
}
