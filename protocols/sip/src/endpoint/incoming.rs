//! Requests from outside a dialog, and our answers to an INVITE (RFC 3261 §8.2, §9.2, §11, §13.3).

use std::{net::IpAddr, sync::Arc, time::Instant};

use bytes::Bytes;

use super::{
    CommandError, Endpoint, Event, InvitationId, Path, Timer,
    call::{Call, Cancel, Confirmed, Exchange, Phase, Ringing, Unacked},
    compose::{code, session_ends},
    identity::Proof,
    multipart::session_description,
    screen::ALLOW,
    server::Machine,
};
use crate::{
    dialog::Dialog,
    message::{Contacts, Method, Request, Response},
    transaction::ServerKey,
};

/// To a source that has proved nothing a 200 is repeated only this often: it would be a mirror (one SDP each time).
const REPEATS_TO_UNPROVEN: u8 = 1;

impl Endpoint {
    /// Tells the caller that somebody is being called: 180.
    ///
    /// # Errors
    /// [`CommandError`] if the call does not wait for its answer.
    pub fn ring(&mut self, now: Instant, id: InvitationId) -> Result<(), CommandError> {
        let (path, ringing) = self.ringing(id)?;
        let (server, request, tag) = (ringing.server, ringing.request.clone(), ringing.local_tag.clone());
        let mut response = request.response(code(180));
        response.headers.copy(&request.headers, "Record-Route");
        let response = self
            .finish(response, &tag)
            .with("Contact", self.contact(&path, Some(&request.uri)))
            .with("Allow", ALLOW);
        self.respond(now, server, &response);
        Ok(())
    }

    /// Answers a call: 200 with our answer, or our offer if theirs is still to come. Repeated until the ACK.
    ///
    /// # Errors
    /// [`CommandError`] if the call does not wait for its answer.
    pub fn answer(&mut self, now: Instant, id: InvitationId, sdp: Option<Bytes>) -> Result<(), CommandError> {
        let (path, ringing) = self.ringing(id)?;
        let (server, request, tag) = (ringing.server, ringing.request.clone(), ringing.local_tag.clone());
        let Some(dialog) = Dialog::uas(&request, &tag) else {
            return self.reject(now, id, 400, None);
        };
        let response = self.accept_invite(&request, &path, &tag, sdp);
        let mut confirmed = Confirmed::new(dialog, false);
        confirmed.session_ends = session_ends(now, &request);
        confirmed.unacked = self.send_2xx(now, server, &request, &response, id);
        if let Some(call) = self.calls.get_mut(&id) {
            call.phase = Phase::Confirmed(Box::new(confirmed));
        }
        self.schedule(id);
        Ok(())
    }

    /// Refuses a call with a final status of 300 or more, and another reason phrase if given.
    ///
    /// # Errors
    /// [`CommandError`] if the call does not wait for its answer.
    pub fn reject(
        &mut self,
        now: Instant,
        id: InvitationId,
        status: u16,
        reason: Option<&str>,
    ) -> Result<(), CommandError> {
        let (_, ringing) = self.ringing(id)?;
        let (server, request, tag) = (ringing.server, ringing.request.clone(), ringing.local_tag.clone());
        let mut response = self.finish(request.response(code(status.max(300))), &tag);
        if let Some(reason) = reason {
            response = response.with_reason(reason);
        }
        self.respond(now, server, &response);
        self.forget_call(id);
        Ok(())
    }

