//! Non-INVITE client transaction (RFC 3261 §17.1.2).
//!
//! ```text
//!  Trying --1xx--> Proceeding --200-699--> Completed --K--> Terminated
//!     `--200-699--------------------------^
//!     `--F: timed out--> Terminated (also from Proceeding)
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Effect, Effects};
use crate::timers::{T1, T2, T4, TRANSACTION};

/// A request of ours, not INVITE, under way.
#[derive(Debug)]
pub enum ClientNonInvite {
    /// Sent; nothing has come back.
    Trying(Waiting),
    /// A provisional response has come.
    Proceeding(Waiting),
    /// Answered; repeated responses are absorbed.
    Completed {
        /// Timer K.
        ends: Instant,
    },
    /// Over.
    Terminated,
}

/// Sent, not answered.
#[derive(Debug)]
pub struct Waiting {
    request: Bytes,
    /// Timer E and its interval; none over reliable transports.
    repeat: Option<(Instant, Duration)>,
    /// Timer F.
    gives_up: Instant,
}

impl ClientNonInvite {
    /// Sends the request. Reliable transports repeat nothing.
    pub fn new(now: Instant, request: Bytes, reliable: bool, out: &mut Effects) -> Self {
        out.push(Effect::Transmit(request.clone()));
        let repeat = (!reliable).then_some((now + T1, T1));
        Self::Trying(Waiting { request, repeat, gives_up: now + TRANSACTION })
    }

    /// A response came.
    #[must_use]
    pub fn handle_response(self, now: Instant, status: u16, out: &mut Effects) -> Self {
        match self {
            Self::Trying(waiting) | Self::Proceeding(waiting) => {
                out.push(Effect::Pass);
                match (status, waiting.repeat) {
                    (..200, _) => Self::Proceeding(waiting),
                    (_, None) => Self::Terminated,
                    (_, Some(_)) => Self::Completed { ends: now + T4 },
                }
            }
            same => same,
        }
    }

    /// Time has passed.
    #[must_use]
    pub fn handle_timeout(self, now: Instant, out: &mut Effects) -> Self {
        match self {
            Self::Trying(waiting) | Self::Proceeding(waiting) if now >= waiting.gives_up => {
                out.push(Effect::TimedOut);
                Self::Terminated
            }
            Self::Trying(waiting) => {
                Self::Trying(waiting.repeat_when_due(now, |interval| T2.min(interval * 2), out))
            }
            Self::Proceeding(waiting) => Self::Proceeding(waiting.repeat_when_due(now, |_| T2, out)),
            Self::Completed { ends } if now >= ends => Self::Terminated,
            same => same,
        }
    }

    /// When to call [`Self::handle_timeout`].
    pub fn next_timeout(&self) -> Option<Instant> {
        match self {
            Self::Trying(waiting) | Self::Proceeding(waiting) => match waiting.repeat {
                Some((at, _)) => Some(at.min(waiting.gives_up)),
                None => Some(waiting.gives_up),
            },
            Self::Completed { ends } => Some(*ends),
            Self::Terminated => None,
        }
    }

    /// Over: to be forgotten.
    pub fn is_terminated(&self) -> bool {
        matches!(self, Self::Terminated)
    }
}

impl Waiting {
    fn repeat_when_due(
        mut self,
        now: Instant,
        next: impl Fn(Duration) -> Duration,
        out: &mut Effects,
    ) -> Self {
        if let Some((at, interval)) = self.repeat
            && now >= at
        {
            out.push(Effect::Transmit(self.request.clone()));
            let interval = next(interval);
            self.repeat = Some((now + interval, interval));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::tests::epoch;

    #[test]
    fn timer_e_doubles_to_t2_until_timer_f() {
        let start = epoch();
        let mut out = Effects::new();
        let mut machine = ClientNonInvite::new(start, Bytes::from_static(b"BYE"), false, &mut out);
        let mut sent = vec![0];
        while let Some(at) = machine.next_timeout() {
            out.clear();
            machine = machine.handle_timeout(at, &mut out);
            if matches!(out.first(), Some(Effect::Transmit(_))) {
                sent.push((at - start).as_millis());
            }
        }
        assert_eq!(sent, [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert_eq!(out, [Effect::TimedOut]);
    }

    #[test]
    fn a_late_repeat_of_the_answer_is_absorbed() {
        let now = epoch();
        let mut out = Effects::new();
        let machine = ClientNonInvite::new(now, Bytes::new(), false, &mut out);
        let machine = machine.handle_response(now, 200, &mut out);
        out.clear();
        let machine = machine.handle_response(now, 200, &mut out);
        assert!(out.is_empty());
        assert!(machine.handle_timeout(now + T4, &mut out).is_terminated());
    }

    #[test]
    fn reliable_transports_repeat_and_linger_not() {
        let now = epoch();
        let mut out = Effects::new();
        let machine = ClientNonInvite::new(now, Bytes::new(), true, &mut out);
        assert_eq!(machine.next_timeout(), Some(now + TRANSACTION));
        assert!(machine.handle_response(now, 200, &mut out).is_terminated());
    }
}
