//! Transactions (RFC 3261 §17, with the Accepted states of RFC 6026).
//!
//! Four machines, a file each. A machine never sees a parsed message: it is told what kind of thing came, keeps the
//! octets that it may have to send again, and appends what should happen to [`Effects`]. Its methods consume the old
//! state, so that nothing can act on a state that is over. After each call the owner asks [`next_timeout`] anew.
//!
//! | Timer | Where | What |
//! |---|---|---|
//! | A, B | client INVITE | repeat the request; give up |
//! | D | client INVITE | absorb repeated refusals |
//! | E, F | client non-INVITE | repeat the request; give up |
//! | G, H | server INVITE | repeat the refusal; give up waiting for the ACK |
//! | I | server INVITE | absorb repeated ACKs |
//! | J | server non-INVITE | absorb repeated requests |
//! | K | client non-INVITE | absorb repeated responses |
//! | L | server INVITE | absorb repeated INVITEs after a 2xx (RFC 6026) |
//! | M | client INVITE | pass repeated 2xx up (RFC 6026) |
//!
//! [`next_timeout`]: ServerInvite::next_timeout

mod client_invite;
mod client_non_invite;
mod key;
mod server_invite;
mod server_non_invite;

use bytes::Bytes;

pub use client_invite::ClientInvite;
pub use client_non_invite::ClientNonInvite;
pub use key::{ClientKey, ServerKey};
pub use server_invite::ServerInvite;
pub use server_non_invite::ServerNonInvite;

/// What a machine wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send these octets where the transaction's messages go.
    Transmit(Bytes),
    /// Hand the response that was just put in to the transaction user.
    Pass,
    /// Nothing came in 64*T1: the transaction user is told as if 408 had come (§8.1.3.1).
    TimedOut,
}

/// What machines want done, in order.
pub type Effects = Vec<Effect>;

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Instant;

    #[expect(clippy::disallowed_methods, reason = "tests need one real instant to count from")]
    pub(crate) fn epoch() -> Instant {
        Instant::now()
    }
}
