//! SIP messages: octets in, requests and responses out, and back (RFC 3261 §7, §18.3, §25).
//!
//! [`parse`] reads one datagram or one message cut from a stream by [`Framer`]. What it accepts has exactly one
//! readable From, To, Call-ID and CSeq and at least one Via, all of them readable; what it refuses comes back as
//! [`Rejected`], with the response to send if one is due. Header values stay as they came; typed accessors on
//! [`Headers`] read them when asked.
//!
//! The reader is our own because endpoints write more than `rsip` reads (folding, compact names, `+sip.instance`,
//! unknown methods); `rsip` supplies the vocabulary of methods and status codes and is named nowhere else.

mod address;
mod body;
mod framer;
mod headers;
mod lex;
mod method;
mod params;
mod parse;
mod status;
mod uri;
mod values;

pub use address::{Contacts, NameAddr};
pub use body::{Message, Request, Response};
pub use framer::{Framed, Framer, FramingError};
pub use headers::{Header, Headers};
pub use method::Method;
pub use params::{Param, Params};
pub use parse::{Rejected, parse};
pub use status::StatusCode;
pub use uri::{Host, Uri};
pub use values::{CSeq, ContentType, MAGIC_COOKIE, Refresher, SessionExpires, Via};

/// The largest message read, in octets.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// The most header fields in one message.
pub const MAX_HEADERS: usize = 256;
/// The longest header field, in octets, continuation lines included.
pub const MAX_HEADER_LINE: usize = 8 * 1024;
/// The most parameters of one value.
const MAX_PARAMS: usize = 64;

/// A header field is not there, is there twice, or cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There is none.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// There may be only one.
    #[error("{0} is repeated")]
    Repeated(&'static str),
    /// Its value breaks the grammar.
    #[error("{0} is malformed: {1}")]
    Malformed(&'static str, &'static str),
}
