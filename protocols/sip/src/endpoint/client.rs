//! Requests of ours under way, and what comes back (RFC 3261 §13.2.2, §14.1, §17.1).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Endpoint, Event, InvitationId, Path, Timer,
    call::{Call, Cancel, Confirmed, Exchange, Phase},
    multipart::session_description,
};
use crate::{
    dialog::Dialog,
    message::{CSeq, Method, Request, Response},
    timers::TRANSACTION,
    transaction::{ClientInvite, ClientKey, ClientNonInvite, Effect, Effects},
};

/// The most forks of one INVITE that are acknowledged.
const MAX_FORKS: usize = 8;

/// A request of ours.
pub(super) struct Client {
    key: ClientKey,
    pub(super) request: Arc<Request>,
    pub(super) path: Path,
    machine: Machine,
    purpose: Purpose,
    /// The ACKs for its 2xx, by the far side's tag: sent again for every repeated 2xx.
    acks: Vec<(String, Path, Bytes)>,
}

enum Machine {
    Invite(ClientInvite),
    Other(ClientNonInvite),
}

/// What a request of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Bye,
    Cancel,
    Info(InvitationId),
    Invite(InvitationId),
    Reinvite(InvitationId),
}

impl Client {
    /// An INVITE to which nothing has come back.
    pub(super) fn is_calling(&self) -> bool {
        matches!(&self.machine, Machine::Invite(machine) if machine.is_calling())
    }
}

impl Endpoint {
    /// Gives a request a Via and sends it in a transaction of its own.
    pub(super) fn send(&mut self, now: Instant, path: Path, mut request: Request, purpose: Purpose) -> u64 {
        let (via, branch) = self.via(&path);
        request.headers.push_front("Via", via);
        self.start_client(now, path, Arc::new(request), &branch, purpose)
    }

    /// The CANCEL for an INVITE: same branch, same Route (§9.1).
    pub(super) fn send_cancel(&mut self, now: Instant, invite: u64) {
        let Some(client) = self.clients.get(&invite) else { return };
        let (request, path) = (client.request.clone(), client.path.clone());
        let Ok(via) = request.headers.top_via() else { return };
        let branch = via.branch().unwrap_or_default().to_owned();
        let cancel = hop_by_hop(&request, Method::Cancel, None);
        self.start_client(now, path, Arc::new(cancel), &branch, Purpose::Cancel);
    }

    fn start_client(
        &mut self,
        now: Instant,
        path: Path,
        request: Arc<Request>,
        branch: &str,
        purpose: Purpose,
    ) -> u64 {
        let id = self.fresh_id();
        let key = ClientKey::new(branch, request.method.clone());
        let (octets, reliable) = (request.to_bytes(), path.transport.is_reliable());
        let mut effects = Effects::new();
        let machine = match request.method {
            Method::Invite => Machine::Invite(ClientInvite::new(now, octets, reliable, &mut effects)),
            _ => Machine::Other(ClientNonInvite::new(now, octets, reliable, &mut effects)),
        };
        self.client_keys.insert(key.clone(), id);
        self.clients.insert(id, Client { key, request, path, machine, purpose, acks: Vec::new() });
        self.after_client(now, id, effects, None);
        id
    }

    pub(super) fn handle_response(&mut self, now: Instant, via: &Path, response: Response) {
        // §18.1.2: a second Via means that it was not for us.
        let single = response.headers.vias().is_ok_and(|vias| vias.len() == 1);
        let id =
            ClientKey::of(&response).filter(|_| single).and_then(|key| self.client_keys.get(&key).copied());
        let Some((id, client)) = id.and_then(|id| self.clients.get_mut(&id).map(|client| (id, client)))
        else {
            return self.event(Event::Counter("response-unmatched"));
        };
        // The connection that we asked for has a number now.
        if client.path.connection.is_none() && via.transport == client.path.transport {
            client.path.connection = via.connection;
        }
        let status = response.status.code();
        let mut effects = Effects::new();
        match &mut client.machine {
            Machine::Invite(machine) => {
                let request = client.request.clone();
                let ack = || hop_by_hop(&request, Method::Ack, Some(&response)).to_bytes();
                let old = std::mem::replace(machine, ClientInvite::Terminated);
                *machine = old.handle_response(now, status, ack, &mut effects);
            }
            Machine::Other(machine) => {
                let old = std::mem::replace(machine, ClientNonInvite::Terminated);
                *machine = old.handle_response(now, status, &mut effects);
            }
        }
        self.after_client(now, id, effects, Some(response));
    }

