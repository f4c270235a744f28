use std::time::Duration;

use super::*;
use crate::{
    CodecError,
    picture::{Picture, PixelRect, Yuv},
};

fn config(width: u32, height: u32, bitrate: u32) -> EncoderConfig {
    EncoderConfig { width, height, fps: 30.0, bitrate, max_slice_len: None }
}

fn at(frame: u32) -> Duration {
    Duration::from_millis(u64::from(frame) * 100 / 3)
}

/// A small generator: tests want noise, not randomness.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A grey ramp with a bright block that moves.
fn scene(width: u32, height: u32, frame: u32) -> Picture {
    let mut picture = Picture::black(width, height);
    for x in (0..width).step_by(8) {
        let y = (40 + x * 150 / width) as u8;
        picture.fill(PixelRect { x, y: 0, width: 8, height }, Yuv { y, u: 120, v: 130 });
    }
    let x = frame * 4 % (width - 32);
    picture.fill(PixelRect { x, y: height / 3, width: 32, height: 32 }, Yuv::from_rgb(240, 200, 60));
    picture
}

/// Nothing in common with [`scene`].
fn checks(width: u32, height: u32) -> Picture {
    let mut picture = Picture::black(width, height);
    for (x, y) in (0..width / 16).flat_map(|x| (0..height / 16).map(move |y| (x, y))) {
        let colour = Yuv { y: (x * 37 + y * 91) as u8, u: (x * 11) as u8, v: (y * 17) as u8 };
        picture.fill(PixelRect { x: x * 16, y: y * 16, width: 16, height: 16 }, colour);
    }
    picture
}

fn noise(width: u32, height: u32, seed: u64) -> Picture {
    let mut noise = Noise(seed | 1);
    let mut picture = Picture::black(width, height);
    let (y, u, v) = picture.planes_mut();
    for sample in y.iter_mut().chain(u).chain(v) {
        *sample = (noise.next() >> 32) as u8;
    }
    picture
}

/// Peak signal to noise ratio of luma in dB.
fn psnr(a: &Picture, b: &Picture) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let sum: f64 = a.y().iter().zip(b.y()).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    10.0 * (255.0f64.powi(2) * a.y().len() as f64 / sum.max(1.0)).log10()
}

fn types(annex_b: &[u8]) -> Vec<NalType> {
    nal_units(annex_b).filter_map(NalType::of).collect()
}

#[test]
fn pictures_come_back_as_they_went_in() {
    let mut encoder = Encoder::new(config(320, 180, 500_000)).expect("an encoder");
    let mut decoder = Decoder::new().expect("a decoder");
    for frame in 0..20 {
        let sent = scene(320, 180, frame);
        let encoded = encoder.encode(&sent, at(frame), false).expect("encodes").expect("not skipped");
        assert_eq!(encoded.idr, frame == 0, "frame {frame}");
        let shown = decoder.decode(&encoded.annex_b).expect("decodes").expect("no delay without B-frames");
        assert!(psnr(&sent, &shown) > 32.0, "frame {frame}: {} dB", psnr(&sent, &shown));
    }
}

#[test]
fn an_idr_comes_when_asked_for_with_its_parameter_sets_and_only_then() {
    let mut encoder = Encoder::new(config(320, 240, 400_000)).expect("an encoder");
    let mut idrs = Vec::new();
    for frame in 0..200 {
        // a cut in the middle must not make one either
        let picture = if frame < 90 { scene(320, 240, frame) } else { checks(320, 240) };
        let Some(encoded) = encoder.encode(&picture, at(frame), frame == 0 || frame == 40).expect("encodes")
        else {
            continue;
        };
        let types = types(&encoded.annex_b);
        if encoded.idr {
            assert_eq!(types[..2], [NalType::Sps, NalType::Pps], "frame {frame}");
            assert!(types[2..].iter().all(|&kind| kind == NalType::IdrSlice), "frame {frame}: {types:?}");
            idrs.push(frame);
        } else {
            assert!(types.iter().all(|&kind| kind == NalType::Slice), "frame {frame}: {types:?}");
        }
    }
    assert_eq!(idrs, [0, 40]);
}

/// A cut from a still to noise outgrows the library's buffers, after which it must not be called again.
#[test]
fn an_encoder_outlives_the_worst_picture() {
    for max_slice_len in [None, Some(1200)] {
        let config = EncoderConfig { max_slice_len, ..config(320, 240, 5_000_000) };
        let mut encoder = Encoder::new(config).expect("an encoder");
        let mut decoder = Decoder::new().expect("a decoder");
        for frame in 0..60 {
            let picture =
                if frame / 20 == 1 { noise(320, 240, u64::from(frame) + 1) } else { scene(320, 240, 0) };
            let encoded = encoder.encode(&picture, at(frame), false).expect("encodes");
            if let Some(encoded) = encoded {
                assert!(decoder.decode(&encoded.annex_b).expect("decodes").is_some(), "frame {frame}");
            }
        }
    }
}

