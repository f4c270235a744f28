//! An endpoint's picture passed on to another untouched, and the changes between what is passed on and what is composed.

mod plane;

use plane::{Camera, Endpoint, MS, World, pair, slate, solo, wanted};
use roomgate::{
    ids::{LegId, TrackId},
    plane::PlaneCommand,
};
use roomgate_codec::picture::Yuv;

const RED: Yuv = Yuv::from_rgb(180, 30, 30);
const BLUE: Yuv = Yuv::from_rgb(30, 30, 180);

/// Lets cameras send a picture every 40 ms; `idr` says when a key frame comes.
fn run(
    world: &mut World,
    pictures: u32,
    mut senders: Vec<(&mut Endpoint, &mut Camera)>,
    idr: impl Fn(u32) -> bool,
) -> Vec<Vec<Vec<u8>>> {
    let mut payloads = vec![Vec::new(); senders.len()];
    for count in 0..pictures {
        for (index, (endpoint, camera)) in senders.iter_mut().enumerate() {
            payloads[index].extend(endpoint.send_video(world, &camera.next(idr(count))));
        }
        world.pass(40 * MS);
    }
    payloads
}

/// A viewer without audio whose video comes from nowhere, so that only what we send counts.
fn viewer(world: &mut World, number: u64) -> Endpoint {
    world.endpoint(number, |_| {})
}

#[test]
fn what_fits_is_passed_on_untouched() {
    let mut world = World::new();
    let mut from = world.endpoint(1, |_| {});
    let to = viewer(&mut world, 2);
    world.view(to.leg, solo(from.leg));
    let mut camera = Camera::new(640, 360, RED);
    let payloads = run(&mut world, 25, vec![(&mut from, &mut camera)], |count| count == 0);
    let out: Vec<Vec<u8>> =
        world.rtp(TrackId::video(to.leg)).into_iter().map(|(_, _, payload)| payload).collect();
    // A name card may have been composed before the first key frame came.
    let at = out.len().checked_sub(payloads[0].len()).expect("all was passed on");
    assert!(out[at..] == payloads[0], "the same octets");
    world.check_line(TrackId::video(to.leg));
}

#[test]
fn sources_change_at_key_frames_only_and_time_goes_on() {
    let mut world = World::new();
    let mut red = world.endpoint(1, |_| {});
    let mut blue = world.endpoint(2, |_| {});
    let to = viewer(&mut world, 3);
    let (mut red_camera, mut blue_camera) = (Camera::new(640, 360, RED), Camera::new(320, 180, BLUE));
    world.view(to.leg, solo(red.leg));
    let both = |count: u32| count == 0;
    run(&mut world, 20, vec![(&mut blue, &mut blue_camera), (&mut red, &mut red_camera)], both);
    world.view(to.leg, solo(blue.leg));
    let asked = world.now;
    let late = |count: u32| count == 10;
    run(&mut world, 20, vec![(&mut blue, &mut blue_camera), (&mut red, &mut red_camera)], late);
    let pictures = world.pictures(to.leg);
    let switched = pictures.iter().find(|(_, picture)| picture.width() == 320).expect("blue is seen").0;
    assert_eq!(switched, asked + 400 * MS, "at blue's key frame");
    let old = pictures.iter().filter(|(at, picture)| *at >= asked && picture.width() == 640).count();
    assert_eq!(old, 10, "red goes on until then");
    assert!(pictures.iter().all(|(at, picture)| *at < switched || picture.width() == 320));
    world.check_line(TrackId::video(to.leg));
    let packets = world.rtp(TrackId::video(to.leg));
    let before = packets.iter().rfind(|(at, ..)| *at < switched).expect("packets of red");
    let after = packets.iter().find(|(at, ..)| *at >= switched).expect("packets of blue");
    let elapsed = (after.0 - before.0).as_millis() as u32 * 90;
    assert_eq!(after.1.timestamp.wrapping_sub(before.1.timestamp), elapsed);
}

