//! The media plane itself: legs, their sources and views, and who gets what.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    mem,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use roomgate_rtp::h264::{AccessUnit, Depacketiser, Packetiser, PacketizationMode};

use crate::{
    ids::{LegId, TrackId, TrackKind},
    ivr::Clip,
    plane::{
        PlaneCommand, PlaneConfig, PlaneEvent, PlaneInput, PlaneOutput, PortSpec, SocketId,
        egress::{Aim, Egress, Frame, forwardable},
        forward::{Line, Outgoing, Packet, Source},
        job::{JobDone, Unit},
        keyframe::Keyframes,
        mixer::{Mixer, MixerOutput},
        port::{Asked, Heard, Port},
        reorder::Reorder,
        studio::{MAX_PAYLOAD, Spec, Studio, Work},
        webrtc::{Browsers, BrowsersOutput},
    },
    room::scene::View,
    signalling::{AudioCodec, DigitPath, Language, MediaParams},
};

/// The media of the legs of some rooms. Handle one input, then drain [`Self::poll_output`] to `Timeout`.
pub struct MediaPlane {
    now: Instant,
    unix_ms: u64,
    dice: Dice,
    legs: BTreeMap<LegId, Leg>,
    /// Video that comes in, by leg.
    sources: BTreeMap<LegId, Incoming>,
    /// Whose video goes to whom; see [`Self::subscribe`].
    viewers: HashMap<TrackId, Vec<(LegId, u8)>>,
    mixer: Mixer,
    browsers: Browsers,
    browsers_timeout: Option<Instant>,
    studio: Studio,
    keyframes: Keyframes,
    /// When ports are looked after next.
    ports_due: Option<Instant>,
    /// When views are judged anew by what their sources send.
    aims_due: Instant,
    outputs: VecDeque<PlaneOutput>,
}

struct Leg {
    side: Side,
    view: Option<View>,
    /// Whether the mixer knows this leg.
    audible: bool,
    music: bool,
    /// Speech that was asked for before sound was agreed.
    speech: Option<(u64, Vec<(Clip, Language)>)>,
    started: BTreeSet<TrackKind>,
}

enum Side {
    Rtp { port: Box<Port>, egress: Box<Egress> },
    Browser { slots: BTreeMap<u8, Egress>, audio_clock: u32 },
}

struct Incoming {
    source: Source,
    /// For decoding alone.
    reorder: Reorder,
    depacketiser: Depacketiser,
}

/// Which egress of an RTP leg: it has one.
const ONLY: u8 = 0;

impl MediaPlane {
    /// A plane without legs.
    pub fn new(config: PlaneConfig, now: Instant) -> Self {
        Self {
            now,
            unix_ms: 0,
            dice: Dice::new(config.seed),
            legs: BTreeMap::new(),
            sources: BTreeMap::new(),
            viewers: HashMap::new(),
            mixer: Mixer::new(Arc::clone(&config.voices), now),
            browsers: Browsers::new(&config, now),
            browsers_timeout: None,
            studio: Studio::new(now),
            keyframes: Keyframes::default(),
            ports_due: None,
            aims_due: now,
            outputs: VecDeque::new(),
        }
    }

    /// `unix_ms`: the wall clock, for sender reports alone.
    pub fn handle_input(&mut self, now: Instant, unix_ms: u64, input: PlaneInput<'_>) {
        self.now = self.now.max(now);
        self.unix_ms = unix_ms;
        match input {
            PlaneInput::Command(command) => self.command(command),
            PlaneInput::Received { socket, from, bytes } => self.received(socket, from, bytes),
            PlaneInput::Done(done) => self.done(done),
            PlaneInput::Timeout => self.timeout(),
        }
        self.settle();
    }

    /// The next thing to do. `Timeout` when there is nothing more.
    pub fn poll_output(&mut self) -> PlaneOutput {
        self.outputs.pop_front().unwrap_or_else(|| PlaneOutput::Timeout(self.next_timeout()))
    }

