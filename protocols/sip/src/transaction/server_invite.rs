//! INVITE server transaction (RFC 3261 §17.2.1, RFC 6026 §8.5).
//!
//! ```text
//!  Proceeding --2xx--> Accepted --L--> Terminated
//!      `--300-699--> Completed --ACK--> Confirmed --I--> Terminated
//!                        `--H: no ACK--> Terminated
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Effect, Effects};
use crate::timers::{T1, T2, T4, TRANSACTION};

/// An INVITE from the far side.
#[derive(Debug)]
pub enum ServerInvite {
    /// No final response yet.
    Proceeding {
        /// The last provisional response, sent again for every repeated INVITE.
        last: Option<Bytes>,
        /// TCP or TLS.
        reliable: bool,
    },
    /// Taken. Repeated INVITEs are absorbed; the dialog repeats its 2xx itself (§13.3.1.4).
    Accepted {
        /// Timer L.
        ends: Instant,
    },
    /// Refused; the refusal is repeated until the ACK comes.
    Completed(Completed),
    /// The ACK for the refusal has come.
    Confirmed {
        /// Timer I.
        ends: Instant,
    },
    /// Over.
    Terminated,
}

/// Refused.
#[derive(Debug)]
pub struct Completed {
    response: Bytes,
    reliable: bool,
    /// Timer G and its interval; none over reliable transports.
    repeat: Option<(Instant, Duration)>,
    /// Timer H.
    gives_up: Instant,
}

impl ServerInvite {
    /// A new INVITE has come.
    pub fn new(reliable: bool) -> Self {
        Self::Proceeding { last: None, reliable }
    }

    /// The same INVITE has come again.
    #[must_use]
    pub fn handle_request(self, out: &mut Effects) -> Self {
        match &self {
            Self::Proceeding { last: Some(response), .. } => out.push(Effect::Transmit(response.clone())),
            Self::Completed(completed) => out.push(Effect::Transmit(completed.response.clone())),
            Self::Proceeding { last: None, .. }
            | Self::Accepted { .. }
            | Self::Confirmed { .. }
            | Self::Terminated => {}
        }
        self
    }

    /// The ACK for a refusal has come. (The ACK for a 2xx is the dialog's.)
    #[must_use]
    pub fn handle_ack(self, now: Instant) -> Self {
        match self {
            Self::Completed(Completed { reliable: true, .. }) => Self::Terminated,
            Self::Completed(_) => Self::Confirmed { ends: now + T4 },
            same => same,
        }
    }

    /// The user answers. Nothing happens after a final response.
    #[must_use]
    pub fn respond(self, now: Instant, status: u16, response: Bytes, out: &mut Effects) -> Self {
        let Self::Proceeding { reliable, .. } = self else { return self };
        out.push(Effect::Transmit(response.clone()));
        match status {
            ..200 => Self::Proceeding { last: Some(response), reliable },
            200..300 => Self::Accepted { ends: now + TRANSACTION },
            _ => Self::Completed(Completed {
                response,
                reliable,
                repeat: (!reliable).then_some((now + T1, T1)),
                gives_up: now + TRANSACTION,
            }),
        }
    }

    /// Time has passed.
    #[must_use]
    pub fn handle_timeout(self, now: Instant, out: &mut Effects) -> Self {
        match self {
            // No ACK for a refusal harms nobody: the call is over anyway, so the user is not told.
            Self::Completed(completed) if now >= completed.gives_up => Self::Terminated,
            Self::Completed(mut completed) => {
                if let Some((at, interval)) = completed.repeat
                    && now >= at
                {
                    out.push(Effect::Transmit(completed.response.clone()));
                    let interval = T2.min(interval * 2);
                    completed.repeat = Some((now + interval, interval));
                }
                Self::Completed(completed)
            }
            Self::Accepted { ends } | Self::Confirmed { ends } if now >= ends => Self::Terminated,
            same => same,
        }
    }

    /// When to call [`Self::handle_timeout`].
    pub fn next_timeout(&self) -> Option<Instant> {
        match self {
            Self::Completed(completed) => match completed.repeat {
                Some((at, _)) => Some(at.min(completed.gives_up)),
                None => Some(completed.gives_up),
            },
            Self::Accepted { ends } | Self::Confirmed { ends } => Some(*ends),
            Self::Proceeding { .. } | Self::Terminated => None,
        }
    }

    /// True while no final response has been sent.
    pub fn is_proceeding(&self) -> bool {
        matches!(self, Self::Proceeding { .. })
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

    const BUSY: Bytes = Bytes::from_static(b"486");

    #[test]
    fn a_refusal_is_repeated_by_timer_g_until_timer_h() {
        let start = epoch();
        let mut out = Effects::new();
        let mut machine = ServerInvite::new(false).respond(start, 486, BUSY, &mut out);
        let mut sent = vec![0];
        while let Some(at) = machine.next_timeout() {
            out.clear();
            machine = machine.handle_timeout(at, &mut out);
            if !out.is_empty() {
                sent.push((at - start).as_millis());
            }
        }
        assert_eq!(sent, [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert!(machine.is_terminated());
    }

    #[test]
    fn an_ack_silences_it() {
        let now = epoch();
        let mut out = Effects::new();
        let machine = ServerInvite::new(false).respond(now, 486, BUSY, &mut out).handle_ack(now);
        assert_eq!(machine.next_timeout(), Some(now + T4));
        assert!(machine.handle_timeout(now + T4, &mut out).is_terminated());
        let machine = ServerInvite::new(true).respond(now, 486, BUSY, &mut out).handle_ack(now);
        assert!(machine.is_terminated());
    }

    #[test]
    fn a_repeated_invite_gets_the_last_response_and_after_a_2xx_nothing() {
        let now = epoch();
        let mut out = Effects::new();
        let ringing = Bytes::from_static(b"180");
        let machine = ServerInvite::new(false).respond(now, 180, ringing.clone(), &mut out);
        out.clear();
        let machine = machine.handle_request(&mut out);
        assert_eq!(out, [Effect::Transmit(ringing)]);
        let machine = machine.respond(now, 200, Bytes::from_static(b"200"), &mut out);
        out.clear();
        let machine = machine.handle_request(&mut out);
        assert!(out.is_empty());
        assert_eq!(machine.next_timeout(), Some(now + TRANSACTION));
    }
}
