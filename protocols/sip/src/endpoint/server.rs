//! Requests coming in: which transaction they belong to, and the responses that go back (RFC 3261 §17.2, §18.2).

use std::{net::IpAddr, time::Instant};

use bytes::Bytes;

use super::{Endpoint, Event, InvitationId, Path, Timer};
use crate::{
    message::{Method, Rejected, Request, Response},
    transaction::{Effect, Effects, ServerInvite, ServerKey, ServerNonInvite},
};

/// A request that has been, or will be, answered.
pub(super) struct Server {
    key: ServerKey,
    merge: Option<MergeKey>,
    source: IpAddr,
    /// Where responses go.
    pub(super) reply: Path,
    /// The port to connect to when the connection is gone (§18.2.2).
    pub(super) reply_port: u16,
    /// The call whose INVITE this is.
    pub(super) call: Option<InvitationId>,
    pub(super) machine: Machine,
}

pub(super) enum Machine {
    Invite(ServerInvite),
    Other(ServerNonInvite),
}

/// The same request by two ways has these in common (§8.2.2.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct MergeKey {
    call_id: String,
    from_tag: String,
    cseq: u32,
}

impl MergeKey {
    /// None for requests within a dialog, and for those of RFC 2543 that carry no From tag.
    pub(super) fn of(request: &Request) -> Option<Self> {
        if request.headers.to().ok()?.tag().is_some() {
            return None;
        }
        Some(Self {
            call_id: request.headers.call_id().ok()?.to_owned(),
            from_tag: request.headers.from().ok()?.tag()?.to_owned(),
            cseq: request.headers.cseq().ok()?.number,
        })
    }
}

impl Endpoint {
    pub(super) fn handle_request(&mut self, now: Instant, path: &Path, mut request: Request) {
        let Ok(mut top) = request.headers.top_via() else {
            return self.event(Event::Counter("request-without-via"));
        };
        // RFC 3261 §18.2.1 and RFC 3581 §4: what the sender cannot know of its own address.
        let reply = path.reply(&top);
        let source = path.remote.ip().to_canonical();
        if top.rport().is_some() {
            top.params.set("rport", Some(&path.remote.port().to_string()));
        }
        if top.rport().is_some() || top.host.ip() != Some(source) {
            top.params.set("received", Some(&source.to_string()));
        }
        request.headers.set_top_via(&top);
        let Some(key) = ServerKey::of(&request) else {
            return self.event(Event::Counter("request-unreadable"));
        };
        if let Some(id) = self.server_keys.get(&key).copied()
            && self.handle_repeated(now, id, &request)
        {
            return;
        }
        match request.method {
            Method::Ack => self.handle_ack(now, path, &request),
            _ => {
                let reply_port = top.port_or_default();
                let Some(id) = self.open_server(key, &request, source, reply, reply_port) else { return };
                self.serve(now, path, id, request);
            }
        }
    }

    /// A request that could not be read, but can be answered: without state, for it cannot be told from another.
    pub(super) fn handle_rejected(&mut self, path: &Path, rejected: &Rejected) {
        self.event(Event::Counter("message-rejected"));
        let Some(response) = &rejected.response else { return };
        // Where even Via cannot be read, the source is all there is.
        let reply = response.headers.top_via().map_or_else(|_| path.clone(), |top| path.reply(&top));
        let mut response = response.clone();
        let tag = self.random.word();
        response.set_to_tag(&tag);
        response.headers.set("Server", &self.config.user_agent);
        self.transmit(&reply, response.to_bytes());
    }

    /// The request of a transaction that we know: true if that is all there is to it.
    fn handle_repeated(&mut self, now: Instant, id: u64, request: &Request) -> bool {
        let Some(server) = self.servers.get_mut(&id) else { return false };
        let mut effects = Effects::new();
        let consumed = match &mut server.machine {
            Machine::Invite(machine) if request.method == Method::Ack => {
                // A peer of RFC 2543 acknowledges a 2xx within the INVITE's transaction: that is the dialog's.
                let for_dialog = matches!(machine, ServerInvite::Accepted { .. });
                step(machine, |m| m.handle_ack(now));
                !for_dialog
            }
            Machine::Invite(machine) => {
                step(machine, |m| m.handle_request(&mut effects));
                true
            }
            Machine::Other(machine) => {
                step_other(machine, |m| m.handle_request(&mut effects));
                true
            }
        };
        self.after_server(id, effects);
        consumed
    }

