use super::*;
use crate::tone::{goertzel_dbfs, rms_dbfs, sine};

const ALL: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma];

fn pair(codec: Codec) -> (AudioEncoder, AudioDecoder) {
    (AudioEncoder::new(codec).expect("an encoder"), AudioDecoder::new(codec).expect("a decoder"))
}

/// 20 ms packets of a 440 Hz tone.
fn packets(codec: Codec, count: usize) -> Vec<Vec<u8>> {
    let tone = sine(440.0, codec.sample_rate(), 8000, codec.frame() * count);
    let (mut encoder, _) = pair(codec);
    tone.chunks(codec.frame())
        .map(|frame| {
            let mut payload = Vec::new();
            encoder.encode(frame, &mut payload).expect("encodes");
            payload
        })
        .collect()
}

#[test]
fn a_tone_goes_through_every_codec() {
    for codec in ALL {
        let (_, mut decoder) = pair(codec);
        let mut heard = Vec::new();
        for payload in packets(codec, 50) {
            let begin = heard.len();
            assert_eq!(decoder.decode(&payload, &mut heard), Ok(codec.frame()), "{codec:?}");
            assert_eq!(heard.len() - begin, codec.frame(), "{codec:?}");
        }
        let steady = &heard[heard.len() / 5..];
        let tone = goertzel_dbfs(steady, codec.sample_rate(), 440.0);
        let all = rms_dbfs(steady);
        assert!((tone + 12.25).abs() < 0.7, "{codec:?}: {tone} dBFS");
        // a pure tone's mean is 3 dB below its peak: anything more would be noise
        assert!((all - (tone - 3.01)).abs() < 0.4, "{codec:?}: {all} dBFS in all, the tone {tone}");
    }
}

#[test]
fn payload_sizes_are_the_rfcs() {
    for (codec, size) in [(Codec::Pcmu, 160), (Codec::Pcma, 160), (Codec::G722, 160)] {
        assert!(packets(codec, 5).iter().all(|payload| payload.len() == size), "{codec:?}");
    }
    let opus: usize = packets(Codec::Opus, 100).iter().map(Vec::len).sum();
    assert!((20_000..60_000).contains(&(opus * 4)), "Opus at {} bit/s", opus * 4);
}

/// ITU-T G.711, tables 1a and 2a: the ends and the middle of the scale.
#[test]
fn g711_is_the_standards() {
    let decode = |codec: Codec, byte: u8| {
        let mut out = Vec::new();
        pair(codec).1.decode(&[byte], &mut out).expect("decodes");
        out[0]
    };
    assert_eq!([0x00, 0x7f, 0x80, 0xff].map(|byte| decode(Codec::Pcmu, byte)), [-32124, 0, 32124, 0]);
    assert_eq!([0xd5, 0x55, 0xaa, 0x2a].map(|byte| decode(Codec::Pcma, byte)), [8, -8, 32256, -32256]);
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let (mut encoder, mut decoder) = pair(codec);
        for byte in 0..=255u8 {
            let (mut samples, mut again) = (Vec::new(), Vec::new());
            decoder.decode(&[byte], &mut samples).expect("decodes");
            encoder.encode(&samples, &mut again).expect("encodes");
            // µ-law has two zeros
            let zero = codec == Codec::Pcmu && byte == 0x7f;
            assert!(zero || again == [byte], "{codec:?}: {byte:#x} became {again:?}");
        }
        let (mut bytes, mut back) = (Vec::new(), Vec::new());
        let all: Vec<i16> = (i16::MIN..=i16::MAX).step_by(7).collect();
        for chunk in all.chunks(1000) {
            bytes.clear();
            encoder.encode(chunk, &mut bytes).expect("encodes");
            decoder.decode(&bytes, &mut back).expect("decodes");
        }
        for (&sent, &got) in all.iter().zip(&back) {
            let error = (i32::from(sent) - i32::from(got)).abs();
            assert!(error <= 16 + i32::from(sent).abs() / 24, "{codec:?}: {sent} became {got}");
        }
    }
}

