//! Composes the stages: where each call stands, and what follows from what happened. Sans-IO: `wire` hands
//! [`Gateway::handle_input`] one input, then drains [`Gateway::poll_output`] to `Timeout`.
//!
//! | File | Holds |
//! |---|---|
//! | `io` | what goes in and comes out |
//! | `stage` | a call and where it stands |
//! | `arrival` | from the first message to the prompt |
//! | `door` | keyed and typed PINs, and the verdict on them |
//! | `seats` | what rooms say, told to planes, pages and ears |
//! | `leaving` | reasons told before the end, and the record of the call |
//! | `accounts` | endpoint accounts for digests, bindings for the store |

mod accounts;
mod arrival;
mod door;
mod io;
mod leaving;
mod seats;
mod stage;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use crate::{
    admission::Desk,
    call::release::Release,
    ids::{LegId, LegIds, ParticipantId, RoomId},
    plane::{PlaneCommand, PlaneEvent},
    signalling::{
        LegCommand, LegEvent, LocalMedia,
        sip::{SipOutput, SipSide, SipSideConfig},
        web::{WebOutput, WebSide},
    },
    store::Directory,
};
use accounts::DirectoryAccounts;
use arrival::Strangers;
pub use io::{GatewayConfig, Input, Output, Tally};
use seats::OpenRoom;
use stage::Call;

/// All calls and rooms of this process.
pub struct Gateway {
    config: GatewayConfig,
    directory: Arc<Directory>,
    sip: SipSide,
    web: WebSide,
    calls: HashMap<LegId, Call>,
    rooms: HashMap<RoomId, OpenRoom>,
    participants: HashMap<ParticipantId, LegId>,
    desk: Desk,
    strangers: Strangers,
    last_participant: u64,
    last_speech: u64,
    draining: bool,
    drained: bool,
    counters: BTreeMap<&'static str, u64>,
    /// How many contacts each account has.
    bindings: HashMap<String, usize>,
    sip_timeout: Option<Instant>,
    unix_ms: i64,
    out: VecDeque<Output>,
}

impl Gateway {
    pub fn new(config: GatewayConfig, directory: Arc<Directory>) -> Self {
        let ids = LegIds::default();
        let accounts = Arc::new(DirectoryAccounts(Arc::clone(&directory)));
        let sip = SipSide::new(SipSideConfig { endpoint: config.sip.clone(), ids: ids.clone() }, accounts);
        Self {
            config,
            directory,
            sip,
            web: WebSide::new(ids),
            calls: HashMap::new(),
            rooms: HashMap::new(),
            participants: HashMap::new(),
            desk: Desk::default(),
            strangers: Strangers::default(),
            last_participant: 0,
            last_speech: 0,
            draining: false,
            drained: false,
            counters: BTreeMap::new(),
            bindings: HashMap::new(),
            sip_timeout: None,
            unix_ms: 0,
            out: VecDeque::new(),
        }
    }

    /// Takes one input; `unix_ms` is the wall clock, for records only. Drain [`Self::poll_output`] after it.
    pub fn handle_input(&mut self, now: Instant, unix_ms: i64, input: Input) {
        self.unix_ms = unix_ms;
        match input {
            Input::Sip { path, bytes } => self.sip.handle_received(now, &path, &bytes),
            Input::SipClosed { connection } => self.sip.handle_closed(now, connection),
            Input::Page { page, source, text } => self.web.handle_message(page, source, &text),
            Input::PageClosed { page } => self.web.handle_closed(page),
            Input::Ports { leg, result } => self.handle_ports(now, leg, result),
            Input::Plane(event) => self.handle_plane(now, event),
            Input::Directory(directory) => self.handle_directory(now, directory),
            Input::Bindings(records) => self.restore_bindings(now, records),
            Input::Drain => self.drain(now),
            Input::Timeout => {}
        }
        self.handle_timeouts(now);
        self.pump(now);
    }

