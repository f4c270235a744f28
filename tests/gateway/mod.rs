//! A whole gateway in virtual time: telephones that send SIP texts, pages that send JSON, and everything they get.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use roomgate::{
    config::UnknownRoom,
    gateway::{Gateway, GatewayConfig, Input, Output},
    ids::{LegId, TrackKind},
    plane::{PlaneCommand, PlaneEvent, PortSpec},
    room::scene::{Layout, View},
    signalling::{Digit, DigitPath, LocalMedia, web::PageId},
    store::{BindingRecord, CallRecord, PinChoice, RoomDraft, RoomType, Secret, Store},
};
use roomgate_sip::endpoint::{EndpointConfig, Path, Transport};
use serde_json::{Value, json};

use crate::common::{Folder, draft};

pub(crate) const PLAIN: &str = include_str!("../../fixtures/sdp/cisco/ce-offer.sdp");
pub(crate) const SDES: &str = include_str!("../../fixtures/sdp/cisco/e20-offer.sdp");

/// The account that is in every store.
pub(crate) const ACCOUNT: &str = "room12";
pub(crate) const PASSWORD: &str = "s3cret-of-room12";
/// Wall clock at the start of every test.
pub(crate) const UNIX_MS: i64 = 1_800_000_000_000;

pub(crate) struct World {
    runtime: tokio::runtime::Runtime,
    store: Store,
    _folder: Folder,
    gateway: Gateway,
    start: Instant,
    pub(crate) now: Instant,
    next: Option<Instant>,
    /// Whether ports are opened at once; else [`World::open_ports`] does.
    pub(crate) instant_ports: bool,
    pub(crate) wanted_ports: Vec<LegId>,
    /// The leg of whoever came last.
    pub(crate) last_leg: Option<LegId>,
    pub(crate) sent: Vec<(SocketAddr, String)>,
    told: HashMap<LegId, Vec<String>>,
    speech: HashMap<LegId, u64>,
    pages: HashMap<PageId, Vec<Value>>,
    pub(crate) closed_pages: Vec<PageId>,
    pub(crate) records: Vec<CallRecord>,
    pub(crate) bindings: Vec<(String, Vec<BindingRecord>)>,
    pub(crate) drained: bool,
    /// All outputs, as they print themselves.
    pub(crate) printed: String,
    calls: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(UnknownRoom::Reception)
    }

    pub(crate) fn with(unknown_room: UnknownRoom) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = Folder::new("gateway");
        let store = runtime.block_on(async {
            let store = folder.store().await;
            let given = |pin: &str| match pin {
                "" => PinChoice::None,
                pin => PinChoice::Given(Secret::new(pin)),
            };
            for (address, kind, host, guest) in [
                ("100100", RoomType::Administrative, "1234", "5678"),
                ("100200", RoomType::Administrative, "1234", ""),
                ("100300", RoomType::Administrative, "", ""),
                ("200200", RoomType::Sensitive, "123456", "654321"),
                ("300300", RoomType::Personal, "111222", ""),
                ("400400", RoomType::Auditorium, "4321", ""),
            ] {
                let draft =
                    RoomDraft { host_pin: given(host), guest_pin: given(guest), ..draft(address, kind) };
                store.add_room(draft).await.unwrap();
            }
            store.add_endpoint(ACCOUNT, &Secret::new(PASSWORD)).await.unwrap();
            store
        });
        let directory = Arc::new(runtime.block_on(store.load()).unwrap());
        let config = GatewayConfig::new(EndpointConfig::new([7; 32]), unknown_room);
        let start = Instant::now();
        Self {
            gateway: Gateway::new(config, directory),
            runtime,
            store,
            _folder: folder,
            start,
            now: start,
            next: None,
            instant_ports: true,
            wanted_ports: Vec::new(),
            last_leg: None,
            sent: Vec::new(),
            told: HashMap::new(),
            speech: HashMap::new(),
            pages: HashMap::new(),
            closed_pages: Vec::new(),
            records: Vec::new(),
            bindings: Vec::new(),
            drained: false,
            printed: String::new(),
            calls: 0,
        }
    }

    /// One input now, and all that follows from it.
    pub(crate) fn input(&mut self, input: Input) {
        let since = self.now.duration_since(self.start).as_millis();
        self.gateway.handle_input(self.now, UNIX_MS + i64::try_from(since).unwrap(), input);
        let mut ports = Vec::new();
        loop {
            let output = self.gateway.poll_output();
            self.printed.push_str(&format!("{output:?}\n"));
            match output {
                Output::Transmit { path, bytes } => {
                    self.sent.push((path.remote, String::from_utf8(bytes.to_vec()).unwrap()));
                }
                Output::SendPage { page, text } => {
                    self.pages.entry(page).or_default().push(serde_json::from_str(&text).unwrap());
                }
                Output::ClosePage { page } => self.closed_pages.push(page),
                Output::OpenPorts { leg, .. } => {
                    self.last_leg = Some(leg);
                    ports.push(leg);
                }
                Output::Plane(command) => self.plane(command),
                Output::SaveBindings { account, bindings } => self.bindings.push((account, bindings)),
                Output::SaveCall(record) => self.records.push(record),
                Output::Drained => self.drained = true,
                Output::Timeout(next) => {
                    self.next = next;
                    break;
                }
            }
        }
        for leg in ports {
            match self.instant_ports {
                true => self.open_ports(leg),
                false => self.wanted_ports.push(leg),
            }
        }
    }

    pub(crate) fn open_ports(&mut self, leg: LegId) {
        let audio = 20_000 + 4 * u16::try_from(leg.0).unwrap();
        let address = "192.0.2.1".parse().unwrap();
        let local = LocalMedia::Ports { address, audio, video: audio + 2, entropy: [9; 64] };
        self.input(Input::Ports { leg, result: Ok(local) });
    }

    fn plane(&mut self, command: PlaneCommand) {
        let (leg, line) = match command {
            PlaneCommand::Open { leg, spec: PortSpec::Rtp } => (leg, "open".to_owned()),
            PlaneCommand::Open { leg, spec: PortSpec::Session { offer } } => {
                self.last_leg = Some(leg);
                (leg, format!("open {offer}"))
            }
            PlaneCommand::Configure { leg, params } => (leg, format!("configure {:?}", params.encryption)),
            PlaneCommand::View { leg, view } => (leg, describe(&view)),
            PlaneCommand::Speak { leg, id, clips } => {
                self.speech.insert(leg, id);
                let names: Vec<_> = clips.iter().map(|(clip, _)| format!("{clip:?}")).collect();
                (leg, format!("speak {}", names.join(" ")))
            }
            PlaneCommand::Music { leg, on } => (leg, format!("music {}", if on { "on" } else { "off" })),
            PlaneCommand::Hush { leg } => (leg, "hush".to_owned()),
            PlaneCommand::KeyframeWanted { leg, .. } => (leg, "keyframe".to_owned()),
            PlaneCommand::Close { leg } => (leg, "close".to_owned()),
        };
        self.told.entry(leg).or_default().push(line);
    }

    /// What the media plane was told of this leg since the last look.
    pub(crate) fn told(&mut self, leg: LegId) -> Vec<String> {
        self.told.remove(&leg).unwrap_or_default()
    }

    /// The last picture of this leg since the last look at [`Self::told`].
    pub(crate) fn picture(&mut self, leg: LegId) -> String {
        let told = self.told(leg);
        let pictures = |line: &&String| line.starts_with("slate") || line.starts_with("sees");
        told.iter().rfind(pictures).cloned().unwrap_or_default()
    }

    /// Lets time pass, with each timeout at its instant.
    pub(crate) fn pass(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some(at) = self.next.filter(|at| *at <= until) {
            self.now = at.max(self.now);
            self.input(Input::Timeout);
        }
        self.now = until;
    }

    /// What was to be spoken last has been heard.
    pub(crate) fn spoken(&mut self, leg: LegId) {
        let id = self.speech[&leg];
        self.input(Input::Plane(PlaneEvent::Spoken { leg, id }));
    }

    /// Keys as RFC 4733 events, half a second apart.
    pub(crate) fn key(&mut self, leg: LegId, keys: &str) {
        for key in keys.chars() {
            self.pass(500);
            self.event(leg, key);
        }
    }

    pub(crate) fn event(&mut self, leg: LegId, key: char) {
        let digit = Digit::from_char(key).unwrap();
        self.input(Input::Plane(PlaneEvent::Digit { leg, digit, path: DigitPath::TelephoneEvent }));
    }

    pub(crate) fn started(&mut self, leg: LegId, kind: TrackKind) {
        self.input(Input::Plane(PlaneEvent::Started { leg, kind }));
    }

    /// A new telephone at this last octet of its address.
    pub(crate) fn phone(&mut self, last: u8, transport: Transport) -> Phone {
        self.calls += 1;
        Phone {
            number: self.calls,
            path: Path {
                transport,
                local: "192.0.2.1:5060".parse().unwrap(),
                remote: SocketAddr::new(IpAddr::from([192, 0, 2, last]), 5060),
                connection: transport.is_reliable().then_some(u64::from(self.calls)),
            },
            uri: String::new(),
            to_tag: String::new(),
            branch: 0,
            leg: LegId(0),
        }
    }

    /// Calls over UDP from a source of its own, without encryption, and acknowledges the answer.
    pub(crate) fn call(&mut self, last: u8, user: &str) -> Phone {
        let mut phone = self.phone(last, Transport::Udp);
        assert_eq!(phone.dial(self, user, PLAIN), 200);
        phone
    }

    /// Joins from a page of this number; its leg, if its media port was opened.
    pub(crate) fn join(&mut self, page: u64, address: &str, pin: Option<&str>) -> Option<LegId> {
        self.last_leg = None;
        let offer = format!("offer-{page}");
        let name = format!("Page {page}");
        self.say(
            page,
            &json!({"type": "join", "address": address, "name": name, "pin": pin, "language": "en", "offer": offer}),
        );
        self.last_leg
    }

    pub(crate) fn say(&mut self, page: u64, message: &Value) {
        let source = IpAddr::from([198, 51, 100, u8::try_from(page).unwrap()]);
        self.input(Input::Page { page: PageId(page), source, text: message.to_string() });
    }

    pub(crate) fn describe(&mut self, leg: LegId) {
        self.input(Input::Plane(PlaneEvent::Described { leg, answer: Ok("answer".to_owned()) }));
    }

    /// What a page was sent since the last look.
    pub(crate) fn page(&mut self, page: u64) -> Vec<Value> {
        self.pages.remove(&PageId(page)).unwrap_or_default()
    }

    pub(crate) fn tally(&self) -> roomgate::gateway::Tally {
        self.gateway.tally()
    }

    pub(crate) fn remove_room(&mut self, address: &str) {
        self.runtime.block_on(self.store.remove_room(address)).unwrap();
        let directory = Arc::new(self.runtime.block_on(self.store.load()).unwrap());
        self.input(Input::Directory(directory));
    }

    /// Another process on the same store.
    pub(crate) fn restart(&mut self) {
        let directory = Arc::new(self.runtime.block_on(self.store.load()).unwrap());
        let config = GatewayConfig::new(EndpointConfig::new([8; 32]), UnknownRoom::Reception);
        self.gateway = Gateway::new(config, directory);
    }
}

