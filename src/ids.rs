//! Names of things that live in one process: small, copyable, never reused while the process runs.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(
    /// One signalling relation with one endpoint or browser, from its first message to its release.
    LegId,
    "leg"
);
id!(
    /// A room, by the number of its record in the store.
    RoomId,
    "room"
);
id!(
    /// Somebody in a room or its lobby. A leg that is moved to another room becomes a new participant.
    ParticipantId,
    "p"
);

/// What a stream carries. `Content` is the second video of a presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackKind {
    Audio,
    Video,
}

/// One stream that a leg sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId {
    pub leg: LegId,
    pub kind: TrackKind,
}

impl TrackId {
    pub const fn video(leg: LegId) -> Self {
        Self { leg, kind: TrackKind::Video }
    }

    pub const fn audio(leg: LegId) -> Self {
        Self { leg, kind: TrackKind::Audio }
    }
}

/// Gives out leg numbers. Clones share one counter, so that every protocol's legs have one name space.
#[derive(Clone, Debug, Default)]
pub struct LegIds(Arc<AtomicU64>);

impl LegIds {
    /// A number that this process has not used yet.
    pub fn next_leg(&self) -> LegId {
        LegId(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
