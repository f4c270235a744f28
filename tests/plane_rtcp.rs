//! Reports and feedback between the plane and an endpoint.

mod plane;

use plane::{Camera, Endpoint, MS, World, slate, solo, wanted};
use roomgate::{
    ids::{TrackId, TrackKind},
    plane::SocketId,
};
use roomgate_codec::{h264::NalType, picture::Yuv};
use roomgate_rtp::rtcp::{self, Item, Limit};

/// What the plane sent on a stream's RTCP socket.
fn reports(world: &World, track: TrackId) -> Vec<(std::time::Instant, Vec<Item>)> {
    let sent = world.sent.iter().filter(|sent| sent.socket == SocketId::Rtcp(track));
    sent.map(|sent| (sent.at, rtcp::parse(&sent.bytes).expect("we send RTCP"))).collect()
}

fn idrs(world: &World, endpoint: &Endpoint) -> Vec<std::time::Instant> {
    let packets = world.rtp(TrackId::video(endpoint.leg)).into_iter();
    let sets =
        packets.filter(|(_, _, payload)| payload[0] & 31 == 24 || NalType::of(payload) == Some(NalType::Sps));
    sets.map(|(at, ..)| at).collect()
}

fn control(world: &mut World, endpoint: &Endpoint, bytes: &[u8]) {
    let mut from = endpoint.video_address();
    from.set_port(from.port() + 1);
    world.receive(SocketId::Rtcp(TrackId::video(endpoint.leg)), from, bytes);
}

#[test]
fn sender_reports_tell_the_time_of_what_is_sent() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |_| {});
    world.view(endpoint.leg, slate("Møterom"));
    world.pass(10_000 * MS);
    let track = TrackId::video(endpoint.leg);
    let reports = reports(&world, track);
    assert!((3..=5).contains(&reports.len()), "{}", reports.len());
    let packets = world.rtp(track);
    for (at, items) in &reports {
        let [Item::SenderReport { info, .. }, Item::Sdes { cnames }] = &items[..] else {
            panic!("a report and a name, not {items:?}");
        };
        assert_eq!(cnames.len(), 1);
        let before = packets.iter().rfind(|(sent, ..)| sent <= at).expect("something was sent");
        assert_eq!(info.ssrc, before.1.ssrc);
        let elapsed = (*at - before.0).as_micros() as u32 * 9 / 100;
        assert_eq!(info.rtp_timestamp, before.1.timestamp.wrapping_add(elapsed));
        let count = packets.iter().filter(|(sent, ..)| sent <= at).count() as u32;
        assert!(info.packets.abs_diff(count) <= 40, "{} of {count}", info.packets);
        let unix_ms = 1_800_000_000_000 + (*at - world.start).as_millis() as u64;
        assert_eq!(info.ntp >> 32, unix_ms / 1000 + 2_208_988_800);
    }
}

#[test]
fn losses_are_reported_and_both_streams_have_one_name() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |_| {});
    for sequence in (0..50u16).filter(|sequence| sequence % 5 != 0) {
        endpoint.send_audio(&mut world, plane::AUDIO, sequence, u32::from(sequence) * 160, &[0; 160]);
        world.pass(20 * MS);
    }
    world.pass(4000 * MS);
    let audio = reports(&world, TrackId::audio(endpoint.leg));
    let lost = audio.iter().flat_map(|(_, items)| items).find_map(|item| match item {
        Item::ReceiverReport { blocks, .. } | Item::SenderReport { blocks, .. } => {
            blocks.last().filter(|block| block.cumulative_lost > 5)
        }
        _ => None,
    });
    assert_eq!(lost.expect("a report of loss").ssrc, endpoint.ssrc + 7);
    let name = |track| {
        reports(&world, track).iter().flat_map(|(_, items)| items.clone()).find_map(|item| match item {
            Item::Sdes { cnames } => cnames.first().map(|(_, name)| name.clone()),
            _ => None,
        })
    };
    assert!(name(TrackId::audio(endpoint.leg)).is_some());
    assert_eq!(name(TrackId::audio(endpoint.leg)), name(TrackId::video(endpoint.leg)));
}