/// A picture in words: what it says in the last language, and how many dots; or whom it shows.
fn describe(view: &View) -> String {
    match &view.scene.layout {
        Layout::Slate(slate) => {
            let dots = slate.dots.map(|dots| format!(" ({dots})")).unwrap_or_default();
            format!("slate {}: {}{dots}", slate.heading, slate.lines.last().map_or("", String::as_str))
        }
        Layout::Solo | Layout::Grid => {
            let names: Vec<&str> = view.scene.tiles.iter().map(|tile| &*tile.name).collect();
            format!("sees {} hears {}", names.join(", "), view.hears.len())
        }
    }
}

/// A SIP device.
pub(crate) struct Phone {
    pub(crate) number: u32,
    pub(crate) path: Path,
    uri: String,
    to_tag: String,
    branch: u32,
    pub(crate) leg: LegId,
}

impl Phone {
    /// Sends a request and returns what came back to this phone for it.
    pub(crate) fn request(
        &mut self,
        world: &mut World,
        method: &str,
        cseq: u32,
        more: &str,
        content_type: &str,
        body: &str,
    ) -> Vec<String> {
        let from = world.sent.len();
        self.branch += u32::from(method != "CANCEL");
        let tag = if self.to_tag.is_empty() { String::new() } else { format!(";tag={}", self.to_tag) };
        let (number, remote) = (self.number, self.path.remote);
        let content_type = match content_type {
            "" => String::new(),
            text => format!("Content-Type: {text}\r\n"),
        };
        let user = if method == "REGISTER" { ACCOUNT.to_owned() } else { format!("phone{number}") };
        // Devices write what was dialled into To as well.
        let to = match method {
            "REGISTER" => format!("sip:{ACCOUNT}@192.0.2.1"),
            _ => self.uri.clone(),
        };
        let text = format!(
            "{method} {} SIP/2.0\r\n\
             Via: SIP/2.0/{} {remote};branch=z9hG4bK{number}x{};rport\r\nMax-Forwards: 70\r\n\
             From: \"Phone {number}\" <sip:{user}@192.0.2.1>;tag=caller\r\nTo: <{to}>{tag}\r\n\
             Call-ID: call-{number}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{user}@{remote}>\r\n{more}{content_type}\
             Content-Length: {}\r\n\r\n{body}",
            self.uri,
            self.path.transport,
            self.branch,
            body.len()
        );
        world.input(Input::Sip { path: self.path.clone(), bytes: Bytes::from(text) });
        let mine = world.sent[from..].iter().filter(|(to, _)| *to == remote);
        mine.map(|(_, text)| text.clone()).collect()
    }

