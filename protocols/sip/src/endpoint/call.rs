//! What the endpoint knows of one call.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Credentials, Path};
use crate::{
    dialog::Dialog,
    message::Request,
    timers::{T1, T2, TRANSACTION},
};

/// One call, ours or theirs.
pub(super) struct Call {
    /// How the far side was last reached.
    pub(super) path: Path,
    /// The account that was proved.
    pub(super) account: Option<String>,
    pub(super) phase: Phase,
}

/// Where a call stands. What a phase needs lives in it.
pub(super) enum Phase {
    Ringing(Ringing),
    Calling(Box<Calling>),
    Confirmed(Box<Confirmed>),
}

/// Their INVITE waits for our answer.
pub(super) struct Ringing {
    pub(super) server: u64,
    pub(super) request: Arc<Request>,
    pub(super) local_tag: String,
    /// When we stop waiting for the user.
    pub(super) expires: Instant,
}

/// Our INVITE waits for theirs.
pub(super) struct Calling {
    pub(super) call_id: String,
    pub(super) client: u64,
    pub(super) local_tag: String,
    pub(super) cancel: Cancel,
    pub(super) credentials: Option<Credentials>,
    /// Timer C.
    pub(super) expires: Instant,
}

/// Whether our INVITE should be cancelled (§9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    No,
    /// As soon as a provisional response has come.
    Wanted,
    Sent,
}

/// Both sides agreed.
pub(super) struct Confirmed {
    pub(super) dialog: Dialog,
    /// Our 2xx that has no ACK yet.
    pub(super) unacked: Option<Unacked>,
    pub(super) exchange: Exchange,
    /// When the session is over unless a re-INVITE refreshes it (RFC 4028).
    pub(super) session_ends: Option<Instant>,
    /// We called, so the Call-ID is ours.
    pub(super) ours: bool,
    /// We hang up as soon as the ACK is there (§15): the Reason to give.
    pub(super) bye: Option<Option<String>>,
}

impl Confirmed {
    pub(super) fn new(dialog: Dialog, ours: bool) -> Self {
        Self { dialog, unacked: None, exchange: Exchange::Idle, session_ends: None, ours, bye: None }
    }
}

/// A re-INVITE under way.
pub(super) enum Exchange {
    Idle,
    Ours,
    Theirs { server: u64, request: Box<Request> },
}

/// A 2xx of ours, repeated until its ACK comes (§13.3.1.4).
pub(super) struct Unacked {
    pub(super) cseq: u32,
    pub(super) response: Bytes,
    pub(super) reply: Path,
    /// The INVITE had no offer, so the ACK brings the answer.
    pub(super) delayed: bool,
    /// The first 2xx of the call: without an ACK there is no call.
    repeat: Option<(Instant, Duration)>,
    gives_up: Instant,
    /// How often it may still be repeated: a source that proved nothing must not be a mirror.
    repeats_left: Option<u8>,
}

impl Unacked {
    pub(super) fn new(
        now: Instant,
        cseq: u32,
        response: Bytes,
        reply: Path,
        delayed: bool,
        repeats_left: Option<u8>,
    ) -> Self {
        // Over TCP too: a proxy on the way may have UDP behind it.
        let repeat = Some((now + T1, T1));
        Self { cseq, response, reply, delayed, repeat, gives_up: now + TRANSACTION, repeats_left }
    }

    /// The octets to send again, if it is time.
    pub(super) fn due(&mut self, now: Instant) -> Option<Bytes> {
        let (_, interval) = self.repeat.filter(|(at, _)| *at <= now)?;
        if let Some(left) = &mut self.repeats_left {
            if *left == 0 {
                self.repeat = None;
                return None;
            }
            *left -= 1;
        }
        let interval = T2.min(interval * 2);
        self.repeat = Some((now + interval, interval));
        Some(self.response.clone())
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.gives_up
    }

    /// Nothing has shown that the far side exists at the address its messages claim to come from.
    pub(super) fn is_unproven(&self) -> bool {
        self.repeats_left.is_some()
    }

    fn next_timeout(&self) -> Instant {
        self.repeat.map_or(self.gives_up, |(at, _)| at.min(self.gives_up))
    }
}

impl Call {
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Ringing(ringing) => Some(ringing.expires),
            Phase::Calling(calling) => Some(calling.expires),
            Phase::Confirmed(confirmed) => {
                let unacked = confirmed.unacked.as_ref().map(Unacked::next_timeout);
                unacked.into_iter().chain(confirmed.session_ends).min()
            }
        }
    }

    pub(super) fn forget_connection(&mut self, connection: u64) {
        if self.path.connection == Some(connection) {
            self.path.connection = None;
        }
        if let Phase::Confirmed(confirmed) = &mut self.phase
            && let Some(unacked) = &mut confirmed.unacked
            && unacked.reply.connection == Some(connection)
        {
            unacked.reply.connection = None;
        }
    }

    /// Where a request within the dialog goes.
    ///
    /// A far side that stands behind NAT gives a Contact that we cannot reach, so its messages' source address is
    /// what we answer to; its Contact gives the port when the address is the same (§12.2.1.1, RFC 3581).
    pub(super) fn request_path(&self, dialog: &Dialog) -> Path {
        let mut path = self.path.clone();
        if path.connection.is_some() {
            return path;
        }
        let hop = dialog.next_hop();
        let same_host =
            hop.host().and_then(crate::message::Host::ip) == Some(path.remote.ip().to_canonical());
        if same_host || path.transport.is_reliable() {
            let default = path.transport.default_port();
            path.remote.set_port(hop.port().unwrap_or(default));
        }
        path
    }
}
