//! Requests within a dialog, and our answers to a re-INVITE (RFC 3261 §12.2.2, §14.2, §15.1.2, RFC 6086).

use std::time::Instant;

use bytes::Bytes;

use super::{
    CommandError, Endpoint, Event, InvitationId, Path,
    call::{Exchange, Phase},
    compose::{code, session_ends},
    multipart::session_description,
};
use crate::message::{Method, Request};

impl Endpoint {
    /// Answers a re-INVITE: 200 with our answer, or our offer if it had none.
    ///
    /// # Errors
    /// [`CommandError`] if no re-INVITE of theirs waits.
    pub fn answer_reinvite(
        &mut self,
        now: Instant,
        id: InvitationId,
        sdp: Option<Bytes>,
    ) -> Result<(), CommandError> {
        let (server, request) = self.take_reinvite(id)?;
        let Some(call) = self.calls.get(&id) else { return Err(CommandError::Unknown) };
        let Phase::Confirmed(confirmed) = &call.phase else { return Err(CommandError::WrongState) };
        let tag = confirmed.dialog.local_tag().to_owned();
        let response = self.accept_invite(&request, &call.path, &tag, sdp);
        let unacked = self.send_2xx(now, server, &request, &response, id);
        if let Some(Phase::Confirmed(confirmed)) = self.calls.get_mut(&id).map(|call| &mut call.phase) {
            // The session has moved: so has where they are reached (§12.2.2).
            confirmed.dialog.refresh_target(request.headers.contacts().ok());
            confirmed.unacked = unacked;
            confirmed.session_ends = session_ends(now, &request);
        }
        self.schedule(id);
        Ok(())
    }

    /// Refuses a re-INVITE; the session stays as it was.
    ///
    /// # Errors
    /// [`CommandError`] if no re-INVITE of theirs waits.
    pub fn reject_reinvite(
        &mut self,
        now: Instant,
        id: InvitationId,
        status: u16,
    ) -> Result<(), CommandError> {
        let (server, request) = self.take_reinvite(id)?;
        self.refuse(now, server, request.response(code(status.max(300))), "");
        Ok(())
    }

    fn take_reinvite(&mut self, id: InvitationId) -> Result<(u64, Request), CommandError> {
        let call = self.calls.get_mut(&id).ok_or(CommandError::Unknown)?;
        let Phase::Confirmed(confirmed) = &mut call.phase else { return Err(CommandError::WrongState) };
        match std::mem::replace(&mut confirmed.exchange, Exchange::Idle) {
            Exchange::Theirs { server, request } => Ok((server, *request)),
            other => {
                confirmed.exchange = other;
                Err(CommandError::WrongState)
            }
        }
    }

    pub(super) fn handle_in_dialog(
        &mut self,
        now: Instant,
        path: &Path,
        server: u64,
        id: InvitationId,
        request: Request,
    ) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let confirmed = match &mut call.phase {
            Phase::Confirmed(confirmed) => confirmed,
            Phase::Ringing(ringing) => {
                let invite = ringing.server;
                return self.handle_in_early_dialog(now, server, id, invite, &request);
            }
            Phase::Calling(_) => return self.refuse(now, server, request.response(code(481)), ""),
        };
        if confirmed.dialog.check(&request).is_err() {
            return self.refuse(now, server, request.response(code(500)), "");
        }
        call.path = path.clone();
        match request.method {
            Method::Invite => self.handle_reinvite(now, server, id, request),
            Method::Bye => {
                let reinvite = match &confirmed.exchange {
                    Exchange::Theirs { server, .. } => Some(*server),
                    _ => None,
                };
                self.refuse(now, server, request.response(code(200)), "");
                if reinvite.is_some() {
                    let _ = self.reject_reinvite(now, id, 487);
                }
                self.forget_call(id);
                let reason = request.headers.get("Reason").map(str::to_owned);
                self.event(Event::Bye { id, reason });
            }
            Method::Info => {
                self.refuse(now, server, request.response(code(200)), "");
                if let Ok(Some(content_type)) = request.headers.content_type() {
                    self.event(Event::Info { id, content_type: content_type.essence, body: request.body });
                }
            }
            Method::Options => {
                let response = self.capabilities(&request, "");
                self.respond(now, server, &response);
            }
            // REGISTER has no place in a dialog (§10.2); the screen lets no other method through.
            _ => self.refuse(now, server, request.response(code(400)), ""),
        }
    }

    /// Before our answer only giving up makes sense (§15.1.2), and asking what we can.
    fn handle_in_early_dialog(
        &mut self,
        now: Instant,
        server: u64,
        id: InvitationId,
        invite: u64,
        request: &Request,
    ) {
        match request.method {
            Method::Bye => {
                self.refuse(now, server, request.response(code(200)), "");
                self.give_up(now, id, invite);
            }
            Method::Options => {
                let response = self.capabilities(request, "");
                self.respond(now, server, &response);
            }
            // §14.2: an INVITE before the answer to the first.
            Method::Invite => {
                let response = request.response(code(500)).with("Retry-After", 5);
                self.refuse(now, server, response, "");
            }
            _ => self.refuse(now, server, request.response(code(481)), ""),
        }
    }

    fn handle_reinvite(&mut self, now: Instant, server: u64, id: InvitationId, request: Request) {
        let body = session_description(&request.headers, &request.body);
        let Some(Phase::Confirmed(confirmed)) = self.calls.get_mut(&id).map(|call| &mut call.phase) else {
            return;
        };
        let refusal = match &confirmed.exchange {
            // We have hung up and only wait for the ACK to say so: nobody is left to answer.
            _ if confirmed.bye.is_some() => Some(request.response(code(481))),
            // Glare: both want to change the session (§14.2).
            Exchange::Ours => Some(request.response(code(491))),
            Exchange::Theirs { .. } => Some(request.response(code(500)).with("Retry-After", 5)),
            // Our offer in a 200 waits for its answer: a second offer cannot be handled yet (RFC 6337 §3.2).
            Exchange::Idle if confirmed.unacked.as_ref().is_some_and(|unacked| unacked.delayed) => {
                Some(request.response(code(491)))
            }
            Exchange::Idle => None,
        };
        if let Some(refusal) = refusal {
            return self.refuse(now, server, refusal, "");
        }
        // Who sends a new INVITE has had the answer to the last one: its ACK was lost.
        let acked = confirmed.unacked.take().is_some();
        let trying = request.response(code(100));
        confirmed.exchange = Exchange::Theirs { server, request: Box::new(request) };
        if let Some(server) = self.servers.get_mut(&server) {
            server.call = Some(id);
        }
        self.refuse(now, server, trying, "");
        self.schedule(id);
        if acked {
            self.event(Event::Acked { id, body: None });
        }
        self.event(Event::Reinvite { id, body });
    }
}