#[test]
fn a_lost_packet_is_covered_and_a_long_gap_is_silent() {
    for codec in ALL {
        let (_, mut decoder) = pair(codec);
        let mut heard = Vec::new();
        for payload in packets(codec, 25) {
            decoder.decode(&payload, &mut heard).expect("decodes");
        }
        let before = rms_dbfs(&heard[heard.len() - codec.frame()..]);
        let last = *heard.last().expect("heard");
        let mut made_up = Vec::new();
        decoder.conceal(codec.frame(), &mut made_up);
        assert_eq!(made_up.len(), codec.frame(), "{codec:?}");
        let level = rms_dbfs(&made_up);
        assert!(level > before - 8.0 && level < before + 1.0, "{codec:?}: {level} dBFS after {before}");
        let step = (i32::from(last) - i32::from(made_up[0])).abs();
        assert!(step < 2500, "{codec:?}: a click of {step}");
        for _ in 0..30 {
            made_up.clear();
            decoder.conceal(codec.frame(), &mut made_up);
        }
        assert!(rms_dbfs(&made_up) < -45.0, "{codec:?}: {} dBFS after 600 ms", rms_dbfs(&made_up));
        // any number of samples can be asked for, before anything was heard too
        let (_, mut fresh) = pair(codec);
        for samples in [0, 1, 77, 160, 441] {
            let mut out = Vec::new();
            fresh.conceal(samples, &mut out);
            assert_eq!(out.len(), samples, "{codec:?}");
        }
    }
}

/// A browser that pauses sends packets of one byte; the library would make a roar of them.
#[test]
fn pauses_of_opus_are_quiet() {
    let (_, mut decoder) = pair(Codec::Opus);
    let mut heard = Vec::new();
    for payload in packets(Codec::Opus, 20) {
        decoder.decode(&payload, &mut heard).expect("decodes");
    }
    for pause in 0..20 {
        let mut out = Vec::new();
        assert_eq!(decoder.decode(&[0x78], &mut out), Ok(960));
        let level = rms_dbfs(&out);
        assert!(level < if pause < 5 { -14.0 } else { -60.0 }, "{level} dBFS after {pause} packets");
    }
}

#[test]
fn what_is_no_packet_is_refused() {
    for codec in ALL {
        let (mut encoder, mut decoder) = pair(codec);
        let mut out = Vec::new();
        assert_eq!(decoder.decode(&[], &mut out), Err(AudioError::Empty));
        assert_eq!(decoder.decode(&[0; MAX_PAYLOAD + 1], &mut out), Err(AudioError::TooLong));
        assert!(out.is_empty());
        if codec == Codec::Opus {
            let mut payload = Vec::new();
            assert!(encoder.encode(&[0; 959], &mut payload).is_err());
            assert!(payload.is_empty());
        }
    }
    // RFC 6716 §3.2.5: code 3 with no frames
    let mut out = Vec::new();
    assert_eq!(pair(Codec::Opus).1.decode(&[0xff, 0], &mut out), Err(AudioError::Malformed));
}

struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A fixed number of damaged and random payloads: samples or an error, never a crash or a wrong length.
#[test]
fn damaged_payloads_are_survived() {
    let mut noise = Noise(0xfeed);
    for codec in ALL {
        let good = packets(codec, 20);
        let (_, mut decoder) = pair(codec);
        let (mut decoded, mut refused) = (0, 0);
        for round in 0..3000 {
            let mut payload = good[round % good.len()].clone();
            if round % 3 == 0 {
                payload = (0..noise.next() % 300 + 1).map(|_| noise.next() as u8).collect();
            }
            for _ in 0..noise.next() % 5 {
                let at = noise.next() as usize % payload.len();
                match noise.next() % 3 {
                    0 => payload[at] ^= 1 << (noise.next() % 8),
                    1 => payload.truncate(at + 1),
                    _ => payload.insert(at, noise.next() as u8),
                }
            }
            let mut out = Vec::new();
            match decoder.decode(&payload, &mut out) {
                Ok(samples) => {
                    assert_eq!(samples, out.len());
                    assert!(samples <= 5760, "{codec:?}: {samples}");
                    decoded += 1;
                }
                Err(_) => {
                    assert!(out.is_empty());
                    refused += 1;
                }
            }
            if round % 17 == 0 {
                decoder.conceal(codec.frame(), &mut out);
            }
        }
        assert!(decoded > 100, "{codec:?}: {decoded} decoded, {refused} refused");
    }
}
