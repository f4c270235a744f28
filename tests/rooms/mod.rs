//! A room in virtual time, with people by number: what it told, and what each one sees and hears.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use roomgate::{
    admission::Role,
    ids::{LegId, ParticipantId, RoomId},
    room::{
        Room, RoomCommand, RoomConfig, RoomError, RoomOutput,
        scene::{Layout, Scene, View},
    },
    signalling::Face,
};

pub struct House {
    pub room: Room,
    pub views: HashMap<LegId, View>,
    /// How many views were told to each leg.
    pub told_views: HashMap<LegId, usize>,
    pub next: Option<Instant>,
    start: Instant,
    told: Vec<String>,
}

pub fn config() -> RoomConfig {
    RoomConfig::new(RoomId(1), "100100", "Morgenmøte")
}

impl House {
    pub fn new(config: RoomConfig) -> Self {
        let start = Instant::now();
        let room = Room::new(config, start);
        let mut house = Self {
            room,
            views: HashMap::new(),
            told_views: HashMap::new(),
            next: None,
            start,
            told: Vec::new(),
        };
        house.drain();
        house
    }

    pub fn id(number: u64) -> ParticipantId {
        ParticipantId(number)
    }

    /// People's legs have other numbers than they.
    pub fn leg(number: u64) -> LegId {
        LegId(number + 1_000)
    }

    pub fn endpoint(&mut self, s: u64, id: u64, role: Role) {
        self.try_endpoint(s, id, role).expect("comes in, or waits");
    }

    pub fn try_endpoint(&mut self, s: u64, id: u64, role: Role) -> Result<(), RoomError> {
        self.apply(s, Self::join(id, role, Face::Endpoint))
    }

    pub fn browser(&mut self, s: u64, id: u64, role: Role) {
        self.apply(s, Self::join(id, role, Face::Browser)).expect("comes in, or waits");
    }

    pub fn join(id: u64, role: Role, face: Face) -> RoomCommand {
        RoomCommand::Join {
            participant: Self::id(id),
            leg: Self::leg(id),
            role,
            name: format!("P{id}").into(),
            face,
            language: None,
            video: true,
        }
    }

    pub fn leave(&mut self, s: u64, id: u64) {
        self.apply(s, RoomCommand::Leave { participant: Self::id(id) }).expect("is here");
    }

    pub fn source(&mut self, s: u64, id: u64, video: bool) {
        let change = RoomCommand::SourceChanged { participant: Self::id(id), video, muted: false };
        self.apply(s, change).expect("is here");
    }

    pub fn apply(&mut self, s: u64, command: RoomCommand) -> Result<(), RoomError> {
        let now = self.pass_until(s);
        let left = if let RoomCommand::Leave { participant } = command { Some(participant) } else { None };
        let result = self.room.apply(now, command);
        if let (Some(id), Ok(())) = (left, &result) {
            self.views.remove(&Self::leg(id.0));
        }
        self.drain();
        result
    }

    /// Lets time pass, with each timeout the room asked for at its instant.
    pub fn pass_until(&mut self, s: u64) -> Instant {
        let now = self.start + Duration::from_secs(s);
        while let Some(at) = self.next.filter(|at| *at <= now) {
            self.room.handle_timeout(at);
            self.drain();
            assert!(self.next.is_none_or(|next| next > at), "a timeout that comes again at once");
        }
        now
    }

    fn drain(&mut self) {
        loop {
            let line = match self.room.poll_output() {
                RoomOutput::View { leg, view } => {
                    assert_ne!(self.views.get(&leg), Some(&view), "said before");
                    self.views.insert(leg, view);
                    *self.told_views.entry(leg).or_default() += 1;
                    continue;
                }
                RoomOutput::Roster(_) => continue,
                RoomOutput::Waiting { participant, host_present: false } => {
                    format!("{} waits for a host", participant.0)
                }
                RoomOutput::Waiting { participant, host_present: true } => {
                    format!("{} waits, a host knows", participant.0)
                }
                RoomOutput::Seated { participant, role, waited } => {
                    let how = if waited { ", let in" } else { "" };
                    format!("{} seated as {}{how}", participant.0, role.as_str())
                }
                RoomOutput::Notice { to, notice } => {
                    let to: Vec<_> = to.iter().map(|id| id.0.to_string()).collect();
                    format!("told {}: {notice:?}", to.join(" "))
                }
                RoomOutput::Removed { participant, leg, release } => {
                    self.views.remove(&leg);
                    format!("{} removed: {release:?}", participant.0)
                }
                RoomOutput::Empty => "empty".into(),
                RoomOutput::Timeout(next) => {
                    self.next = next;
                    return;
                }
            };
            self.told.push(line);
        }
    }

    /// What was told since the last look.
    pub fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    /// The numbers of those seated and of those who wait.
    pub fn roster(&self) -> (Vec<u64>, Vec<u64>) {
        let roster = self.room.roster();
        let numbers =
            |entries: &[roomgate::room::RosterEntry]| entries.iter().map(|e| e.participant.0).collect();
        (numbers(&roster.seated), numbers(&roster.waiting))
    }

    pub fn scene(&self, id: u64) -> &Scene {
        &self.views[&Self::leg(id)].scene
    }

    /// Whose tiles this one sees.
    pub fn sees(&self, id: u64) -> Vec<u64> {
        self.scene(id).tiles.iter().map(|tile| tile.participant.0).collect()
    }

    pub fn hears(&self, id: u64) -> Vec<u64> {
        self.views[&Self::leg(id)].hears.iter().map(|leg| leg.0 - 1_000).collect()
    }

    /// The large words in Norwegian; empty where there are pictures.
    pub fn slate(&self, id: u64) -> String {
        match &self.scene(id).layout {
            Layout::Slate(slate) => slate.lines.first().cloned().unwrap_or_default(),
            Layout::Solo | Layout::Grid => String::new(),
        }
    }

    pub fn footer(&self, id: u64) -> Vec<String> {
        match &self.scene(id).layout {
            Layout::Slate(slate) => slate.footer.clone(),
            Layout::Solo | Layout::Grid => Vec::new(),
        }
    }
}
