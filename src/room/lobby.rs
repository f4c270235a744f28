//! Who may come in, and how long one waits.

use std::time::Instant;

use crate::{
    admission::Role,
    room::{AdmitPolicy, RoomConfig, participant::Participant},
};

/// The rules of the lobby, looked at with the room's people. Values, no state of its own.
pub(crate) struct Lobby<'a> {
    pub(crate) config: &'a RoomConfig,
    pub(crate) seated: &'a [Participant],
    pub(crate) waiting: &'a [Participant],
    pub(crate) locked: bool,
}

impl Lobby<'_> {
    pub(crate) fn host_present(&self) -> bool {
        self.seated.iter().any(|p| p.role == Role::Host)
    }

    pub(crate) fn has_place(&self) -> bool {
        self.seated.len() < self.config.capacity
    }

    /// Whether a newcomer with this role goes straight in. (A place is another question.)
    pub(crate) fn passes(&self, role: Role) -> bool {
        if role == Role::Host {
            return true;
        }
        if self.locked || (self.config.guests_wait && !self.host_present()) {
            return false;
        }
        match self.config.admit {
            AdmitPolicy::AllTogether => true,
            // As with one who waited alone when the host came.
            AdmitPolicy::OneByHost => self.waiting.is_empty(),
        }
    }

    /// How many of those who wait come in without being admitted by name: at a host's arrival, or when a place is free.
    pub(crate) fn admitted_by_themselves(&self, host_arrived: bool) -> usize {
        if !self.host_present() {
            return 0;
        }
        let places = self.config.capacity.saturating_sub(self.seated.len());
        match self.config.admit {
            AdmitPolicy::AllTogether if self.locked => 0,
            AdmitPolicy::AllTogether => self.waiting.len().min(places),
            AdmitPolicy::OneByHost if host_arrived && !self.locked && self.waiting.len() == 1 => {
                1.min(places)
            }
            AdmitPolicy::OneByHost => 0,
        }
    }

    /// When somebody who waits since `since` has waited long enough; never while a host is here.
    pub(crate) fn gives_up(&self, since: Instant, no_host_since: Instant) -> Option<Instant> {
        (!self.host_present()).then(|| since.max(no_host_since) + self.config.no_host_timeout)
    }
}