    /// A new request, in its fresh transaction.
    pub(super) fn serve(&mut self, now: Instant, path: &Path, server: u64, request: Request) {
        let tag = self.random.word();
        if let Some(refusal) = self.screen(&request) {
            self.refuse(now, server, refusal, &tag);
            return;
        }
        if request.method == Method::Cancel {
            return self.handle_cancel(now, path, server, &request);
        }
        if self.is_merged(&request) {
            return self.refuse(now, server, request.response(code(482)), &tag);
        }
        if request.headers.to().is_ok_and(|to| to.tag().is_some()) {
            return match self.dialog_of(&request) {
                Some(id) => self.handle_in_dialog(now, path, server, id, request),
                None => self.refuse(now, server, request.response(code(481)), &tag),
            };
        }
        match request.method {
            Method::Invite => self.handle_invite(now, path, server, request, tag),
            Method::Options => {
                let response = self.capabilities(&request, &tag);
                self.respond(now, server, &response);
            }
            Method::Register => self.handle_register(now, path, server, &request, &tag),
            _ => self.refuse(now, server, request.response(code(481)), &tag),
        }
    }

    pub(super) fn refuse(&mut self, now: Instant, server: u64, response: Response, tag: &str) {
        let response = self.finish(response, tag);
        self.respond(now, server, &response);
    }

    fn handle_invite(&mut self, now: Instant, path: &Path, server: u64, request: Request, tag: String) {
        if !request.uri.host().is_some_and(|host| self.is_ours(path, host)) {
            return self.refuse(now, server, request.response(code(404)), &tag);
        }
        // A Contact that cannot be read is no way back to the caller.
        if !matches!(request.headers.contacts(), Ok(Contacts::List(_)))
            || Dialog::uas(&request, &tag).is_none()
        {
            return self.refuse(now, server, request.response(code(400)), &tag);
        }
        let account = match self.prove(now, path, &request) {
            Proof::Account(account) => Some(account),
            Proof::Nobody => None,
            Proof::Refused(response) => return self.refuse(now, server, *response, &tag),
        };
        if let Some((status, counter)) = self.over_budget(path.remote.ip().to_canonical()) {
            self.event(Event::Counter(counter));
            let response = request.response(code(status)).with("Retry-After", 10);
            return self.refuse(now, server, response, &tag);
        }
        let trying = self.finish(request.response(code(100)), &tag);
        self.respond(now, server, &trying);
        self.remember_merge(server, &request);
        let id = InvitationId(self.fresh_id());
        let request = Arc::new(request);
        if let Some(server) = self.servers.get_mut(&server) {
            server.call = Some(id);
        }
        if let Ok(call_id) = request.headers.call_id() {
            self.dialogs.insert((call_id.to_owned(), tag.clone()), id);
        }
        let expires = now + self.config.limits.ringing;
        let ringing = Ringing { server, request: request.clone(), local_tag: tag, expires };
        let call = Call { path: path.clone(), account, phase: Phase::Ringing(ringing) };
        let account = call.account.clone();
        self.calls.insert(id, call);
        self.schedule(id);
        let offer = session_description(&request.headers, &request.body);
        self.event(Event::Invite { id, request, offer, path: path.clone(), account });
    }

    /// The refusal of one more INVITE from this source, and what to count.
    fn over_budget(&self, source: IpAddr) -> Option<(u16, &'static str)> {
        let limits = &self.config.limits;
        if self.calls.len() >= limits.calls {
            return Some((503, "calls-full"));
        }
        let unanswered = self.calls.values().filter(|call| matches!(call.phase, Phase::Ringing(_)));
        let (mut all, mut of_source) = (0, 0);
        for call in unanswered {
            all += 1;
            of_source += usize::from(call.path.remote.ip().to_canonical() == source);
        }
        if of_source >= limits.unanswered_per_source {
            return Some((486, "source-invites-full"));
        }
        (all >= limits.unanswered).then_some((503, "invites-full"))
    }

