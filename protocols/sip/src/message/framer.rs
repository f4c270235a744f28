//! Cuts messages from a stream (RFC 3261 §18.3, RFC 5626 §3.5.1).

use bytes::{Buf, Bytes, BytesMut};

use super::{MAX_MESSAGE, lex};

/// What came off a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// One whole message, for [`parse`](super::parse).
    Message(Bytes),
    /// A keep-alive (two line ends between messages): one line end goes back.
    Ping,
}

/// The stream cannot be followed any more: close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// Over TCP and TLS every message must tell its length.
    #[error("no single readable Content-Length")]
    NoLength,
    /// A message larger than [`MAX_MESSAGE`].
    #[error("message too large")]
    TooLarge,
}

/// Collects the octets of one connection.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// What of the buffer holds no end of header fields.
    searched: usize,
    /// A message has come whose length cannot be read.
    lost: bool,
}

impl Framer {
    /// A framer for a fresh connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends what came.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// Whether part of a message has come and its rest has not.
    pub fn is_within_message(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next thing on the stream; `None` if more octets are needed. Call until `None` after every push.
    ///
    /// What has a Content-Length that cannot be read comes once, without its body, so that [`parse`](super::parse)
    /// makes its 400 (RFC 4475 §3.1.2.2); the error comes after it.
    ///
    /// # Errors
    /// [`FramingError`]: nothing after this can be trusted.
    pub fn next_framed(&mut self) -> Result<Option<Framed>, FramingError> {
        if self.lost {
            return Err(FramingError::NoLength);
        }
        while self.buffer.starts_with(b"\r\n") {
            match self.buffer.get(2..4) {
                Some(b"\r\n") => {
                    self.buffer.advance(4);
                    return Ok(Some(Framed::Ping));
                }
                // Half a ping, or a line end before a message: the next octets tell.
                None => return Ok(None),
                // A line end before a message is skipped (§7.5).
                Some(_) => self.buffer.advance(2),
            }
        }
        let Some(end) = self.end_of_headers() else {
            return if self.buffer.len() > MAX_MESSAGE { Err(FramingError::TooLarge) } else { Ok(None) };
        };
        let length = match content_length(self.buffer.get(..end).unwrap_or_default()) {
            Length::Is(length) => length,
            Length::Missing => return Err(FramingError::NoLength),
            Length::Malformed => {
                self.lost = true;
                let head = self.buffer.split_to(end.min(MAX_MESSAGE)).freeze();
                self.buffer.clear();
                return Ok(Some(Framed::Message(head)));
            }
        };
        let whole =
            end.checked_add(length).filter(|whole| *whole <= MAX_MESSAGE).ok_or(FramingError::TooLarge)?;
        if self.buffer.len() < whole {
            return Ok(None);
        }
        self.searched = 0;
        Ok(Some(Framed::Message(self.buffer.split_to(whole).freeze())))
    }

    /// Where the body begins. What has been searched is not searched again, so that a slow sender costs nothing.
    fn end_of_headers(&mut self) -> Option<usize> {
        let from = self.searched.saturating_sub(3);
        let rest = self.buffer.get(from..)?;
        match rest.windows(4).position(|w| w == b"\r\n\r\n") {
            Some(at) => {
                // Found again at the next call if the body is not whole yet.
                self.searched = from + at;
                Some(from + at + 4)
            }
            None => {
                self.searched = self.buffer.len();
                None
            }
        }
    }
}

enum Length {
    Is(usize),
    Missing,
    /// Not a number, or there are two.
    Malformed,
}

/// The one Content-Length among the header fields.
fn content_length(head: &[u8]) -> Length {
    let mut text = String::from_utf8_lossy(head);
    if text.contains("\r\n ") || text.contains("\r\n\t") {
        text = text.replace("\r\n ", " ").replace("\r\n\t", " ").into();
    }
    let mut found = Length::Missing;
    for line in text.split("\r\n").skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        let name = name.trim_end();
        if name.eq_ignore_ascii_case("Content-Length") || name.eq_ignore_ascii_case("l") {
            let number = lex::number(value.trim()).and_then(|n| usize::try_from(n).ok());
            found = match (found, number) {
                (Length::Missing, Some(number)) => Length::Is(number),
                _ => return Length::Malformed,
            };
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nX: 1\r\nl : 3\r\n\r\nabc";

    #[test]
    fn any_cut_gives_the_same_messages() {
        let stream = [b"\r\n\r\n".as_slice(), MESSAGE, MESSAGE, b"\r\n\r\n", b"\r\n", MESSAGE].concat();
        for size in 1..stream.len() {
            let (mut framer, mut found) = (Framer::new(), Vec::new());
            for piece in stream.chunks(size) {
                framer.push(piece);
                while let Some(framed) = framer.next_framed().expect("a good stream") {
                    found.push(framed);
                }
            }
            let message = Framed::Message(Bytes::from_static(MESSAGE));
            assert_eq!(
                found,
                [Framed::Ping, message.clone(), message.clone(), Framed::Ping, message],
                "{size}"
            );
        }
    }

    #[test]
    fn what_cannot_be_followed_is_an_error() {
        let run = |octets: &[u8]| {
            let mut framer = Framer::new();
            framer.push(octets);
            framer.next_framed()
        };
        assert_eq!(run(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n"), Err(FramingError::NoLength));
        assert_eq!(run(b"A\r\nl: 99999999999999999999\r\n\r\n"), Err(FramingError::TooLarge));
        assert_eq!(run(&vec![b'a'; MAX_MESSAGE + 1]), Err(FramingError::TooLarge));
        assert_eq!(run(b"A\r\nl: 5\r\n\r\nab"), Ok(None));
    }

    #[test]
    fn an_unreadable_length_is_handed_out_once_to_be_answered() {
        for lengths in ["l: 1\r\nContent-Length: 1", "l: -1", "Content-Length:", "l: 1,1", "l: x\r\n\ty"] {
            let head = format!(
                "OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/TCP a;branch=z9hG4bKa\r\nf: sip:a@b;tag=1\r\n\
                 t: sip:a@b\r\ni: a\r\nCSeq: 1 OPTIONS\r\n{lengths}\r\n\r\n"
            );
            let mut framer = Framer::new();
            framer.push(head.as_bytes());
            framer.push(MESSAGE);
            let Ok(Some(Framed::Message(message))) = framer.next_framed() else { panic!("{lengths}") };
            let response = crate::message::parse(&message).expect_err(lengths).response.expect(lengths);
            assert_eq!(response.status, 400, "{lengths}");
            assert_eq!(framer.next_framed(), Err(FramingError::NoLength), "{lengths}");
            framer.push(MESSAGE);
            assert_eq!(
                framer.next_framed(),
                Err(FramingError::NoLength),
                "nothing after it counts: {lengths}"
            );
        }
    }

    #[test]
    fn a_folded_length_is_a_length() {
        let mut framer = Framer::new();
        framer.push(b"A\r\nContent-Length :\r\n  2\r\nX: 1\r\n\r\nabA");
        let whole = b"A\r\nContent-Length :\r\n  2\r\nX: 1\r\n\r\nab";
        assert_eq!(framer.next_framed(), Ok(Some(Framed::Message(Bytes::from_static(whole)))));
    }
}
