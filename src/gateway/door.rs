//! Keyed and typed digits on their way to a verdict.

use std::{sync::Arc, time::Instant};

use super::{
    Gateway,
    stage::{Ask, PATIENCE, Stage},
};
use crate::{
    admission::{DoorPins, Role, Verdict},
    call::release::Release,
    ids::{LegId, RoomId},
    ivr::{MenuOutput, Situation, Slate},
    plane::PlaneCommand,
    room::scene::{Layout, Scene, View},
    signalling::{Digit, DigitPath, Digits, Face, LegCommand, Screen},
    store::Secret,
};

impl Gateway {
    /// A key, however it came.
    pub(super) fn handle_digit(&mut self, now: Instant, leg: LegId, digit: Digit, path: DigitPath) {
        let Some(call) = self.calls.get_mut(&leg) else { return };
        let Some(digit) = call.keys.handle(now, digit, path) else { return };
        match &mut call.stage {
            Stage::Asking(asking) => {
                asking.menu.handle_digit(now, digit);
                self.drain_menu(now, leg);
            }
            Stage::Present { .. } => self.handle_command_key(now, leg, digit),
            Stage::Opening | Stage::Answered | Stage::Typing { .. } | Stage::Releasing { .. } => {}
        }
    }

    /// A PIN that was typed into a page.
    pub(super) fn handle_typed(&mut self, now: Instant, leg: LegId, digits: Digits) {
        let Some(call) = self.calls.get_mut(&leg) else { return };
        match &mut call.stage {
            Stage::Typing { hold, held, .. } if now < *hold => *held = Some(digits),
            Stage::Typing { .. } => self.try_pin(now, leg, digits),
            _ => {}
        }
    }

    /// What a menu asks for, until it waits.
    pub(super) fn drain_menu(&mut self, now: Instant, leg: LegId) {
        while let Some(Stage::Asking(asking)) = self.calls.get_mut(&leg).map(|call| &mut call.stage) {
            match asking.poll() {
                Some(MenuOutput::Show(slate)) => self.show_slate(leg, slate),
                Some(MenuOutput::Speak(clips)) => self.speak(leg, clips),
                Some(MenuOutput::Hush) => self.plane(PlaneCommand::Hush { leg }),
                Some(MenuOutput::Collected(digits)) => match asking.what {
                    Ask::Pin => self.try_pin(now, leg, digits),
                    Ask::Room { tries } => self.try_room(now, leg, tries, &digits),
                },
                Some(MenuOutput::GaveUp) => self.farewell(now, leg, Release::NoInput),
                Some(MenuOutput::Timeout(_)) | None => return,
            }
        }
    }

    /// One try at the door of the call's room.
    pub(super) fn try_pin(&mut self, now: Instant, leg: LegId, digits: Digits) {
        let Some(call) = self.calls.get(&leg) else { return };
        let Some(room) = call.room else { return };
        let door = self.door_pins(room);
        let verdict = self.desk.check(now, leg, &call.caller, &door, &digits);
        let trace = Arc::clone(&call.caller.trace);
        tracing::info!(%leg, call = %trace, %room, verdict = verdict_word(&verdict), "PIN");
        while let Some(alarm) = self.desk.poll_alarm() {
            tracing::warn!(room = %alarm.room, wrong = alarm.wrong, "somebody guesses this room's PINs");
            self.count("pin-alarms");
        }
        match verdict {
            Verdict::Seat { role } => self.admit(now, leg, role),
            Verdict::Refuse(refusal) => {
                self.count("pins-refused");
                self.farewell_with(now, leg, refusal.release(), &refusal.situation());
            }
            Verdict::Retry { tries_left, wait } => {
                self.count("pins-wrong");
                let situation = Situation::WrongPin { last_try: tries_left == 1 };
                let heading = self.heading(leg);
                match self.calls.get_mut(&leg).map(|call| (call.caller.language, &mut call.stage)) {
                    Some((language, Stage::Asking(asking))) => {
                        asking.menu.retry(now, situation.prompt(&heading, language), wait);
                        self.drain_menu(now, leg);
                    }
                    Some(_) if self.web.has(leg) => self.show_pin_field(now, leg, Some(tries_left), wait),
                    Some(_) => self.ask_pin(now, leg, &situation),
                    None => {}
                }
            }
            Verdict::Later { at } => self.queue_try(now, leg, at, digits),
        }
    }

    /// This room's tries are answered one at a time.
    fn queue_try(&mut self, now: Instant, leg: LegId, at: Instant, digits: Digits) {
        let wait = at.saturating_duration_since(now);
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let heading = self.heading(leg);
        let Some(call) = self.calls.get_mut(&leg) else { return };
        if call.caller.face == Face::Browser {
            call.stage = Stage::Typing { hold: at, held: Some(digits), give_up: at + PATIENCE };
            let screen = Screen::Notice {
                nb: format!("Mange har prøvd feil PIN her. Svaret kommer om {seconds} sekunder."),
                en: format!("Many wrong PINs were tried here. The answer comes in {seconds} seconds."),
            };
            return self.command(now, leg, LegCommand::Show(screen.into()));
        }
        let prompt = Situation::Queued { seconds }.prompt(&heading, call.caller.language);
        if !matches!(call.stage, Stage::Asking(_)) {
            self.ask_pin(now, leg, &Situation::Queued { seconds });
        }
        if let Some(Stage::Asking(asking)) = self.calls.get_mut(&leg).map(|call| &mut call.stage) {
            asking.later = Some((at, digits));
        }
        self.show_slate(leg, prompt.slate.into());
        self.speak(leg, prompt.clips);
    }