#[test]
fn who_asks_for_a_key_frame_gets_one_but_not_more_than_two_a_second() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |_| {});
    world.view(endpoint.leg, slate("Møterom"));
    world.pass(2000 * MS);
    assert_eq!(idrs(&world, &endpoint).len(), 1);
    for request in [rtcp::pli(9, 0, "x"), rtcp::fir(9, 0, 1, "x")] {
        control(&mut world, &endpoint, &request);
    }
    world.pass(100 * MS);
    assert_eq!(idrs(&world, &endpoint).len(), 2);
    for _ in 0..20 {
        control(&mut world, &endpoint, &rtcp::pli(9, 0, "x"));
        world.pass(50 * MS);
    }
    assert!((3..=5).contains(&idrs(&world, &endpoint).len()), "{}", idrs(&world, &endpoint).len());
}

#[test]
fn key_frames_are_asked_for_in_the_way_that_was_agreed() {
    for (pli, fir) in [(true, true), (false, true), (false, false)] {
        let mut world = World::new();
        let mut from = world.endpoint(1, |params| {
            let feedback = &mut params.video.as_mut().expect("video").feedback;
            (feedback.pli, feedback.fir) = (pli, fir);
        });
        let to = world.endpoint(2, |_| {});
        let mut camera = Camera::new(320, 180, Yuv::WHITE);
        camera.next(true);
        from.send_video(&mut world, &camera.next(false));
        world.view(to.leg, solo(from.leg));
        world.pass(1100 * MS);
        let asked = reports(&world, TrackId::video(from.leg));
        let items = || asked.iter().flat_map(|(_, items)| items);
        let plis =
            items().filter(|item| matches!(item, Item::Pli { media, .. } if *media == from.ssrc)).count();
        let firs: Vec<u8> = items()
            .filter_map(|item| match item {
                Item::Fir { entries, .. } => Some(entries[0].sequence),
                _ => None,
            })
            .collect();
        let expected = |on: bool| if on { 3 } else { 0 };
        assert_eq!(plis, expected(pli));
        assert_eq!(firs.len(), expected(fir && !pli));
        assert!(firs.windows(2).all(|pair| pair[1] == pair[0] + 1));
        assert_eq!(wanted(&world, from.leg), expected(!pli && !fir));
    }
}

#[test]
fn a_temporary_limit_is_obeyed_and_confirmed() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |_| {});
    world.view(endpoint.leg, slate("Møterom"));
    world.pass(1000 * MS);
    let ssrc = world.rtp(TrackId::video(endpoint.leg))[0].1.ssrc;
    let limit = Limit { ssrc, bitrate: 300_000, overhead: 40 };
    control(&mut world, &endpoint, &rtcp::tmmbr(9, limit, "x"));
    world.pass(1000 * MS);
    let confirmed = reports(&world, TrackId::video(endpoint.leg))
        .into_iter()
        .flat_map(|(_, items)| items)
        .any(|item| matches!(item, Item::Tmmbn { limits, .. } if limits[0].bitrate == 300_000));
    assert!(confirmed);
    let (_, picture) = world.pictures(endpoint.leg).pop().expect("pictures");
    assert_eq!(picture.width(), 480);
    world.check_line(TrackId::video(endpoint.leg));
}

#[test]
fn a_stranger_cannot_steer() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |_| {});
    world.view(endpoint.leg, slate("Møterom"));
    world.pass(2000 * MS);
    let from = "203.0.113.9:4003".parse().expect("an address");
    world.receive(
        SocketId::Rtcp(TrackId { leg: endpoint.leg, kind: TrackKind::Video }),
        from,
        &rtcp::pli(9, 0, "x"),
    );
    world.pass(1000 * MS);
    assert_eq!(idrs(&world, &endpoint).len(), 1);
}