    fn next_timeout(&self) -> Option<Instant> {
        let aims = (!self.legs.is_empty()).then_some(self.aims_due);
        let times = [
            self.mixer.next_timeout(),
            self.browsers_timeout,
            self.studio.next_timeout(),
            self.keyframes.next_timeout(),
            self.ports_due,
            aims,
        ];
        times.into_iter().flatten().min()
    }

    fn command(&mut self, command: PlaneCommand) {
        let now = self.now;
        match command {
            PlaneCommand::Open { leg, spec } => self.open(leg, spec),
            PlaneCommand::Configure { leg, params } => self.configure(leg, *params),
            PlaneCommand::View { leg, view } => {
                let Some(entry) = self.legs.get_mut(&leg) else { return };
                if entry.audible {
                    self.mixer.hears(leg, Arc::clone(&view.hears));
                }
                entry.view = Some(view);
                self.aim(leg);
                self.subscribe();
            }
            PlaneCommand::Speak { leg, id, clips } => match self.legs.get_mut(&leg) {
                Some(entry) if entry.audible => self.mixer.speak(leg, id, &clips),
                Some(entry) => entry.speech = Some((id, clips)),
                None => {}
            },
            PlaneCommand::Music { leg, on } => {
                let Some(entry) = self.legs.get_mut(&leg) else { return };
                entry.music = on;
                if entry.audible {
                    self.mixer.music(leg, on);
                }
            }
            PlaneCommand::Hush { leg } => {
                let Some(entry) = self.legs.get_mut(&leg) else { return };
                entry.speech = None;
                if entry.audible {
                    self.mixer.hush(leg);
                }
            }
            PlaneCommand::KeyframeWanted { leg, kind: TrackKind::Video } => {
                if let Some(Leg { side: Side::Rtp { egress, .. }, .. }) = self.legs.get(&leg) {
                    egress.keyframe_wanted(now, &mut self.studio, &mut self.keyframes);
                }
            }
            PlaneCommand::KeyframeWanted { kind: TrackKind::Audio, .. } => {}
            PlaneCommand::Close { leg } => self.close(leg),
        }
    }

    fn open(&mut self, leg: LegId, spec: PortSpec) {
        if let Some(known) = self.legs.get(&leg) {
            // A page changes its session: what it sees goes on.
            if let (PortSpec::Session { offer }, Side::Browser { .. }) = (spec, &known.side) {
                let answer = self.browsers.accept(self.now, leg, &offer);
                self.event(PlaneEvent::Described { leg, answer });
            }
            return;
        }
        let side = match spec {
            PortSpec::Rtp => Side::Rtp {
                port: Box::new(Port::new(leg, [self.dice.next(), self.dice.next(), self.dice.next()])),
                egress: Box::new(Egress::new(self.dice.line())),
            },
            PortSpec::Session { offer } => {
                let answer = self.browsers.accept(self.now, leg, &offer);
                let accepted = answer.is_ok();
                self.event(PlaneEvent::Described { leg, answer });
                if !accepted {
                    return;
                }
                Side::Browser { slots: BTreeMap::new(), audio_clock: self.dice.next() as u32 }
            }
        };
        self.legs.insert(leg, Leg::new(side));
        self.ports_due.get_or_insert(self.now + PORTS_EVERY);
    }

    fn configure(&mut self, leg: LegId, params: MediaParams) {
        let now = self.now;
        let Some(Leg { side: Side::Rtp { port, egress }, .. }) = self.legs.get_mut(&leg) else { return };
        let codec = params.audio.as_ref().map(|audio| audio.codec);
        let reopened = port.configure(now, params) && codec.is_some();
        // Whoever changes something has often changed its decoder too.
        egress.keyframe_wanted(now, &mut self.studio, &mut self.keyframes);
        match codec {
            Some(codec) if reopened => self.listen(leg, codec),
            Some(_) => {}
            None => self.mute(leg),
        }
        self.aim(leg);
        self.subscribe();
        self.wake(TrackId::video(leg));
    }

    /// Sound was agreed: tells the mixer all that it should know.
    fn listen(&mut self, leg: LegId, codec: AudioCodec) {
        let Some(entry) = self.legs.get_mut(&leg) else { return };
        self.mixer.open(leg, codec);
        entry.audible = true;
        if let Some(view) = &entry.view {
            self.mixer.hears(leg, Arc::clone(&view.hears));
        }
        self.mixer.music(leg, entry.music);
        if let Some((id, clips)) = entry.speech.take() {
            self.mixer.speak(leg, id, &clips);
        }
    }

