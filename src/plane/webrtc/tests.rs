//! A browser, played by `str0m`, against [`Browsers`]: datagrams in memory, time that we make.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::{SdpAnswer, SdpPendingOffer},
    format::Codec,
    media::{Direction, KeyframeRequestKind, MediaKind, Mid, Pt},
    net::{Protocol, Receive},
    rtp::{RtpPacket, RtpWrite},
};

use super::{Browsers, BrowsersOutput};
use crate::{ids::LegId, ivr::Voices, plane::PlaneConfig};

const LEG: LegId = LegId(7);
const SLOTS: usize = 9;

fn epoch() -> Instant {
    Instant::now()
}

fn browsers(now: Instant) -> Browsers {
    let config = PlaneConfig {
        browsers: "192.0.2.1:4000".parse().unwrap(),
        more_browsers: vec!["127.0.0.1:4000".parse().unwrap(), "[2001:db8::1]:4000".parse().unwrap()],
        voices: Arc::new(Voices::built_in()),
        seed: 1,
    };
    Browsers::new(&config, now)
}

/// A browser's side.
struct Page {
    rtc: Rtc,
    address: SocketAddr,
    audio: Mid,
    camera: Mid,
    slots: Vec<Mid>,
    pending: Option<SdpPendingOffer>,
    next: Instant,
    packets: Vec<RtpPacket>,
    keyframes_wanted: usize,
    connected: bool,
    closed: bool,
}

impl Page {
    fn new(now: Instant, address: &str, slots: usize) -> (Self, String) {
        let address: SocketAddr = address.parse().unwrap();
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        // all that Chromium has, in its numbers
        let mut rtc = Rtc::builder().set_crypto_provider(crypto).set_rtp_mode(true).build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap()).unwrap();
        let mut api = rtc.sdp_api();
        let audio = api.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let camera = api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        let slots = (0..slots)
            .map(|_| api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None))
            .collect();
        let (offer, pending) = api.apply().unwrap();
        let page = Self {
            rtc,
            address,
            audio,
            camera,
            slots,
            pending: Some(pending),
            next: now,
            packets: Vec::new(),
            keyframes_wanted: 0,
            connected: false,
            closed: false,
        };
        (page, offer.to_sdp_string())
    }

    fn answered(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
    }

    fn payload_type(&self, mid: Mid, codec: Codec) -> Pt {
        let agreed = self.rtc.media(mid).unwrap().remote_pts();
        let params = self.rtc.codec_config().params().iter();
        let mut fitting = params.filter(|p| p.spec().codec == codec && agreed.contains(&p.pt()));
        let params = fitting.next().unwrap();
        assert!(fitting.next().is_none(), "one form of {codec} is agreed");
        if codec == Codec::H264 {
            assert_eq!(params.spec().format.packetization_mode, Some(1));
            assert_eq!(params.spec().format.profile_level_id, Some(0x42_e01f));
            assert!(params.resend().is_some(), "repair");
        }
        params.pt()
    }

    fn send(&mut self, now: Instant, mid: Mid, codec: Codec, sequence: u64, timestamp: u32, payload: &[u8]) {
        let payload_type = self.payload_type(mid, codec);
        let mut api = self.rtc.direct_api();
        let packet = RtpWrite::new(payload_type, sequence.into(), timestamp, now, payload);
        let stream = api.stream_tx_by_mid(mid, None).unwrap();
        stream.write_rtp(packet.marker(sequence % 2 == 1).nackable(codec == Codec::H264));
        self.next = now;
    }

    fn drain(&mut self, now: Instant, sent: &mut VecDeque<(Instant, SocketAddr, SocketAddr, Vec<u8>)>) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) => {
                    self.next = at.max(now + Duration::from_millis(1));
                    return;
                }
                Output::Transmit(datagram) => {
                    sent.push_back((now, self.address, datagram.destination, datagram.contents.to_vec()));
                }
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(Event::Closed) => self.closed = true,
                Output::Event(Event::RtpPacket(packet)) => self.packets.push(packet),
                Output::Event(Event::KeyframeRequest(request)) => {
                    assert_eq!(request.mid, self.camera);
                    self.keyframes_wanted += 1;
                }
                Output::Event(_) => {}
            }
        }
    }
}

