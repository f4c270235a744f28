//! `name-addr` values: From, To, Contact, Route, Record-Route (RFC 3261 §20.10, §25.1).

use std::{fmt, str::FromStr};

use super::{
    HeaderError,
    lex::{self, Fault},
    params::Params,
    uri::Uri,
};

/// A display name, a URI and the header's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name without quotes and escapes; `None` if there is none.
    pub display: Option<String>,
    /// The address.
    pub uri: Uri,
    /// Header parameters: `tag`, `expires`, `q`, `+sip.instance`.
    pub params: Params,
}

impl NameAddr {
    /// An address without display name and parameters.
    pub fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::new() }
    }

    /// The `tag` parameter; an empty one counts as none.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// Adds or replaces a header parameter.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params.set(name, value);
        self
    }

    /// Sets the display name.
    #[must_use]
    pub fn with_display(mut self, display: &str) -> Self {
        self.display = Some(display.to_owned());
        self
    }

    pub(super) fn parse(value: &str) -> Result<Self, Fault> {
        let parts = Parts::split(value)?;
        Ok(Self {
            display: parts.display(),
            uri: Uri::parse(parts.uri)?,
            params: Params::parse_header(parts.params)?,
        })
    }
}

/// The three spans of one value.
struct Parts<'a> {
    display: &'a str,
    uri: &'a str,
    params: &'a str,
}

impl<'a> Parts<'a> {
    fn split(value: &'a str) -> Result<Self, Fault> {
        let value = value.trim();
        if value.starts_with('"') {
            let (rest, display) = lex::quoted(value).map_err(|_| "unbalanced quotes")?;
            let rest = lex::lws(rest).strip_prefix('<').ok_or("no address after the display name")?;
            return Self::angled(display, rest);
        }
        if let Some((display, rest)) = value.split_once('<') {
            // Devices send more than tokens without quotes ("Room 12 (2nd floor)"); what would make the value
            // ambiguous is refused (RFC 4475 §3.1.2.15).
            if display.contains(['"', ',', ';', '>']) {
                return Err("display name needs quotes");
            }
            return Self::angled(display.trim(), rest);
        }
        // Without brackets parameters belong to the header, and a URI with `?` or `,` is not allowed (§20.10).
        let end = value.find([';', ' ', '\t']).unwrap_or(value.len());
        let (uri, params) = value.split_at(end);
        if uri.contains(['?', ',']) {
            return Err("URI needs angle brackets");
        }
        Ok(Self { display: "", uri, params })
    }

    fn angled(display: &'a str, rest: &'a str) -> Result<Self, Fault> {
        let (uri, params) = rest.split_once('>').ok_or("unbalanced angle brackets")?;
        Ok(Self { display, uri, params })
    }

    fn display(&self) -> Option<String> {
        (!self.display.is_empty()).then(|| lex::unquote(self.display))
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", lex::quote(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

impl FromStr for NameAddr {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).map_err(|fault| HeaderError::Malformed("address", fault))
    }
}

/// The Contact header fields of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contacts {
    /// `Contact: *`: all bindings (RFC 3261 §10.2.2).
    Any,
    /// The contacts in order; empty if the message has no Contact.
    List(Vec<NameAddr>),
}

impl Contacts {
    /// The first contact: the remote target of a dialog.
    pub fn first(&self) -> Option<&NameAddr> {
        match self {
            Self::Any => None,
            Self::List(list) => list.first(),
        }
    }
}
