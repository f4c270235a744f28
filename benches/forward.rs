//! What passing one video packet on from an endpoint to another costs the media plane, beside the least that anybody
//! could do: read the header, write another before the same payload.

#[path = "../tests/plane/mod.rs"]
mod plane;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plane::{Camera, Endpoint, MS, VIDEO, World};
use roomgate::{
    ids::TrackId,
    room::scene::{Area, Layout, Scene},
};
use roomgate_codec::picture::Yuv;
use roomgate_rtp::packet::{RtpHeader, RtpView};

/// A fragment in the middle of a picture (FU-A), of the size that endpoints send.
fn fragment() -> Vec<u8> {
    let mut payload = vec![0x5c, 0x01];
    payload.resize(1100, 0xa5);
    payload
}

fn two_endpoints() -> (World, Endpoint, Endpoint) {
    let mut world = World::new();
    let mut from = world.endpoint(1, |params| params.audio = None);
    let mut to = world.endpoint(2, |params| params.audio = None);
    let solo = Scene { layout: Layout::Solo, tiles: vec![plane::tile(0, from.leg, Area::WHOLE)] };
    world.view(to.leg, solo);
    let (mut camera, mut other) = (Camera::new(640, 360, Yuv::WHITE), Camera::new(640, 360, Yuv::BLACK));
    // What is asked for a key frame sends one; after it the view is forwarded.
    for count in 0..25 {
        from.send_video(&mut world, &camera.next(count % 8 == 0));
        to.send_video(&mut world, &other.next(count % 8 == 0));
        world.pass(MS * 40);
    }
    (world, from, to)
}

fn forward(c: &mut Criterion) {
    let payload = fragment();
    let mut group = c.benchmark_group("one video packet of 1100 octets");
    group.throughput(Throughput::Elements(1));
    let (mut world, mut from, to) = two_endpoints();
    let jobs = world.jobs;
    group.bench_function("through the media plane", |b| {
        b.iter(|| {
            world.sent.clear();
            from.timestamp = from.timestamp.wrapping_add(720);
            from.send_payload(&mut world, false, black_box(&payload));
            world.pass(MS * 8);
        });
    });
    from.send_payload(&mut world, false, &payload);
    assert!(!world.rtp(TrackId::video(to.leg)).is_empty(), "it is forwarded");
    assert_eq!(world.jobs, jobs, "nothing is decoded or composed");

    let mut packet = Vec::new();
    let header = RtpHeader { payload_type: VIDEO, marker: false, sequence: 1, timestamp: 1, ssrc: 1 };
    header.write(&payload, &mut packet);
    let mut out = Vec::with_capacity(1200);
    group.bench_function("header rewritten, payload copied", |b| {
        b.iter(|| {
            let view = RtpView::parse(black_box(&packet)).expect("RTP");
            out.clear();
            RtpHeader { ssrc: 2, sequence: view.sequence().wrapping_add(7), ..header }
                .write(view.payload(), &mut out);
            black_box(out.len())
        });
    });
    group.finish();
}

criterion_group!(benches, forward);
criterion_main!(benches);
