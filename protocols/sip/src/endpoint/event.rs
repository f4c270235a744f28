//! What goes into an endpoint and what comes out.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Path, StoredBinding};
use crate::message::{Request, Response};

/// One input.
#[derive(Debug)]
pub enum Input<'a> {
    /// One datagram, or one message cut from a stream by [`Framer`](crate::message::Framer).
    Received {
        /// Where it came from.
        via: &'a Path,
        /// Its octets.
        bytes: &'a Bytes,
    },
    /// A TCP or TLS connection is no more, or could not be opened.
    Closed {
        /// Its number.
        connection: u64,
    },
    /// The time of the last [`Output::Timeout`] has come. An extra one is harmless.
    Timeout,
}

/// One output. Drain until [`Output::Timeout`].
#[derive(Debug)]
pub enum Output {
    /// Send these octets: one datagram, or one message on a stream.
    Transmit {
        /// Where to.
        path: Path,
        /// One whole message.
        bytes: Bytes,
    },
    /// Something that the user acts on.
    Event(Event),
    /// Nothing more to do until then.
    Timeout(Option<Instant>),
}

/// A call: from its INVITE, ours or theirs, to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InvitationId(pub(super) u64);

impl InvitationId {
    /// The number, for logs.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Something that the user acts on. After `Cancelled`, `Bye`, `Failed` and `Gone` the id means nothing any more.
#[derive(Clone)]
pub enum Event {
    /// A call comes in; 100 has been sent. Answer it with `ring`, `answer` or `reject`.
    Invite {
        /// The call.
        id: InvitationId,
        /// The INVITE.
        request: Arc<Request>,
        /// Its session description, taken out of a multipart body if need be; none is a delayed offer.
        offer: Option<Bytes>,
        /// Where it came from.
        path: Path,
        /// The account that was proved: by digest, or by an authenticated REGISTER on the same connection.
        account: Option<String>,
    },
    /// The caller gave up before the answer; 487 has been sent.
    Cancelled {
        /// The call.
        id: InvitationId,
    },
    /// The caller has confirmed our 200.
    Acked {
        /// The call.
        id: InvitationId,
        /// The answer to our delayed offer.
        body: Option<Bytes>,
    },
    /// The far side wants to change the session: `answer_reinvite` or `reject_reinvite`.
    Reinvite {
        /// The call.
        id: InvitationId,
        /// Its offer; none asks for ours, and the answer comes with `Acked`.
        body: Option<Bytes>,
    },
    /// The far side hung up; 200 has been sent.
    Bye {
        /// The call.
        id: InvitationId,
        /// The Reason header field (RFC 3326).
        reason: Option<String>,
    },
    /// An INFO has come; 200 has been sent.
    Info {
        /// The call.
        id: InvitationId,
        /// `type/subtype` in lower case.
        content_type: String,
        /// What it says.
        body: Bytes,
    },
    /// A provisional response to our INVITE.
    Ringing {
        /// The call.
        id: InvitationId,
        /// 101 to 199.
        status: u16,
    },
    /// Our INVITE or re-INVITE was taken; the ACK has been sent.
    Answered {
        /// The call.
        id: InvitationId,
        /// The 2xx.
        response: Arc<Response>,
        /// Its session description.
        body: Option<Bytes>,
    },
    /// Our INVITE was refused, or nobody answered it (408).
    Failed {
        /// The call.
        id: InvitationId,
        /// The status.
        status: u16,
    },
    /// Our re-INVITE was refused; the call goes on as it was.
    ReinviteFailed {
        /// The call.
        id: InvitationId,
        /// The status; 491 is glare.
        status: u16,
        /// After glare: try again after this time if it is still wanted (§14.1).
        retry_after: Option<Duration>,
    },
    /// The call is over without a word from the far side: no ACK (a BYE was sent), it does not know the call any
    /// more, or the user let an INVITE wait for too long.
    Gone {
        /// The call.
        id: InvitationId,
    },
    /// An account's bindings have changed, for the store to write behind; none means that it is not registered.
    Registered {
        /// The account, which is the user part of its address-of-record.
        account: String,
        /// Everything that it is bound to now.
        bindings: Vec<StoredBinding>,
    },
    /// Something to count: a dropped message, a refused source.
    Counter(&'static str),
}

/// Names what happened; never session descriptions (keys) or INFO bodies (digits).
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invite { id, account, .. } => write!(f, "Invite({}, {account:?})", id.0),
            Self::Cancelled { id } => write!(f, "Cancelled({})", id.0),
            Self::Acked { id, body } => write!(f, "Acked({}, body {})", id.0, body.is_some()),
            Self::Reinvite { id, body } => write!(f, "Reinvite({}, body {})", id.0, body.is_some()),
            Self::Bye { id, .. } => write!(f, "Bye({})", id.0),
            Self::Info { id, content_type, .. } => write!(f, "Info({}, {content_type})", id.0),
            Self::Ringing { id, status } => write!(f, "Ringing({}, {status})", id.0),
            Self::Answered { id, response, .. } => write!(f, "Answered({}, {})", id.0, response.status),
            Self::Failed { id, status } => write!(f, "Failed({}, {status})", id.0),
            Self::ReinviteFailed { id, status, .. } => write!(f, "ReinviteFailed({}, {status})", id.0),
            Self::Gone { id } => write!(f, "Gone({})", id.0),
            Self::Registered { account, bindings } => write!(f, "Registered({account}, {})", bindings.len()),
            Self::Counter(name) => write!(f, "Counter({name})"),
        }
    }
}

/// A command that does not fit. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The call is over, or never was.
    #[error("no such call")]
    Unknown,
    /// The call is not in a state for it: answered already, not answered yet, another exchange under way.
    #[error("the call is not in a state for this")]
    WrongState,
}
