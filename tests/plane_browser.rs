//! A browser, played by `str0m`, beside an endpoint: each sees the other untouched.

mod plane;

use std::{net::SocketAddr, sync::Arc, time::Instant};

use plane::{Camera, MS, World, solo, tile};
use roomgate::{
    ids::{LegId, TrackId, TrackKind},
    plane::{PlaneCommand, PlaneEvent, PortSpec, SocketId},
    room::scene::{Area, Layout, Scene},
};
use roomgate_codec::{h264::nal_units, picture::Yuv};
use roomgate_rtp::h264::{Packetiser, PacketizationMode};
use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::SdpAnswer,
    format::Codec,
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::{RtpPacket, RtpWrite},
};

const BROWSER: LegId = LegId(50);

struct Page {
    rtc: Rtc,
    address: SocketAddr,
    camera: Mid,
    next: Instant,
    taken: usize,
    packets: Vec<RtpPacket>,
    keyframes_wanted: usize,
    sequence: u64,
}

impl Page {
    /// A browser that is connected, with so many places for pictures.
    fn join(world: &mut World, slots: usize) -> Self {
        let address: SocketAddr = "192.0.2.77:50000".parse().expect("an address");
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let mut rtc = Rtc::builder().set_crypto_provider(crypto).set_rtp_mode(true).build(world.now);
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("a candidate")).expect("taken");
        let mut api = rtc.sdp_api();
        api.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let camera = api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        for _ in 0..slots {
            api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        }
        let (offer, pending) = api.apply().expect("an offer");
        let spec = PortSpec::Session { offer: offer.to_sdp_string() };
        world.command(PlaneCommand::Open { leg: BROWSER, spec });
        let answer = world.events.iter().rev().find_map(|(_, event)| match event {
            PlaneEvent::Described { leg: BROWSER, answer } => Some(answer.clone()),
            _ => None,
        });
        let answer = answer.expect("an answer").expect("a good offer");
        let answer = SdpAnswer::from_sdp_string(&answer).expect("readable");
        rtc.sdp_api().accept_answer(pending, answer).expect("taken");
        let next = world.now;
        let mut page = Self {
            rtc,
            address,
            camera,
            next,
            taken: world.sent.len(),
            packets: vec![],
            keyframes_wanted: 0,
            sequence: 100,
        };
        page.run(world, 1000);
        page
    }

    /// Lets both sides talk for so many milliseconds.
    fn run(&mut self, world: &mut World, millis: u32) {
        for _ in 0..millis {
            while let Some(sent) = world.sent.get(self.taken) {
                self.taken += 1;
                if sent.socket == SocketId::Browsers && sent.to == self.address {
                    let from = "192.0.2.1:20000".parse().expect("an address");
                    let receive =
                        Receive::new(Protocol::Udp, from, self.address, &sent.bytes).expect("known");
                    self.rtc.handle_input(Input::Receive(world.now, receive)).expect("taken");
                    self.drain(world);
                }
            }
            if self.next <= world.now {
                self.rtc.handle_input(Input::Timeout(world.now)).expect("taken");
                self.drain(world);
            }
            world.pass(MS);
        }
    }

    fn drain(&mut self, world: &mut World) {
        loop {
            match self.rtc.poll_output().expect("an output") {
                Output::Timeout(at) => {
                    self.next = at;
                    return;
                }
                Output::Transmit(datagram) => {
                    world.receive(SocketId::Browsers, self.address, &datagram.contents);
                }
                // Its mix comes all the time; these tests are about pictures.
                Output::Event(Event::RtpPacket(packet)) if self.is_sound(&packet) => {}
                Output::Event(Event::RtpPacket(packet)) => self.packets.push(packet),
                Output::Event(Event::KeyframeRequest(request)) => {
                    assert_eq!(request.mid, self.camera);
                    self.keyframes_wanted += 1;
                }
                Output::Event(_) => {}
            }
        }
    }

    fn is_sound(&self, packet: &RtpPacket) -> bool {
        let mut params = self.rtc.codec_config().params().iter();
        params.any(|params| params.spec().codec == Codec::Opus && params.pt() == packet.header.payload_type)
    }

    fn send_video(&mut self, world: &mut World, annex_b: &[u8], timestamp: u32) -> Vec<Vec<u8>> {
        let agreed = self.rtc.media(self.camera).expect("a line").remote_pts().to_vec();
        let params = self.rtc.codec_config().params().iter();
        let pt = params
            .filter(|params| params.spec().codec == Codec::H264 && agreed.contains(&params.pt()))
            .map(|params| params.pt())
            .next()
            .expect("H.264 is agreed");
        let payloads = Packetiser::new(PacketizationMode::NonInterleaved, 1100).packetise(annex_b);
        for (payload, marker) in &payloads {
            let packet = RtpWrite::new(pt, self.sequence.into(), timestamp, world.now, payload.clone());
            self.sequence += 1;
            let mut api = self.rtc.direct_api();
            let stream = api.stream_tx_by_mid(self.camera, None).expect("a stream");
            stream.write_rtp(packet.marker(*marker));
            self.drain(world);
        }
        payloads.into_iter().map(|(payload, _)| payload).collect()
    }
}

