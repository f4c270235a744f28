//! The door of every room: digits to a verdict.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_lc_rs::constant_time;

use crate::{
    admission::{Alarm, Lockout, Role, lockout::Answer},
    call::release::Release,
    ids::{LegId, RoomId},
    ivr::Situation,
    signalling::{Caller, Digits},
};

/// The PINs of one room.
#[derive(Clone, Debug)]
pub struct DoorPins {
    pub room: RoomId,
    /// Without it everybody is host.
    pub host: Option<Digits>,
    /// Without it, but with a host PIN, no digits are a guest's.
    pub guest: Option<Digits>,
}

impl DoorPins {
    /// Whether there is anything to key.
    pub const fn asks(&self) -> bool {
        self.host.is_some()
    }

    /// Whether guests come in without a PIN: by `#` alone, or an empty field.
    pub const fn guests_press_hash(&self) -> bool {
        self.host.is_some() && self.guest.is_none()
    }

    /// The length of all PINs, if they have one.
    pub fn one_length(&self) -> Option<u8> {
        let host = self.host.as_ref()?.0.len();
        let same = self.guest.as_ref().is_none_or(|guest| guest.0.len() == host);
        u8::try_from(host).ok().filter(|_| same)
    }

    /// Compares with both PINs, always, in a time that tells nothing of them.
    fn role_of(&self, digits: &Digits) -> Option<Role> {
        let Some(host) = &self.host else { return Some(Role::Host) };
        let is_host = same_digits(host, digits);
        let is_guest = match &self.guest {
            Some(guest) => same_digits(guest, digits),
            None => digits.0.is_empty(),
        };
        match (is_host, is_guest) {
            (true, _) => Some(Role::Host),
            (false, true) => Some(Role::Guest),
            (false, false) => None,
        }
    }
}

/// What is to be done with a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let in.
    Seat { role: Role },
    /// Wrong. The next try is taken no sooner than after `wait`.
    Retry { tries_left: u8, wait: Duration },
    /// The call ends.
    Refuse(Refusal),
    /// Not answered yet: ask again with the same digits at that time.
    Later { at: Instant },
}

/// Why the door stays shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The last try of this call was wrong.
    TriesUsed,
    /// Too many wrong tries by this account, or from this source; the try was not looked at.
    TooMany,
}

impl Refusal {
    pub const fn release(self) -> Release {
        match self {
            Self::TriesUsed | Self::TooMany => Release::PinRefused,
        }
    }

    /// What to show and say before the call ends.
    pub const fn situation(self) -> Situation {
        match self {
            Self::TriesUsed => Situation::WrongPinGoodbye,
            Self::TooMany => Situation::TooManyTries,
        }
    }
}

/// Decides who comes in as what. One desk serves all rooms, because guessing goes on over rooms and calls.
#[derive(Debug, Default)]
pub struct Desk {
    lockout: Lockout,
    /// Wrong tries of each call that has made one.
    wrong: HashMap<LegId, u8>,
}

impl Desk {
    /// Looks at one try. A leg that has tried must be given to [`Self::forget`] when it ends.
    pub fn check(
        &mut self,
        now: Instant,
        leg: LegId,
        caller: &Caller,
        door: &DoorPins,
        digits: &Digits,
    ) -> Verdict {
        if !door.asks() {
            return Verdict::Seat { role: Role::Host };
        }
        // An empty field guesses nothing: not counted, never queued.
        if digits.0.is_empty() {
            return match door.role_of(digits) {
                Some(role) => Verdict::Seat { role },
                None => Verdict::Retry { tries_left: self.tries_left(leg), wait: Duration::ZERO },
            };
        }
        match self.lockout.ask(now, leg, caller, door.room) {
            Answer::Now => {}
            Answer::At(at) => return Verdict::Later { at },
            Answer::Never => return Verdict::Refuse(Refusal::TooMany),
        }
        match door.role_of(digits) {
            Some(role) => {
                self.lockout.right(now, caller, door.room);
                self.wrong.remove(&leg);
                Verdict::Seat { role }
            }
            None => {
                self.lockout.wrong(now, caller, door.room);
                let wrong = self.wrong.entry(leg).or_default();
                *wrong = wrong.saturating_add(1);
                let wait = Duration::from_secs(u64::from(*wrong - 1));
                match self.tries_left(leg) {
                    0 => Verdict::Refuse(Refusal::TriesUsed),
                    tries_left => Verdict::Retry { tries_left, wait },
                }
            }
        }
    }

    /// How many tries this call still has.
    pub fn tries_left(&self, leg: LegId) -> u8 {
        TRIES.saturating_sub(self.wrong.get(&leg).copied().unwrap_or_default())
    }

    /// The leg is gone.
    pub fn forget(&mut self, leg: LegId) {
        self.wrong.remove(&leg);
        self.lockout.forget(leg);
    }

    /// A room whose PIN is being guessed, told once when it begins. For the log, the host and the metrics.
    pub fn poll_alarm(&mut self) -> Option<Alarm> {
        self.lockout.poll_alarm()
    }
}

/// Compares in a time that depends on neither content nor length.
fn same_digits(a: &Digits, b: &Digits) -> bool {
    let padded = |digits: &Digits| {
        let mut bytes = [0; MAX_PIN + 1];
        for (to, from) in bytes.iter_mut().zip(digits.0.bytes()) {
            *to = from;
        }
        bytes[MAX_PIN] = u8::try_from(digits.0.len()).unwrap_or(u8::MAX);
        bytes
    };
    // Longer ones than MAX_PIN are no PINs, and equal to none.
    a.0.len() <= MAX_PIN && constant_time::verify_slices_are_equal(&padded(a), &padded(b)).is_ok()
}

/// Tries of one call.
const TRIES: u8 = 3;

/// Digits that a PIN can have.
const MAX_PIN: usize = 32;