    fn mute(&mut self, leg: LegId) {
        if let Some(entry) = self.legs.get_mut(&leg)
            && mem::take(&mut entry.audible)
        {
            self.mixer.close(leg);
        }
    }

    fn close(&mut self, leg: LegId) {
        self.mute(leg);
        let Some(entry) = self.legs.remove(&leg) else { return };
        match entry.side {
            Side::Rtp { mut port, mut egress } => {
                port.goodbye(&mut self.outputs);
                egress.stop(&mut self.studio);
            }
            Side::Browser { slots, .. } => {
                self.browsers.close(self.now, leg);
                for mut egress in slots.into_values() {
                    egress.stop(&mut self.studio);
                }
            }
        }
        self.sources.remove(&leg);
        self.keyframes.forget(TrackId::video(leg));
        if self.legs.is_empty() {
            self.ports_due = None;
        }
        self.subscribe();
    }

    fn received(&mut self, socket: SocketId, from: SocketAddr, bytes: &[u8]) {
        let (track, control) = match socket {
            SocketId::Browsers => return self.browsers.received(self.now, from, bytes),
            SocketId::Rtp(track) => (track, false),
            SocketId::Rtcp(track) => (track, true),
        };
        let leg = track.leg;
        let Some(Leg { side: Side::Rtp { port, .. }, .. }) = self.legs.get_mut(&leg) else { return };
        let mut heard = Vec::new();
        port.received(self.now, track.kind, control, from, bytes, &mut heard);
        for heard in heard {
            self.heard(leg, heard);
        }
    }

    fn heard(&mut self, leg: LegId, heard: Heard) {
        match heard {
            Heard::Started(kind) => self.started(leg, kind),
            Heard::Audio { sequence, timestamp, payload } => {
                self.mixer.push(self.now, leg, sequence, timestamp, &payload);
            }
            Heard::Video { sequence, timestamp, marker, payload, restarted } => {
                if restarted && let Some(incoming) = self.sources.get_mut(&leg) {
                    incoming.source.restart();
                    incoming.begin_anew();
                    self.studio.interrupted(TrackId::video(leg));
                    self.wake(TrackId::video(leg));
                }
                self.video(leg, sequence, timestamp, marker, payload);
            }
            Heard::Digit(digit) => {
                self.event(PlaneEvent::Digit { leg, digit, path: DigitPath::TelephoneEvent });
            }
            Heard::KeyframeWanted => {
                if let Some(Leg { side: Side::Rtp { egress, .. }, .. }) = self.legs.get(&leg) {
                    egress.keyframe_wanted(self.now, &mut self.studio, &mut self.keyframes);
                }
            }
            Heard::Reply(reply) => self.outputs.push_back(reply),
            Heard::Reachable => {
                self.aim(leg);
                self.subscribe();
            }
        }
    }

    fn started(&mut self, leg: LegId, kind: TrackKind) {
        if let Some(entry) = self.legs.get_mut(&leg)
            && entry.started.insert(kind)
        {
            self.event(PlaneEvent::Started { leg, kind });
        }
    }

    /// A packet of a leg's camera.
    fn video(&mut self, leg: LegId, sequence: u16, timestamp: u32, marker: bool, payload: Bytes) {
        let (now, track) = (self.now, TrackId::video(leg));
        if !self.sources.contains_key(&leg) {
            self.wake(track);
        }
        let incoming = self.sources.entry(leg).or_insert_with(|| Incoming::new(track));
        let Some(packet) = incoming.source.take(now, sequence, timestamp, marker, payload) else { return };
        if incoming.source.begins(&packet) {
            self.keyframes.came(track);
        }
        if packet.new_sets {
            self.aim_all();
        }
        self.decode(leg, &packet);
        self.forward(track, &packet);
    }