    /// What should happen. Call until it returns [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.out.pop_front() {
            return output;
        }
        if self.draining && !self.drained && self.calls.is_empty() {
            self.drained = true;
            return Output::Drained;
        }
        Output::Timeout(self.next_timeout())
    }

    /// Numbers for the metrics.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally {
            rooms: self.rooms.len(),
            bindings: self.bindings.values().sum(),
            counters: self.counters.iter().map(|(name, count)| (*name, *count)).collect(),
            ..Tally::default()
        };
        for call in self.calls.values() {
            *tally.calls.entry(call.stage.as_str()).or_default() += 1;
        }
        tally
    }

    /// Legs' events, until nobody says anything more. Each event may command other legs.
    fn pump(&mut self, now: Instant) {
        loop {
            if let Some(output) = self.web.poll_output() {
                match output {
                    WebOutput::Send { page, text } => self.out.push_back(Output::SendPage { page, text }),
                    WebOutput::Close { page } => self.out.push_back(Output::ClosePage { page }),
                    WebOutput::Leg(leg, event) => self.handle_leg(now, leg, event),
                }
                continue;
            }
            match self.sip.poll_output() {
                SipOutput::Transmit { path, bytes } => self.out.push_back(Output::Transmit { path, bytes }),
                SipOutput::Leg(leg, event) => self.handle_leg(now, leg, event),
                SipOutput::Registered { account, bindings } => self.save_bindings(account, &bindings),
                SipOutput::Counter(name) => self.count(name),
                SipOutput::Timeout(timeout) => {
                    self.sip_timeout = timeout;
                    return;
                }
            }
        }
    }

    fn handle_leg(&mut self, now: Instant, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Incoming { caller, dialled, offer } => {
                self.handle_incoming(now, leg, caller, dialled, offer);
            }
            LegEvent::Answered(params) | LegEvent::Changed(params) => self.handle_agreed(now, leg, params),
            LegEvent::Connected => self.handle_connected(now, leg),
            LegEvent::Digit { digit, path } => self.handle_digit(now, leg, digit, path),
            LegEvent::Pin(digits) => self.handle_typed(now, leg, digits),
            LegEvent::KeyframeWanted(kind) => self.plane(PlaneCommand::KeyframeWanted { leg, kind }),
            LegEvent::Muted { kind, muted } => self.handle_muted(now, leg, kind, muted),
            LegEvent::Released(release) => self.end(now, leg, release),
        }
    }

    fn handle_ports(&mut self, now: Instant, leg: LegId, result: Result<LocalMedia, String>) {
        match result {
            Ok(local) => self.answer(now, leg, local),
            Err(reason) => {
                tracing::error!(%leg, reason, "no media ports for this call");
                self.count("ports-failed");
                self.release(now, leg, Release::Fault);
            }
        }
    }

    fn handle_plane(&mut self, now: Instant, event: PlaneEvent) {
        match event {
            PlaneEvent::Described { leg, answer } => self.handle_described(now, leg, answer),
            PlaneEvent::Started { leg, kind } => self.handle_started(now, leg, kind),
            PlaneEvent::Digit { leg, digit, path } => self.handle_digit(now, leg, digit, path),
            PlaneEvent::WantKeyframe { leg, kind } => self.command(now, leg, LegCommand::WantKeyframe(kind)),
            PlaneEvent::Spoken { leg, id } => self.handle_spoken(now, leg, id),
            PlaneEvent::Lost { leg } => self.handle_lost(now, leg),
        }
    }

    fn handle_directory(&mut self, now: Instant, directory: Arc<Directory>) {
        self.sip.set_accounts(Arc::new(DirectoryAccounts(Arc::clone(&directory))));
        self.directory = directory;
        let gone: Vec<RoomId> =
            self.rooms.keys().copied().filter(|id| self.directory.room_by_id(*id).is_none()).collect();
        for room in gone {
            self.close_room(now, room);
        }
    }

    fn handle_timeouts(&mut self, now: Instant) {
        if self.sip_timeout.is_some_and(|at| at <= now) {
            self.sip.handle_timeout(now);
        }
        let due: Vec<RoomId> =
            self.rooms.iter().filter(|(_, open)| open.due(now)).map(|(room, _)| *room).collect();
        for room in due {
            self.handle_room_timeout(now, room);
        }
        let due: Vec<LegId> =
            self.calls.iter().filter(|(_, call)| call.due(now)).map(|(leg, _)| *leg).collect();
        for leg in due {
            self.handle_call_timeout(now, leg);
        }
    }

    /// The earliest of all machines' timeouts. A thousand calls are looked at in microseconds.
    fn next_timeout(&self) -> Option<Instant> {
        let rooms = self.rooms.values().filter_map(|open| open.timeout);
        let calls = self.calls.values().filter_map(Call::next_timeout);
        rooms.chain(calls).chain(self.sip_timeout).min()
    }

    /// Commands a leg, whatever protocol it speaks.
    fn command(&mut self, now: Instant, leg: LegId, command: LegCommand) {
        if self.web.has(leg) {
            self.web.command(leg, &command);
        } else {
            self.sip.command(now, leg, command);
        }
    }

    fn plane(&mut self, command: PlaneCommand) {
        self.out.push_back(Output::Plane(command));
    }

    fn count(&mut self, name: &'static str) {
        *self.counters.entry(name).or_default() += 1;
    }
}
