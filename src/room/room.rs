//! One room: people come, wait, are let in, see each other and go. A machine without media and without a clock.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use thiserror::Error;

use crate::{
    admission::Role,
    call::release::Release,
    ids::{LegId, ParticipantId},
    ivr::{Situation, Slate},
    room::{
        RoomConfig, Roster, layout,
        lobby::Lobby,
        participant::{Participant, shown_name},
        scene::{Layout, Scene, View},
    },
    signalling::{Face, Language},
};

/// What can be asked of a room.
#[derive(Clone, Debug)]
pub enum RoomCommand {
    /// Somebody whom admission let through: takes a place, or waits.
    Join {
        participant: ParticipantId,
        leg: LegId,
        role: Role,
        name: Arc<str>,
        face: Face,
        language: Option<Language>,
        /// Whether a picture comes from there.
        video: bool,
    },
    /// The leg is gone.
    Leave { participant: ParticipantId },
    /// A camera or a microphone was switched.
    SourceChanged { participant: ParticipantId, video: bool, muted: bool },
    /// A host lets in the one who has waited longest.
    AdmitNext { by: ParticipantId },
    /// A host lets in this one.
    Admit { by: ParticipantId, participant: ParticipantId },
    /// Everybody is put out, for this reason.
    Close(Release),
}

/// What a room tells. Drain to `Timeout` after every command.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomOutput {
    /// What this leg sees and hears from now on. Said only when it is not what was said before.
    View {
        leg: LegId,
        view: View,
    },
    /// Waits to be let in. `host_present`: a host is there and decides; else none has come yet.
    Waiting {
        participant: ParticipantId,
        host_present: bool,
    },
    /// Is in the room. `waited`: was let in from the lobby.
    Seated {
        participant: ParticipantId,
        role: Role,
        waited: bool,
    },
    Roster(Arc<Roster>),
    /// Something to tell these people.
    Notice {
        to: Vec<ParticipantId>,
        notice: Notice,
    },
    /// Was put out by the room, which has forgotten it: tell why, and end the call.
    Removed {
        participant: ParticipantId,
        leg: LegId,
        release: Release,
    },
    /// Nobody is left, waiting or seated.
    Empty,
    /// Nothing more to say until then.
    Timeout(Option<Instant>),
}

/// What people in a room are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Joined {
        name: Arc<str>,
    },
    Left {
        name: Arc<str>,
    },
    /// Somebody waits to be let in; hosts alone are told.
    Knock {
        name: Arc<str>,
    },
    /// The last host has left; the room closes then unless one comes back.
    HostLeft {
        seconds: u64,
    },
    /// A host came back in time.
    HostBack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RoomError {
    #[error("the room is full")]
    Full,
    #[error("is in this room already")]
    AlreadyHere,
    #[error("is not in this room")]
    NotHere,
    #[error("only a host may do this")]
    NotHost,
    #[error("nobody waits")]
    NobodyWaits,
}

/// A room with its people.
#[derive(Debug)]
pub struct Room {
    config: RoomConfig,
    /// In the order in which they came in.
    seated: Vec<Participant>,
    /// In the order in which they came.
    waiting: Vec<Participant>,
    locked: bool,
    /// Since when there is no host. Meaningless while there is one.
    no_host_since: Instant,
    /// When the room closes for its guests, their last host having left.
    closes: Option<Instant>,
    /// The name of the one who left last, for whoever is alone now.
    left: Option<Arc<str>>,
    now: Instant,
    /// What is seen, or who is here, may have changed.
    dirty: bool,
    roster: Arc<Roster>,
    out: VecDeque<RoomOutput>,
}

impl Room {
    pub fn new(config: RoomConfig, now: Instant) -> Self {
        Self {
            config,
            seated: Vec::new(),
            waiting: Vec::new(),
            locked: false,
            no_host_since: now,
            closes: None,
            left: None,
            now,
            dirty: false,
            roster: Arc::default(),
            out: VecDeque::new(),
        }
    }

    pub const fn config(&self) -> &RoomConfig {
        &self.config
    }

    /// Who is here, as of the last [`RoomOutput::Roster`].
    pub const fn roster(&self) -> &Arc<Roster> {
        &self.roster
    }

    pub fn is_empty(&self) -> bool {
        self.seated.is_empty() && self.waiting.is_empty()
    }

