//! From the first message of a call to its prompt: which room, which sockets, what was agreed.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{
    Gateway, Output,
    stage::{Ask, Asking, Call, PATIENCE, Stage},
};
use crate::{
    call::release::Release,
    config::UnknownRoom,
    ids::{LegId, TrackKind},
    ivr::{Menu, MenuConfig, Situation},
    plane::{PlaneCommand, PortSpec},
    signalling::{
        Caller, Dialled, EncryptionState, Face, LegCommand, LocalMedia, MediaParams, Offer, Screen,
    },
    store::directory::Named,
};

/// How often the reception answers a source without an account that dials rooms which do not exist.
const STRANGER_CALLS: usize = 2;
const STRANGER_WINDOW: Duration = Duration::from_secs(3600);
const MAX_STRANGERS: usize = 10_000;

/// Sources without an account that dialled what does not exist, and when.
#[derive(Default)]
pub(super) struct Strangers(HashMap<IpAddr, Vec<Instant>>);

impl Strangers {
    /// Whether the reception takes one more call from there.
    fn may_call(&mut self, now: Instant, source: IpAddr) -> bool {
        let recent = |at: &Instant| now.saturating_duration_since(*at) < STRANGER_WINDOW;
        if self.0.len() >= MAX_STRANGERS {
            self.0.retain(|_, calls| calls.iter().any(recent));
        }
        if self.0.len() >= MAX_STRANGERS {
            return false;
        }
        let calls = self.0.entry(source).or_default();
        calls.retain(recent);
        let may = calls.len() < STRANGER_CALLS;
        if may {
            calls.push(now);
        }
        may
    }
}

impl Gateway {
    pub(super) fn handle_incoming(
        &mut self,
        now: Instant,
        leg: LegId,
        caller: Caller,
        mut dialled: Dialled,
        offer: Offer,
    ) {
        tracing::info!(%leg, call = %caller.trace, from = caller.address, source = %caller.source,
            account = caller.account, to = dialled.address, "call");
        self.count("calls");
        let (source, face) = (caller.source, caller.face);
        let refusal = self.refusal(now, &caller, &dialled);
        let room = self.directory.room(&dialled.address).map(|room| room.id);
        if room.is_none() {
            // It was meant for a room that is not there: no try at the door of another.
            dialled.pin = None;
        }
        self.calls.insert(leg, Call::new(caller, dialled, &offer, room, self.unix_ms));
        if let Some(release) = refusal {
            return self.release(now, leg, release);
        }
        match face {
            Face::Endpoint => self.out.push_back(Output::OpenPorts { leg, towards: source }),
            Face::Browser => self.knock(now, leg),
        }
    }

    /// Why this call is not taken at all, if so.
    fn refusal(&mut self, now: Instant, caller: &Caller, dialled: &Dialled) -> Option<Release> {
        if self.draining {
            return Some(Release::ShuttingDown);
        }
        let arriving = |call: &&Call| !matches!(call.stage, Stage::Present { .. });
        let all = self.calls.values().filter(arriving).count();
        let here =
            self.calls.values().filter(arriving).filter(|call| call.caller.source == caller.source).count();
        if all >= self.config.arrivals || here >= self.config.arrivals_per_source {
            tracing::warn!(source = %caller.source, all, here, "too many calls wait for a PIN; one is refused");
            self.count("arrivals-refused");
            return Some(Release::Full);
        }
        match self.directory.find(&dialled.address) {
            Some(Named::Room(_)) => None,
            // The reception is for endpoints; a page has a field for the room's number.
            _ if caller.face == Face::Browser => Some(Release::NotFound),
            _ if dialled.address.is_empty() => None,
            _ if self.config.unknown_room == UnknownRoom::Reject => Some(Release::NotFound),
            _ if caller.account.is_some() || self.strangers.may_call(now, caller.source) => None,
            _ => Some(Release::NotFound),
        }
    }