#[test]
fn the_stream_is_constrained_baseline_at_the_least_level() {
    for (width, height, bitrate, level) in [
        (176, 144, 100_000, 11),
        (320, 180, 300_000, 13),
        (640, 360, 800_000, 30),
        (1280, 720, 1_500_000, 31),
    ] {
        let mut encoder = Encoder::new(config(width, height, bitrate)).expect("an encoder");
        let encoded = encoder.encode(&scene(width, height, 0), at(0), true).expect("encodes").expect("first");
        let sps = nal_units(&encoded.annex_b).next().expect("a parameter set");
        let sps = Sps::parse(sps).expect("readable");
        assert_eq!((sps.width, sps.height), (width, height));
        assert_eq!(sps.profile_idc, 66, "{width}x{height}");
        assert_eq!(sps.constraints & 0xc0, 0xc0, "{width}x{height}: constraint_set0 and 1");
        assert_eq!(sps.level_idc, level, "{width}x{height}");
        assert!(!sps.may_reorder());
    }
}

/// RFC 6184 §6.2: one NAL unit a packet.
#[test]
fn slices_keep_the_limit_whatever_is_in_them() {
    let limit = 1200;
    let config = EncoderConfig { max_slice_len: Some(limit), ..config(640, 360, 1_500_000) };
    let mut encoder = Encoder::new(config).expect("an encoder");
    let mut decoder = Decoder::new().expect("a decoder");
    let mut largest = 0;
    for frame in 0..12 {
        let picture =
            if frame % 4 == 0 { noise(640, 360, u64::from(frame) + 3) } else { scene(640, 360, frame) };
        let Some(encoded) = encoder.encode(&picture, at(frame), frame == 6).expect("encodes") else {
            continue;
        };
        largest = nal_units(&encoded.annex_b).map(<[u8]>::len).max().unwrap_or(0).max(largest);
        assert!(decoder.decode(&encoded.annex_b).expect("decodes").is_some());
    }
    assert!(largest <= limit as usize, "a NAL unit of {largest} bytes");
    assert!(largest > 600, "slices of {largest} bytes waste packets");
}

/// Bits per second of frames `from..to` of a scene that would like to have more.
fn rate(encoder: &mut Encoder, from: u32, to: u32) -> u32 {
    let mut bytes = 0;
    for frame in from..to {
        // moving noise on a ramp: costly, not hopeless
        let mut picture = scene(320, 180, frame);
        let mut noise = Noise(u64::from(frame) + 1);
        let (y, ..) = picture.planes_mut();
        for sample in y.iter_mut() {
            *sample = sample.wrapping_add((noise.next() & 15) as u8);
        }
        if let Some(encoded) = encoder.encode(&picture, at(frame), false).expect("encodes") {
            bytes += encoded.annex_b.len() as u32;
        }
    }
    bytes * 8 * 30 / (to - from)
}

#[test]
fn the_bitrate_is_kept_and_can_be_changed() {
    let mut encoder = Encoder::new(config(320, 180, 600_000)).expect("an encoder");
    let _first = rate(&mut encoder, 0, 30);
    let before = rate(&mut encoder, 30, 150);
    encoder.set_bitrate(200_000).expect("a lower rate");
    let _change = rate(&mut encoder, 150, 180);
    let lower = rate(&mut encoder, 180, 300);
    encoder.set_bitrate(900_000).expect("a higher rate");
    let _change = rate(&mut encoder, 300, 330);
    let higher = rate(&mut encoder, 330, 450);
    assert!((400_000..=700_000).contains(&before), "600 kbit/s: {before}");
    assert!((100_000..=260_000).contains(&lower), "200 kbit/s: {lower}");
    assert!((500_000..=1_050_000).contains(&higher), "900 kbit/s: {higher}");
    assert_eq!(encoder.config().bitrate, 900_000);
}

#[test]
fn bitrates_can_be_set_before_the_first_picture() {
    let mut encoder = Encoder::new(config(320, 180, 600_000)).expect("an encoder");
    encoder.set_bitrate(150_000).expect("a lower rate");
    let _first = rate(&mut encoder, 0, 30);
    let kept = rate(&mut encoder, 30, 150);
    assert!(kept < 230_000, "150 kbit/s: {kept}");
}

#[test]
fn pictures_of_another_size_are_refused() {
    assert!(matches!(Encoder::new(config(0, 0, 1)), Err(CodecError::Size { .. })));
    assert!(matches!(Encoder::new(config(8, 8, 1)), Err(CodecError::Size { .. })));
    assert!(matches!(Encoder::new(config(641, 360, 1)), Err(CodecError::Size { .. })));
    let mut encoder = Encoder::new(config(320, 180, 300_000)).expect("an encoder");
    let other = encoder.encode(&scene(322, 180, 0), at(0), false);
    assert!(matches!(other, Err(CodecError::OtherSize { wanted: (320, 180), given: (322, 180) })));
}

#[test]
fn a_stream_may_change_its_size() {
    let mut decoder = Decoder::new().expect("a decoder");
    for (width, height) in [(320, 180), (640, 360), (176, 144), (180, 320)] {
        let mut encoder = Encoder::new(config(width, height, 500_000)).expect("an encoder");
        for frame in 0..3 {
            let encoded = encoder.encode(&scene(width, height, frame), at(frame), false).expect("encodes");
            let picture =
                decoder.decode(&encoded.expect("not skipped").annex_b).expect("decodes").expect("a picture");
            assert_eq!((picture.width(), picture.height()), (width, height));
        }
    }
}

