//! Rooms that are open: who is let into them, and what they say, told to planes, pages and ears.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Gateway,
    stage::{Call, Stage},
};
use crate::{
    admission::Role,
    call::release::Release,
    ids::{LegId, ParticipantId, RoomId, TrackKind},
    ivr::Situation,
    plane::{PlaneCommand, PortSpec},
    room::{
        AdmitPolicy, Notice, Room, RoomCommand, RoomConfig, RoomError, RoomOutput, Roster, RosterEntry,
        scene::View,
    },
    signalling::{Digit, Face, LegCommand, Screen, ScreenTile},
    store::RoomRecord,
};

/// How long `*` waits for its digit.
const STAR: Duration = Duration::from_secs(5);

/// A room with somebody in it.
pub(super) struct OpenRoom {
    room: Room,
    pub(super) timeout: Option<Instant>,
}

impl OpenRoom {
    pub(super) fn due(&self, now: Instant) -> bool {
        self.timeout.is_some_and(|at| at <= now)
    }

    pub(super) fn holds(&self, leg: LegId) -> bool {
        let roster = self.room.roster();
        roster.seated.iter().chain(&roster.waiting).any(|entry| entry.leg == leg)
    }
}

impl Gateway {
    /// Admission has let this call into its room: to a seat, or to its lobby.
    pub(super) fn admit(&mut self, now: Instant, leg: LegId, role: Role) {
        let Some(call) = self.calls.get_mut(&leg) else { return };
        let Some(record) = call.room.and_then(|room| self.directory.room_by_id(room)) else {
            return self.farewell(now, leg, Release::NotFound);
        };
        let room = record.id;
        let record = Arc::clone(record);
        self.last_participant += 1;
        let participant = ParticipantId(self.last_participant);
        call.role = Some(role);
        call.entered = Some(Arc::clone(&record));
        call.stage = Stage::Present { participant, waiting: true, star: None };
        let session = call.session.take();
        let join = RoomCommand::Join {
            participant,
            leg,
            role,
            name: call.shown_name(),
            face: call.caller.face,
            language: call.caller.language,
            video: call.video.shown(),
        };
        self.participants.insert(participant, leg);
        match session {
            Some(offer) => self.plane(PlaneCommand::Open { leg, spec: PortSpec::Session { offer } }),
            None => self.plane(PlaneCommand::Hush { leg }),
        }
        self.rooms
            .entry(room)
            .or_insert_with(|| OpenRoom { room: Room::new(room_config(&record), now), timeout: None });
        if let Err(error) = self.apply(now, room, join) {
            tracing::info!(%leg, %room, %error, "not let in");
            self.participants.remove(&participant);
            if let Some(call) = self.calls.get_mut(&leg) {
                call.stage = Stage::Answered;
            }
            self.farewell(now, leg, Release::Full);
        }
    }

    pub(super) fn apply(
        &mut self,
        now: Instant,
        room: RoomId,
        command: RoomCommand,
    ) -> Result<(), RoomError> {
        let Some(open) = self.rooms.get_mut(&room) else { return Err(RoomError::NotHere) };
        let applied = open.room.apply(now, command);
        self.drain_room(now, room);
        applied
    }

    pub(super) fn handle_room_timeout(&mut self, now: Instant, room: RoomId) {
        if let Some(open) = self.rooms.get_mut(&room) {
            open.room.handle_timeout(now);
        }
        self.drain_room(now, room);
    }

    /// The room's record is gone.
    pub(super) fn close_room(&mut self, now: Instant, room: RoomId) {
        // It cannot fail: the room is open.
        let _ = self.apply(now, room, RoomCommand::Close(Release::RoomClosed));
    }

