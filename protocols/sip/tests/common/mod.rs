//! Two SIP stacks on a simulated network.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use netsim::{Node, NodeId, Packet, World};
use roomgate_sip::{
    endpoint::{
        Accounts, Credentials, Endpoint, EndpointConfig, Event, Input, Invitation, InvitationId, Output,
        Path, Transport,
    },
    message::{self, Message},
};

pub const CALLER: &str = "192.0.2.10:5060";
pub const GATEWAY: &str = "192.0.2.1:5060";
pub const OFFER: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nt=0 0\r\n";
pub const ANSWER: &[u8] = b"v=0\r\no=- 2 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";

/// One account: `room12`.
struct Room12;

impl Accounts for Room12 {
    fn password(&self, username: &str) -> Option<String> {
        (username == "room12").then(|| PASSWORD.to_owned())
    }
}

pub const PASSWORD: &str = "s3cret";

pub fn accounts() -> Arc<dyn Accounts> {
    Arc::new(Room12)
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A SIP stack with an address. What its user would do, tests do by `World::act`.
pub struct Stack {
    pub endpoint: Endpoint,
    own: SocketAddr,
    transport: Transport,
    /// The last call heard of.
    pub call: Option<InvitationId>,
    /// Everything that happened.
    pub events: Vec<Event>,
    /// The last message sent.
    pub last_sent: Option<Bytes>,
}

impl Stack {
    pub fn new(own: &str, transport: Transport, config: EndpointConfig) -> Self {
        Self {
            endpoint: Endpoint::new(config, accounts()),
            own: address(own),
            transport,
            call: None,
            events: Vec::new(),
            last_sent: None,
        }
    }

    pub fn path(&self, remote: SocketAddr) -> Path {
        let connection = self.transport.is_reliable().then_some(u64::from(remote.port()));
        Path { transport: self.transport, local: self.own, remote, connection }
    }

    pub fn call(&self) -> InvitationId {
        self.call.expect("a call")
    }

    pub fn invite(&mut self, now: Instant, remote: &str, user: &str, credentials: Option<Credentials>) {
        let remote = address(remote);
        let invitation = Invitation {
            target: format!("sip:{user}@{}", remote.ip()).parse().unwrap(),
            path: self.path(remote),
            from: format!("\"Room 12\" <sip:room12@{}>", self.own.ip()).parse().unwrap(),
            offer: Bytes::from_static(OFFER),
            credentials,
        };
        self.call = Some(self.endpoint.invite(now, invitation));
    }

    pub fn ring(&mut self, now: Instant) {
        self.endpoint.ring(now, self.call()).unwrap();
    }

    pub fn answer(&mut self, now: Instant) {
        self.endpoint.answer(now, self.call(), Some(Bytes::from_static(ANSWER))).unwrap();
    }

    pub fn reject(&mut self, now: Instant, status: u16) {
        self.endpoint.reject(now, self.call(), status, None).unwrap();
    }

    pub fn bye(&mut self, now: Instant) {
        self.endpoint.bye(now, self.call(), None).unwrap();
    }

    pub fn reinvite(&mut self, now: Instant) {
        self.endpoint.reinvite(now, self.call(), Bytes::from_static(OFFER)).unwrap();
    }

    pub fn answer_reinvite(&mut self, now: Instant) {
        self.endpoint.answer_reinvite(now, self.call(), Some(Bytes::from_static(ANSWER))).unwrap();
    }
}

impl Node for Stack {
    fn receive(&mut self, now: Instant, packet: &Packet) {
        let via = self.path(packet.from);
        let bytes = Bytes::copy_from_slice(&packet.bytes);
        self.endpoint.handle_input(now, Input::Received { via: &via, bytes: &bytes });
    }

    fn timeout(&mut self, now: Instant) {
        self.endpoint.handle_input(now, Input::Timeout);
    }

    fn poll(&mut self) -> netsim::Output {
        match self.endpoint.poll_output() {
            Output::Transmit { path, bytes } => {
                self.last_sent = Some(bytes.clone());
                let label = label(&bytes);
                netsim::Output::Send { from: self.own, to: path.remote, label, bytes: bytes.to_vec() }
            }
            Output::Event(event) => {
                if let Event::Invite { id, .. } = &event {
                    self.call = Some(*id);
                }
                let text = describe(&event);
                self.events.push(event);
                netsim::Output::Note(text)
            }
            Output::Timeout(at) => netsim::Output::Timeout(at),
        }
    }
}

/// The start line, short, and whether there is a session description.
pub fn label(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().next().unwrap_or_default();
    let short = match line.strip_prefix("SIP/2.0 ") {
        Some(status) => status.to_owned(),
        None => line.split(' ').next().unwrap_or_default().to_owned(),
    };
    let sdp = if text.contains("\r\n\r\nv=0") { " (SDP)" } else { "" };
    format!("{short}{sdp}")
}

fn describe(event: &Event) -> String {
    let with = |name: &str, body: &Option<Bytes>| match body {
        Some(_) => format!("{name} with SDP"),
        None => name.to_owned(),
    };
    match event {
        Event::Invite { offer, account, .. } => {
            let proved = account.as_ref().map(|a| format!(" of {a}")).unwrap_or_default();
            format!("{}{proved}", with("Invite", offer))
        }
        Event::Cancelled { .. } => "Cancelled".into(),
        Event::Acked { body, .. } => with("Acked", body),
        Event::Reinvite { body, .. } => with("Reinvite", body),
        Event::Bye { reason, .. } => format!("Bye {}", reason.as_deref().unwrap_or_default()),
        Event::Info { content_type, .. } => format!("Info {content_type}"),
        Event::Ringing { status, .. } => format!("Ringing {status}"),
        Event::Answered { body, .. } => with("Answered", body),
        Event::Failed { status, .. } => format!("Failed {status}"),
        Event::ReinviteFailed { status, .. } => format!("ReinviteFailed {status}"),
        Event::Gone { .. } => "Gone".into(),
        Event::Counter(name) => format!("Counter {name}"),
        Event::Registered { account, bindings } => format!("Registered {account} at {}", bindings.len()),
    }
}

/// A caller and the gateway, 10 ms apart.
pub struct Pair {
    pub world: World<Stack>,
    pub caller: NodeId,
    pub gateway: NodeId,
}

impl Pair {
    pub fn new(transport: Transport) -> Self {
        Self::with(transport, EndpointConfig::new([1; 32]))
    }

    pub fn with(transport: Transport, gateway: EndpointConfig) -> Self {
        let mut world = World::new();
        let caller = Stack::new(CALLER, transport, EndpointConfig::new([2; 32]));
        let caller = world.add("caller", &[address(CALLER)], caller);
        let gateway = world.add("gateway", &[address(GATEWAY)], Stack::new(GATEWAY, transport, gateway));
        Self { world, caller, gateway }
    }

    pub fn run(&mut self, milliseconds: u64) {
        self.world.run_for(Duration::from_millis(milliseconds));
    }

    /// A call that stands: INVITE, 200, ACK, left out of the ladder.
    pub fn connected(transport: Transport) -> Self {
        let mut pair = Self::new(transport);
        pair.world.act(pair.caller, |s, now| s.invite(now, GATEWAY, "100100", None));
        pair.run(20);
        pair.world.act(pair.gateway, Stack::answer);
        pair.run(980);
        pair.world.clear_ladder();
        pair
    }

    /// Sends text as one message from an address.
    pub fn inject(&mut self, from: &str, text: &str) {
        let bytes = text.as_bytes().to_vec();
        let label = label(&bytes);
        self.world.inject(Packet { from: address(from), to: address(GATEWAY), bytes, label });
    }

    pub fn no_calls(&self) -> bool {
        self.world.node(self.caller).endpoint.calls() == 0
            && self.world.node(self.gateway).endpoint.calls() == 0
    }
}

/// An INVITE as a device writes it, with what varies filled in.
pub fn raw_invite(branch: &str, cseq: u32, body: &str) -> String {
    raw("INVITE", branch, cseq, "", body)
}

/// A request as a device writes it.
pub fn raw(method: &str, branch: &str, cseq: u32, extra: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} sip:100100@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch={branch}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:room12@192.0.2.10>;tag=device\r\n\
         To: <sip:100100@192.0.2.1>\r\n\
         Call-ID: raw-call@192.0.2.10\r\n\
         CSeq: {cseq} {method}\r\n\
         Contact: <sip:room12@192.0.2.10:5060>\r\n\
         {extra}{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads back what a node wrote; an answer to a damaged request may carry its damage back.
pub fn try_parse(bytes: &[u8]) -> Option<Message> {
    message::parse(&Bytes::copy_from_slice(bytes)).ok()
}

/// Reads back what a node wrote.
pub fn parse(bytes: &[u8]) -> Message {
    try_parse(bytes).expect("our own message is readable")
}