    fn decode(&mut self, leg: LegId, packet: &Packet) {
        let track = TrackId::video(leg);
        if !self.studio.decodes(track) {
            return;
        }
        let Some(incoming) = self.sources.get_mut(&leg) else { return };
        for unit in incoming.units(self.now, packet) {
            let wanted = if unit.complete {
                self.studio.feed(track, Unit { annex_b: unit.annex_b, idr: unit.idr })
            } else {
                self.studio.interrupted(track);
                true
            };
            if wanted {
                self.keyframes.want(self.now, track);
            }
        }
    }

    fn forward(&mut self, track: TrackId, packet: &Packet) {
        let Some(incoming) = self.sources.get(&track.leg) else { return };
        let Some(viewers) = self.viewers.get(&track) else { return };
        let (mut switched, mut out) = (false, Vec::new());
        for &(leg, slot) in viewers {
            let Some(entry) = self.legs.get_mut(&leg) else { continue };
            let egress = match &mut entry.side {
                Side::Rtp { egress, .. } => &mut **egress,
                Side::Browser { slots, .. } => match slots.get_mut(&slot) {
                    Some(egress) => egress,
                    None => continue,
                },
            };
            switched |= egress.packet(self.now, track, &incoming.source, packet, &mut self.studio, &mut out);
            for packet in out.drain(..) {
                match &mut entry.side {
                    Side::Rtp { port, .. } => self.outputs.extend(port.send_video(&packet)),
                    Side::Browser { .. } => {
                        let Outgoing { sequence, timestamp, marker, payload } = &packet;
                        self.browsers
                            .send_video(self.now, leg, slot, *sequence, *timestamp, *marker, payload);
                    }
                }
            }
        }
        if switched {
            self.subscribe();
        }
    }

    fn done(&mut self, done: JobDone) {
        match self.studio.done(done) {
            Work::Frame { encoder, at, encoded } => {
                let Some(spec) = self.studio.spec(encoder) else { return };
                let mode = match spec.single_nal {
                    true => PacketizationMode::SingleNal,
                    false => PacketizationMode::NonInterleaved,
                };
                let payloads: Vec<(Bytes, bool)> = Packetiser::new(mode, MAX_PAYLOAD)
                    .packetise(&encoded.annex_b)
                    .into_iter()
                    .map(|(payload, marker)| (payload.into(), marker))
                    .collect();
                let frame = Frame { encoder, at, idr: encoded.idr, payloads: &payloads };
                let (mut switched, mut out) = (false, Vec::new());
                for entry in self.legs.values_mut() {
                    let Side::Rtp { port, egress } = &mut entry.side else { continue };
                    switched |= egress.frame(self.now, &frame, &mut self.studio, &mut out);
                    for packet in out.drain(..) {
                        self.outputs.extend(port.send_video(&packet));
                    }
                }
                if switched {
                    self.subscribe();
                }
            }
            Work::KeyframeWanted(track) => self.keyframes.want(self.now, track),
            Work::Nothing => {}
        }
    }

    fn timeout(&mut self) {
        let now = self.now;
        if self.mixer.next_timeout().is_some_and(|due| due <= now) {
            self.mixer.handle_timeout(now);
        }
        if self.browsers_timeout.is_some_and(|due| due <= now) {
            self.browsers.handle_timeout(now);
        }
        if self.ports_due.is_some_and(|due| due <= now) {
            self.ports_due = Some(now + PORTS_EVERY);
            let mut lost = Vec::new();
            for (leg, entry) in &mut self.legs {
                let Side::Rtp { port, egress } = &mut entry.side else { continue };
                let clock = egress.line().clock(now);
                if port.handle_timeout(now, self.unix_ms, clock, &mut self.outputs) {
                    lost.push(*leg);
                }
            }
            for leg in lost {
                self.event(PlaneEvent::Lost { leg });
            }
        }
        if self.aims_due <= now {
            self.aims_due = now + AIMS_EVERY;
            self.aim_all();
        }
    }