#[test]
fn a_source_without_parameter_sets_in_its_key_frames_gets_them() {
    let mut world = World::new();
    let mut from = world.endpoint(1, |_| {});
    let to = viewer(&mut world, 2);
    world.view(to.leg, solo(from.leg));
    let mut camera = Camera::new(320, 180, RED);
    run(&mut world, 5, vec![(&mut from, &mut camera)], |count| count == 0);
    let before = world.rtp(TrackId::video(to.leg)).len();
    let bare = {
        let whole = camera.next(true);
        let mut out = Vec::new();
        for nal in roomgate_codec::h264::nal_units(&whole).filter(|nal| !matches!(nal[0] & 31, 7 | 8)) {
            out.extend_from_slice(&[0, 0, 0, 1]);
            out.extend_from_slice(nal);
        }
        out
    };
    let payloads = from.send_video(&mut world, &bare);
    let sent = world.rtp(TrackId::video(to.leg)).split_off(before);
    assert_eq!(sent.len(), payloads.len() + 1, "one packet more");
    assert_eq!(sent[0].2[0] & 31, 24, "both sets in a STAP-A");
    assert_eq!(sent[0].1.timestamp, sent[1].1.timestamp);
    run(&mut world, 5, vec![(&mut from, &mut camera)], |_| false);
    world.check_line(TrackId::video(to.leg));
    assert!(!world.pictures(to.leg).is_empty());
}

#[test]
fn losses_of_the_source_stay_visible_and_late_packets_find_their_place() {
    let mut world = World::new();
    let mut from = world.endpoint(1, |_| {});
    let to = viewer(&mut world, 2);
    world.view(to.leg, solo(from.leg));
    let mut camera = Camera::new(320, 180, RED);
    run(&mut world, 2, vec![(&mut from, &mut camera)], |count| count == 0);
    let before = world.rtp(TrackId::video(to.leg)).pop().expect("packets").1.sequence;
    // 0 comes, 1 is lost, 3 overtakes 2.
    let first = from.sequence;
    for step in [0u16, 3, 2] {
        from.sequence = first.wrapping_add(step);
        from.send_payload(&mut world, true, &[0x41, 0x9A, step as u8]);
    }
    let sequences: Vec<u16> = world
        .rtp(TrackId::video(to.leg))
        .iter()
        .filter(|(_, _, payload)| payload.len() == 3)
        .map(|(_, header, _)| header.sequence.wrapping_sub(before))
        .collect();
    assert_eq!(sequences, [1, 4, 3]);
}

#[test]
fn long_payloads_are_cut_for_tunnels() {
    let mut world = World::new();
    let mut from = world.endpoint(1, |_| {});
    let to = viewer(&mut world, 2);
    world.view(to.leg, solo(from.leg));
    let mut camera = Camera::new(320, 180, RED);
    run(&mut world, 3, vec![(&mut from, &mut camera)], |count| count == 0);
    let before = world.rtp(TrackId::video(to.leg)).len();
    let mut long = vec![0x41; 3000];
    long[1] = 0x9A;
    from.send_payload(&mut world, true, &long);
    from.send_payload(&mut world, true, &[0x41, 0x9A, 1]);
    let sent = world.rtp(TrackId::video(to.leg)).split_off(before);
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|(_, _, payload)| payload.len() <= 1200));
    assert_eq!(
        sent.iter().map(|(_, header, _)| header.marker).collect::<Vec<_>>(),
        [false, false, true, true]
    );
    world.check_line(TrackId::video(to.leg));
}

#[test]
fn from_words_to_a_person_and_back_without_a_break() {
    let mut world = World::new();
    let mut from = world.endpoint(1, |_| {});
    let to = viewer(&mut world, 2);
    world.view(to.leg, slate("Vent litt"));
    let mut camera = Camera::new(640, 360, RED);
    run(&mut world, 10, vec![(&mut from, &mut camera)], |count| count == 0);
    world.view(to.leg, solo(from.leg));
    run(&mut world, 10, vec![(&mut from, &mut camera)], |count| count == 5);
    world.view(to.leg, slate("Verten gikk"));
    let back = world.now;
    run(&mut world, 10, vec![(&mut from, &mut camera)], |_| false);
    let pictures = world.pictures(to.leg);
    let widths: Vec<u32> = pictures.iter().map(|(_, picture)| picture.width()).collect();
    let changes = widths.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(changes, 2, "words, person, words: {widths:?}");
    assert_eq!(pictures.iter().find(|(at, _)| *at >= back).expect("a slate").1.width(), 1280);
    world.check_line(TrackId::video(to.leg));
}

