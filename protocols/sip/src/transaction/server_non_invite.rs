//! Non-INVITE server transaction (RFC 3261 §17.2.2).
//!
//! ```text
//!  Trying --1xx--> Proceeding --200-699--> Completed --J--> Terminated
//!     `--200-699--------------------------^
//! ```

use std::time::Instant;

use bytes::Bytes;

use super::{Effect, Effects};
use crate::timers::TRANSACTION;

/// A request from the far side that is not INVITE.
#[derive(Debug)]
pub enum ServerNonInvite {
    /// No response yet.
    Trying {
        /// TCP or TLS.
        reliable: bool,
    },
    /// A provisional response has been sent.
    Proceeding {
        /// Sent again for every repeated request.
        last: Bytes,
        /// TCP or TLS.
        reliable: bool,
    },
    /// Answered.
    Completed {
        /// Sent again for every repeated request.
        response: Bytes,
        /// Timer J.
        ends: Instant,
    },
    /// Over.
    Terminated,
}

impl ServerNonInvite {
    /// A new request has come.
    pub fn new(reliable: bool) -> Self {
        Self::Trying { reliable }
    }

    /// The same request has come again.
    #[must_use]
    pub fn handle_request(self, out: &mut Effects) -> Self {
        match &self {
            Self::Proceeding { last: response, .. } | Self::Completed { response, .. } => {
                out.push(Effect::Transmit(response.clone()));
            }
            Self::Trying { .. } | Self::Terminated => {}
        }
        self
    }

    /// The user answers. Nothing happens after a final response.
    #[must_use]
    pub fn respond(self, now: Instant, status: u16, response: Bytes, out: &mut Effects) -> Self {
        let reliable = match self {
            Self::Trying { reliable } | Self::Proceeding { reliable, .. } => reliable,
            same => return same,
        };
        out.push(Effect::Transmit(response.clone()));
        match (status, reliable) {
            (..200, _) => Self::Proceeding { last: response, reliable },
            // Timer J is zero.
            (_, true) => Self::Terminated,
            (_, false) => Self::Completed { response, ends: now + TRANSACTION },
        }
    }

    /// Time has passed.
    #[must_use]
    pub fn handle_timeout(self, now: Instant) -> Self {
        match self {
            Self::Completed { ends, .. } if now >= ends => Self::Terminated,
            same => same,
        }
    }

    /// When to call [`Self::handle_timeout`].
    pub fn next_timeout(&self) -> Option<Instant> {
        match self {
            Self::Completed { ends, .. } => Some(*ends),
            _ => None,
        }
    }

    /// Over: to be forgotten.
    pub fn is_terminated(&self) -> bool {
        matches!(self, Self::Terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::tests::epoch;

    #[test]
    fn a_repeated_request_gets_the_same_answer_until_timer_j() {
        let now = epoch();
        let mut out = Effects::new();
        let ok = Bytes::from_static(b"200");
        let machine = ServerNonInvite::new(false).handle_request(&mut out);
        assert!(out.is_empty());
        let machine = machine.respond(now, 200, ok.clone(), &mut out);
        let machine = machine.handle_request(&mut out);
        assert_eq!(out, [Effect::Transmit(ok.clone()), Effect::Transmit(ok)]);
        assert!(machine.handle_timeout(now + TRANSACTION).is_terminated());
    }

    #[test]
    fn reliable_transports_need_no_timer_j() {
        let mut out = Effects::new();
        assert!(ServerNonInvite::new(true).respond(epoch(), 200, Bytes::new(), &mut out).is_terminated());
    }
}