    /// Lets the parts hear of each other until nobody has anything new.
    fn settle(&mut self) {
        self.drain_browsers();
        while let Some(output) = self.mixer.poll_output() {
            match output {
                MixerOutput::Frame { leg, payload, ticks } => self.send_audio(leg, &payload, ticks),
                MixerOutput::Spoken { leg, id } => self.event(PlaneEvent::Spoken { leg, id }),
            }
        }
        while let Some(track) = self.keyframes.poll(self.now) {
            self.ask(track);
        }
        self.drain_browsers();
        self.studio.handle_timeout(self.now);
        while let Some(job) = self.studio.poll_job() {
            self.outputs.push_back(PlaneOutput::Work(job));
        }
    }

    fn drain_browsers(&mut self) {
        loop {
            match self.browsers.poll_output() {
                BrowsersOutput::Transmit { to, bytes } => {
                    self.outputs.push_back(PlaneOutput::Transmit { socket: SocketId::Browsers, to, bytes });
                }
                BrowsersOutput::Video { leg, sequence, timestamp, marker, payload } => {
                    if self.legs.contains_key(&leg) {
                        self.started(leg, TrackKind::Video);
                        self.video(leg, sequence, timestamp, marker, payload);
                    }
                }
                BrowsersOutput::Audio { leg, sequence, timestamp, payload } => {
                    if self.legs.contains_key(&leg) {
                        self.started(leg, TrackKind::Audio);
                        self.mixer.push(self.now, leg, sequence, timestamp, &payload);
                    }
                }
                BrowsersOutput::KeyframeWanted { leg, slot } => {
                    if let Some(Leg { side: Side::Browser { slots, .. }, .. }) = self.legs.get(&leg)
                        && let Some(egress) = slots.get(&slot)
                    {
                        egress.keyframe_wanted(self.now, &mut self.studio, &mut self.keyframes);
                    }
                }
                BrowsersOutput::Connected { leg } => {
                    self.listen(leg, AudioCodec::Opus);
                    // What was sent before was lost.
                    if let Some(Leg { side: Side::Browser { slots, .. }, .. }) = self.legs.get(&leg) {
                        for egress in slots.values() {
                            egress.keyframe_wanted(self.now, &mut self.studio, &mut self.keyframes);
                        }
                    }
                }
                BrowsersOutput::Lost { leg } => self.event(PlaneEvent::Lost { leg }),
                BrowsersOutput::Timeout(due) => {
                    self.browsers_timeout = due;
                    return;
                }
            }
        }
    }

    fn send_audio(&mut self, leg: LegId, payload: &Bytes, ticks: u32) {
        match self.legs.get_mut(&leg).map(|entry| &mut entry.side) {
            Some(Side::Rtp { port, .. }) => self.outputs.extend(port.send_audio(self.now, ticks, payload)),
            Some(Side::Browser { audio_clock, .. }) => {
                self.browsers.send_audio(self.now, leg, *audio_clock, payload);
                *audio_clock = audio_clock.wrapping_add(ticks);
            }
            None => {}
        }
    }

    /// Asks a leg for a key frame of its camera, in whatever way it takes.
    fn ask(&mut self, track: TrackId) {
        let TrackId { leg, kind } = track;
        match self.legs.get_mut(&leg).map(|entry| &mut entry.side) {
            Some(Side::Rtp { port, .. }) => match port.ask_keyframe() {
                Asked::Packet(packet) => self.outputs.push_back(packet),
                Asked::NotByMedia => self.event(PlaneEvent::WantKeyframe { leg, kind }),
                Asked::Nobody => self.keyframes.calm(track),
            },
            Some(Side::Browser { .. }) => self.browsers.request_keyframe(self.now, leg),
            None => self.keyframes.forget(track),
        }
    }

    fn aim_all(&mut self) {
        let legs: Vec<_> = self.legs.keys().copied().collect();
        for leg in legs {
            self.aim(leg);
        }
        self.subscribe();
    }