    /// The sockets of an endpoint's leg are open.
    pub(super) fn answer(&mut self, now: Instant, leg: LegId, local: LocalMedia) {
        let Some(call) = self.calls.get_mut(&leg) else {
            // Cancelled meanwhile.
            return self.plane(PlaneCommand::Close { leg });
        };
        call.stage = Stage::Answered;
        self.plane(PlaneCommand::Open { leg, spec: PortSpec::Rtp });
        self.command(now, leg, LegCommand::Answer(local));
    }

    /// Media was agreed, for the first time or anew.
    pub(super) fn handle_agreed(&mut self, now: Instant, leg: LegId, params: MediaParams) {
        let Some(call) = self.calls.get_mut(&leg) else { return };
        let first = matches!(call.stage, Stage::Answered);
        call.answered.get_or_insert(self.unix_ms);
        call.encryption = params.encryption;
        call.video.agreed = params.video.as_ref().is_some_and(|video| video.direction.receives());
        if first {
            // Nothing is sent before the far side has confirmed the call: an INVITE that somebody else signed with
            // its victim's address would otherwise turn sound and pictures on the victim.
            call.unconfirmed = Some(Box::new(params));
            return self.show_arrival(leg);
        }
        self.plane(PlaneCommand::Configure { leg, params: Box::new(params) });
        if self.plain_refused(leg) {
            self.farewell(now, leg, Release::EncryptionRequired);
        } else {
            self.source_changed(now, leg);
        }
    }

    /// The far side has confirmed the call.
    pub(super) fn handle_connected(&mut self, now: Instant, leg: LegId) {
        if let Some(params) = self.calls.get_mut(&leg).and_then(|call| call.unconfirmed.take()) {
            self.plane(PlaneCommand::Configure { leg, params });
        }
        match self.calls.get_mut(&leg).map(|call| &mut call.stage) {
            Some(Stage::Answered) => self.knock(now, leg),
            // The reason was ready before the ACK: its time counts from now.
            Some(Stage::Releasing { until, .. }) => *until = now + super::stage::FAREWELL,
            _ => {}
        }
    }

    /// A browser's media port has answered its description, or cannot.
    pub(super) fn handle_described(&mut self, now: Instant, leg: LegId, answer: Result<String, String>) {
        match answer {
            Ok(answer) => {
                if let Some(call) = self.calls.get_mut(&leg) {
                    call.answered = Some(self.unix_ms);
                }
                self.command(now, leg, LegCommand::Answer(LocalMedia::Session(answer)));
            }
            Err(reason) => {
                tracing::warn!(%leg, reason, "a page's session description is refused");
                self.release(now, leg, Release::Incompatible);
            }
        }
    }

    pub(super) fn handle_started(&mut self, now: Instant, leg: LegId, kind: TrackKind) {
        if kind == TrackKind::Video
            && let Some(call) = self.calls.get_mut(&leg)
        {
            call.video.seen = true;
            self.source_changed(now, leg);
        }
    }

    /// At the door of the room that was dialled, or at the reception: lets in, looks at the PIN that came along,
    /// or asks.
    pub(super) fn knock(&mut self, now: Instant, leg: LegId) {
        if self.plain_refused(leg) {
            return self.farewell(now, leg, Release::EncryptionRequired);
        }
        let Some(call) = self.calls.get_mut(&leg) else { return };
        let Some(room) = call.room else { return self.ask_room(now, leg) };
        let pin = call.dialled.pin.take().filter(|pin| !pin.0.is_empty());
        let door = self.door_pins(room);
        match (pin, call_face(self.calls.get(&leg))) {
            _ if !door.asks() => self.admit(now, leg, crate::admission::Role::Host),
            (Some(pin), _) => self.try_pin(now, leg, pin),
            (None, Face::Endpoint) => {
                let guests_press_hash = door.guests_press_hash();
                self.ask_pin(now, leg, &Situation::EnterPin { guests_press_hash });
            }
            (None, Face::Browser) if door.guests_press_hash() => {
                self.try_pin(now, leg, crate::signalling::Digits::default());
            }
            (None, Face::Browser) => self.show_pin_field(now, leg, None, Duration::ZERO),
        }
    }

