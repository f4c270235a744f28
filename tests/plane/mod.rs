//! A media plane in virtual time, with workers that are done at once and far ends made of this test's own packets.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use roomgate::{
    ids::{LegId, ParticipantId, TrackId, TrackKind},
    ivr::{Slate, Voices},
    plane::{
        Job, MediaPlane, PlaneCommand, PlaneConfig, PlaneEvent, PlaneInput, PlaneOutput, PortSpec, SocketId,
    },
    room::scene::{Area, Layout, Scene, Tile, View},
    signalling::{
        AudioCodec, AudioParams, Direction, Face, Feedback, MediaParams, TransportParams, VideoLimits,
        VideoParams, capabilities::EncryptionState,
    },
};
use roomgate_codec::{
    h264::{Decoder, Encoder, EncoderConfig},
    picture::{Picture, PixelRect, Yuv},
};
use roomgate_rtp::{
    h264::{Depacketiser, Packetiser, PacketizationMode},
    packet::{RtpHeader, RtpView},
};

pub const MS: Duration = Duration::from_millis(1);
pub const AUDIO: u8 = 9;
pub const EVENTS: u8 = 101;
pub const VIDEO: u8 = 96;

/// A packet that the plane sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub at: Instant,
    pub socket: SocketId,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

pub struct World {
    pub plane: MediaPlane,
    pub start: Instant,
    pub now: Instant,
    due: Option<Instant>,
    pub sent: Vec<Sent>,
    pub events: Vec<(Instant, PlaneEvent)>,
    /// How many jobs were done.
    pub jobs: usize,
    /// Lose the next so many jobs, as if a worker had panicked.
    pub lose: usize,
}

impl World {
    pub fn new() -> Self {
        let start = Instant::now();
        let config = PlaneConfig {
            browsers: "192.0.2.1:20000".parse().expect("an address"),
            more_browsers: Vec::new(),
            voices: Arc::new(Voices::built_in()),
            seed: 7,
        };
        let plane = MediaPlane::new(config, start);
        let mut world =
            Self { plane, start, now: start, due: None, sent: vec![], events: vec![], jobs: 0, lose: 0 };
        world.drain();
        world
    }

    pub fn command(&mut self, command: PlaneCommand) {
        self.plane.handle_input(self.now, self.unix_ms(), PlaneInput::Command(command));
        self.drain();
    }

    pub fn unix_ms(&self) -> u64 {
        1_800_000_000_000 + (self.now - self.start).as_millis() as u64
    }

    pub fn receive(&mut self, socket: SocketId, from: SocketAddr, bytes: &[u8]) {
        self.plane.handle_input(self.now, self.unix_ms(), PlaneInput::Received { socket, from, bytes });
        self.drain();
    }

    fn drain(&mut self) {
        let mut jobs: Vec<Job> = Vec::new();
        loop {
            match self.plane.poll_output() {
                PlaneOutput::Transmit { socket, to, bytes } => {
                    self.sent.push(Sent { at: self.now, socket, to, bytes: bytes.to_vec() });
                }
                PlaneOutput::Work(job) => jobs.push(job),
                PlaneOutput::Event(event) => self.events.push((self.now, event)),
                PlaneOutput::Timeout(due) => match jobs.pop() {
                    Some(job) => {
                        self.jobs += 1;
                        let done = if self.lose > 0 {
                            self.lose -= 1;
                            roomgate::plane::JobDone::lost(job.id())
                        } else {
                            job.run()
                        };
                        self.plane.handle_input(self.now, self.unix_ms(), PlaneInput::Done(done));
                    }
                    None => {
                        self.due = due;
                        return;
                    }
                },
            }
        }
    }

