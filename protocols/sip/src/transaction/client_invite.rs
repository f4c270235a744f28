//! INVITE client transaction (RFC 3261 §17.1.1, RFC 6026 §8.4).
//!
//! ```text
//!  Calling --1xx--> Proceeding --2xx--> Accepted --M--> Terminated
//!     |  \             |    \__________300-699 (ACK)__ Completed --D--^
//!     |   `--2xx-------+--> Accepted
//!     `--B: timed out--> Terminated
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Effect, Effects};
use crate::timers::{T1, TIMER_D, TRANSACTION};

/// An INVITE of ours under way.
#[derive(Debug)]
pub enum ClientInvite {
    /// Sent; nothing has come back.
    Calling(Calling),
    /// A provisional response has come.
    Proceeding {
        /// TCP or TLS.
        reliable: bool,
    },
    /// Refused; our ACK is repeated for every repeated refusal.
    Completed(Completed),
    /// Taken: every 2xx is the user's, who acknowledges it.
    Accepted {
        /// Timer M.
        ends: Instant,
    },
    /// Over.
    Terminated,
}

/// Sent; nothing has come back.
#[derive(Debug)]
pub struct Calling {
    request: Bytes,
    reliable: bool,
    /// Timer A and its next interval.
    repeat: Option<(Instant, Duration)>,
    /// Timer B.
    gives_up: Instant,
}

/// Refused.
#[derive(Debug)]
pub struct Completed {
    ack: Bytes,
    /// Timer D.
    ends: Instant,
}

impl ClientInvite {
    /// Sends the INVITE. Reliable transports (TCP, TLS) repeat nothing.
    pub fn new(now: Instant, request: Bytes, reliable: bool, out: &mut Effects) -> Self {
        out.push(Effect::Transmit(request.clone()));
        let repeat = (!reliable).then_some((now + T1, T1));
        Self::Calling(Calling { request, reliable, repeat, gives_up: now + TRANSACTION })
    }

    /// A response came. `ack` makes the ACK for a refusal (§17.1.1.3); it is not called for others.
    #[must_use]
    pub fn handle_response(
        self,
        now: Instant,
        status: u16,
        ack: impl FnOnce() -> Bytes,
        out: &mut Effects,
    ) -> Self {
        let reliable = match &self {
            Self::Calling(calling) => calling.reliable,
            Self::Proceeding { reliable } => *reliable,
            Self::Completed(completed) => {
                if status >= 300 {
                    out.push(Effect::Transmit(completed.ack.clone()));
                }
                return self;
            }
            Self::Accepted { .. } => {
                if (200..300).contains(&status) {
                    out.push(Effect::Pass);
                }
                return self;
            }
            Self::Terminated => return self,
        };
        out.push(Effect::Pass);
        match status {
            ..200 => Self::Proceeding { reliable },
            200..300 => Self::Accepted { ends: now + TRANSACTION },
            _ => {
                let ack = ack();
                out.push(Effect::Transmit(ack.clone()));
                match reliable {
                    true => Self::Terminated,
                    false => Self::Completed(Completed { ack, ends: now + TIMER_D }),
                }
            }
        }
    }

    /// Time has passed.
    #[must_use]
    pub fn handle_timeout(self, now: Instant, out: &mut Effects) -> Self {
        match self {
            Self::Calling(calling) if now >= calling.gives_up => {
                out.push(Effect::TimedOut);
                Self::Terminated
            }
            Self::Calling(mut calling) => {
                if let Some((at, interval)) = calling.repeat
                    && now >= at
                {
                    out.push(Effect::Transmit(calling.request.clone()));
                    // Timer A doubles without a cap (§17.1.1.2).
                    calling.repeat = Some((now + interval * 2, interval * 2));
                }
                Self::Calling(calling)
            }
            Self::Completed(completed) if now >= completed.ends => Self::Terminated,
            Self::Accepted { ends } if now >= ends => Self::Terminated,
            same => same,
        }
    }

    /// When to call [`Self::handle_timeout`].
    pub fn next_timeout(&self) -> Option<Instant> {
        match self {
            Self::Calling(Calling { repeat: Some((at, _)), gives_up, .. }) => Some(*at.min(gives_up)),
            Self::Calling(calling) => Some(calling.gives_up),
            Self::Completed(completed) => Some(completed.ends),
            Self::Accepted { ends } => Some(*ends),
            Self::Proceeding { .. } | Self::Terminated => None,
        }
    }

    /// Nothing has come back yet: a CANCEL has to wait (§9.1).
    pub fn is_calling(&self) -> bool {
        matches!(self, Self::Calling(_))
    }

    /// True while no final response has come.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Calling(_) | Self::Proceeding { .. })
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

    fn ack() -> Bytes {
        Bytes::from_static(b"ACK")
    }

    #[test]
    fn timer_a_doubles_until_timer_b() {
        let start = epoch();
        let mut out = Effects::new();
        let mut machine = ClientInvite::new(start, Bytes::from_static(b"INVITE"), false, &mut out);
        let mut sent = vec![0];
        while let Some(at) = machine.next_timeout() {
            out.clear();
            machine = machine.handle_timeout(at, &mut out);
            if out.contains(&Effect::Transmit(Bytes::from_static(b"INVITE"))) {
                sent.push((at - start).as_millis());
            }
        }
        assert_eq!(sent, [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
        assert_eq!(out, [Effect::TimedOut]);
        assert!(machine.is_terminated());
    }

    #[test]
    fn repeated_refusals_are_acknowledged_but_told_once() {
        let now = epoch();
        let mut out = Effects::new();
        let machine = ClientInvite::new(now, Bytes::from_static(b"INVITE"), false, &mut out);
        out.clear();
        let machine = machine.handle_response(now, 486, ack, &mut out);
        assert_eq!(out, [Effect::Pass, Effect::Transmit(ack())]);
        out.clear();
        let machine = machine.handle_response(now, 486, ack, &mut out);
        assert_eq!(out, [Effect::Transmit(ack())]);
        assert_eq!(machine.next_timeout(), Some(now + TIMER_D));
    }

    #[test]
    fn every_2xx_is_passed_up_until_timer_m() {
        let now = epoch();
        let mut out = Effects::new();
        let machine = ClientInvite::new(now, Bytes::new(), true, &mut out);
        let machine = machine.handle_response(now, 180, ack, &mut out);
        assert_eq!(machine.next_timeout(), None);
        let machine = machine.handle_response(now, 200, ack, &mut out);
        out.clear();
        let machine = machine.handle_response(now, 200, ack, &mut out);
        assert_eq!(out, [Effect::Pass]);
        assert!(machine.handle_timeout(now + TRANSACTION, &mut out).is_terminated());
    }
}