#[test]
fn after_a_loss_errors_until_the_next_idr() {
    let mut encoder = Encoder::new(config(320, 180, 500_000)).expect("an encoder");
    let mut decoder = Decoder::new().expect("a decoder");
    for frame in 0..12 {
        let encoded = encoder.encode(&scene(320, 180, frame), at(frame), frame == 8).expect("encodes");
        let encoded = encoded.expect("not skipped");
        if frame == 4 {
            continue;
        }
        let decoded = decoder.decode(&encoded.annex_b);
        let lost = (5..8).contains(&frame);
        assert_eq!(decoded.is_err(), lost, "frame {frame}: {decoded:?}");
        assert!(lost || matches!(decoded, Ok(Some(_))), "frame {frame}");
    }
}

#[test]
fn what_we_cannot_take_is_refused_before_memory_is() {
    let mut decoder = Decoder::new().expect("a decoder");
    // 16384 x 16384, Baseline: pic_width_in_mbs_minus1 = pic_height_in_map_units_minus1 = 1023
    let mut bits = String::from("1" /* id 0 */);
    bits += "1"; // log2_max_frame_num_minus4 0
    bits += "011"; // pic_order_cnt_type 2
    bits += "010"; // max_num_ref_frames 1
    bits += "0";
    let ue_1023 = format!("{}{:b}", "0".repeat(10), 1024);
    bits += &ue_1023;
    bits += &ue_1023;
    bits += "1"; // frame_mbs_only_flag
    bits += "1001"; // direct_8x8, no cropping, no VUI, stop bit
    let mut huge = vec![0, 0, 0, 1, 0x67, 66, 0xc0, 52];
    for byte in bits.as_bytes().chunks(8) {
        huge.push((0..8).fold(0, |value, bit| value << 1 | u8::from(byte.get(bit) == Some(&b'1'))));
    }
    assert!(matches!(decoder.decode(&huge), Err(DecodeError::TooLarge(16384, 16384))));
    assert!(matches!(decoder.decode(&[]), Ok(None)));
    assert!(matches!(decoder.decode(&[1, 2, 3]), Ok(None)));
}

/// A fixed number of damaged streams: an error or pictures, never a crash, and afterwards a good stream decodes.
#[test]
fn damaged_streams_are_survived() {
    let mut units = Vec::new();
    for slices in [None, Some(500)] {
        let mut encoder = Encoder::new(EncoderConfig { max_slice_len: slices, ..config(176, 144, 300_000) })
            .expect("an encoder");
        for frame in 0..8 {
            units.extend(encoder.encode(&scene(176, 144, frame), at(frame), frame == 4).expect("encodes"));
        }
    }
    let mut noise = Noise(0x5eed);
    let (mut errors, mut pictures) = (0, 0);
    for round in 0..150 {
        let mut decoder = Decoder::new().expect("a decoder");
        for unit in &units {
            let mut bytes = unit.annex_b.clone();
            for _ in 0..noise.next() % 4 {
                let at = (noise.next() as usize) % bytes.len();
                match noise.next() % 4 {
                    0 => bytes[at] ^= 1 << (noise.next() % 8),
                    1 => bytes[at] = noise.next() as u8,
                    2 => bytes.truncate(at + 1),
                    _ => bytes.insert(at, noise.next() as u8),
                }
            }
            match decoder.decode(&bytes) {
                Ok(Some(picture)) => {
                    assert!(Picture::possible(picture.width(), picture.height()));
                    pictures += 1;
                }
                Ok(None) => {}
                Err(_) => errors += 1,
            }
        }
        let whole = decoder.decode(&units[0].annex_b);
        assert!(matches!(whole, Ok(Some(_))), "round {round}: a good IDR after damage gave {whole:?}");
    }
    assert!(errors > 100 && pictures > 100, "{errors} errors, {pictures} pictures: the damage tests nothing");
}

#[test]
fn this_build_has_assembly_where_nasm_is() {
    let nasm =
        std::process::Command::new("nasm").arg("-v").output().is_ok_and(|output| output.status.success());
    if cfg!(target_arch = "x86_64") && nasm {
        assert!(
            has_assembly(),
            "nasm is installed, but openh264 was built before: `cargo clean -p openh264-sys2`"
        );
    }
}

#[test]
fn levels_hold_what_they_are_chosen_for() {
    assert_eq!(level_for(1280, 720, 30.0, 1_500_000), 31);
    assert_eq!(level_for(1280, 720, 60.0, 1_500_000), 32);
    assert_eq!(level_for(1920, 1080, 30.0, 4_000_000), 40);
    assert_eq!(level_for(352, 288, 30.0, 384_000), 13);
    assert_eq!(level_for(352, 288, 15.0, 384_000), 12);
    assert_eq!(level_for(3840, 2160, 30.0, 20_000_000), 51);
}
