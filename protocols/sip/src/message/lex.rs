//! Lexical rules shared by all header values (RFC 3261 §25.1), over values that are already unfolded.
//!
//! nom parsers for the small pieces; they never allocate. Where devices are known to be sloppier than the grammar the
//! function says so.

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{take_while, take_while1},
    character::complete::char,
    combinator::recognize,
    sequence::delimited,
};

/// Why a value could not be read; a short phrase for a log or a reason phrase.
pub(super) type Fault = &'static str;

/// `token` characters of RFC 3261 §25.1.
pub(super) fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// True if the text is one non-empty token.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_char)
}

/// Skips white space. Folding is gone by now; stray CR and LF inside values count as white space.
pub(super) fn lws(input: &str) -> &str {
    input.trim_start_matches([' ', '\t', '\r', '\n'])
}

pub(super) fn token(input: &str) -> IResult<&str, &str> {
    take_while1(|c: char| u8::try_from(c).is_ok_and(is_token_char)).parse(input)
}

/// A quoted string with its quotes; a backslash escapes any one character.
pub(super) fn quoted(input: &str) -> IResult<&str, &str> {
    fn inside(input: &str) -> IResult<&str, &str> {
        let mut escaped = false;
        for (at, c) in input.char_indices() {
            match (escaped, c) {
                (true, _) => escaped = false,
                (false, '\\') => escaped = true,
                (false, '"') => {
                    let (inside, rest) = input.split_at(at);
                    return Ok((rest, inside));
                }
                (false, _) => {}
            }
        }
        Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::TakeUntil)))
    }
    recognize(delimited(char('"'), inside, char('"'))).parse(input)
}

/// A parameter's value: quoted string, token, host or IPv6 reference; and, as devices send them, anything else
/// without separators (`epid=`, base64 with `=`, URNs).
pub(super) fn param_value(input: &str) -> IResult<&str, &str> {
    let loose = take_while(|c: char| {
        !c.is_control() && !matches!(c, ';' | ',' | '"' | '<' | '>' | ' ' | '\t' | '\r' | '\n')
    });
    alt((quoted, loose)).parse(input)
}

/// The text of a quoted string without quotes and escapes; other text as it is.
pub(super) fn unquote(raw: &str) -> String {
    let Some(inside) = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')) else { return raw.to_owned() };
    let mut out = String::with_capacity(inside.len());
    let mut escaped = false;
    for c in inside.chars() {
        if escaped || c != '\\' {
            out.push(c);
            escaped = false;
        } else {
            escaped = true;
        }
    }
    out
}

/// Puts text in quotes and escapes what must be escaped; control characters other than tab become spaces.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\r' | '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Splits a header value at its top-level commas: those outside quotes and angle brackets. Blank elements are
/// left out (RFC 7230 §7 tolerance); an unfinished quote or bracket is a fault.
pub(super) fn split_list(value: &str) -> Result<Vec<&str>, Fault> {
    let mut items = Vec::new();
    let (mut start, mut in_quotes, mut escaped, mut in_angle) = (0, false, false, false);
    for (at, byte) in value.bytes().enumerate() {
        if in_quotes {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_quotes = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_quotes = true,
            b'<' => in_angle = true,
            b'>' => in_angle = false,
            b',' if !in_angle => {
                items.push(value.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if in_quotes {
        return Err("unbalanced quotes");
    }
    if in_angle {
        return Err("unbalanced angle brackets");
    }
    items.push(value.get(start..).unwrap_or_default().trim());
    items.retain(|item| !item.is_empty());
    Ok(items)
}

/// A decimal number that may have leading zeros; `None` if it is not one, `u64::MAX` if it is too large.
pub(super) fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

/// `%xx` escapes resolved (RFC 3261 §19.1.2); a percent sign that begins no escape stays as it is.
pub(super) fn unescape(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let pair = (byte == b'%').then(|| Some((hex(ahead.next()?)?, hex(ahead.next()?)?))).flatten();
        match pair {
            Some((high, low)) => {
                out.push(high * 16 + low);
                bytes = ahead;
            }
            None => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned().into()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}
