//! The end of a call: its reason told before the line is cut, its seat left, its record written.

use std::time::Instant;

use super::{
    Gateway, Output,
    stage::{FAREWELL, Stage},
};
use crate::{
    call::release::Release,
    ids::LegId,
    ivr::Situation,
    plane::PlaneCommand,
    room::RoomCommand,
    signalling::{Face, LegCommand},
    store::CallRecord,
};

impl Gateway {
    /// Ends a call, telling why.
    pub(super) fn farewell(&mut self, now: Instant, leg: LegId, release: Release) {
        match situation(release) {
            Some(situation) => self.farewell_with(now, leg, release, &situation),
            None => self.release(now, leg, release),
        }
    }

    /// Ends a call, telling why in these words. A page is told at once; an endpoint sees and hears it, then the call
    /// ends.
    pub(super) fn farewell_with(
        &mut self,
        now: Instant,
        leg: LegId,
        release: Release,
        situation: &Situation,
    ) {
        let heading = self.heading(leg);
        let Some(call) = self.calls.get_mut(&leg) else { return };
        match call.stage {
            Stage::Releasing { .. } => return,
            Stage::Opening => return self.release(now, leg, release),
            _ if call.caller.face == Face::Browser => return self.release(now, leg, release),
            _ => {}
        }
        let prompt = situation.prompt(&heading, call.caller.language);
        tracing::info!(%leg, call = %call.caller.trace, reason = release.as_str(), "told why, then released");
        let before = std::mem::replace(&mut call.stage, Stage::Releasing { until: now + FAREWELL, release });
        self.leave_seat(now, leg, &before);
        self.plane(PlaneCommand::Music { leg, on: false });
        self.show_slate(leg, prompt.slate.into());
        self.speak(leg, prompt.clips);
    }

    /// Ends a call at once.
    pub(super) fn release(&mut self, now: Instant, leg: LegId, release: Release) {
        let Some(call) = self.calls.get(&leg) else { return };
        let command = match call.stage {
            Stage::Opening => LegCommand::Refuse(release),
            _ => LegCommand::Release(release),
        };
        self.command(now, leg, command);
        self.end(now, leg, release);
    }

    /// The leg is gone, or as good as gone.
    pub(super) fn end(&mut self, now: Instant, leg: LegId, release: Release) {
        let Some(call) = self.calls.remove(&leg) else { return };
        // What the call was being released for tells more than that the line is gone.
        let release = match call.stage {
            Stage::Releasing { release, .. } => release,
            _ => release,
        };
        tracing::info!(%leg, call = %call.caller.trace, reason = release.as_str(), "released");
        self.leave_seat(now, leg, &call.stage);
        self.desk.forget(leg);
        self.plane(PlaneCommand::Close { leg });
        self.count(release.as_str());
        let room = call.room.and_then(|room| self.directory.room_by_id(room)).or(call.entered.as_ref());
        self.out.push_back(Output::SaveCall(CallRecord {
            leg: leg.to_string(),
            trace: call.caller.trace.to_string(),
            kind: match call.caller.face {
                Face::Endpoint => "endpoint".to_owned(),
                Face::Browser => "browser".to_owned(),
            },
            caller: call.caller.address,
            dialled: call.dialled.address,
            account: call.caller.account,
            room: room.map(|room| room.address.clone()),
            role: call.role.map(|role| super::seats::role_word(role).to_owned()),
            started: call.started,
            answered: call.answered,
            seated: call.seated,
            ended: self.unix_ms,
            reason: release.as_str().to_owned(),
        }));
    }

    /// Nothing comes from there any more.
    pub(super) fn handle_lost(&mut self, now: Instant, leg: LegId) {
        self.release(now, leg, Release::Lost);
    }

    /// Takes no more calls and ends those that are there.
    pub(super) fn drain(&mut self, now: Instant) {
        self.draining = true;
        let legs: Vec<LegId> = self.calls.keys().copied().collect();
        for leg in legs {
            self.farewell(now, leg, Release::ShuttingDown);
        }
    }

    fn leave_seat(&mut self, now: Instant, leg: LegId, stage: &Stage) {
        let Stage::Present { participant, .. } = stage else { return };
        self.participants.remove(participant);
        let room = self.rooms.iter().find(|(_, open)| open.holds(leg)).map(|(room, _)| *room);
        if let Some(room) = room {
            // A room that has put this one out has forgotten it already.
            let _ = self.apply(now, room, RoomCommand::Leave { participant: *participant });
        }
    }
}

/// What an endpoint is told for a reason, where there is something to tell.
const fn situation(release: Release) -> Option<Situation> {
    match release {
        Release::EncryptionRequired => Some(Situation::EncryptionRequired),
        Release::PinRefused => Some(Situation::WrongPinGoodbye),
        Release::NoInput => Some(Situation::NoInput),
        Release::NoHost => Some(Situation::NoHost),
        Release::Full => Some(Situation::RoomFull),
        Release::RoomClosed => Some(Situation::RoomClosed),
        Release::NotFound => Some(Situation::NoSuchRoomGoodbye),
        Release::ShuttingDown => Some(Situation::Stopping),
        Release::HungUp
        | Release::Cancelled
        | Release::Lost
        | Release::Incompatible
        | Release::Misbehaved
        | Release::Forbidden
        | Release::Fault => None,
    }
}