/// Both sides and the 3 ms between them.
struct World {
    now: Instant,
    browsers: Browsers,
    pages: Vec<Page>,
    up: VecDeque<(Instant, SocketAddr, SocketAddr, Vec<u8>)>,
    down: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
    events: Vec<BrowsersOutput>,
    due: Option<Instant>,
    /// Each n-th datagram is lost, in both directions.
    lose_each: Option<usize>,
    count: usize,
}

const DELAY: Duration = Duration::from_millis(3);

impl World {
    fn new() -> Self {
        let now = epoch();
        Self {
            now,
            browsers: browsers(now),
            pages: Vec::new(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            events: Vec::new(),
            due: None,
            lose_each: None,
            count: 0,
        }
    }

    fn connected(slots: usize) -> Self {
        let mut world = Self::new();
        let (mut page, offer) = Page::new(world.now, "192.0.2.77:50000", slots);
        page.answered(&world.browsers.accept(world.now, LEG, &offer).unwrap());
        world.pages.push(page);
        world.run(Duration::from_secs(1));
        assert!(world.pages[0].connected);
        assert!(matches!(world.events[..], [BrowsersOutput::Connected { leg: LEG }]), "{:?}", world.events);
        world.events.clear();
        world
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            self.settle();
            let next =
                [self.due, self.up.front().map(|d| d.0 + DELAY), self.down.front().map(|d| d.0 + DELAY)]
                    .into_iter()
                    .flatten()
                    .chain(self.pages.iter().map(|page| page.next))
                    .min()
                    .unwrap_or(end);
            if next >= end {
                self.now = end;
                return;
            }
            self.now = next.max(self.now);
            self.step();
        }
    }

    fn step(&mut self) {
        let now = self.now;
        while self.up.front().is_some_and(|(at, ..)| *at + DELAY <= now) {
            let (_, from, _, bytes) = self.up.pop_front().unwrap();
            if !self.is_lost() {
                self.browsers.received(now, from, &bytes);
                self.settle();
            }
        }
        while self.down.front().is_some_and(|(at, ..)| *at + DELAY <= now) {
            let (_, to, bytes) = self.down.pop_front().unwrap();
            if self.is_lost() {
                continue;
            }
            let source = match (to.ip().is_loopback(), to.is_ipv4()) {
                (true, _) => "127.0.0.1:4000",
                (false, true) => "192.0.2.1:4000",
                (false, false) => "[2001:db8::1]:4000",
            };
            let source = source.parse().unwrap();
            let Some(page) = self.pages.iter_mut().find(|page| page.address == to) else { continue };
            let datagram = Receive::new(Protocol::Udp, source, to, &bytes).unwrap();
            page.rtc.handle_input(Input::Receive(now, datagram)).unwrap();
            page.drain(now, &mut self.up);
        }
        for page in self.pages.iter_mut().filter(|page| page.next <= now) {
            page.rtc.handle_input(Input::Timeout(now)).unwrap();
            page.drain(now, &mut self.up);
        }
        if self.due.is_some_and(|due| due <= now) {
            self.browsers.handle_timeout(now);
        }
    }

    fn settle(&mut self) {
        loop {
            match self.browsers.poll_output() {
                BrowsersOutput::Timeout(due) => {
                    self.due = due;
                    assert!(due.is_none_or(|due| due + DELAY > self.now), "no timer stays behind");
                    return;
                }
                BrowsersOutput::Transmit { to, bytes } => self.down.push_back((self.now, to, bytes.to_vec())),
                event => self.events.push(event),
            }
        }
    }

    fn is_lost(&mut self) -> bool {
        self.count += 1;
        self.lose_each.is_some_and(|n| self.count.is_multiple_of(n))
    }
}

fn payload(number: u64, length: usize) -> Vec<u8> {
    // a FU-A fragment of an IDR picture
    let mut payload = vec![0x7c, 0x05];
    payload.extend((0..length).map(|n| (n as u64 * 31 + number) as u8));
    payload
}

