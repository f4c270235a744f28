//! Who sends a request, as far as it is proved (RFC 3261 §22, RFC 7616, RFC 8760), and which connections are whose.

use std::{sync::Arc, time::Instant};

use super::{Endpoint, Path, compose::code};
use crate::{
    auth::Verdict,
    message::{Method, Request, Response},
};

/// The accounts that may register and call. Looked up at every proof, so that a replaced set counts at once. Names count
/// the same in either case.
pub trait Accounts: Send + Sync {
    /// The password of an account, or none if there is no such account.
    fn password(&self, username: &str) -> Option<String>;
}

/// No accounts: nobody can register.
pub struct NoAccounts;

impl Accounts for NoAccounts {
    fn password(&self, _username: &str) -> Option<String> {
        None
    }
}

/// What a request has proved.
pub(super) enum Proof {
    /// This account sent it.
    Account(String),
    /// Nothing, and that is enough.
    Nobody,
    /// Not enough: the refusal to send.
    Refused(Box<Response>),
}

impl Endpoint {
    /// Replaces the accounts. Calls and bindings that stand are not touched.
    pub fn set_accounts(&mut self, accounts: Arc<dyn Accounts>) {
        self.accounts = accounts;
    }

    /// The sender of a REGISTER or INVITE.
    ///
    /// An INVITE is proved by digest, or by an authenticated REGISTER on the same connection; neither counts for more
    /// than the hop next to us, so that a proxy's connection lends its account to nobody (a second Via).
    pub(super) fn prove(&mut self, now: Instant, path: &Path, request: &Request) -> Proof {
        let accounts = self.accounts.clone();
        let verdict = self.challenger.verify(now, request, |username| accounts.password(username));
        match verdict {
            // One name for one account, or limits by account would count each spelling apart.
            Verdict::Proved { username } => Proof::Account(username.to_ascii_lowercase()),
            Verdict::Stale => self.challenge(now, request, true),
            Verdict::Wrong => {
                self.event(super::Event::Counter("digest-wrong"));
                self.challenge(now, request, false)
            }
            Verdict::Absent => match self.flow(path, request) {
                Some(account) if request.method == Method::Invite => Proof::Account(account),
                _ if request.method == Method::Invite && self.config.anonymous_calls => Proof::Nobody,
                _ => self.challenge(now, request, false),
            },
        }
    }

    fn challenge(&mut self, now: Instant, request: &Request, stale: bool) -> Proof {
        let mut response = request.response(code(401));
        let algorithms = (self.config.algorithms)(request.headers.get("User-Agent"));
        for challenge in self.challenger.challenges(now, &algorithms, stale) {
            response.headers.push("WWW-Authenticate", challenge);
        }
        Proof::Refused(Box::new(response))
    }

    /// The account that registered over this connection itself, if it is still one.
    fn flow(&self, path: &Path, request: &Request) -> Option<String> {
        let direct = request.headers.vias().is_ok_and(|vias| vias.len() == 1);
        let account = self.flows.get(&path.connection?)?;
        (direct && self.accounts.password(account).is_some()).then(|| account.clone())
    }
}
