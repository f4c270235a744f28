//! An endpoint's port: where packets may come from and go to, keys, holds, and who is gone.

mod plane;

use std::net::SocketAddr;

use plane::{AUDIO, Camera, EVENTS, Endpoint, MS, VIDEO, World, slate, solo};
use proptest::prelude::*;
use roomgate::{
    ids::TrackId,
    plane::{PlaneCommand, PlaneEvent, SocketId},
    signalling::{Digit, DigitPath, Direction, KeyMaterial, SrtpParams},
};
use roomgate_codec::picture::Yuv;
use roomgate_rtp::{
    dtmf::EventSender,
    packet::RtpHeader,
    srtp::{Session, Suite},
};

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn audio_packet(sequence: u16) -> Vec<u8> {
    let header = RtpHeader {
        payload_type: AUDIO,
        marker: false,
        sequence,
        timestamp: u32::from(sequence) * 160,
        ssrc: 5,
    };
    let mut bytes = Vec::new();
    header.write(&[0; 160], &mut bytes);
    bytes
}

/// Where the newest video packet went.
fn video_to(world: &World, endpoint: &Endpoint) -> Option<SocketAddr> {
    let socket = SocketId::Rtp(TrackId::video(endpoint.leg));
    world.sent.iter().rfind(|sent| sent.socket == socket).map(|sent| sent.to)
}

fn started(world: &World) -> usize {
    world.events.iter().filter(|(_, event)| matches!(event, PlaneEvent::Started { .. })).count()
}

#[test]
fn video_goes_where_it_was_agreed_and_then_where_it_came_from() {
    let mut world = World::new();
    let mut endpoint = world.endpoint(1, |_| {});
    world.view(endpoint.leg, slate("Møterom"));
    world.pass(300 * MS);
    assert_eq!(video_to(&world, &endpoint), Some(endpoint.video_address()));
    // The NAT has given it another port.
    let video = SocketId::Rtp(TrackId::video(endpoint.leg));
    let header = RtpHeader { payload_type: VIDEO, marker: true, sequence: 1, timestamp: 1, ssrc: 9 };
    let mut bytes = Vec::new();
    header.write(&[0x41, 0x9A, 0], &mut bytes);
    world.receive(video, address("10.0.0.1:5555"), &bytes);
    world.pass(300 * MS);
    assert_eq!(video_to(&world, &endpoint), Some(address("10.0.0.1:5555")));
    // It is decided now.
    bytes[3] = 2;
    endpoint.send_payload(&mut world, true, &[0x41, 0x9A, 0]);
    world.pass(300 * MS);
    assert_eq!(video_to(&world, &endpoint), Some(address("10.0.0.1:5555")));
}

#[test]
fn strangers_are_not_heard() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |_| {});
    let audio = SocketId::Rtp(TrackId::audio(endpoint.leg));
    world.receive(audio, address("203.0.113.9:4000"), &audio_packet(1));
    assert_eq!(started(&world), 0);
    // The right host, but no packet of this call.
    let mut other = audio_packet(1);
    other[1] = 33;
    world.receive(audio, endpoint.address, &other);
    assert_eq!(started(&world), 0);
    world.receive(audio, endpoint.address, &audio_packet(1));
    assert_eq!(started(&world), 1);
}

#[test]
fn a_proved_caller_may_come_from_anywhere_at_first() {
    for (registered, delay, heard) in [(true, 100, 1), (false, 100, 0), (true, 10_000, 0)] {
        let mut world = World::new();
        let endpoint = world.endpoint(1, |params| {
            params.audio.as_mut().expect("audio").transport.registered = registered;
        });
        let audio = SocketId::Rtp(TrackId::audio(endpoint.leg));
        world.pass(delay * MS);
        world.receive(audio, address("203.0.113.9:4000"), &audio_packet(1));
        assert_eq!(started(&world), heard, "registered {registered}, after {delay} ms");
    }
}