    pub const fn is_locked(&self) -> bool {
        self.locked
    }

    /// Does one thing, or says why not; then nothing has changed.
    pub fn apply(&mut self, now: Instant, command: RoomCommand) -> Result<(), RoomError> {
        self.now = now;
        match command {
            RoomCommand::Join { participant, leg, role, name, face, language, video } => {
                self.join(Participant {
                    id: participant,
                    leg,
                    role,
                    name: shown_name(&name),
                    face,
                    language,
                    video,
                    muted: false,
                    since: now,
                    seats: layout::Seats::default(),
                    view: None,
                })?;
            }
            RoomCommand::Leave { participant } => self.leave(participant)?,
            RoomCommand::SourceChanged { participant, video, muted } => {
                let person = self.find(participant).ok_or(RoomError::NotHere)?;
                (person.video, person.muted) = (video, muted);
            }
            RoomCommand::AdmitNext { by } => {
                self.require_host(by)?;
                if self.waiting.is_empty() {
                    return Err(RoomError::NobodyWaits);
                }
                self.admit(0)?;
            }
            RoomCommand::Admit { by, participant } => {
                self.require_host(by)?;
                let index = self.waiting.iter().position(|p| p.id == participant);
                self.admit(index.ok_or(RoomError::NotHere)?)?;
            }
            RoomCommand::Close(release) => self.close(release),
        }
        self.dirty = true;
        Ok(())
    }

