//! `;name=value` parameters of header fields and URIs (RFC 3261 §7.3.1, §19.1.1).

use std::fmt;

use nom::Parser;

use super::lex::{self, Fault};

/// One parameter; the value is kept as it was written, with its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    name: String,
    value: Option<String>,
}

/// An ordered list of parameters. Names are compared without case and with escapes resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<Param>);

impl Params {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) const fn empty() -> Self {
        Self(Vec::new())
    }

    /// The value as written (quotes included); the empty string for a parameter without a value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|p| p.value.as_deref().unwrap_or_default())
    }

    /// The value without quotes, escapes resolved.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(lex::unquote)
    }

    /// True if the parameter is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Sets or replaces a parameter. A value that is not a token should be quoted by the caller; separators and line
    /// ends in it are dropped so that a value can never become a second parameter or header.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(clean_value);
        match self.0.iter_mut().find(|p| same_name(&p.name, name)) {
            Some(param) => param.value = value,
            None => self.0.push(Param { name: name.to_owned(), value }),
        }
    }

    /// Sets or replaces a parameter with a quoted value.
    pub fn set_quoted(&mut self, name: &str, text: &str) {
        self.set(name, Some(&lex::quote(text)));
    }

    /// Takes a parameter away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|p| !same_name(&p.name, name));
    }

    /// Name and value as written, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|p| (p.name.as_str(), p.value.as_deref()))
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, name: &str) -> Option<&Param> {
        self.0.iter().find(|p| same_name(&p.name, name))
    }

    /// Reads `*( SEMI generic-param )` to the end of the text. One trailing semicolon is forgiven; an empty parameter
    /// in the middle is not (RFC 4475 §3.1.2.1).
    pub(super) fn parse_header(mut rest: &str) -> Result<Self, Fault> {
        let mut params = Vec::new();
        loop {
            rest = lex::lws(rest);
            if rest.is_empty() {
                return Ok(Self(params));
            }
            rest = lex::lws(rest.strip_prefix(';').ok_or("unexpected text after the value")?);
            if rest.is_empty() {
                return Ok(Self(params));
            }
            let (after, name) = lex::token(rest).map_err(|_| "empty or malformed parameter name")?;
            rest = lex::lws(after);
            let mut value = None;
            if let Some(after) = rest.strip_prefix('=') {
                let (after, raw) =
                    lex::param_value.parse(lex::lws(after)).map_err(|_| "malformed parameter value")?;
                value = Some(raw.to_owned());
                rest = after;
            }
            params.push(Param { name: name.to_owned(), value });
            if params.len() > super::MAX_PARAMS {
                return Err("too many parameters");
            }
        }
    }

    /// Reads the parameters of a URI: no white space, no quotes. `rest` begins after the first semicolon.
    pub(super) fn parse_uri(rest: &str) -> Result<Self, Fault> {
        let mut params = Vec::new();
        for item in rest.split(';') {
            let (name, value) = match item.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (item, None),
            };
            if name.is_empty() {
                return Err("empty URI parameter");
            }
            params.push(Param { name: name.to_owned(), value });
            if params.len() > super::MAX_PARAMS {
                return Err("too many URI parameters");
            }
        }
        Ok(Self(params))
    }
}

fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || (a.contains('%') && lex::unescape(a).eq_ignore_ascii_case(b))
}

fn clean_value(value: &str) -> String {
    if value.starts_with('"') && lex::quoted(value).is_ok_and(|(rest, _)| rest.is_empty()) {
        return value.replace(['\r', '\n'], " ");
    }
    value.chars().filter(|c| !c.is_control() && !matches!(c, ';' | ',' | '"' | '<' | '>' | ' ')).collect()
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Param { name, value } in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}