#[test]
fn another_address_opens_the_latch_again() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |_| {});
    let audio = SocketId::Rtp(TrackId::audio(endpoint.leg));
    let say = |world: &mut World, from, sequence| {
        let before = world.sent.len() + world.events.len();
        let payload = EventSender::new(8000).press(5, 0, 1);
        let header = RtpHeader {
            payload_type: EVENTS,
            marker: true,
            sequence,
            timestamp: u32::from(sequence) * 8000,
            ssrc: 5,
        };
        let mut bytes = Vec::new();
        header.write(&payload[0].payload, &mut bytes);
        world.receive(audio, from, &bytes);
        world.sent.len() + world.events.len() > before
    };
    assert!(say(&mut world, endpoint.address, 1));
    let elsewhere = address("10.0.0.77:4000");
    assert!(!say(&mut world, elsewhere, 2));
    let mut params = endpoint.params();
    world.command(PlaneCommand::Configure { leg: endpoint.leg, params: Box::new(params.clone()) });
    assert!(!say(&mut world, elsewhere, 3), "the same address again changes nothing");
    params.audio.as_mut().expect("audio").transport.rtp = elsewhere;
    world.command(PlaneCommand::Configure { leg: endpoint.leg, params: Box::new(params) });
    assert!(say(&mut world, elsewhere, 4));
}

#[test]
fn no_video_to_a_third_party_who_has_sent_nothing() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |params| {
        params.video.as_mut().expect("video").transport.rtp = address("198.51.100.4:6000");
        params.audio.as_mut().expect("audio").transport.rtp = address("198.51.100.4:6002");
    });
    world.view(endpoint.leg, slate("Møterom"));
    world.pass(1000 * MS);
    assert_eq!(video_to(&world, &endpoint), None);
    assert_eq!(world.jobs, 0, "nothing is drawn for it either");
    world.receive(
        SocketId::Rtp(TrackId::audio(endpoint.leg)),
        address("198.51.100.4:6002"),
        &audio_packet(1),
    );
    world.pass(100 * MS);
    assert_eq!(video_to(&world, &endpoint), Some(address("198.51.100.4:6000")));
    assert_eq!(world.pictures(endpoint.leg).len(), 1, "from a key frame on");
}

#[test]
fn a_key_is_told_once() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |_| {});
    let mut sequence = 0;
    for (event, timestamp) in [(1u8, 8000u32), (1, 16_000), (11, 24_000)] {
        for packet in EventSender::new(8000).press(event, timestamp, 5) {
            sequence += 1;
            endpoint.send_audio(&mut world, EVENTS, sequence, packet.timestamp, &packet.payload);
            world.pass(20 * MS);
        }
    }
    let digits: Vec<Digit> = world
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            PlaneEvent::Digit { digit, path: DigitPath::TelephoneEvent, .. } => Some(*digit),
            _ => None,
        })
        .collect();
    assert!(digits == [Digit::Number(1), Digit::Number(1), Digit::Pound], "{} keys", digits.len());
}

#[test]
fn a_hold_is_obeyed_both_ways() {
    let mut world = World::new();
    let mut endpoint = world.endpoint(1, |_| {});
    let viewer = world.endpoint(2, |_| {});
    world.view(endpoint.leg, slate("Møterom"));
    world.view(viewer.leg, solo(endpoint.leg));
    let mut camera = Camera::new(320, 180, Yuv::WHITE);
    endpoint.send_video(&mut world, &camera.next(true));
    world.pass(300 * MS);
    let mut params = endpoint.params();
    params.video.as_mut().expect("video").direction = Direction::Inactive;
    world.command(PlaneCommand::Configure { leg: endpoint.leg, params: Box::new(params) });
    let (own, forwarded) =
        (world.rtp(TrackId::video(endpoint.leg)).len(), world.rtp(TrackId::video(viewer.leg)).len());
    endpoint.send_video(&mut world, &camera.next(true));
    world.pass(1000 * MS);
    assert_eq!(world.rtp(TrackId::video(endpoint.leg)).len(), own);
    assert_eq!(world.rtp(TrackId::video(viewer.leg)).len(), forwarded);
    let params = Box::new(endpoint.params());
    world.command(PlaneCommand::Configure { leg: endpoint.leg, params });
    world.pass(600 * MS);
    let pictures = world.pictures(endpoint.leg);
    assert!(pictures.last().expect("pictures").0 + 600 * MS >= world.now);
    world.check_line(TrackId::video(endpoint.leg));
}