    /// INVITEs; the final status, acknowledged, or 0 if there is none yet.
    pub(crate) fn dial(&mut self, world: &mut World, user: &str, sdp: &str) -> u16 {
        let status = self.invite(world, user, sdp);
        if status >= 200 {
            self.request(world, "ACK", 1, "", "", "");
        }
        status
    }

    pub(crate) fn invite(&mut self, world: &mut World, user: &str, sdp: &str) -> u16 {
        self.uri = if user.is_empty() { "sip:192.0.2.1".to_owned() } else { format!("sip:{user}@192.0.2.1") };
        world.last_leg = None;
        let got = self.request(world, "INVITE", 1, "", "application/sdp", sdp);
        self.leg = world.last_leg.unwrap_or(LegId(0));
        self.take_final(&got)
    }

    pub(crate) fn take_final(&mut self, got: &[String]) -> u16 {
        let Some(answer) = got.iter().find(|text| status(text) >= 200) else { return 0 };
        let to = answer.lines().find(|line| line.starts_with("To:")).unwrap();
        if let Some((_, tag)) = to.split_once(";tag=") {
            tag.clone_into(&mut self.to_tag);
        }
        status(answer)
    }

    pub(crate) fn reinvite(&mut self, world: &mut World, cseq: u32, sdp: &str) -> u16 {
        let got = self.request(world, "INVITE", cseq, "", "application/sdp", sdp);
        let status = self.take_final(&got);
        self.request(world, "ACK", cseq, "", "", "");
        status
    }