    /// §9.2. A CANCEL answers for itself; what it cancels is answered with 487.
    fn handle_cancel(&mut self, now: Instant, path: &Path, server: u64, request: &Request) {
        let target = ServerKey::cancelled_by(request).and_then(|key| self.server_keys.get(&key).copied());
        let known = target.and_then(|id| self.servers.get(&id).map(|server| (id, server)));
        // Whoever can guess a branch still has to sit where the INVITE came from.
        let Some((invite, found)) =
            known.filter(|(_, s)| s.reply.remote.ip().to_canonical() == path.remote.ip().to_canonical())
        else {
            let tag = self.random.word();
            return self.refuse(now, server, request.response(code(481)), &tag);
        };
        let pending = matches!(&found.machine, Machine::Invite(machine) if machine.is_proceeding());
        let call = found.call;
        let tag = call.and_then(|id| self.local_tag(id)).unwrap_or_else(|| self.random.word());
        self.refuse(now, server, request.response(code(200)), &tag);
        if let Some(id) = call
            && pending
        {
            self.give_up(now, id, invite);
        }
    }

    /// The far side wants no answer to its INVITE or re-INVITE any more.
    pub(super) fn give_up(&mut self, now: Instant, id: InvitationId, invite: u64) {
        match self.calls.get_mut(&id).map(|call| &mut call.phase) {
            Some(Phase::Ringing(_)) => {
                let cancelled = self.reject(now, id, 487, None);
                debug_assert!(cancelled.is_ok(), "a ringing call can be rejected");
                self.event(Event::Cancelled { id });
            }
            Some(Phase::Confirmed(confirmed)) => {
                if matches!(&confirmed.exchange, Exchange::Theirs { server, .. } if *server == invite) {
                    let _ = self.reject_reinvite(now, id, 487);
                }
            }
            _ => {}
        }
    }

    /// The ACK for a 2xx (§13.3.1.4).
    pub(super) fn handle_ack(&mut self, now: Instant, path: &Path, request: &Request) {
        let Some(id) = self.dialog_of(request) else {
            return self.event(Event::Counter("ack-without-dialog"));
        };
        let Ok(cseq) = request.headers.cseq() else { return };
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Phase::Confirmed(confirmed) = &mut call.phase else { return };
        let Some(unacked) = confirmed.unacked.take_if(|unacked| unacked.cseq == cseq.number) else { return };
        call.path = path.clone();
        let body = unacked.delayed.then(|| session_description(&request.headers, &request.body)).flatten();
        let bye = confirmed.bye.take();
        self.schedule(id);
        match bye {
            Some(reason) => {
                self.send_bye(now, id, reason.as_deref());
                self.forget_call(id);
            }
            None => self.event(Event::Acked { id, body }),
        }
    }

    /// Sends a 2xx to an INVITE and says how to repeat it.
    pub(super) fn send_2xx(
        &mut self,
        now: Instant,
        server: u64,
        request: &Request,
        response: &Response,
        id: InvitationId,
    ) -> Option<Unacked> {
        let reply = self.servers.get(&server)?.reply.clone();
        let cseq = request.headers.cseq().ok()?.number;
        let delayed = session_description(&request.headers, &request.body).is_none();
        let call = self.calls.get(&id)?;
        // A caller that has confirmed one answer of ours is where it says it is.
        let proven = call.account.is_some()
            || reply.transport.is_reliable()
            || matches!(call.phase, Phase::Confirmed(_));
        let bytes = self.respond(now, server, response)?;
        let repeats = (!proven).then_some(REPEATS_TO_UNPROVEN);
        Some(Unacked::new(now, cseq, bytes, reply, delayed, repeats))
    }

    pub(super) fn handle_call_timeout(&mut self, now: Instant, id: InvitationId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        match &mut call.phase {
            Phase::Ringing(ringing) if now >= ringing.expires => {
                if self.reject(now, id, 480, None).is_ok() {
                    self.event(Event::Gone { id });
                }
                return;
            }
            Phase::Calling(calling) if now >= calling.expires => {
                let expired_again = calling.cancel == Cancel::Sent;
                return self.ringing_too_long(now, id, expired_again);
            }
            Phase::Confirmed(confirmed) => {
                if let Some(unacked) = &mut confirmed.unacked {
                    if unacked.is_over(now) {
                        return self.unacknowledged(now, id);
                    }
                    if let Some(bytes) = unacked.due(now) {
                        let reply = unacked.reply.clone();
                        self.transmit(&reply, bytes);
                    }
                } else if confirmed.session_ends.is_some_and(|at| now >= at) {
                    self.send_bye(now, id, None);
                    self.forget_call(id);
                    return self.event(Event::Gone { id });
                }
            }
            Phase::Ringing(_) | Phase::Calling(_) => {}
        }
        self.schedule(id);
    }