    /// Time has come, or not: an extra call is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        let lobby = self.lobby();
        let late: Vec<_> = self
            .waiting
            .iter()
            .filter(|p| lobby.gives_up(p.since, self.no_host_since).is_some_and(|at| now >= at))
            .map(|p| p.id)
            .collect();
        for id in late {
            self.remove(id, Release::NoHost);
        }
        if self.closes.is_some_and(|at| now >= at) {
            for id in self.seated.iter().map(|p| p.id).collect::<Vec<_>>() {
                self.remove(id, Release::RoomClosed);
            }
        }
        // Clocks on pictures go on; views that look the same are not said again.
        self.dirty = true;
    }

    /// What to do, one thing at a time, down to `Timeout`.
    pub fn poll_output(&mut self) -> RoomOutput {
        if self.out.is_empty() && std::mem::take(&mut self.dirty) {
            self.settle();
        }
        self.out.pop_front().unwrap_or_else(|| RoomOutput::Timeout(self.next_timeout()))
    }

    fn join(&mut self, person: Participant) -> Result<(), RoomError> {
        if self.find(person.id).is_some() {
            return Err(RoomError::AlreadyHere);
        }
        let lobby = self.lobby();
        if lobby.passes(person.role) {
            if !lobby.has_place() {
                return Err(RoomError::Full);
            }
            self.seat(person, false);
            return Ok(());
        }
        if self.waiting.len() >= self.config.capacity {
            return Err(RoomError::Full);
        }
        let host_present = lobby.host_present();
        self.out.push_back(RoomOutput::Waiting { participant: person.id, host_present });
        if host_present {
            let notice = Notice::Knock { name: person.name.clone() };
            self.tell(notice, |p| p.role == Role::Host);
        }
        self.waiting.push(person);
        Ok(())
    }

    /// Gives a place to a newcomer, or to one who was let in, and to those who come in with this one.
    fn seat(&mut self, person: Participant, waited: bool) {
        let host_arrives = person.role == Role::Host && !self.lobby().host_present();
        if host_arrives && self.closes.take().is_some() {
            self.tell(Notice::HostBack, |_| true);
        }
        self.place(person, waited);
        self.let_in(host_arrives);
    }

    fn place(&mut self, mut person: Participant, waited: bool) {
        let notice = Notice::Joined { name: person.name.clone() };
        self.tell(notice, |_| true);
        self.left = None;
        person.since = self.now;
        self.out.push_back(RoomOutput::Seated { participant: person.id, role: person.role, waited });
        self.seated.push(person);
    }

    /// Gives places to those who wait and need nobody's leave, then locks the room if it does that by itself.
    fn let_in(&mut self, host_arrived: bool) {
        for _ in 0..self.lobby().admitted_by_themselves(host_arrived) {
            let next = self.waiting.remove(0);
            self.place(next, true);
        }
        let full_house = self.config.lock_at.is_some_and(|count| self.seated.len() >= count);
        if full_house && self.lobby().host_present() {
            self.locked = true;
        }
    }

    fn admit(&mut self, index: usize) -> Result<(), RoomError> {
        if !self.lobby().has_place() {
            return Err(RoomError::Full);
        }
        let person = self.waiting.remove(index);
        self.seat(person, true);
        Ok(())
    }

    fn leave(&mut self, id: ParticipantId) -> Result<(), RoomError> {
        if let Some(index) = self.waiting.iter().position(|p| p.id == id) {
            self.waiting.remove(index);
            return Ok(());
        }
        let index = self.seated.iter().position(|p| p.id == id).ok_or(RoomError::NotHere)?;
        let person = self.seated.remove(index);
        self.left = Some(person.name.clone());
        let notice = Notice::Left { name: person.name };
        self.tell(notice, |_| true);
        if person.role == Role::Host && !self.lobby().host_present() {
            self.no_host_since = self.now;
            if self.config.guests_wait && !self.seated.is_empty() {
                self.closes = Some(self.now + self.config.empty_countdown);
                self.tell(Notice::HostLeft { seconds: self.config.empty_countdown.as_secs() }, |_| true);
            }
        }
        if self.seated.is_empty() {
            self.forget_meeting();
        } else {
            self.let_in(false);
        }
        Ok(())
    }

    /// The last one seated has left: what comes next is another meeting.
    fn forget_meeting(&mut self) {
        self.locked = false;
        self.closes = None;
        self.left = None;
    }

    fn close(&mut self, release: Release) {
        let everybody: Vec<_> = self.seated.iter().chain(&self.waiting).map(|p| p.id).collect();
        for id in everybody {
            self.remove(id, release);
        }
    }

    /// Puts out one, without words to the others: they go too, or know nothing of this one.
    fn remove(&mut self, id: ParticipantId, release: Release) {
        for people in [&mut self.seated, &mut self.waiting] {
            if let Some(index) = people.iter().position(|p| p.id == id) {
                let leg = people.remove(index).leg;
                self.out.push_back(RoomOutput::Removed { participant: id, leg, release });
            }
        }
        if self.seated.is_empty() {
            self.forget_meeting();
        }
    }

    fn require_host(&self, by: ParticipantId) -> Result<(), RoomError> {
        match self.seated.iter().find(|p| p.id == by) {
            Some(person) if person.role == Role::Host => Ok(()),
            Some(_) => Err(RoomError::NotHost),
            None => Err(RoomError::NotHere),
        }
    }

    fn find(&mut self, id: ParticipantId) -> Option<&mut Participant> {
        self.seated.iter_mut().chain(&mut self.waiting).find(|p| p.id == id)
    }

    fn lobby(&self) -> Lobby<'_> {
        Lobby { config: &self.config, seated: &self.seated, waiting: &self.waiting, locked: self.locked }
    }

    /// Tells those seated for whom `whom` holds.
    fn tell(&mut self, notice: Notice, whom: impl Fn(&Participant) -> bool) {
        let to: Vec<_> = self.seated.iter().filter(|p| whom(p)).map(|p| p.id).collect();
        if !to.is_empty() {
            self.out.push_back(RoomOutput::Notice { to, notice });
        }
    }

    /// Says what has changed: who is here, and what each one sees and hears.
    fn settle(&mut self) {
        let roster = Roster {
            seated: self.seated.iter().map(Participant::entry).collect(),
            waiting: self.waiting.iter().map(Participant::entry).collect(),
        };
        let was_empty = self.roster.seated.is_empty() && self.roster.waiting.is_empty();
        self.settle_seated();
        self.settle_waiting();
        // After the views: whoever is told of the people wants to know in which place each one is seen.
        if roster != *self.roster {
            self.roster = Arc::new(roster);
            self.out.push_back(RoomOutput::Roster(self.roster.clone()));
        }
        if self.is_empty() && !was_empty {
            self.out.push_back(RoomOutput::Empty);
        }
    }

    fn settle_seated(&mut self) {
        let closing = self.closing_seconds();
        for index in 0..self.seated.len() {
            let mut seats = std::mem::take(&mut self.seated[index].seats);
            let viewer = &self.seated[index];
            let others: Vec<_> = self.seated.iter().filter(|p| p.id != viewer.id).collect();
            let hears = others.iter().map(|p| p.leg).collect();
            let scene = match viewer.face {
                Face::Browser => layout::browser_scene(&mut seats, &others),
                Face::Endpoint => {
                    let tiles = layout::endpoint_scene(&mut seats, &others);
                    self.endpoint_words(viewer, tiles.is_none(), closing)
                        .or(tiles)
                        .unwrap_or_else(|| self.slate(&Situation::FirstHere, viewer))
                }
            };
            let view = View { scene: Arc::new(scene), hears };
            let viewer = &mut self.seated[index];
            viewer.seats = seats;
            say(&mut self.out, viewer, view);
        }
    }

    /// Words instead of the others' pictures: while alone, and around the end of the countdown.
    fn endpoint_words(&self, viewer: &Participant, alone: bool, closing: Option<u64>) -> Option<Scene> {
        let situation = match closing {
            Some(seconds) if alone || self.countdown_is_shown(seconds) => Situation::HostLeft { seconds },
            _ if alone => match &self.left {
                Some(name) => {
                    Situation::Alone { left: Some(name.to_string()).filter(|name| !name.is_empty()) }
                }
                None => Situation::FirstHere,
            },
            _ => return None,
        };
        Some(self.slate(&situation, viewer))
    }

    fn settle_waiting(&mut self) {
        let host_present = self.lobby().host_present();
        for index in 0..self.waiting.len() {
            let person = &self.waiting[index];
            let minutes = self.now.saturating_duration_since(person.since).as_secs() / 60;
            let situation = if host_present {
                Situation::Knocking { minutes }
            } else {
                Situation::WaitingForHost { minutes }
            };
            let scene = Arc::new(self.slate(&situation, person));
            say(&mut self.out, &mut self.waiting[index], View { scene, hears: Arc::new([]) });
        }
    }

    fn slate(&self, situation: &Situation, viewer: &Participant) -> Scene {
        let slate: Slate = situation.slate(&self.config.name, viewer.language);
        Scene { layout: Layout::Slate(Arc::new(slate)), tiles: Vec::new() }
    }

    /// What the countdown says: in steps of ten seconds, at its end in single ones.
    fn closing_seconds(&self) -> Option<u64> {
        let left = self.closes?.saturating_duration_since(self.now);
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        Some(if seconds > LAST_SECONDS { seconds.next_multiple_of(10) } else { seconds })
    }

    /// Those who talk on see the countdown at its beginning and at its end, and each other between.
    fn countdown_is_shown(&self, seconds: u64) -> bool {
        seconds <= LAST_SECONDS || self.now < self.no_host_since + FIRST_SHOWN
    }

    fn next_timeout(&self) -> Option<Instant> {
        let lobby = self.lobby();
        let waits = self.waiting.iter().flat_map(|p| {
            let waited = self.now.saturating_duration_since(p.since).as_secs() / 60;
            let clock = p.since + Duration::from_secs((waited + 1) * 60);
            [Some(clock), lobby.gives_up(p.since, self.no_host_since)]
        });
        let countdown = self.closes.map(|at| {
            let left = at.saturating_duration_since(self.now);
            let tick = if left <= Duration::from_secs(LAST_SECONDS) { 1 } else { 10 };
            // The next instant at which what it says changes.
            let steps = left.as_millis().div_ceil(tick * 1000).saturating_sub(1);
            let next = at.checked_sub(Duration::from_secs((steps * tick) as u64)).unwrap_or(at);
            let first = self.no_host_since + FIRST_SHOWN;
            if self.now < first { next.min(first) } else { next }
        });
        waits.chain([countdown]).flatten().min()
    }
}

/// Tells a view that is not the one told before.
fn say(out: &mut VecDeque<RoomOutput>, viewer: &mut Participant, view: View) {
    if viewer.view.as_ref() != Some(&view) {
        viewer.view = Some(view.clone());
        out.push_back(RoomOutput::View { leg: viewer.leg, view });
    }
}

/// How long those who talk on see that the host has left.
const FIRST_SHOWN: Duration = Duration::from_secs(5);

/// The countdown's last seconds, shown one by one.
const LAST_SECONDS: u64 = 10;