#[test]
fn who_says_that_he_sends_and_does_not_is_lost_once() {
    let lost = |world: &World| {
        world.events.iter().filter(|(_, event)| matches!(event, PlaneEvent::Lost { .. })).count()
    };
    let mut world = World::new();
    let endpoint = world.endpoint(1, |_| {});
    world.pass(10_000 * MS);
    endpoint.send_audio(&mut world, AUDIO, 1, 160, &[0; 160]);
    world.pass(19_900 * MS);
    assert_eq!(lost(&world), 0);
    world.pass(200 * MS);
    assert_eq!(lost(&world), 1);
    world.pass(60_000 * MS);
    assert_eq!(lost(&world), 1);
    // On hold nobody has to send.
    let mut world = World::new();
    world.endpoint(1, |params| {
        params.audio.as_mut().expect("audio").direction = Direction::SendOnly;
        params.video.as_mut().expect("video").direction = Direction::Inactive;
    });
    world.pass(60_000 * MS);
    assert_eq!(lost(&world), 0);
}

/// Keys as SDES gives them; each direction and stream its own.
fn keys(number: u8) -> SrtpParams {
    let key = |number: u8| KeyMaterial {
        suite: Suite::AesCm128HmacSha1_80,
        key_and_salt: vec![number; 30],
        mki: None,
        unencrypted_srtcp: false,
    };
    SrtpParams { send: key(number), receive: key(number + 1) }
}

fn session(key: &KeyMaterial) -> Session {
    Session::new(key.suite, &key.key_and_salt, None, false).expect("good lengths")
}

#[test]
fn what_is_agreed_encrypted_is_neither_sent_nor_taken_in_the_clear() {
    let mut world = World::new();
    let mut endpoint = world.endpoint(1, |params| {
        params.audio.as_mut().expect("audio").transport.srtp = Some(keys(10));
        params.video.as_mut().expect("video").transport.srtp = Some(keys(20));
    });
    world.view(endpoint.leg, slate("Møterom"));
    world.pass(300 * MS);
    let mut open = session(&keys(20).send);
    let socket = SocketId::Rtp(TrackId::video(endpoint.leg));
    let sent: Vec<_> = world.sent.iter().filter(|sent| sent.socket == socket).collect();
    assert!(!sent.is_empty());
    for sent in sent {
        let mut bytes = sent.bytes.clone();
        open.unprotect_rtp(&mut bytes).expect("protected with our key");
    }
    // From the right host, but not by the right hand: not even the latch moves.
    let audio = SocketId::Rtp(TrackId::audio(endpoint.leg));
    world.receive(audio, endpoint.address, &audio_packet(1));
    endpoint.send_payload(&mut world, true, &[0x41, 0x9A, 0]);
    assert_eq!(started(&world), 0);
    let mut seal = session(&keys(10).receive);
    let mut bytes = audio_packet(2);
    seal.protect_rtp(&mut bytes).expect("protects");
    let natted = address("10.0.0.1:7777");
    world.receive(audio, natted, &bytes);
    assert_eq!(started(&world), 1);
    let again = world.events.len();
    world.receive(audio, natted, &bytes);
    assert_eq!(world.events.len(), again, "a replay is nothing new");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_datagrams_are_safe(
        datagrams in prop::collection::vec(
            (0u8..5, prop::collection::vec(any::<u8>(), 0..60), prop::option::of(any::<[u8; 4]>())),
            0..60,
        )
    ) {
        let mut world = World::new();
        let endpoint = world.endpoint(1, |_| {});
        let viewer = world.endpoint(2, |_| {});
        world.view(viewer.leg, solo(endpoint.leg));
        let (audio, video) = (TrackId::audio(endpoint.leg), TrackId::video(endpoint.leg));
        for (socket, mut bytes, header) in datagrams {
            // Half of them are RTP or RTCP as far as it is cheap to tell.
            if let Some([kind, rest @ ..]) = header {
                let payload_type = [VIDEO, VIDEO | 0x80, AUDIO, EVENTS, 200, 201, 205, 206][usize::from(kind & 7)];
                bytes.splice(0..0, [0x80, payload_type, 0, rest[0] & 7, 0, 0, rest[1], 0, 0, 0, 0, 5]);
            }
            let (socket, from) = match socket {
                0 => (SocketId::Rtp(audio), endpoint.address),
                1 => (SocketId::Rtcp(audio), endpoint.address),
                2 => (SocketId::Rtcp(video), endpoint.video_address()),
                3 => (SocketId::Browsers, endpoint.address),
                _ => (SocketId::Rtp(video), endpoint.video_address()),
            };
            world.receive(socket, from, &bytes);
            world.pass(10 * MS);
        }
        let lost = world.events.iter().any(|(_, event)| matches!(event, PlaneEvent::Lost { .. }));
        prop_assert!(!lost);
        prop_assert!(started(&world) <= 2, "each stream starts once");
    }
}