    /// What a room says, until it waits.
    fn drain_room(&mut self, now: Instant, room: RoomId) {
        while let Some(open) = self.rooms.get_mut(&room) {
            match open.room.poll_output() {
                RoomOutput::View { leg, view } => self.handle_view(leg, view),
                RoomOutput::Waiting { participant, host_present } => {
                    self.handle_waiting(now, room, participant, host_present);
                }
                RoomOutput::Seated { participant, role, waited } => {
                    self.handle_seated(participant, role, waited);
                }
                RoomOutput::Roster(roster) => self.handle_roster(now, room, &roster),
                RoomOutput::Notice { to, notice } => self.handle_notice(now, &to, &notice),
                RoomOutput::Removed { participant, leg, release } => {
                    self.participants.remove(&participant);
                    self.farewell(now, leg, release);
                }
                RoomOutput::Empty => {
                    self.rooms.remove(&room);
                }
                RoomOutput::Timeout(timeout) => {
                    open.timeout = timeout;
                    return;
                }
            }
        }
    }

    fn handle_view(&mut self, leg: LegId, view: View) {
        let Some(call) = self.calls.get_mut(&leg) else { return };
        if call.caller.face == Face::Browser {
            call.slots = view.scene.tiles.iter().map(|tile| (tile.participant, tile.slot)).collect();
        }
        self.plane(PlaneCommand::View { leg, view });
    }

    fn handle_waiting(&mut self, now: Instant, room: RoomId, participant: ParticipantId, host_present: bool) {
        let Some((leg, call)) = self.participant(participant) else { return };
        let language = call.caller.language;
        let face = call.caller.face;
        tracing::info!(%leg, call = %call.caller.trace, %room, "waits to be let in");
        let room = self.room_name(room);
        match face {
            Face::Browser => self.command(now, leg, LegCommand::Show(Screen::Waiting { room }.into())),
            Face::Endpoint => {
                let situation = if host_present {
                    Situation::Knocking { minutes: 0 }
                } else {
                    Situation::WaitingForHost { minutes: 0 }
                };
                self.speak(leg, situation.prompt(&room, language).clips);
                self.plane(PlaneCommand::Music { leg, on: true });
            }
        }
    }

    fn handle_seated(&mut self, participant: ParticipantId, role: Role, waited: bool) {
        let unix_ms = self.unix_ms;
        let Some((leg, call)) = self.participant(participant) else { return };
        if let Stage::Present { waiting, .. } = &mut call.stage {
            *waiting = false;
        }
        call.seated = Some(unix_ms);
        let language = call.caller.language;
        let endpoint = call.caller.face == Face::Endpoint;
        tracing::info!(%leg, call = %call.caller.trace, role = role_word(role), "seated");
        if endpoint {
            self.plane(PlaneCommand::Music { leg, on: false });
            if waited {
                self.speak(leg, Situation::LetIn.prompt("", language).clips);
            }
        }
    }

    /// Pages are told who is in the room, and whom each of their video lines shows.
    fn handle_roster(&mut self, now: Instant, room: RoomId, roster: &Arc<Roster>) {
        let name = self.room_name(room);
        for viewer in roster.seated.iter().filter(|entry| entry.face == Face::Browser) {
            let Some(call) = self.calls.get(&viewer.leg) else { continue };
            let others = roster.seated.iter().filter(|entry| entry.participant != viewer.participant);
            let screen = Screen::Seated {
                room: name.clone(),
                you: viewer.participant.0,
                role: role_word(viewer.role),
                tiles: others.map(|entry| screen_tile(entry, call)).collect(),
            };
            self.command(now, viewer.leg, LegCommand::Show(screen.into()));
        }
    }

    fn handle_notice(&mut self, now: Instant, to: &[ParticipantId], notice: &Notice) {
        let (nb, en) = notice_words(notice);
        for participant in to {
            let Some((leg, call)) = self.participant(*participant) else { continue };
            match (call.caller.face, notice) {
                (Face::Browser, _) => {
                    let screen = Screen::Notice { nb: nb.clone(), en: en.clone() };
                    self.command(now, leg, LegCommand::Show(screen.into()));
                }
                (Face::Endpoint, Notice::HostLeft { seconds }) => {
                    let situation = Situation::HostLeft { seconds: *seconds };
                    let clips = situation.prompt("", call.caller.language).clips;
                    self.speak(leg, clips);
                }
                // Its picture tells: the room has put it there.
                (Face::Endpoint, _) => {}
            }
        }
    }