/// What a viewer has of a sender's packets, by NAL unit or fragment, parameter sets apart.
fn pictures<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    payloads
        .filter(|payload| payload.first().is_some_and(|header| header & 31 != 24))
        .map(<[u8]>::to_vec)
        .collect()
}

#[test]
fn an_endpoint_and_a_browser_see_each_other() {
    let mut world = World::new();
    let mut endpoint = world.endpoint(1, |_| {});
    let mut page = Page::join(&mut world, 9);
    let grid = |tiles| Scene { layout: Layout::Grid, tiles };
    world.view(BROWSER, grid(vec![tile(3, endpoint.leg, Area::WHOLE)]));
    world.view(endpoint.leg, solo(BROWSER));
    let (mut far, mut near) = (Camera::new(640, 360, Yuv::WHITE), Camera::new(320, 180, Yuv::BLACK));
    let (mut from_endpoint, mut from_page) = (Vec::new(), Vec::new());
    for count in 0..25u32 {
        from_endpoint.extend(endpoint.send_video(&mut world, &far.next(count == 0)));
        from_page.extend(page.send_video(&mut world, &near.next(count == 0), count * 3600 + 77));
        page.run(&mut world, 40);
    }
    page.run(&mut world, 100);
    let seen = pictures(page.packets.iter().map(|packet| &packet.payload[..]));
    assert!(seen == pictures(from_endpoint.iter().map(Vec::as_slice)), "the page sees the endpoint");
    let ssrcs: std::collections::BTreeSet<_> =
        page.packets.iter().map(|packet| *packet.header.ssrc).collect();
    assert_eq!(ssrcs.len(), 1, "one slot");
    let sent = world.rtp(TrackId::video(endpoint.leg));
    let seen = pictures(sent.iter().map(|(_, _, payload)| &payload[..]));
    let expected = pictures(from_page.iter().map(Vec::as_slice));
    assert!(seen.ends_with(&expected), "the endpoint sees the page");
    world.check_line(TrackId::video(endpoint.leg));
    let started = |kind| {
        let is =
            |event: &PlaneEvent| matches!(event, PlaneEvent::Started { leg: BROWSER, kind: k } if *k == kind);
        world.events.iter().filter(|(_, event)| is(event)).count()
    };
    assert_eq!((started(TrackKind::Video), started(TrackKind::Audio)), (1, 0));
}

#[test]
fn a_browser_that_sees_words_gets_no_video_and_is_asked_for_none() {
    let mut world = World::new();
    let mut page = Page::join(&mut world, 3);
    world.view(BROWSER, plane::slate("Venter"));
    let mut camera = Camera::new(320, 180, Yuv::BLACK);
    for count in 0..5 {
        page.send_video(&mut world, &camera.next(count == 0), count * 3600);
        page.run(&mut world, 40);
    }
    assert_eq!((world.jobs, page.packets.len(), page.keyframes_wanted), (0, 0, 0));
    // Somebody looks at it: it is asked for a key frame at once.
    let endpoint = world.endpoint(1, |_| {});
    world.view(endpoint.leg, solo(BROWSER));
    page.run(&mut world, 300);
    assert_eq!(page.keyframes_wanted, 1);
    let idr = camera.next(true);
    assert!(nal_units(&idr).count() >= 3);
    page.send_video(&mut world, &idr, 90_000);
    page.run(&mut world, 1000);
    assert_eq!(page.keyframes_wanted, 1, "it has come");
    let (_, picture) = world.pictures(endpoint.leg).pop().expect("pictures");
    assert_eq!(picture.width(), 320);
}
