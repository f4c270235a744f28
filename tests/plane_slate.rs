//! What an endpoint sees before it is in a room: words, at once, in a size that it takes.

mod plane;

use plane::{MS, World, slate};
use roomgate::{ids::TrackId, signalling::VideoLimits};

#[test]
fn a_slate_is_decodable_at_720p() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |_| {});
    world.view(endpoint.leg, slate("Møterom 1"));
    world.pass(1000 * MS);
    let pictures = world.pictures(endpoint.leg);
    assert!((5..=8).contains(&pictures.len()), "5 a second at rest, not {}", pictures.len());
    let (at, first) = &pictures[0];
    assert_eq!(*at, world.start, "the first comes at once");
    assert_eq!((first.width(), first.height()), (1280, 720));
    assert!(first.y().iter().filter(|luma| **luma > 180).count() > 1000, "words are bright");
    world.check_line(TrackId::video(endpoint.leg));
}

#[test]
fn a_slate_fits_the_receiver() {
    for (max_fs, max_mbps, max_bitrate, size) in [
        (3600, 108_000, 2_000_000, (1280, 720)),
        (1620, 40_500, 2_000_000, (640, 360)),
        (2100, 60_000, 2_000_000, (960, 540)),
        (3600, 108_000, 384_000, (640, 360)),
        (396, 11_880, 384_000, (320, 180)),
        (99, 1485, 64_000, (160, 90)),
    ] {
        let mut world = World::new();
        let endpoint = world.endpoint(1, |params| {
            let video = params.video.as_mut().expect("video");
            video.limits = VideoLimits { max_fs, max_mbps, max_bitrate, max_fps: 30 };
        });
        world.view(endpoint.leg, slate("Møterom"));
        world.pass(300 * MS);
        let (_, picture) = world.pictures(endpoint.leg).pop().expect("a picture");
        assert_eq!((picture.width(), picture.height()), size, "for {max_fs} {max_mbps} {max_bitrate}");
    }
}

#[test]
fn a_mode_0_receiver_gets_one_nal_unit_a_packet() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |params| {
        params.video.as_mut().expect("video").packetization_mode = 0;
    });
    world.view(endpoint.leg, slate("Møterom"));
    world.pass(300 * MS);
    let packets = world.rtp(TrackId::video(endpoint.leg));
    assert!(!packets.is_empty());
    for (_, _, payload) in &packets {
        assert!((1..=23).contains(&(payload[0] & 0x1F)) && payload.len() <= 1200);
    }
    assert!(!world.pictures(endpoint.leg).is_empty());
}

#[test]
fn a_new_slate_shows_at_once_and_without_a_new_line() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |_| {});
    world.view(endpoint.leg, slate("Møterom"));
    world.pass(1010 * MS);
    world.view(endpoint.leg, slate("Feil PIN"));
    let changed = world.now;
    world.pass(60 * MS);
    let pictures = world.pictures(endpoint.leg);
    let (at, newest) = pictures.last().expect("pictures");
    assert!(*at >= changed && *at <= changed + 40 * MS, "within one picture");
    let (_, first) = &pictures[0];
    let differing = first.y().iter().zip(newest.y()).filter(|(a, b)| a.abs_diff(**b) > 60).count();
    assert!(differing > 500, "other words: {differing}");
    world.check_line(TrackId::video(endpoint.leg));
}

#[test]
fn legs_with_the_same_view_share_an_encoder() {
    let mut world = World::new();
    let first = world.endpoint(1, |_| {});
    let second = world.endpoint(2, |_| {});
    world.view(first.leg, slate("Møterom"));
    world.view(second.leg, slate("Møterom"));
    world.pass(600 * MS);
    let before = world.jobs;
    world.pass(2000 * MS);
    assert!((9..=11).contains(&(world.jobs - before)), "{} jobs", world.jobs - before);
    assert!(world.pictures(second.leg).len() > 8);
    world.check_line(TrackId::video(second.leg));
}

#[test]
fn a_lost_job_is_begun_anew() {
    let mut world = World::new();
    let endpoint = world.endpoint(1, |_| {});
    world.lose = 1;
    world.view(endpoint.leg, slate("Møterom"));
    assert!(world.rtp(TrackId::video(endpoint.leg)).is_empty());
    world.pass(500 * MS);
    assert!(!world.pictures(endpoint.leg).is_empty());
}
