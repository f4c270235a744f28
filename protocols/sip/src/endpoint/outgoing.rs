//! Commands that send requests: INVITE, CANCEL, BYE, INFO, re-INVITE (RFC 3261 §9.1, §13.2, §14.1, §15).

use std::{fmt, time::Instant};

use bytes::Bytes;

use super::{
    CommandError, Endpoint, InvitationId, Path,
    call::{Call, Calling, Cancel, Exchange, Phase},
    client::Purpose,
};
use crate::{
    auth,
    message::{CSeq, Method, NameAddr, Request, Response, Uri},
    timers::{RINGING, TRANSACTION},
};

/// An account of ours at the far side.
#[derive(Clone)]
pub struct Credentials {
    /// User name of the digest.
    pub username: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.username)
    }
}

/// A call of ours, to be made with [`Endpoint::invite`].
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Whom to call.
    pub target: Uri,
    /// How to get there. (Finding the address by DNS is the caller's.)
    pub path: Path,
    /// Who we say that we are; the tag is ours to add.
    pub from: NameAddr,
    /// Our offer.
    pub offer: Bytes,
    /// What a challenge is answered with.
    pub credentials: Option<Credentials>,
}

impl Endpoint {
    /// Calls somebody. `Ringing`, `Answered`, `Failed` follow.
    pub fn invite(&mut self, now: Instant, invitation: Invitation) -> InvitationId {
        let Invitation { target, path, from, offer, credentials } = invitation;
        let id = InvitationId(self.fresh_id());
        let (local_tag, call_id) = (self.random.word(), self.random.word());
        let request = Request::new(Method::Invite, target.clone())
            .with("Max-Forwards", 70)
            .with("From", from.with_param("tag", Some(&local_tag)))
            .with("To", NameAddr::new(target))
            .with("Call-ID", &call_id)
            .with("CSeq", CSeq::new(1, Method::Invite));
        let request = self.invite_fields(request, &path, Some(offer));
        let client = self.send(now, path.clone(), request, Purpose::Invite(id));
        self.dialogs.insert((call_id.clone(), local_tag.clone()), id);
        let calling =
            Calling { client, call_id, local_tag, cancel: Cancel::No, credentials, expires: now + RINGING };
        self.calls.insert(id, Call { path, account: None, phase: Phase::Calling(Box::new(calling)) });
        self.schedule(id);
        id
    }

    /// Ends a call in whatever state it is: 480 before our answer, CANCEL before theirs, BYE afterwards (a 200 without
    /// its ACK is waited for first, §15). `reason` is a Reason header field's value (RFC 3326). The id means nothing
    /// any more.
    ///
    /// # Errors
    /// [`CommandError::Unknown`] if the call is over.
    pub fn bye(&mut self, now: Instant, id: InvitationId, reason: Option<&str>) -> Result<(), CommandError> {
        let call = self.calls.get_mut(&id).ok_or(CommandError::Unknown)?;
        match &mut call.phase {
            Phase::Ringing(_) => return self.reject(now, id, 480, None),
            Phase::Calling(calling) => match calling.cancel {
                Cancel::No => self.cancel(now, id),
                Cancel::Wanted | Cancel::Sent => return Err(CommandError::Unknown),
            },
            Phase::Confirmed(confirmed) => {
                let waits = matches!(confirmed.exchange, Exchange::Theirs { .. });
                if confirmed.unacked.is_some() {
                    confirmed.bye = Some(reason.map(str::to_owned));
                } else {
                    if waits {
                        let _ = self.reject_reinvite(now, id, 487);
                    }
                    self.send_bye(now, id, reason);
                    self.forget_call(id);
                }
            }
        }
        Ok(())
    }

    /// Sends an INFO (RFC 6086 §4.2.1).
    ///
    /// # Errors
    /// [`CommandError`] if the call has not been answered.
    pub fn info(
        &mut self,
        now: Instant,
        id: InvitationId,
        content_type: &str,
        body: Bytes,
    ) -> Result<(), CommandError> {
        let user_agent = self.config.user_agent.clone();
        let call = self.calls.get_mut(&id).ok_or(CommandError::Unknown)?;
        let Phase::Confirmed(confirmed) = &mut call.phase else { return Err(CommandError::WrongState) };
        let request = confirmed
            .dialog
            .request(Method::Info)
            .with("User-Agent", user_agent)
            .with_body(content_type, body);
        let dialog = confirmed.dialog.clone();
        let path = call.request_path(&dialog);
        self.send(now, path, request, Purpose::Info(id));
        Ok(())
    }