#[test]
fn camera_and_microphone_arrive_byte_for_byte() {
    let mut world = World::connected(SLOTS);
    let mut expected = Vec::new();
    for n in 0..40u64 {
        let (now, bytes) = (world.now, payload(n, 1150));
        let page = &mut world.pages[0];
        let (camera, audio) = (page.camera, page.audio);
        page.send(now, camera, Codec::H264, 40_000 + n, 90_000 + n as u32 * 3000, &bytes);
        page.send(now, audio, Codec::Opus, 900 + n, n as u32 * 960, &[n as u8; 60]);
        expected.push((40_000 + n as u16, 90_000 + n as u32 * 3000, n % 2 == 1, bytes));
        world.run(Duration::from_millis(20));
    }
    world.run(Duration::from_millis(100));
    let mut video = Vec::new();
    let mut audio = Vec::new();
    for event in &world.events {
        match event {
            BrowsersOutput::Video { leg: LEG, sequence, timestamp, marker, payload } => {
                video.push((*sequence, *timestamp, *marker, payload.to_vec()));
            }
            BrowsersOutput::Audio { leg: LEG, sequence, timestamp, payload } => {
                audio.push((*sequence, *timestamp, payload.to_vec()));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(video, expected);
    let spoken: Vec<_> = (0..40u16).map(|n| (900 + n, u32::from(n) * 960, vec![n as u8; 60])).collect();
    assert_eq!(audio, spoken);
}

#[test]
fn pictures_and_sound_reach_the_right_lines() {
    let mut world = World::connected(SLOTS);
    for n in 0..30u64 {
        for slot in 0..SLOTS as u8 {
            // a source's own numbers are far beyond the first rollover
            let sequence = 7_000_000 + n;
            let bytes = payload(u64::from(slot) * 1000 + n, 1100);
            world.browsers.send_video(world.now, LEG, slot, sequence, n as u32 * 3000, n % 3 == 2, &bytes);
        }
        world.browsers.send_audio(world.now, LEG, n as u32 * 960, &[n as u8; 40]);
        world.run(Duration::from_millis(20));
    }
    world.run(Duration::from_millis(100));
    let page = &mut world.pages[0];
    for (slot, &mid) in page.slots.iter().enumerate() {
        let ssrc = page.rtc.direct_api().stream_rx_by_mid(mid, None).unwrap().ssrc();
        let got: Vec<_> = page.packets.iter().filter(|packet| packet.header.ssrc == ssrc).collect();
        assert_eq!(got.len(), 30, "slot {slot}");
        for (n, packet) in got.iter().enumerate() {
            assert_eq!(packet.payload[..], payload(slot as u64 * 1000 + n as u64, 1100)[..]);
            assert_eq!((packet.header.timestamp, packet.header.marker), (n as u32 * 3000, n % 3 == 2));
            assert_eq!(packet.header.sequence_number, n as u16, "counted from the first rollover on");
        }
    }
    let audio: Vec<_> = page.packets.iter().filter(|packet| packet.payload.len() == 40).collect();
    assert_eq!(audio.len(), 30);
    assert!(audio.iter().enumerate().all(|(n, packet)| packet.payload[..] == [n as u8; 40]
        && packet.header.timestamp == n as u32 * 960
        && packet.header.sequence_number == n as u16));
}

#[test]
fn loss_is_repaired_in_both_directions() {
    let mut world = World::connected(2);
    let send = |world: &mut World, n: u64| {
        let (now, bytes) = (world.now, payload(n, 900));
        let page = &mut world.pages[0];
        let camera = page.camera;
        page.send(now, camera, Codec::H264, 100 + n, n as u32 * 3000, &bytes);
        world.browsers.send_video(now, LEG, 1, n, n as u32 * 3000, true, &bytes);
        world.run(Duration::from_millis(10));
    };
    for n in 0..20 {
        send(&mut world, n);
    }
    world.lose_each = Some(12);
    for n in 20..180 {
        send(&mut world, n);
    }
    world.lose_each = None;
    for n in 180..200 {
        send(&mut world, n);
    }
    world.run(Duration::from_secs(1));
    let mut up: Vec<_> = world
        .events
        .iter()
        .filter_map(|event| match event {
            BrowsersOutput::Video { sequence, payload, .. } => Some((*sequence, payload.to_vec())),
            _ => None,
        })
        .collect();
    up.sort();
    let whole: Vec<_> = (0..200).map(|n| (100 + n as u16, payload(n, 900))).collect();
    assert!(up == whole, "{} of 200 up", up.len());
    let down = &world.pages[0].packets;
    let mut numbers: Vec<_> = down.iter().map(|packet| packet.header.sequence_number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>(), "down");
}

#[test]
fn key_frames_are_asked_for_both_ways() {
    let mut world = World::connected(SLOTS);
    world.browsers.request_keyframe(world.now, LEG);
    for n in 0..5 {
        let now = world.now;
        let page = &mut world.pages[0];
        let camera = page.camera;
        page.send(now, camera, Codec::H264, n, 0, &payload(n, 100));
        world.browsers.send_video(now, LEG, 4, n, 0, false, &payload(n, 100));
        world.run(Duration::from_millis(50));
    }
    assert_eq!(world.pages[0].keyframes_wanted, 1);
    world.events.clear();

    for kind in [KeyframeRequestKind::Pli, KeyframeRequestKind::Fir] {
        let now = world.now;
        let page = &mut world.pages[0];
        let mid = page.slots[4];
        page.rtc.direct_api().stream_rx_by_mid(mid, None).unwrap().request_keyframe(kind);
        page.next = now;
        world.run(Duration::from_millis(200));
        assert!(
            matches!(world.events[..], [BrowsersOutput::KeyframeWanted { leg: LEG, slot: 4 }]),
            "{kind:?}: {:?}",
            world.events
        );
        world.events.clear();
    }
}

#[test]
fn a_page_may_have_no_slots_or_more_than_we_fill() {
    for slots in [0, 1, 25, 30] {
        let mut world = World::connected(slots);
        for slot in 0..=u8::MAX {
            world.browsers.send_video(world.now, LEG, slot, 0, 0, true, &[0x65; 20]);
        }
        world.run(Duration::from_millis(100));
        assert_eq!(world.pages[0].packets.len(), slots.min(25));
    }
}

#[test]
fn browsers_on_one_socket_are_told_apart() {
    let mut world = World::new();
    // two behind one address, one on this machine, one by IPv6
    let addresses = ["198.51.100.9:1000", "198.51.100.9:1001", "127.0.0.1:1000", "[2001:db8::77]:1000"];
    for (n, address) in addresses.into_iter().enumerate() {
        let (mut page, offer) = Page::new(world.now, address, 1);
        page.answered(&world.browsers.accept(world.now, LegId(n as u64), &offer).unwrap());
        world.pages.push(page);
    }
    world.run(Duration::from_secs(2));
    assert!(world.pages.iter().all(|page| page.connected));
    for n in 0..world.pages.len() {
        let now = world.now;
        let page = &mut world.pages[n];
        let audio = page.audio;
        page.send(now, audio, Codec::Opus, 5, 5, &[n as u8; 9]);
    }
    world.run(Duration::from_millis(50));
    let heard = world.events.iter().filter(|event| match event {
        BrowsersOutput::Audio { leg, payload, .. } => {
            assert_eq!(payload[..], [leg.0 as u8; 9]);
            true
        }
        _ => false,
    });
    assert_eq!(heard.count(), 4);
}

#[test]
fn either_side_may_leave() {
    let mut world = World::connected(1);
    world.pages[0].rtc.close().unwrap();
    world.pages[0].next = world.now;
    world.run(Duration::from_millis(100));
    assert!(matches!(world.events[..], [BrowsersOutput::Lost { leg: LEG }]), "{:?}", world.events);

    let mut world = World::connected(1);
    world.browsers.close(world.now, LEG);
    world.browsers.close(world.now, LEG);
    world.run(Duration::from_millis(100));
    assert!(world.pages[0].closed && world.events.is_empty(), "{:?}", world.events);
    assert_eq!(world.due, None);
    world.browsers.send_video(world.now, LEG, 0, 0, 0, true, &[1]);
    world.browsers.send_audio(world.now, LEG, 0, &[1]);
    world.browsers.request_keyframe(world.now, LEG);
    world.run(Duration::from_millis(100));
}

#[test]
fn a_browser_that_falls_silent_is_lost() {
    let mut world = World::connected(1);
    world.run(Duration::from_secs(120));
    assert!(world.events.is_empty(), "a quiet page stays: {:?}", world.events);
    world.pages.clear();
    world.run(Duration::from_secs(19));
    assert!(world.events.is_empty(), "{:?}", world.events);
    world.run(Duration::from_secs(3));
    assert!(matches!(world.events[..], [BrowsersOutput::Lost { leg: LEG }]), "{:?}", world.events);
    assert_eq!(world.due, None);

    // and so is one that never comes
    let (_, offer) = Page::new(world.now, "192.0.2.77:50000", 1);
    world.browsers.accept(world.now, LegId(8), &offer).unwrap();
    world.run(Duration::from_secs(29));
    assert_eq!(world.events.len(), 1);
    world.run(Duration::from_secs(2));
    assert!(matches!(world.events[1..], [BrowsersOutput::Lost { leg: LegId(8) }]), "{:?}", world.events);
}

/// As Chromium writes it: many forms of H.264, candidates whose names only mDNS knows, attributes nobody needs.
fn chromium_offer(h264: bool) -> String {
    let head = "v=0\r\no=- 2954344436352400798 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        a=group:BUNDLE 0 1 2\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS s\r\n";
    let transport = "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
        a=candidate:1 1 udp 2113937151 9b36eaac-bb2e-49bb-bb78-21c41c499900.local 60000 typ host generation 0 \
        network-cost 999\r\n\
        a=ice-ufrag:v8Lx\r\na=ice-pwd:GdpW980Caww9WWsbg6jJ5pGu\r\na=ice-options:trickle\r\n\
        a=fingerprint:sha-256 7A:D7:C9:33:94:8D:8A:BA:10:EB:93:21:7C:B4:91:6D:40:F7:56:07:CA:9D:42:D3:80:32:2D:\
        10:D9:AC:8E:15\r\na=setup:actpass\r\n";
    let extensions = "a=extmap:14 urn:ietf:params:rtp-hdrext:toffset\r\n\
        a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
        a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
        a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
    let audio = "a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
        a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n\
        a=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:13 CN/8000\r\n\
        a=rtpmap:110 telephone-event/48000\r\n";
    let mut numbers = "96 97".to_owned();
    let mut video = "a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n\
        a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
        .to_owned();
    if h264 {
        for (pt, rtx, mode, profile) in [
            (103, 104, 1, "42001f"),
            (107, 108, 0, "42001f"),
            (109, 114, 1, "42e01f"),
            (115, 116, 0, "42e01f"),
            (117, 118, 1, "4d001f"),
            (39, 40, 0, "4d001f"),
            (119, 120, 1, "64001f"),
        ] {
            numbers += &format!(" {pt} {rtx}");
            video += &format!(
                "a=rtpmap:{pt} H264/90000\r\na=rtcp-fb:{pt} goog-remb\r\na=rtcp-fb:{pt} transport-cc\r\n\
                 a=rtcp-fb:{pt} ccm fir\r\na=rtcp-fb:{pt} nack\r\na=rtcp-fb:{pt} nack pli\r\n\
                 a=fmtp:{pt} level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={profile}\r\n\
                 a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={pt}\r\n"
            );
        }
    }
    format!(
        "{head}m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 13 110\r\n{transport}a=mid:0\r\n{extensions}\
         a=sendrecv\r\na=msid:s a\r\n{audio}a=ssrc:2096647523 cname:XafHSPS71ySwVueL\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF {numbers}\r\n{transport}a=mid:1\r\n{extensions}a=sendonly\r\na=msid:s v\r\n{video}\
         a=ssrc-group:FID 11 12\r\na=ssrc:11 cname:X\r\na=ssrc:12 cname:X\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF {numbers}\r\n{transport}a=mid:2\r\n{extensions}a=recvonly\r\n{video}"
    )
}

#[test]
fn chromium_gets_constrained_baseline_with_mode_1_in_its_own_numbers() {
    let now = epoch();
    let answer = browsers(now).accept(now, LEG, &chromium_offer(true)).unwrap();
    let lines = |prefix: &str| answer.lines().filter(|line| line.starts_with(prefix)).collect::<Vec<_>>();
    assert_eq!(
        lines("m="),
        [
            "m=audio 9 UDP/TLS/RTP/SAVPF 111",
            "m=video 9 UDP/TLS/RTP/SAVPF 109 114",
            "m=video 9 UDP/TLS/RTP/SAVPF 109 114"
        ]
    );
    for line in lines("a=fmtp:109") {
        assert!(line.contains("packetization-mode=1") && line.contains("profile-level-id=42e01f"), "{line}");
        assert!(line.contains("level-asymmetry-allowed=1"), "{line}");
    }
    assert_eq!(lines("a=fmtp:109").len(), 2);
    assert_eq!(lines("a=fmtp:114"), ["a=fmtp:114 apt=109"; 2]);
    assert_eq!(lines("a=rtcp-fb:109 nack pli").len(), 2);
    assert_eq!(lines("a=ice-lite").len(), 1);
    assert_eq!(lines("a=setup:passive").len(), 3);
    for address in ["192.0.2.1 4000", "127.0.0.1 4000", "2001:db8::1 4000"] {
        assert!(lines("a=candidate").iter().any(|line| line.contains(address)), "{address}: {answer}");
    }
    assert_eq!((lines("a=sendrecv").len(), lines("a=recvonly").len(), lines("a=sendonly").len()), (1, 1, 1));
}

#[test]
fn what_cannot_be_used_is_told_to_people() {
    let now = epoch();
    let mut browsers = browsers(now);
    let reason = browsers.accept(now, LEG, &chromium_offer(false)).unwrap_err();
    assert!(reason.contains("H.264"), "{reason}");
    for offer in
        ["", "x", "v=0\r\n", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"]
    {
        let reason = browsers.accept(now, LEG, offer).unwrap_err();
        assert!(reason.starts_with("The browser's session description cannot be used"), "{reason}");
    }
    // one number for sound, pictures and their repair
    let twisted = chromium_offer(true).replace("111", "109").replace("114", "109");
    let reason = browsers.accept(now, LEG, &twisted).unwrap_err();
    assert!(reason.contains("cannot be used"), "{reason}");
    assert!(matches!(browsers.poll_output(), BrowsersOutput::Timeout(None)));
    // and the next one is served
    browsers.accept(now, LEG, &chromium_offer(true)).unwrap();
}

#[test]
fn a_server_without_an_address_says_so() {
    let now = epoch();
    let config = PlaneConfig {
        browsers: "0.0.0.0:4000".parse().unwrap(),
        more_browsers: Vec::new(),
        voices: Arc::new(Voices::built_in()),
        seed: 1,
    };
    assert!(Browsers::new(&config, now).accept(now, LEG, &chromium_offer(true)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_datagram_or_offer_panics(
        datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
        cut in any::<prop::sample::Index>(),
        byte in 32u8..127,
    ) {
        let now = epoch();
        let mut browsers = browsers(now);
        let mut offer = chromium_offer(true).into_bytes();
        let at = cut.index(offer.len());
        offer[at] = byte;
        let changed = String::from_utf8(offer).unwrap();
        let _either = browsers.accept(now, LEG, &changed);
        let _either = browsers.accept(now, LegId(8), &changed[..at]);
        let ufrag = browsers.ufrags.keys().next().cloned().unwrap_or_default();
        for mut datagram in datagrams {
            let from = SocketAddr::from(([198, 51, 100, 1], 9));
            browsers.received(now, from, &datagram);
            // for somebody we know, but without the password
            let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
            request.extend([1; 12]);
            let name = format!("{ufrag}:v8Lx");
            request.extend([0, 6, 0, name.len() as u8]);
            request.extend(name.as_bytes());
            request.append(&mut datagram);
            browsers.received(now, from, &request);
            prop_assert!(browsers.routes.is_empty());
        }
        while !matches!(browsers.poll_output(), BrowsersOutput::Timeout(_)) {}
    }
}
