//! REGISTER (RFC 3261 §10.3): who may bind what, and what the store is told.

use std::time::{Duration, Instant};

use super::{Endpoint, Event, Path, Timer, compose::code, identity::Proof};
use crate::{
    message::{Request, Response},
    registrar::{Binding, MIN_EXPIRES, RegisterError},
};

/// A binding as it is stored: without instants and connections, which mean nothing after a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredBinding {
    /// The Contact with its parameters.
    pub contact: String,
    /// Call-ID of its last REGISTER.
    pub call_id: String,
    /// CSeq number of its last REGISTER.
    pub cseq: u32,
    /// How long it still lasts.
    pub expires_in: Duration,
    /// The way its last REGISTER came.
    pub path: Path,
}

impl Endpoint {
    /// Puts back an account's bindings at start, as `Event::Registered` told them. What cannot be read is left out.
    pub fn restore(&mut self, now: Instant, account: &str, bindings: Vec<StoredBinding>) {
        let bindings = bindings
            .into_iter()
            .filter_map(|stored| {
                Some(Binding {
                    contact: stored.contact.parse().ok()?,
                    call_id: stored.call_id,
                    cseq: stored.cseq,
                    expires: now.checked_add(stored.expires_in)?,
                    path: Path { connection: None, ..stored.path },
                })
            })
            .collect();
        self.registrar.restore(account, bindings);
        self.timers.set(Timer::Registrar, self.registrar.next_timeout());
    }

    /// Where an account is registered.
    pub fn bindings(&self, account: &str) -> &[Binding<Path>] {
        self.registrar.bindings(account)
    }

    pub(super) fn handle_register(
        &mut self,
        now: Instant,
        path: &Path,
        server: u64,
        request: &Request,
        tag: &str,
    ) {
        let address = request.headers.to().ok().map(|to| to.uri);
        let ours = [Some(&request.uri), address.as_ref()]
            .into_iter()
            .all(|uri| uri.and_then(|u| u.host()).is_some_and(|host| self.is_ours(path, host)));
        let refusal = if request.headers.contacts().is_err() {
            Some(request.response(code(400)))
        } else if !ours {
            Some(request.response(code(404)))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return self.refuse(now, server, refusal, tag);
        }
        let account = match self.prove(now, path, request) {
            Proof::Account(account) => account,
            Proof::Refused(response) => return self.refuse(now, server, *response, tag),
            Proof::Nobody => return self.refuse(now, server, request.response(code(403)), tag),
        };
        // An account binds its own address and no other.
        let own = address.as_ref().and_then(|uri| uri.user());
        if !own.is_some_and(|user| user.eq_ignore_ascii_case(&account)) {
            return self.refuse(now, server, request.response(code(403)), tag);
        }
        let changed = match self.registrar.register(now, &account, request, path.clone()) {
            Ok((_, changed)) => changed,
            Err(error) => return self.refuse(now, server, refused(request, error), tag),
        };
        self.timers.set(Timer::Registrar, self.registrar.next_timeout());
        self.remember_flow(path, request, &account);
        let mut response = self.finish(request.response(code(200)), tag);
        for binding in self.registrar.bindings(&account) {
            let left = binding.expires.saturating_duration_since(now).as_secs().to_string();
            response.headers.push("Contact", binding.contact.clone().with_param("expires", Some(&left)));
        }
        self.respond(now, server, &response);
        if changed {
            self.tell_bindings(now, account);
        }
    }

    pub(super) fn handle_registrar_timeout(&mut self, now: Instant) {
        for account in self.registrar.expire(now) {
            self.tell_bindings(now, account);
        }
        self.timers.set(Timer::Registrar, self.registrar.next_timeout());
    }

    fn tell_bindings(&mut self, now: Instant, account: String) {
        let stored = |binding: &Binding<Path>| StoredBinding {
            contact: binding.contact.to_string(),
            call_id: binding.call_id.clone(),
            cseq: binding.cseq,
            expires_in: binding.expires.saturating_duration_since(now),
            path: binding.path.clone(),
        };
        let bindings = self.registrar.bindings(&account).iter().map(stored).collect();
        self.event(Event::Registered { account, bindings });
    }

    /// A connection that an account registered over proves its INVITEs, until it closes or the account has gone from
    /// it. A REGISTER that came through a proxy proves nothing of the proxy's connection.
    fn remember_flow(&mut self, path: &Path, request: &Request, account: &str) {
        let direct = request.headers.vias().is_ok_and(|vias| vias.len() == 1);
        let Some(connection) = path.connection.filter(|_| direct) else { return };
        let bound = self.registrar.bindings(account).iter().any(|b| b.path.connection == Some(connection));
        if bound {
            self.flows.insert(connection, account.to_owned());
        } else {
            self.flows.remove(&connection);
        }
    }
}

fn refused(request: &Request, error: RegisterError) -> Response {
    match error {
        RegisterError::Malformed => request.response(code(400)),
        RegisterError::TooMany => request.response(code(403)),
        RegisterError::OutOfOrder => request.response(code(500)),
        RegisterError::TooBrief => request.response(code(423)).with("Min-Expires", MIN_EXPIRES),
    }
}