    /// Lets time pass, from one timeout to the next.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut turns = 0;
        while let Some(due) = self.due.filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.plane.handle_input(self.now, self.unix_ms(), PlaneInput::Timeout);
            self.drain();
            turns += 1;
            assert!(turns < 200_000, "the plane spins");
        }
        self.now = until;
    }

    /// An endpoint's leg with both streams agreed.
    pub fn endpoint(&mut self, number: u64, change: impl FnOnce(&mut MediaParams)) -> Endpoint {
        let endpoint = Endpoint::new(number);
        self.command(PlaneCommand::Open { leg: endpoint.leg, spec: PortSpec::Rtp });
        let mut params = endpoint.params();
        change(&mut params);
        self.command(PlaneCommand::Configure { leg: endpoint.leg, params: Box::new(params) });
        endpoint
    }

    pub fn view(&mut self, leg: LegId, scene: Scene) {
        let view = View { scene: Arc::new(scene), hears: Arc::from([]) };
        self.command(PlaneCommand::View { leg, view });
    }

    /// The RTP packets to a stream, in the order sent.
    pub fn rtp(&self, track: TrackId) -> Vec<(Instant, RtpHeader, Vec<u8>)> {
        self.sent
            .iter()
            .filter(|sent| sent.socket == SocketId::Rtp(track))
            .map(|sent| {
                let view = RtpView::parse(&sent.bytes).expect("we send RTP");
                (sent.at, view.header(), view.payload().to_vec())
            })
            .collect()
    }

    /// What a decoder makes of the video to a leg: all pictures.
    pub fn pictures(&self, leg: LegId) -> Vec<(Instant, Picture)> {
        let mut depacketiser = Depacketiser::new();
        let mut decoder = Decoder::new().expect("a decoder");
        let mut pictures = Vec::new();
        for (at, header, payload) in self.rtp(TrackId::video(leg)) {
            for unit in depacketiser.push(header.sequence, header.timestamp, header.marker, &payload) {
                assert!(unit.complete, "nothing is lost here");
                if let Some(picture) = decoder.decode(&unit.annex_b).expect("decodable") {
                    pictures.push((at, picture));
                }
            }
        }
        pictures
    }

    /// One SSRC, one sequence without gaps, timestamps that never go back.
    pub fn check_line(&self, track: TrackId) {
        let packets = self.rtp(track);
        for pair in packets.windows(2) {
            let [(_, before, _), (_, after, _)] = pair else { unreachable!() };
            assert_eq!(before.ssrc, after.ssrc);
            assert_eq!(after.sequence, before.sequence.wrapping_add(1));
            assert!(after.timestamp.wrapping_sub(before.timestamp) < 1 << 31, "time goes on");
        }
    }
}

/// A far end with its own video.
pub struct Endpoint {
    pub leg: LegId,
    pub address: SocketAddr,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
}

impl Endpoint {
    pub fn new(number: u64) -> Self {
        Self {
            leg: LegId(number),
            address: SocketAddr::from(([10, 0, 0, number as u8], 4000)),
            ssrc: 0x1000 + number as u32,
            sequence: 65_530,
            timestamp: 1000 * number as u32,
        }
    }

    pub fn video_address(&self) -> SocketAddr {
        SocketAddr::new(self.address.ip(), self.address.port() + 2)
    }

    pub fn transport(&self, rtp: SocketAddr) -> TransportParams {
        TransportParams {
            rtp,
            rtcp: SocketAddr::new(rtp.ip(), rtp.port() + 1),
            rtcp_mux: false,
            signalling_source: self.address.ip(),
            registered: false,
            srtp: None,
        }
    }

    pub fn params(&self) -> MediaParams {
        MediaParams {
            audio: Some(AudioParams {
                codec: AudioCodec::G722,
                payload_type: AUDIO,
                telephone_event: Some((EVENTS, 8000)),
                direction: Direction::SendRecv,
                transport: self.transport(self.address),
            }),
            video: Some(VideoParams {
                payload_type: VIDEO,
                profile_level_id: [0x42, 0xE0, 0x1F],
                packetization_mode: 1,
                limits: VideoLimits { max_fs: 3600, max_mbps: 108_000, max_bitrate: 2_000_000, max_fps: 30 },
                feedback: Feedback { nack: true, pli: true, fir: true, tmmbr: false },
                direction: Direction::SendRecv,
                transport: self.transport(self.video_address()),
            }),
            encryption: EncryptionState::Clear,
        }
    }

