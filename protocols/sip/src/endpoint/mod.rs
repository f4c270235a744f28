//! The whole stack of all listening points (RFC 3261 as UAS and UAC), without IO.
//!
//! Hand [`Endpoint::handle_input`] what came from the network, call commands ([`Endpoint::answer`], …), and after each
//! drain [`Endpoint::poll_output`] until [`Output::Timeout`].
//!
//! It answers by itself what needs no judgement: malformed and unsupported requests, OPTIONS, REGISTER, CANCEL, BYE and
//! INFO, repeated messages, lost ACKs. Everything else becomes an [`Event`].
//!
//! | File | Holds |
//! |---|---|
//! | `server` | requests coming in: which transaction, which answer by rule |
//! | `screen` | the checks of §8.2 |
//! | `incoming` | INVITE, ACK, CANCEL from outside a dialog, and our answers |
//! | `identity`, `register` | who sends a request, and what accounts bind |
//! | `in_dialog` | BYE, INFO, re-INVITE, OPTIONS within one |
//! | `client` | requests of ours and what comes back |
//! | `outgoing` | commands that send them |
//! | `compose` | the header fields that we write |

mod call;
mod client;
mod compose;
mod config;
mod event;
mod identity;
mod in_dialog;
mod incoming;
mod multipart;
mod outgoing;
mod path;
mod random;
mod register;
mod screen;
mod server;

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;

use crate::{
    auth::Challenger,
    message::{self, Message},
    registrar::Registrar,
    timers::Timers,
    transaction::{ClientKey, ServerKey},
};
use call::Call;
use client::Client;
use random::Random;
use server::{MergeKey, Server};

pub use config::{Algorithms, EndpointConfig, Limits};
pub use event::{CommandError, Event, Input, InvitationId, Output};
pub use identity::{Accounts, NoAccounts};
pub use outgoing::{Credentials, Invitation};
pub use path::{Path, Transport};
pub use register::StoredBinding;

/// The stack of all listening points.
pub struct Endpoint {
    config: EndpointConfig,
    random: Random,
    /// Marks the branches that we make, so that a request of ours that comes back is known (482).
    instance: String,
    last_id: u64,
    out: VecDeque<Output>,
    timers: Timers<Timer>,
    servers: HashMap<u64, Server>,
    server_keys: HashMap<ServerKey, u64>,
    merges: HashMap<MergeKey, u64>,
    transactions_by_source: HashMap<IpAddr, usize>,
    clients: HashMap<u64, Client>,
    client_keys: HashMap<ClientKey, u64>,
    calls: HashMap<InvitationId, Call>,
    /// By Call-ID and our tag.
    dialogs: HashMap<(String, String), InvitationId>,
    accounts: Arc<dyn Accounts>,
    challenger: Challenger,
    registrar: Registrar<Path>,
    /// The account that registered over a connection.
    flows: HashMap<u64, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Timer {
    Server(u64),
    Client(u64),
    Call(InvitationId),
    Registrar,
}

impl Endpoint {
    /// An endpoint without calls.
    pub fn new(config: EndpointConfig, accounts: Arc<dyn Accounts>) -> Self {
        let mut random = Random::new(config.seed);
        let instance = random.word();
        let challenger = Challenger::new(&config.realm, random.block());
        Self {
            accounts,
            challenger,
            registrar: Registrar::default(),
            flows: HashMap::new(),
            config,
            random,
            instance,
            last_id: 0,
            out: VecDeque::new(),
            timers: Timers::default(),
            servers: HashMap::new(),
            server_keys: HashMap::new(),
            merges: HashMap::new(),
            transactions_by_source: HashMap::new(),
            clients: HashMap::new(),
            client_keys: HashMap::new(),
            calls: HashMap::new(),
            dialogs: HashMap::new(),
        }
    }

    /// Takes one input. Drain [`Self::poll_output`] after it.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Received { via, bytes } => self.handle_message(now, via, bytes),
            Input::Closed { connection } => self.handle_closed(now, connection),
            Input::Timeout => {}
        }
        self.handle_timers(now);
    }

    /// What should happen. Call until it returns [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        self.out.pop_front().unwrap_or_else(|| Output::Timeout(self.timers.next()))
    }

    /// Calls that are not over.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Transactions that are not over, in either direction.
    pub fn transactions(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    fn handle_message(&mut self, now: Instant, via: &Path, bytes: &Bytes) {
        match message::parse(bytes) {
            Ok(Message::Request(request)) => self.handle_request(now, via, request),
            Ok(Message::Response(response)) => self.handle_response(now, via, response),
            Err(rejected) => self.handle_rejected(via, &rejected),
        }
    }

    fn handle_timers(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Server(id) => self.handle_server_timeout(now, id),
                Timer::Client(id) => self.handle_client_timeout(now, id),
                Timer::Call(id) => self.handle_call_timeout(now, id),
                Timer::Registrar => self.handle_registrar_timeout(now),
            }
        }
    }

    fn handle_closed(&mut self, now: Instant, connection: u64) {
        self.flows.remove(&connection);
        self.registrar.for_each_path(|path| {
            path.connection = path.connection.filter(|c| *c != connection);
        });
        for server in self.servers.values_mut() {
            if server.reply.connection == Some(connection) {
                server.reply.connection = None;
                server.reply.remote.set_port(server.reply_port);
            }
        }
        for call in self.calls.values_mut() {
            call.forget_connection(connection);
        }
        let broken: Vec<u64> = self
            .clients
            .iter()
            .filter(|(_, client)| client.path.connection == Some(connection))
            .map(|(id, _)| *id)
            .collect();
        for id in broken {
            self.client_broken(now, id);
        }
    }

    fn event(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    fn transmit(&mut self, path: &Path, bytes: Bytes) {
        self.out.push_back(Output::Transmit { path: path.clone(), bytes });
    }

    fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