    /// A camera or a microphone was switched off or on in a page.
    pub(super) fn handle_muted(&mut self, now: Instant, leg: LegId, kind: TrackKind, muted: bool) {
        let Some(call) = self.calls.get_mut(&leg) else { return };
        match kind {
            TrackKind::Audio => call.muted = muted,
            TrackKind::Video => call.video.off = muted,
        }
        self.source_changed(now, leg);
    }

    /// Tells the room what this leg sends now.
    pub(super) fn source_changed(&mut self, now: Instant, leg: LegId) {
        let Some(call) = self.calls.get(&leg) else { return };
        let (Stage::Present { participant, .. }, Some(room)) = (&call.stage, call.room) else { return };
        let (video, muted) = (call.video.shown(), call.muted);
        let command = RoomCommand::SourceChanged { participant: *participant, video, muted };
        // It cannot fail: who is present is in the room.
        let _ = self.apply(now, room, command);
    }

    /// A key in the room: `*` and a digit within five seconds is a command.
    pub(super) fn handle_command_key(&mut self, now: Instant, leg: LegId, digit: Digit) {
        let Some(call) = self.calls.get_mut(&leg) else { return };
        let Some(room) = call.room else { return };
        let Stage::Present { participant, star, .. } = &mut call.stage else { return };
        let participant = *participant;
        let started = star.take().is_some_and(|at| now.saturating_duration_since(at) < STAR);
        match digit {
            Digit::Star => *star = Some(now),
            Digit::Number(3) if started => {
                if let Err(error) = self.apply(now, room, RoomCommand::AdmitNext { by: participant }) {
                    tracing::info!(%leg, %error, "nobody was let in");
                }
            }
            Digit::Number(_) | Digit::Pound | Digit::Letter(_) => {}
        }
    }

    fn participant(&mut self, participant: ParticipantId) -> Option<(LegId, &mut Call)> {
        let leg = *self.participants.get(&participant)?;
        self.calls.get_mut(&leg).map(|call| (leg, call))
    }
}

/// How a room behaves, by its record and the table of room types.
fn room_config(record: &RoomRecord) -> RoomConfig {
    let size = |people: u32| usize::try_from(people).unwrap_or(usize::MAX);
    let one_by_one = record.kind.locks_at().is_some();
    RoomConfig {
        admit: if one_by_one { AdmitPolicy::OneByHost } else { AdmitPolicy::AllTogether },
        capacity: size(record.kind.capacity()),
        lock_at: record.kind.locks_at().map(|people| size(record.expected.unwrap_or(people))),
        ..RoomConfig::new(record.id, &record.address, &record.name)
    }
}

fn screen_tile(entry: &RosterEntry, viewer: &Call) -> ScreenTile {
    ScreenTile {
        participant: entry.participant.0,
        name: entry.name.to_string(),
        kind: match entry.face {
            Face::Endpoint => "endpoint",
            Face::Browser => "browser",
        },
        role: role_word(entry.role),
        slot: viewer.slots.get(&entry.participant).copied().filter(|_| entry.video),
        muted: entry.muted,
    }
}

pub(super) const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Host => "host",
        Role::Guest => "guest",
    }
}

fn notice_words(notice: &Notice) -> (String, String) {
    match notice {
        Notice::Joined { name } => (format!("{name} kom inn."), format!("{name} has joined.")),
        Notice::Left { name } => (format!("{name} har gått."), format!("{name} has left.")),
        Notice::Knock { name } => (format!("{name} banker på."), format!("{name} is knocking.")),
        Notice::HostLeft { seconds } => (
            format!("Verten har gått. Rommet stenger om {seconds} sekunder."),
            format!("The host has left. The room closes in {seconds} seconds."),
        ),
        Notice::HostBack => ("Verten er tilbake.".to_owned(), "The host is back.".to_owned()),
    }
}