    /// Opens a transaction, unless too many are open: then the request is dropped, and its sender tries again.
    fn open_server(
        &mut self,
        key: ServerKey,
        request: &Request,
        source: IpAddr,
        reply: Path,
        reply_port: u16,
    ) -> Option<u64> {
        let of_source = self.transactions_by_source.get(&source).copied().unwrap_or(0);
        if self.servers.len() >= self.config.limits.transactions {
            self.event(Event::Counter("transactions-full"));
            return None;
        }
        if of_source >= self.config.limits.transactions_per_source {
            self.event(Event::Counter("source-transactions-full"));
            return None;
        }
        let id = self.fresh_id();
        let reliable = reply.transport.is_reliable();
        let machine = match request.method {
            Method::Invite => Machine::Invite(ServerInvite::new(reliable)),
            _ => Machine::Other(ServerNonInvite::new(reliable)),
        };
        self.server_keys.insert(key.clone(), id);
        *self.transactions_by_source.entry(source).or_insert(0) += 1;
        self.servers.insert(id, Server { key, merge: None, source, reply, reply_port, call: None, machine });
        Some(id)
    }

    /// An INVITE that came by another way already (§8.2.2.2). Only INVITEs that became calls count: devices that
    /// answer a challenge with the same CSeq, and those that ask for OPTIONS with the same one every time, mean no harm.
    pub(super) fn is_merged(&self, request: &Request) -> bool {
        request.method == Method::Invite
            && MergeKey::of(request).is_some_and(|key| self.merges.contains_key(&key))
    }

    /// Remembers an INVITE that becomes a call.
    pub(super) fn remember_merge(&mut self, id: u64, request: &Request) {
        if let Some(key) = MergeKey::of(request)
            && let Some(server) = self.servers.get_mut(&id)
        {
            server.merge = Some(key.clone());
            self.merges.insert(key, id);
        }
    }

    /// Sends a response, final or not.
    pub(super) fn respond(&mut self, now: Instant, id: u64, response: &Response) -> Option<Bytes> {
        let server = self.servers.get_mut(&id)?;
        let status = response.status.code();
        let bytes = response.to_bytes();
        let mut effects = Effects::new();
        let copy = bytes.clone();
        match &mut server.machine {
            Machine::Invite(machine) => step(machine, |m| m.respond(now, status, copy, &mut effects)),
            Machine::Other(machine) => step_other(machine, |m| m.respond(now, status, copy, &mut effects)),
        }
        self.after_server(id, effects);
        Some(bytes)
    }

    pub(super) fn handle_server_timeout(&mut self, now: Instant, id: u64) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let mut effects = Effects::new();
        match &mut server.machine {
            Machine::Invite(machine) => step(machine, |m| m.handle_timeout(now, &mut effects)),
            Machine::Other(machine) => step_other(machine, |m| m.handle_timeout(now)),
        }
        self.after_server(id, effects);
    }

    /// Carries out what a machine wants, sets its timer, forgets it when it is over.
    fn after_server(&mut self, id: u64, effects: Effects) {
        let Some(server) = self.servers.get(&id) else { return };
        let (over, next) = match &server.machine {
            Machine::Invite(machine) => (machine.is_terminated(), machine.next_timeout()),
            Machine::Other(machine) => (machine.is_terminated(), machine.next_timeout()),
        };
        let reply = server.reply.clone();
        for effect in effects {
            if let Effect::Transmit(bytes) = effect {
                self.transmit(&reply, bytes);
            }
        }
        self.timers.set(Timer::Server(id), next);
        if over {
            self.forget_server(id);
        }
    }

    fn forget_server(&mut self, id: u64) {
        let Some(server) = self.servers.remove(&id) else { return };
        self.timers.set(Timer::Server(id), None);
        self.server_keys.remove(&server.key);
        if let Some(merge) = server.merge {
            self.merges.remove(&merge);
        }
        if let Some(count) = self.transactions_by_source.get_mut(&server.source) {
            *count -= 1;
            if *count == 0 {
                self.transactions_by_source.remove(&server.source);
            }
        }
    }
}

/// Consumes the old state of a machine in its place.
pub(super) fn step(machine: &mut ServerInvite, next: impl FnOnce(ServerInvite) -> ServerInvite) {
    *machine = next(std::mem::replace(machine, ServerInvite::Terminated));
}

fn step_other(machine: &mut ServerNonInvite, next: impl FnOnce(ServerNonInvite) -> ServerNonInvite) {
    *machine = next(std::mem::replace(machine, ServerNonInvite::Terminated));
}
