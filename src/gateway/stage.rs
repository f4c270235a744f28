//! A call and where it stands. Data lives in the variant that owns it.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    admission::Role,
    call::release::Release,
    ids::{ParticipantId, RoomId},
    ivr::{DigitMerger, Menu, MenuOutput},
    signalling::{Caller, Dialled, Digits, EncryptionState, MediaParams, Offer},
    store::RoomRecord,
};

/// One leg from its first message to its release.
pub(super) struct Call {
    pub(super) caller: Caller,
    pub(super) dialled: Dialled,
    /// The room that was dialled, or found at the reception.
    pub(super) room: Option<RoomId>,
    pub(super) stage: Stage,
    /// A page's session description, until its media port is opened.
    pub(super) session: Option<String>,
    pub(super) encryption: EncryptionState,
    pub(super) keys: DigitMerger,
    /// What the far side sends: said in its description, seen in packets, not switched off by the person.
    pub(super) video: Video,
    pub(super) muted: bool,
    pub(super) role: Option<Role>,
    /// The room as it was when the call was let in: it may be removed meanwhile.
    pub(super) entered: Option<Arc<RoomRecord>>,
    /// What was agreed, until the far side has confirmed the call.
    pub(super) unconfirmed: Option<Box<MediaParams>>,
    /// Which of the page's video slots shows whom.
    pub(super) slots: HashMap<ParticipantId, u8>,
    /// The speech under way.
    pub(super) speech: Option<u64>,
    /// Unix ms.
    pub(super) started: i64,
    pub(super) answered: Option<i64>,
    pub(super) seated: Option<i64>,
}

/// Whether a picture comes from there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Video {
    /// Agreed, and not on hold.
    pub(super) agreed: bool,
    /// A packet has come.
    pub(super) seen: bool,
    /// Switched off by the person.
    pub(super) off: bool,
}

impl Video {
    pub(super) const fn shown(self) -> bool {
        self.agreed && self.seen && !self.off
    }
}

/// Where a call stands.
pub(super) enum Stage {
    /// Its sockets are being opened.
    Opening,
    /// Answered; the far side has not confirmed it yet.
    Answered,
    /// Prompted for digits.
    Asking(Box<Asking>),
    /// A page shows its PIN field.
    Typing {
        /// No try is looked at before then.
        hold: Instant,
        /// A try that came too early, or that has to wait for its turn.
        held: Option<Digits>,
        /// When nobody is there any more.
        give_up: Instant,
    },
    /// In a room or its lobby.
    Present { participant: ParticipantId, waiting: bool, star: Option<Instant> },
    /// Being told why the call ends.
    Releasing { until: Instant, release: Release },
}

impl Stage {
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Opening | Self::Answered => "arriving",
            Self::Asking(_) | Self::Typing { .. } => "asking",
            Self::Present { waiting: true, .. } => "waiting",
            Self::Present { waiting: false, .. } => "seated",
            Self::Releasing { .. } => "releasing",
        }
    }
}

/// Digits are being asked for.
pub(super) struct Asking {
    pub(super) menu: Menu,
    pub(super) what: Ask,
    /// When the menu wants to be called.
    pub(super) timeout: Option<Instant>,
    /// Digits whose turn has not come.
    pub(super) later: Option<(Instant, Digits)>,
}

/// What the digits will mean.
pub(super) enum Ask {
    Pin,
    /// The reception: a room's number, so many tries left.
    Room {
        tries: u8,
    },
}

impl Call {
    pub(super) fn new(
        caller: Caller,
        dialled: Dialled,
        offer: &Offer,
        room: Option<RoomId>,
        unix_ms: i64,
    ) -> Self {
        let session = match offer {
            Offer::Session(text) => Some(text.clone()),
            Offer::Capabilities(_) | Offer::Delayed => None,
        };
        // What a browser sends is always encrypted to the gateway; an endpoint's agreement will tell.
        let encryption = if session.is_some() { EncryptionState::ToGateway } else { EncryptionState::Clear };
        Self {
            caller,
            dialled,
            room,
            stage: Stage::Opening,
            video: Video { agreed: session.is_some(), ..Video::default() },
            session,
            encryption,
            keys: DigitMerger::default(),
            muted: false,
            role: None,
            entered: None,
            unconfirmed: None,
            slots: HashMap::new(),
            speech: None,
            started: unix_ms,
            answered: None,
            seated: None,
        }
    }

    /// The name that others read.
    pub(super) fn shown_name(&self) -> Arc<str> {
        let name = self.caller.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let user = || {
            let address = self.caller.address.as_str();
            let address = address.split_once(':').map_or(address, |(_, rest)| rest);
            address.split('@').next().filter(|user| !user.is_empty())
        };
        name.or_else(user).unwrap_or("?").into()
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Asking(asking) => {
                asking.timeout.into_iter().chain(asking.later.as_ref().map(|l| l.0)).min()
            }
            Stage::Typing { hold, held: Some(_), .. } => Some(*hold),
            Stage::Typing { give_up, .. } => Some(*give_up),
            Stage::Releasing { until, .. } => Some(*until),
            Stage::Opening | Stage::Answered | Stage::Present { .. } => None,
        }
    }

    pub(super) fn due(&self, now: Instant) -> bool {
        self.next_timeout().is_some_and(|at| at <= now)
    }
}

impl Asking {
    pub(super) fn new(menu: Menu, what: Ask) -> Self {
        Self { menu, what, timeout: None, later: None }
    }

    /// The next thing that the menu asks for, or none: then its timeout has been noted.
    pub(super) fn poll(&mut self) -> Option<MenuOutput> {
        match self.menu.poll_output() {
            MenuOutput::Timeout(timeout) => {
                self.timeout = timeout;
                None
            }
            output => Some(output),
        }
    }
}

/// A page whose PIN field nobody fills in for so long is given up on, as a menu without a key is.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// How long a reason is shown and spoken before the call ends, at most.
pub(super) const FAREWELL: Duration = Duration::from_secs(4);
