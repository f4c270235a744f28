//! What a frame costs: scaling, decoding and encoding 720p; and 20 ms of speech.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use roomgate_codec::{
    audio::{AudioDecoder, AudioEncoder, Codec},
    h264::{Decoder, Encoder, EncoderConfig, has_assembly},
    picture::{Picture, PixelRect, Yuv},
    resample::Resampler,
    scale::{Fit, Scaler},
    tone::sine,
};

/// A call: a still background with structure, one part that moves, light noise.
fn call(frame: u32) -> Picture {
    let mut picture = Picture::black(1280, 720);
    for (x, y) in (0..40).flat_map(|x| (0..22).map(move |y| (x, y))) {
        let colour = Yuv { y: (60 + (x * 7 + y * 13) % 90) as u8, u: 120, v: 132 };
        picture.fill(PixelRect { x: x * 32, y: y * 32, width: 32, height: 32 }, colour);
    }
    let x = 400 + (frame * 3) % 200;
    picture.fill(PixelRect { x, y: 200, width: 300, height: 400 }, Yuv { y: 150, u: 110, v: 150 });
    let mut seed = frame.wrapping_mul(2_654_435_761) | 1;
    let (y, ..) = picture.planes_mut();
    for sample in y {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        *sample += (seed & 3) as u8;
    }
    picture
}

fn video(c: &mut Criterion) {
    eprintln!("H.264 with assembly: {}", has_assembly());
    let pictures: Vec<Picture> = (0..60).map(call).collect();
    let config =
        EncoderConfig { width: 1280, height: 720, fps: 30.0, bitrate: 1_500_000, max_slice_len: None };
    let mut group = c.benchmark_group("720p");
    group.sample_size(20);
    for (name, max_slice_len) in [("encode", None), ("encode in slices of 1200", Some(1200))] {
        let mut encoder = Encoder::new(EncoderConfig { max_slice_len, ..config }).expect("an encoder");
        let mut frame = 0u32;
        group.bench_function(name, |b| {
            b.iter(|| {
                frame += 1;
                let at = Duration::from_millis(u64::from(frame) * 100 / 3);
                black_box(encoder.encode(&pictures[frame as usize % 60], at, false).expect("encodes"))
            });
        });
    }
    let mut encoder = Encoder::new(config).expect("an encoder");
    let units: Vec<Vec<u8>> = (0..60)
        .filter_map(|frame| {
            let at = Duration::from_millis(frame * 100 / 3);
            encoder.encode(&pictures[frame as usize], at, false).expect("encodes")
        })
        .map(|encoded| encoded.annex_b)
        .collect();
    let mut decoder = Decoder::new().expect("a decoder");
    let mut unit = 0;
    group.bench_function("decode", |b| {
        b.iter(|| {
            let decoded = decoder.decode(&units[unit % units.len()]).expect("decodes");
            unit += 1;
            black_box(decoded)
        });
    });
    let mut scaler = Scaler::new();
    let mut canvas = Picture::black(1280, 720);
    for (name, width, height) in
        [("to 640x360", 640, 360), ("to 426x240", 426, 240), ("to 960x540", 960, 540)]
    {
        let area = PixelRect { x: 0, y: 0, width, height };
        group.bench_function(name, |b| {
            b.iter(|| scaler.scale_into(&pictures[0], &mut canvas, area, Fit::Contain))
        });
    }
    group.finish();
}

fn sound(c: &mut Criterion) {
    let mut group = c.benchmark_group("20 ms");
    for codec in [Codec::Opus, Codec::G722, Codec::Pcma] {
        let samples = sine(440.0, codec.sample_rate(), 8000, codec.frame());
        let mut encoder = AudioEncoder::new(codec).expect("an encoder");
        let mut decoder = AudioDecoder::new(codec).expect("a decoder");
        let mut payload = Vec::new();
        group.bench_function(format!("{codec:?} encode"), |b| {
            b.iter(|| {
                payload.clear();
                encoder.encode(&samples, &mut payload).expect("encodes");
            });
        });
        let mut out = Vec::new();
        group.bench_function(format!("{codec:?} decode"), |b| {
            b.iter(|| {
                out.clear();
                decoder.decode(&payload, &mut out).expect("decodes")
            });
        });
    }
    for (from, to) in [(8_000, 48_000), (48_000, 16_000)] {
        let samples = sine(440.0, from, 8000, from as usize / 50);
        let mut resampler = Resampler::new(from, to);
        let mut out = Vec::new();
        group.bench_function(format!("{from} to {to} Hz"), |b| {
            b.iter(|| {
                out.clear();
                resampler.process(&samples, &mut out);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, video, sound);
criterion_main!(benches);