#[test]
fn two_people_are_composed_and_a_misfit_is_too() {
    let mut world = World::new();
    let mut red = world.endpoint(1, |_| {});
    let mut blue = world.endpoint(2, |_| {});
    let to = viewer(&mut world, 3);
    let small = world.endpoint(4, |params| {
        let limits = &mut params.video.as_mut().expect("video").limits;
        (limits.max_fs, limits.max_mbps) = (396, 11_880);
    });
    world.view(to.leg, pair(red.leg, blue.leg));
    world.view(small.leg, solo(red.leg));
    let (mut red_camera, mut blue_camera) = (Camera::new(640, 360, RED), Camera::new(640, 360, BLUE));
    let idr = |count: u32| count == 0;
    run(&mut world, 25, vec![(&mut red, &mut red_camera), (&mut blue, &mut blue_camera)], idr);
    let (_, picture) = world.pictures(to.leg).pop().expect("pictures");
    let at = |x: u32| {
        let at = (360 / 2 * 640 + x / 2) as usize;
        (picture.u()[at], picture.v()[at])
    };
    let near = |(u, v): (u8, u8), colour: Yuv| u.abs_diff(colour.u) < 12 && v.abs_diff(colour.v) < 12;
    assert_eq!((picture.width(), picture.height()), (1280, 720));
    assert!(near(at(320), RED) && near(at(960), BLUE), "{:?} {:?}", at(320), at(960));
    let (_, picture) = world.pictures(small.leg).pop().expect("pictures");
    assert_eq!((picture.width(), picture.height()), (320, 180));
    world.check_line(TrackId::video(to.leg));
    world.check_line(TrackId::video(small.leg));
}

#[test]
fn key_frames_are_asked_for_until_they_come() {
    let mut world = World::new();
    let mut from = world.endpoint(1, |params| {
        let feedback = &mut params.video.as_mut().expect("video").feedback;
        (feedback.pli, feedback.fir) = (false, false);
    });
    let (to, other) = (viewer(&mut world, 2), viewer(&mut world, 3));
    let mut camera = Camera::new(640, 360, RED);
    // The first key frame is missed: nobody was there.
    camera.next(true);
    run(&mut world, 1, vec![(&mut from, &mut camera)], |_| false);
    assert_eq!(wanted(&world, from.leg), 0, "nobody sees it");
    world.view(to.leg, solo(from.leg));
    world.view(other.leg, solo(from.leg));
    assert_eq!(wanted(&world, from.leg), 1);
    world.command(PlaneCommand::KeyframeWanted { leg: to.leg, kind: roomgate::ids::TrackKind::Video });
    run(&mut world, 24, vec![(&mut from, &mut camera)], |_| false);
    assert_eq!(wanted(&world, from.leg), 2, "one in half a second");
    run(&mut world, 1, vec![(&mut from, &mut camera)], |_| true);
    let asked = wanted(&world, from.leg);
    run(&mut world, 50, vec![(&mut from, &mut camera)], |_| false);
    assert_eq!(wanted(&world, from.leg), asked, "it has come");
}

#[test]
fn a_source_with_another_ssrc_is_another_source() {
    let mut world = World::new();
    let mut from = world.endpoint(1, |_| {});
    let to = viewer(&mut world, 2);
    world.view(to.leg, solo(from.leg));
    let mut camera = Camera::new(640, 360, RED);
    run(&mut world, 5, vec![(&mut from, &mut camera)], |count| count == 0);
    let before = world.rtp(TrackId::video(to.leg)).len();
    (from.ssrc, from.sequence, from.timestamp) = (99, 17, 4_000_000_000);
    run(&mut world, 3, vec![(&mut from, &mut camera)], |_| false);
    assert_eq!(world.rtp(TrackId::video(to.leg)).len(), before, "nothing until its key frame");
    run(&mut world, 3, vec![(&mut from, &mut camera)], |count| count == 0);
    assert!(world.rtp(TrackId::video(to.leg)).len() > before);
    world.check_line(TrackId::video(to.leg));
}

#[test]
fn nobody_is_worked_for_who_sees_nothing() {
    let mut world = World::new();
    let to = viewer(&mut world, 2);
    world.view(to.leg, slate("Møterom"));
    world.pass(1000 * MS);
    world.command(PlaneCommand::Close { leg: to.leg });
    let (jobs, sent) = (world.jobs, world.sent.len());
    world.pass(5000 * MS);
    assert_eq!((world.jobs, world.sent.len()), (jobs, sent));
    world.command(PlaneCommand::Close { leg: LegId(77) });
}