    pub(super) fn handle_client_timeout(&mut self, now: Instant, id: u64) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let mut effects = Effects::new();
        match &mut client.machine {
            Machine::Invite(machine) => {
                let old = std::mem::replace(machine, ClientInvite::Terminated);
                *machine = old.handle_timeout(now, &mut effects);
            }
            Machine::Other(machine) => {
                let old = std::mem::replace(machine, ClientNonInvite::Terminated);
                *machine = old.handle_timeout(now, &mut effects);
            }
        }
        self.after_client(now, id, effects, None);
    }

    /// The connection of a request is gone before its answer: as if 503 had come (§8.1.3.1).
    pub(super) fn client_broken(&mut self, now: Instant, id: u64) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let waits = match &client.machine {
            Machine::Invite(machine) => machine.is_pending(),
            Machine::Other(_) => true,
        };
        if !waits {
            client.path.connection = None;
            return;
        }
        let purpose = client.purpose;
        self.forget_client(id);
        self.failed(now, purpose, 503);
    }

    /// Carries out what a machine wants, sets its timer, forgets it when it is over.
    fn after_client(&mut self, now: Instant, id: u64, effects: Effects, mut response: Option<Response>) {
        let Some(client) = self.clients.get(&id) else { return };
        let (path, purpose) = (client.path.clone(), client.purpose);
        let (over, next) = match &client.machine {
            Machine::Invite(machine) => (machine.is_terminated(), machine.next_timeout()),
            Machine::Other(machine) => (machine.is_terminated(), machine.next_timeout()),
        };
        self.timers.set(Timer::Client(id), next);
        let mut pass = None;
        let mut timed_out = false;
        for effect in effects {
            match effect {
                Effect::Transmit(bytes) => self.transmit(&path, bytes),
                Effect::Pass => pass = response.take(),
                Effect::TimedOut => timed_out = true,
            }
        }
        if let Some(response) = pass {
            self.pass(now, id, purpose, response);
        }
        if over {
            self.forget_client(id);
        }
        if timed_out {
            self.failed(now, purpose, 408);
        }
    }

    pub(super) fn forget_client(&mut self, id: u64) {
        if let Some(client) = self.clients.remove(&id) {
            self.timers.set(Timer::Client(id), None);
            self.client_keys.remove(&client.key);
        }
    }

    fn pass(&mut self, now: Instant, client: u64, purpose: Purpose, response: Response) {
        let status = response.status.code();
        match (purpose, status) {
            (Purpose::Bye | Purpose::Cancel, _) => {}
            (Purpose::Invite(id), ..200) => self.invite_proceeds(now, client, id, status),
            (Purpose::Invite(_) | Purpose::Reinvite(_), 200..300) => {
                self.invite_accepted(now, client, purpose, response);
            }
            (Purpose::Invite(id), 401 | 407) if self.retry_with_digest(now, client, id, &response) => {}
            (_, ..300) => {}
            (Purpose::Reinvite(id), 491) => self.glare(id),
            (_, _) => self.failed(now, purpose, status),
        }
    }

    fn invite_proceeds(&mut self, now: Instant, client: u64, id: InvitationId, status: u16) {
        let Some(Phase::Calling(calling)) = self.calls.get_mut(&id).map(|call| &mut call.phase) else {
            return;
        };
        if calling.cancel == Cancel::Wanted {
            calling.cancel = Cancel::Sent;
            calling.expires = now + TRANSACTION;
            self.send_cancel(now, client);
            self.schedule(id);
        } else if status > 100 && calling.cancel == Cancel::No {
            self.event(Event::Ringing { id, status });
        }
    }

    /// A 2xx to our INVITE or re-INVITE: acknowledged at once, every time it comes (§13.2.2.4).
    fn invite_accepted(&mut self, now: Instant, client: u64, purpose: Purpose, response: Response) {
        let Some(sent) = self.clients.get(&client) else { return };
        let tag = response.headers.to().ok().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default();
        if let Some((_, path, ack)) = sent.acks.iter().find(|(known, ..)| *known == tag) {
            let (path, ack) = (path.clone(), ack.clone());
            return self.transmit(&path, ack);
        }
        if sent.acks.len() >= MAX_FORKS {
            return self.event(Event::Counter("forks-full"));
        }
        let (request, path) = (sent.request.clone(), sent.path.clone());
        let forked = !sent.acks.is_empty();
        let Ok(CSeq { number, .. }) = request.headers.cseq() else { return };
        match purpose {
            Purpose::Reinvite(id) => self.reinvite_accepted(client, id, number, tag, response),
            Purpose::Invite(id) => {
                let Some(dialog) = Dialog::uac(&request, &response) else { return };
                let wanted = match self.calls.get(&id).map(|call| &call.phase) {
                    Some(Phase::Calling(calling)) => !forked && calling.cancel == Cancel::No,
                    _ => false,
                };
                let account = self.calls.get(&id).and_then(|call| call.account.clone());
                let phase = Phase::Confirmed(Box::new(Confirmed::new(dialog.clone(), true)));
                let mut call = Call { path, account, phase };
                self.acknowledge(client, &call, &dialog, number, tag);
                if wanted {
                    self.calls.insert(id, call);
                    self.schedule(id);
                    let body = session_description(&response.headers, &response.body);
                    return self.event(Event::Answered { id, response: Arc::new(response), body });
                }
                // Our CANCEL crossed it, or another branch of a fork took the call: hang up.
                self.hang_up(now, &mut call, None);
                if !forked {
                    self.forget_call(id);
                }
            }
            Purpose::Bye | Purpose::Cancel | Purpose::Info(_) => {}
        }
    }

    fn reinvite_accepted(
        &mut self,
        client: u64,
        id: InvitationId,
        number: u32,
        tag: String,
        response: Response,
    ) {
        let Some(call) = self.calls.get_mut(&id) else {
            // We have hung up meanwhile; the far side still wants its ACK, which the BYE makes up for.
            return;
        };
        let Phase::Confirmed(confirmed) = &mut call.phase else { return };
        confirmed.dialog.refresh_target(response.headers.contacts().ok());
        confirmed.exchange = Exchange::Idle;
        let dialog = confirmed.dialog.clone();
        let path = call.request_path(&dialog);
        self.acknowledge_along(client, path, &dialog, number, tag);
        let body = session_description(&response.headers, &response.body);
        self.event(Event::Answered { id, response: Arc::new(response), body });
    }

    fn acknowledge(&mut self, client: u64, call: &Call, dialog: &Dialog, number: u32, tag: String) {
        self.acknowledge_along(client, call.request_path(dialog), dialog, number, tag);
    }

    fn acknowledge_along(&mut self, client: u64, path: Path, dialog: &Dialog, number: u32, tag: String) {
        let mut ack = dialog.ack(number).with("User-Agent", &self.config.user_agent);
        let (via, _) = self.via(&path);
        ack.headers.push_front("Via", via);
        let bytes = ack.to_bytes();
        if let Some(client) = self.clients.get_mut(&client) {
            client.acks.push((tag, path.clone(), bytes.clone()));
        }
        self.transmit(&path, bytes);
    }

    /// Both of us wanted to change the session (§14.1): who made the Call-ID waits longer.
    fn glare(&mut self, id: InvitationId) {
        let Some(Phase::Confirmed(confirmed)) = self.calls.get_mut(&id).map(|call| &mut call.phase) else {
            return;
        };
        confirmed.exchange = Exchange::Idle;
        let steps = if confirmed.ours { 210 + self.random.below(190) } else { self.random.below(200) };
        let retry_after = Some(Duration::from_millis(steps * 10));
        self.event(Event::ReinviteFailed { id, status: 491, retry_after });
    }

    /// A request of ours was refused, or nothing came.
    fn failed(&mut self, now: Instant, purpose: Purpose, status: u16) {
        match purpose {
            Purpose::Bye | Purpose::Cancel => {}
            Purpose::Invite(id) => {
                let Some(Phase::Calling(calling)) = self.calls.get(&id).map(|call| &call.phase) else {
                    return;
                };
                let told = calling.cancel == Cancel::No;
                self.forget_call(id);
                if told {
                    self.event(Event::Failed { id, status });
                }
            }
            // §12.2.1.2: the far side does not know the dialog, or is not there.
            Purpose::Info(id) | Purpose::Reinvite(id) if matches!(status, 408 | 481) => {
                if !self.calls.contains_key(&id) {
                    return;
                }
                if status == 408 {
                    self.send_bye(now, id, None);
                }
                self.forget_call(id);
                self.event(Event::Gone { id });
            }
            Purpose::Reinvite(id) => {
                let Some(Phase::Confirmed(confirmed)) = self.calls.get_mut(&id).map(|call| &mut call.phase)
                else {
                    return;
                };
                confirmed.exchange = Exchange::Idle;
                self.event(Event::ReinviteFailed { id, status, retry_after: None });
            }
            Purpose::Info(_) => {}
        }
    }
}

/// A request that goes the way of an INVITE hop by hop: its CANCEL (§9.1), or the ACK of a refusal (§17.1.1.3), which
/// has the refusal's To.
fn hop_by_hop(invite: &Request, method: Method, refusal: Option<&Response>) -> Request {
    let mut request = Request::new(method.clone(), invite.uri.clone());
    if let Ok(via) = invite.headers.top_via() {
        request.headers.push("Via", via);
    }
    request.headers.copy(&invite.headers, "Route");
    request.headers.push("Max-Forwards", 70);
    request.headers.copy(&invite.headers, "From");
    request.headers.copy(refusal.map_or(&invite.headers, |response| &response.headers), "To");
    request.headers.copy(&invite.headers, "Call-ID");
    let number = invite.headers.cseq().map_or(1, |cseq| cseq.number);
    request.with("CSeq", CSeq::new(number, method))
}