    /// Decides what a leg's view is made of.
    fn aim(&mut self, leg: LegId) {
        let now = self.now;
        let Some(Leg { side, view, .. }) = self.legs.get_mut(&leg) else { return };
        match side {
            Side::Rtp { port, egress } => {
                let aim = match (port.video_receiver(), view) {
                    (Some(receiver), Some(view)) => {
                        let forward = forwardable(&view.scene).filter(|track| {
                            self.sources.get(&track.leg).is_some_and(|incoming| {
                                incoming.source.fits(receiver, egress.forwards(*track))
                            })
                        });
                        match forward {
                            Some(track) => Aim::Forward(track),
                            None => {
                                let single_nal = receiver.packetization_mode == 0;
                                let spec = Spec::for_receiver(&receiver.limits, single_nal);
                                Aim::Compose(Arc::clone(&view.scene), spec)
                            }
                        }
                    }
                    _ => Aim::Nothing,
                };
                egress.aim(now, &aim, &mut self.studio, &mut self.keyframes);
            }
            Side::Browser { slots, .. } => {
                let tiles = view.iter().flat_map(|view| &view.scene.tiles);
                let wanted: BTreeMap<u8, TrackId> =
                    tiles.filter_map(|tile| Some((tile.slot, tile.source?))).collect();
                for (slot, egress) in slots.iter_mut() {
                    if !wanted.contains_key(slot) {
                        egress.stop(&mut self.studio);
                    }
                }
                for (slot, track) in wanted {
                    let egress = slots.entry(slot).or_insert_with(|| Egress::new(self.dice.line()));
                    egress.aim(now, &Aim::Forward(track), &mut self.studio, &mut self.keyframes);
                }
            }
        }
    }

    /// Notes whose video goes to whom, and decodes what is composed.
    fn subscribe(&mut self) {
        self.viewers.clear();
        for (&leg, entry) in &self.legs {
            let mut add = |slot: u8, egress: &Egress| {
                for track in egress.sources() {
                    self.viewers.entry(track).or_default().push((leg, slot));
                }
            };
            match &entry.side {
                Side::Rtp { egress, .. } => add(ONLY, egress),
                Side::Browser { slots, .. } => slots.iter().for_each(|(slot, egress)| add(*slot, egress)),
            }
        }
        for track in self.studio.choose_sources() {
            if let Some(incoming) = self.sources.get_mut(&track.leg) {
                incoming.begin_anew();
            }
            self.keyframes.want(self.now, track);
        }
        for &leg in self.sources.keys() {
            let track = TrackId::video(leg);
            if !self.viewers.contains_key(&track) && !self.studio.decodes(track) {
                self.keyframes.calm(track);
            }
        }
    }

    /// The source begins anew: whoever sees it needs its key frame.
    fn wake(&mut self, track: TrackId) {
        if self.viewers.contains_key(&track) || self.studio.decodes(track) {
            self.keyframes.want(self.now, track);
        }
    }

    fn event(&mut self, event: PlaneEvent) {
        self.outputs.push_back(PlaneOutput::Event(event));
    }
}

impl Incoming {
    fn new(track: TrackId) -> Self {
        Self { source: Source::new(track), reorder: Reorder::default(), depacketiser: Depacketiser::new() }
    }

    /// The access units that a packet completes.
    fn units(&mut self, now: Instant, packet: &Packet) -> Vec<AccessUnit> {
        self.reorder.push(now, packet.clone());
        let mut units = Vec::new();
        while let Some(Packet { sequence, timestamp, marker, payload, .. }) = self.reorder.pop(now) {
            units.extend(self.depacketiser.push(sequence as u16, timestamp, marker, &payload));
        }
        units
    }

    fn begin_anew(&mut self) {
        self.reorder.reset();
        self.depacketiser.reset();
    }
}

impl std::fmt::Debug for MediaPlane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MediaPlane({} legs)", self.legs.len())
    }
}

impl Leg {
    const fn new(side: Side) -> Self {
        Self { side, view: None, audible: false, music: false, speech: None, started: BTreeSet::new() }
    }
}

/// Numbers that others cannot guess easily and tests can repeat (xorshift64*).
struct Dice(u64);

impl Dice {
    const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Sequence numbers begin in the lower half, as SRTP likes it (RFC 3711 §3.3.1).
    const fn line(&mut self) -> Line {
        let number = self.next();
        Line::new((number >> 48) as u16 >> 1, number as u32)
    }
}

/// Reports, latches and losses are looked at so often.
const PORTS_EVERY: Duration = Duration::from_millis(100);
/// Whether a source still fits its viewers is judged so often.
const AIMS_EVERY: Duration = Duration::from_secs(1);