    /// Begins or begins again to ask an endpoint for a PIN.
    pub(super) fn ask_pin(&mut self, now: Instant, leg: LegId, situation: &Situation) {
        let Some(call) = self.calls.get(&leg) else { return };
        let Some(room) = call.room else { return };
        let door = self.door_pins(room);
        let menu = MenuConfig {
            prompt: situation.prompt(&self.room_name(room), call.caller.language),
            lone_pound: door.guests_press_hash(),
            auto_length: door.one_length(),
            // At the reception a key has been pressed already: the next one is meant.
            ignore_leading_pound: call.caller.profile.ignore_leading_pound
                && matches!(call.stage, Stage::Answered),
        };
        self.begin_menu(now, leg, Menu::new(now, menu), Ask::Pin);
    }

    fn ask_room(&mut self, now: Instant, leg: LegId) {
        let Some(call) = self.calls.get(&leg) else { return };
        let situation = if call.dialled.address.is_empty() {
            Situation::EnterRoom
        } else {
            Situation::NoSuchRoom { address: call.dialled.address.clone() }
        };
        let prompt = situation.prompt("Roomgate", call.caller.language);
        let ignore_leading_pound = call.caller.profile.ignore_leading_pound;
        let menu = MenuConfig { prompt, lone_pound: false, auto_length: None, ignore_leading_pound };
        self.begin_menu(now, leg, Menu::new(now, menu), Ask::Room { tries: 3 });
    }

    fn begin_menu(&mut self, now: Instant, leg: LegId, menu: Menu, what: Ask) {
        if let Some(call) = self.calls.get_mut(&leg) {
            call.stage = Stage::Asking(Box::new(Asking::new(menu, what)));
        }
        self.drain_menu(now, leg);
    }

    pub(super) fn show_pin_field(
        &mut self,
        now: Instant,
        leg: LegId,
        tries_left: Option<u8>,
        wait: Duration,
    ) {
        let Some(call) = self.calls.get_mut(&leg) else { return };
        let Some(room) = call.room else { return };
        call.stage = Stage::Typing { hold: now + wait, held: None, give_up: now + PATIENCE };
        let guest_needs_pin = !self.door_pins(room).guests_press_hash();
        let screen = Screen::Pin { room: self.room_name(room), tries_left, wait, guest_needs_pin };
        self.command(now, leg, LegCommand::Show(screen.into()));
    }

    /// Whether this room wants encryption and this leg has none that counts.
    fn plain_refused(&self, leg: LegId) -> bool {
        let Some(call) = self.calls.get(&leg) else { return false };
        let room = call.room.and_then(|room| self.directory.room_by_id(room));
        room.is_some_and(|room| room.kind.requires_encryption())
            && call.encryption != EncryptionState::ToGateway
    }

    /// What an endpoint sees until its call is confirmed: what it will be asked.
    fn show_arrival(&mut self, leg: LegId) {
        let Some(call) = self.calls.get(&leg) else { return };
        let language = call.caller.language;
        let slate = match call.room {
            Some(_) if self.plain_refused(leg) => {
                Situation::EncryptionRequired.slate(&self.heading(leg), language)
            }
            Some(room) if self.door_pins(room).asks() => {
                let guests_press_hash = self.door_pins(room).guests_press_hash();
                Situation::EnterPin { guests_press_hash }.slate(&self.heading(leg), language)
            }
            Some(_) => Situation::FirstHere.slate(&self.heading(leg), language),
            None => Situation::EnterRoom.slate(&self.heading(leg), language),
        };
        self.show_slate(leg, slate.into());
    }
}

fn call_face(call: Option<&Call>) -> Face {
    call.map_or(Face::Endpoint, |call| call.caller.face)
}
