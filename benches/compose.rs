//! What a composed view costs: drawing four 720p sources into one 720p picture, beside encoding that picture.

use std::{
    collections::HashMap,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use roomgate::{
    ids::{LegId, ParticipantId, TrackId},
    ivr::Slate,
    plane::compose::Renderer,
    room::scene::{Area, Layout, Scene, Tile},
    signalling::Face,
};
use roomgate_codec::{
    h264::{Encoder, EncoderConfig},
    picture::{Picture, PixelRect, Yuv},
};

/// A still background with structure, one part that moves, light noise.
fn camera(leg: u64, frame: u32) -> Picture {
    let mut picture = Picture::black(1280, 720);
    for (x, y) in (0..40).flat_map(|x| (0..22).map(move |y| (x, y))) {
        let colour = Yuv { y: (60 + (x * 7 + y * 13) % 90) as u8, u: 110 + leg as u8 * 8, v: 132 };
        picture.fill(PixelRect { x: x * 32, y: y * 32, width: 32, height: 32 }, colour);
    }
    let x = 400 + (frame * 3) % 200;
    picture.fill(PixelRect { x, y: 200, width: 300, height: 400 }, Yuv { y: 150, u: 110, v: 150 });
    let mut seed = frame.wrapping_add(leg as u32 * 977).wrapping_mul(2_654_435_761) | 1;
    let (y, ..) = picture.planes_mut();
    for sample in y {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        *sample += (seed & 3) as u8;
    }
    picture
}

fn grid() -> Scene {
    let tiles = [(0, 0), (5000, 0), (0, 5000), (5000, 5000)]
        .into_iter()
        .enumerate()
        .map(|(index, (x, y))| Tile {
            slot: index as u8,
            area: Area { x, y, width: 5000, height: 5000 },
            participant: ParticipantId(index as u64),
            face: Face::Endpoint,
            source: Some(TrackId::video(LegId(index as u64))),
            name: format!("Møterom nummer {index}").into(),
            show_name: true,
        })
        .collect();
    Scene { layout: Layout::Grid, tiles }
}

fn compose(c: &mut Criterion) {
    let moments: Vec<HashMap<TrackId, Arc<Picture>>> = (0..8)
        .map(|frame| {
            (0..4).map(|leg| (TrackId::video(LegId(leg)), Arc::new(camera(leg, frame * 4)))).collect()
        })
        .collect();
    let scene = grid();
    let slate = Scene {
        layout: Layout::Slate(Arc::new(Slate {
            heading: "Møterom Ålesund".into(),
            lines: vec!["Tast PIN-koden, så #".into(), "Enter your PIN, then #".into()],
            dots: Some(4),
            footer: vec!["* sletter siste siffer, # fullfører".into()],
            warning: false,
        })),
        tiles: Vec::new(),
    };
    let mut renderer = Renderer::new();
    let mut canvas = Picture::black(1280, 720);
    let config =
        EncoderConfig { width: 1280, height: 720, fps: 30.0, bitrate: 1_500_000, max_slice_len: None };
    let mut encoder = Encoder::new(config).expect("an encoder");

    let (mut drawing, mut encoding) = (Duration::ZERO, Duration::ZERO);
    for frame in 0..120u32 {
        let begin = Instant::now();
        renderer.render(&scene, &moments[frame as usize % 8], &mut canvas);
        let drawn = Instant::now();
        let at = Duration::from_millis(u64::from(frame) * 100 / 3);
        black_box(encoder.encode(&canvas, at, false).expect("encodes"));
        drawing += drawn - begin;
        encoding += drawn.elapsed();
    }
    eprintln!(
        "2x2 at 720p, 120 frames: draw {:.2} ms, encode {:.2} ms a frame; drawing is {:.0} % of encoding",
        drawing.as_secs_f64() * 1e3 / 120.0,
        encoding.as_secs_f64() * 1e3 / 120.0,
        100.0 * drawing.as_secs_f64() / encoding.as_secs_f64(),
    );

    let mut group = c.benchmark_group("compose 720p");
    group.bench_function("2x2 with names", |b| {
        b.iter(|| renderer.render(&scene, &moments[0], &mut canvas));
    });
    group.bench_function("slate", |b| b.iter(|| renderer.render(&slate, &moments[0], &mut canvas)));
    group.bench_function("slate, first time", |b| {
        b.iter(|| Renderer::new().render(&slate, &moments[0], &mut canvas));
    });
    group.finish();
}

criterion_group!(benches, compose);
criterion_main!(benches);