    /// The reception: a room's number was keyed.
    fn try_room(&mut self, now: Instant, leg: LegId, tries: u8, digits: &Digits) {
        let found = self.directory.room(&digits.0).map(|room| (room.id, room.address.clone()));
        let Some(call) = self.calls.get_mut(&leg) else { return };
        match found {
            Some((room, address)) => {
                tracing::info!(%leg, call = %call.caller.trace, %room, "found at the reception");
                call.room = Some(room);
                call.dialled.address = address;
                self.knock(now, leg);
            }
            None if tries <= 1 => {
                self.farewell_with(now, leg, Release::NotFound, &Situation::NoSuchRoomGoodbye);
            }
            None => {
                let situation = Situation::NoSuchRoom { address: digits.0.clone() };
                let prompt = situation.prompt("Roomgate", call.caller.language);
                if let Stage::Asking(asking) = &mut call.stage {
                    asking.what = Ask::Room { tries: tries - 1 };
                    asking.menu.retry(now, prompt, std::time::Duration::ZERO);
                }
                self.drain_menu(now, leg);
            }
        }
    }

    /// A call's time has come: its menu's, or that of a try that had to wait, or of its end.
    pub(super) fn handle_call_timeout(&mut self, now: Instant, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg) else { return };
        match &mut call.stage {
            Stage::Asking(asking) => {
                if let Some((_, digits)) = asking.later.take_if(|(at, _)| *at <= now) {
                    return self.try_pin(now, leg, digits);
                }
                asking.menu.handle_timeout(now);
                self.drain_menu(now, leg);
            }
            Stage::Typing { held, .. } => match held.take() {
                Some(digits) => self.try_pin(now, leg, digits),
                None => self.release(now, leg, Release::NoInput),
            },
            Stage::Releasing { release, .. } => {
                let release = *release;
                self.release(now, leg, release);
            }
            Stage::Opening | Stage::Answered | Stage::Present { .. } => {}
        }
    }

    /// What was spoken has been heard.
    pub(super) fn handle_spoken(&mut self, now: Instant, leg: LegId, id: u64) {
        let Some(call) = self.calls.get_mut(&leg) else { return };
        if call.speech != Some(id) {
            return;
        }
        call.speech = None;
        match &mut call.stage {
            Stage::Asking(asking) => {
                asking.menu.handle_spoken(now);
                self.drain_menu(now, leg);
            }
            Stage::Releasing { release, .. } => {
                let release = *release;
                self.release(now, leg, release);
            }
            _ => {}
        }
    }

    pub(super) fn door_pins(&self, room: RoomId) -> DoorPins {
        let record = self.directory.room_by_id(room);
        let pin = |secret: Option<&Secret>| secret.map(|secret| Digits(secret.expose().to_owned()));
        DoorPins {
            room,
            host: pin(record.and_then(|record| record.host_pin.as_ref())),
            guest: pin(record.and_then(|record| record.guest_pin.as_ref())),
        }
    }

    pub(super) fn room_name(&self, room: RoomId) -> String {
        self.directory.room_by_id(room).map(|record| record.name.clone()).unwrap_or_default()
    }

    /// What stands at the top of this call's slates.
    pub(super) fn heading(&self, leg: LegId) -> String {
        let call = self.calls.get(&leg);
        if let Some(entered) = call.and_then(|call| call.entered.as_ref()) {
            return entered.name.clone();
        }
        call.and_then(|call| call.room).map_or_else(|| "Roomgate".to_owned(), |room| self.room_name(room))
    }

    /// Words on the whole picture; nobody is heard.
    pub(super) fn show_slate(&mut self, leg: LegId, slate: Arc<Slate>) {
        let scene = Scene { layout: Layout::Slate(slate), tiles: Vec::new() };
        let view = View { scene: scene.into(), hears: Arc::from([]) };
        self.plane(PlaneCommand::View { leg, view });
    }

    pub(super) fn speak(&mut self, leg: LegId, clips: Vec<(crate::ivr::Clip, crate::signalling::Language)>) {
        self.last_speech += 1;
        let id = self.last_speech;
        if let Some(call) = self.calls.get_mut(&leg) {
            call.speech = Some(id);
        }
        self.plane(PlaneCommand::Speak { leg, id, clips });
    }
}

/// For the log: what was decided, never on what.
const fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Seat { role: Role::Host } => "host",
        Verdict::Seat { role: Role::Guest } => "guest",
        Verdict::Retry { .. } => "wrong",
        Verdict::Refuse(_) => "refused",
        Verdict::Later { .. } => "later",
    }
}