    /// No ACK in 64*T1: the call is ended with a BYE (§13.3.1.4).
    fn unacknowledged(&mut self, now: Instant, id: InvitationId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Phase::Confirmed(confirmed) = &mut call.phase else { return };
        let unproven = confirmed.unacked.take().is_some_and(|unacked| unacked.is_unproven());
        if unproven {
            // Said once, without a transaction: perhaps nobody is there, or somebody who never called.
            let request = confirmed.dialog.request(Method::Bye);
            let dialog = confirmed.dialog.clone();
            let path = call.request_path(&dialog);
            let (via, _) = self.via(&path);
            let mut request = request.with("User-Agent", &self.config.user_agent);
            request.headers.push_front("Via", via);
            self.transmit(&path, request.to_bytes());
        } else {
            self.send_bye(now, id, None);
        }
        self.forget_call(id);
        self.event(Event::Gone { id });
    }

    /// The call that a request's Call-ID and tags belong to.
    pub(super) fn dialog_of(&self, request: &Request) -> Option<InvitationId> {
        let to = request.headers.to().ok()?;
        let call_id = request.headers.call_id().ok()?;
        let id = *self.dialogs.get(&(call_id.to_owned(), to.tag()?.to_owned()))?;
        let from = request.headers.from().ok()?;
        let remote_tag = from.tag().unwrap_or_default();
        let ours = match &self.calls.get(&id)?.phase {
            Phase::Ringing(ringing) => {
                ringing.request.headers.from().ok()?.tag().unwrap_or_default() == remote_tag
            }
            Phase::Confirmed(confirmed) => confirmed.dialog.remote_tag() == remote_tag,
            Phase::Calling(_) => false,
        };
        ours.then_some(id)
    }

    fn local_tag(&self, id: InvitationId) -> Option<String> {
        match &self.calls.get(&id)?.phase {
            Phase::Ringing(ringing) => Some(ringing.local_tag.clone()),
            Phase::Calling(calling) => Some(calling.local_tag.clone()),
            Phase::Confirmed(confirmed) => Some(confirmed.dialog.local_tag().to_owned()),
        }
    }

    fn ringing(&self, id: InvitationId) -> Result<(Path, &Ringing), CommandError> {
        let call = self.calls.get(&id).ok_or(CommandError::Unknown)?;
        match &call.phase {
            Phase::Ringing(ringing) => Ok((call.path.clone(), ringing)),
            _ => Err(CommandError::WrongState),
        }
    }

    /// Sets a call's timer after a change.
    pub(super) fn schedule(&mut self, id: InvitationId) {
        let next = self.calls.get(&id).and_then(Call::next_timeout);
        self.timers.set(Timer::Call(id), next);
    }

    pub(super) fn forget_call(&mut self, id: InvitationId) {
        let Some(tag) = self.local_tag(id) else { return };
        let Some(call) = self.calls.remove(&id) else { return };
        let call_id = match &call.phase {
            Phase::Ringing(ringing) => ringing.request.headers.call_id().unwrap_or_default().to_owned(),
            Phase::Calling(calling) => calling.call_id.clone(),
            Phase::Confirmed(confirmed) => confirmed.dialog.call_id().to_owned(),
        };
        self.dialogs.remove(&(call_id, tag));
        self.timers.set(Timer::Call(id), None);
    }
}