    /// Sends one access unit of the camera; gives its payloads.
    pub fn send_video(&mut self, world: &mut World, annex_b: &[u8]) -> Vec<Vec<u8>> {
        let payloads = Packetiser::new(PacketizationMode::NonInterleaved, 1200).packetise(annex_b);
        self.timestamp = self.timestamp.wrapping_add(3600);
        for (payload, marker) in &payloads {
            self.send_payload(world, *marker, payload);
        }
        payloads.into_iter().map(|(payload, _)| payload).collect()
    }

    pub fn send_payload(&mut self, world: &mut World, marker: bool, payload: &[u8]) {
        let header = RtpHeader {
            payload_type: VIDEO,
            marker,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        header.write(payload, &mut bytes);
        world.receive(SocketId::Rtp(TrackId::video(self.leg)), self.video_address(), &bytes);
    }

    pub fn send_audio(
        &self,
        world: &mut World,
        payload_type: u8,
        sequence: u16,
        timestamp: u32,
        payload: &[u8],
    ) {
        let header = RtpHeader { payload_type, marker: false, sequence, timestamp, ssrc: self.ssrc + 7 };
        let mut bytes = Vec::new();
        header.write(payload, &mut bytes);
        world.receive(SocketId::Rtp(TrackId::audio(self.leg)), self.address, &bytes);
    }
}

/// A camera whose pictures move: a square that wanders, on a ground of one colour.
pub struct Camera {
    encoder: Encoder,
    ground: Yuv,
    width: u32,
    height: u32,
    count: u32,
}

impl Camera {
    pub fn new(width: u32, height: u32, ground: Yuv) -> Self {
        let config = EncoderConfig { width, height, fps: 25.0, bitrate: 500_000, max_slice_len: None };
        Self { encoder: Encoder::new(config).expect("an encoder"), ground, width, height, count: 0 }
    }

    pub fn next(&mut self, idr: bool) -> Vec<u8> {
        let mut picture = Picture::black(self.width, self.height);
        picture.fill(PixelRect { x: 0, y: 0, width: self.width, height: self.height }, self.ground);
        let x = self.count * 8 % (self.width - 32);
        picture.fill(PixelRect { x, y: 16, width: 32, height: 32 }, Yuv::WHITE);
        let at = Duration::from_millis(40) * self.count;
        self.count += 1;
        self.encoder.encode(&picture, at, idr).expect("encodes").expect("no picture is left out").annex_b
    }
}

pub fn slate(heading: &str) -> Scene {
    let slate = Slate {
        heading: heading.to_owned(),
        lines: vec!["Tast PIN".to_owned()],
        dots: Some(2),
        footer: Vec::new(),
        warning: false,
    };
    Scene { layout: Layout::Slate(Arc::new(slate)), tiles: Vec::new() }
}

pub fn tile(slot: u8, leg: LegId, area: Area) -> Tile {
    Tile {
        slot,
        area,
        participant: ParticipantId(leg.0),
        face: Face::Endpoint,
        source: Some(TrackId::video(leg)),
        name: Arc::from("Kari Nordmann"),
        show_name: false,
    }
}

pub fn solo(leg: LegId) -> Scene {
    Scene { layout: Layout::Solo, tiles: vec![tile(0, leg, Area::WHOLE)] }
}

pub fn pair(left: LegId, right: LegId) -> Scene {
    let half = |x| Area { x, y: 0, width: 5000, height: 10_000 };
    Scene { layout: Layout::Grid, tiles: vec![tile(0, left, half(0)), tile(1, right, half(5000))] }
}

pub fn wanted(world: &World, leg: LegId) -> usize {
    let asks = |event: &PlaneEvent| matches!(event, PlaneEvent::WantKeyframe { leg: asked, kind: TrackKind::Video } if *asked == leg);
    world.events.iter().filter(|(_, event)| asks(event)).count()
}