    pub(crate) fn info(&mut self, world: &mut World, cseq: u32, key: char) {
        let body = format!("Signal={key}\r\nDuration=160\r\n");
        let got = self.request(world, "INFO", cseq, "", "application/dtmf-relay", &body);
        assert_eq!(status(&got[0]), 200);
    }

    pub(crate) fn bye(&mut self, world: &mut World) {
        let got = self.request(world, "BYE", 9, "", "", "");
        assert_eq!(status(&got[0]), 200);
    }

    /// REGISTERs with digest, for an hour or as `more` says; the final status.
    pub(crate) fn register(&mut self, world: &mut World, password: &str, more: &str) -> u16 {
        self.uri = "sip:192.0.2.1".to_owned();
        let got = self.request(world, "REGISTER", 2 * self.branch + 1, more, "", "");
        let challenge = match roomgate_sip::message::parse(&Bytes::from(got[0].clone())).unwrap() {
            roomgate_sip::message::Message::Response(response) => response,
            roomgate_sip::message::Message::Request(request) => panic!("{request:?}"),
        };
        assert_eq!(challenge.status, 401);
        let uri = self.uri.parse().unwrap();
        let (name, value) =
            roomgate_sip::auth::respond(&challenge.headers, "REGISTER", &uri, ACCOUNT, password, "c0ffee")
                .unwrap();
        let more = format!("{more}{name}: {value}\r\n");
        let got = self.request(world, "REGISTER", 2 * self.branch + 2, &more, "", "");
        status(&got[0])
    }

    /// Whether the gateway has hung up, and what it wrote as the reason.
    pub(crate) fn got_bye(&self, world: &World) -> Option<String> {
        let bye = |(to, text): &&(SocketAddr, String)| *to == self.path.remote && text.starts_with("BYE ");
        let call = format!("Call-ID: call-{}\r\n", self.number);
        let (_, text) = world.sent.iter().filter(bye).find(|(_, text)| text.contains(&call))?;
        text.lines().find_map(|line| line.split_once("text=\"")).map(|(_, text)| text.replace('"', ""))
    }
}

pub(crate) fn status(text: &str) -> u16 {
    text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)).map_or(0, |code| code.parse().unwrap())
}
