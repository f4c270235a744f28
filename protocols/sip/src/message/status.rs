//! Status codes and their default reason phrases (RFC 3261 §21).

use std::fmt;

/// A response's status code, 100 to 699.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(u16);

impl StatusCode {
    /// Reads a code from the wire: `None` outside 100..=699.
    pub fn new(code: u16) -> Option<Self> {
        (100..700).contains(&code).then_some(Self(code))
    }

    /// The number.
    pub fn code(self) -> u16 {
        self.0
    }

    /// 1xx.
    pub fn is_provisional(self) -> bool {
        self.0 < 200
    }

    /// 2xx.
    pub fn is_success(self) -> bool {
        (200..300).contains(&self.0)
    }

    /// 2xx to 6xx.
    pub fn is_final(self) -> bool {
        self.0 >= 200
    }

    /// The phrase that goes with the code when nobody gives a better one.
    pub fn default_reason(self) -> String {
        match self.0 {
            // Phrases that the vocabulary cannot spell: it keeps them as identifiers.
            414 => return "Request-URI Too Long".to_owned(),
            481 => return "Call/Transaction Does Not Exist".to_owned(),
            504 => return "Server Time-out".to_owned(),
            505 => return "Version Not Supported".to_owned(),
            606 => return "Not Acceptable".to_owned(),
            _ => {}
        }
        match rsip::StatusCode::from(self.0) {
            rsip::StatusCode::Other(..) => match self.0 / 100 {
                1 => "Progress",
                2 => "OK",
                3 => "Redirection",
                4 => "Request Failure",
                5 => "Server Failure",
                _ => "Global Failure",
            }
            .to_owned(),
            known => words(known.to_string().split_once(' ').map_or("", |(_, name)| name)),
        }
    }
}

/// `BusyHere` to `Busy Here`.
fn words(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    let mut previous_lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && previous_lower {
            out.push(' ');
        }
        previous_lower = c.is_ascii_lowercase();
        out.push(c);
    }
    out
}

impl From<u16> for StatusCode {
    /// For codes of our own making; a number outside 100..=699 becomes 500.
    fn from(code: u16) -> Self {
        Self::new(code).unwrap_or(Self(500))
    }
}

impl PartialEq<u16> for StatusCode {
    fn eq(&self, other: &u16) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