    /// Offers to change the session. `Answered` or `ReinviteFailed` follows.
    ///
    /// # Errors
    /// [`CommandError::WrongState`] while another exchange is under way: our 200 has no ACK, or a re-INVITE of either
    /// side has no answer.
    pub fn reinvite(&mut self, now: Instant, id: InvitationId, sdp: Bytes) -> Result<(), CommandError> {
        let call = self.calls.get_mut(&id).ok_or(CommandError::Unknown)?;
        let Phase::Confirmed(confirmed) = &mut call.phase else { return Err(CommandError::WrongState) };
        if confirmed.unacked.is_some() || !matches!(confirmed.exchange, Exchange::Idle) {
            return Err(CommandError::WrongState);
        }
        confirmed.exchange = Exchange::Ours;
        let request = confirmed.dialog.request(Method::Invite);
        let dialog = confirmed.dialog.clone();
        let path = call.request_path(&dialog);
        let request = self.invite_fields(request, &path, Some(sdp));
        self.send(now, path, request, Purpose::Reinvite(id));
        Ok(())
    }

    /// §9.1: a CANCEL must wait for a provisional response.
    fn cancel(&mut self, now: Instant, id: InvitationId) {
        let Some(Phase::Calling(calling)) = self.calls.get_mut(&id).map(|call| &mut call.phase) else {
            return;
        };
        let client = calling.client;
        if self.clients.get(&client).is_some_and(super::client::Client::is_calling) {
            calling.cancel = Cancel::Wanted;
        } else {
            calling.cancel = Cancel::Sent;
            calling.expires = now + TRANSACTION;
            self.send_cancel(now, client);
        }
        self.schedule(id);
    }

    /// Timer C: nobody answers. Where even our CANCEL changes nothing, the call is forgotten.
    pub(super) fn ringing_too_long(&mut self, now: Instant, id: InvitationId, cancelled: bool) {
        if cancelled {
            if let Some(Phase::Calling(calling)) = self.calls.get(&id).map(|call| &call.phase) {
                self.forget_client(calling.client);
            }
            return self.forget_call(id);
        }
        self.cancel(now, id);
        self.event(super::Event::Failed { id, status: 408 });
    }

    pub(super) fn send_bye(&mut self, now: Instant, id: InvitationId, reason: Option<&str>) {
        if let Some(mut call) = self.calls.remove(&id) {
            self.hang_up(now, &mut call, reason);
            self.calls.insert(id, call);
        }
    }

    pub(super) fn hang_up(&mut self, now: Instant, call: &mut Call, reason: Option<&str>) {
        let Phase::Confirmed(confirmed) = &mut call.phase else { return };
        let mut request = confirmed.dialog.request(Method::Bye).with("User-Agent", &self.config.user_agent);
        if let Some(reason) = reason {
            request = request.with("Reason", reason);
        }
        confirmed.dialog.terminate();
        let dialog = confirmed.dialog.clone();
        let path = call.request_path(&dialog);
        self.send(now, path, request, Purpose::Bye);
    }

    /// Answers a challenge to our INVITE once: true if the INVITE was sent again (§22.2).
    pub(super) fn retry_with_digest(
        &mut self,
        now: Instant,
        client: u64,
        id: InvitationId,
        challenge: &Response,
    ) -> bool {
        let Some(sent) = self.clients.get(&client) else { return false };
        let (sent, path) = (sent.request.clone(), sent.path.clone());
        let cnonce = self.random.word();
        let Some(Phase::Calling(calling)) = self.calls.get_mut(&id).map(|call| &mut call.phase) else {
            return false;
        };
        if calling.cancel != Cancel::No {
            return false;
        }
        let Some(Credentials { username, password }) = calling.credentials.take() else { return false };
        let method = sent.method.as_str();
        let Some((name, value)) =
            auth::respond(&challenge.headers, method, &sent.uri, &username, &password, &cnonce)
        else {
            return false;
        };
        let mut request = (*sent).clone();
        let number = request.headers.cseq().map_or(1, |cseq| cseq.number);
        request.headers.remove("Via");
        request.headers.set("CSeq", CSeq::new(number.saturating_add(1), Method::Invite));
        request.headers.set(name, value);
        let client = self.send(now, path, request, Purpose::Invite(id));
        if let Some(Phase::Calling(calling)) = self.calls.get_mut(&id).map(|call| &mut call.phase) {
            calling.client = client;
        }
        true
    }
}
