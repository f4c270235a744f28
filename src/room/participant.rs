//! One person in a room or its lobby, and the list of them.

use std::{sync::Arc, time::Instant};

use crate::{
    admission::Role,
    ids::{LegId, ParticipantId},
    room::{layout::Seats, scene::View},
    signalling::{Face, Language},
};

/// Who is here, for pages and records.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Roster {
    /// In the order in which they came in.
    pub seated: Vec<RosterEntry>,
    /// For hosts' eyes alone: those who wait know nothing of each other, and guests nothing of them.
    pub waiting: Vec<RosterEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterEntry {
    pub participant: ParticipantId,
    pub leg: LegId,
    pub name: Arc<str>,
    pub role: Role,
    pub face: Face,
    pub video: bool,
    pub muted: bool,
}

#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) id: ParticipantId,
    pub(crate) leg: LegId,
    pub(crate) role: Role,
    pub(crate) name: Arc<str>,
    pub(crate) face: Face,
    pub(crate) language: Option<Language>,
    pub(crate) video: bool,
    pub(crate) muted: bool,
    /// When this one came to where it is now: the lobby, or the room.
    pub(crate) since: Instant,
    /// Who is in which place of this one's picture.
    pub(crate) seats: Seats,
    /// What was last told to the media plane.
    pub(crate) view: Option<View>,
}

impl Participant {
    pub(crate) fn entry(&self) -> RosterEntry {
        RosterEntry {
            participant: self.id,
            leg: self.leg,
            name: self.name.clone(),
            role: self.role,
            face: self.face,
            video: self.video,
            muted: self.muted,
        }
    }
}

/// A name as it is shown: one line, of bounded length.
pub(crate) fn shown_name(name: &str) -> Arc<str> {
    let line: String = name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    line.trim().into()
}

/// Characters of a name that are kept.
const MAX_NAME: usize = 64;
