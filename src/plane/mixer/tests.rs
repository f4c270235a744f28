//! Legs that send tones and hear others', in time that we make.

use std::collections::BTreeMap;

use roomgate_codec::{
    audio::{AudioDecoder, AudioEncoder},
    tone::{SILENCE, goertzel_dbfs, rms_dbfs, sine},
};

use super::*;

const A: LegId = LegId(1);
const B: LegId = LegId(2);
const C: LegId = LegId(3);
const LOUD: i16 = 8192; // -12 dBFS

fn epoch() -> Instant {
    Instant::now()
}

/// Somebody at the other end of a leg.
struct Party {
    codec: Codec,
    encoder: AudioEncoder,
    decoder: AudioDecoder,
    says: Vec<i16>,
    said: usize,
    sequence: u16,
    heard: Vec<i16>,
    frames: usize,
}

struct World {
    now: Instant,
    mixer: Mixer,
    parties: BTreeMap<LegId, Party>,
    spoken: Vec<(Instant, LegId, u64)>,
}

impl World {
    fn new() -> Self {
        let now = epoch();
        let mixer = Mixer::new(Arc::new(Voices::built_in()), now);
        Self { now, mixer, parties: BTreeMap::new(), spoken: Vec::new() }
    }

    /// Opens legs, each with its codec and its tone in Hz (0 for silence), where everybody hears everybody.
    fn of(legs: &[(LegId, AudioCodec, f64, i16)]) -> Self {
        let mut world = Self::new();
        let all: Arc<[LegId]> = legs.iter().map(|leg| leg.0).collect();
        for &(leg, codec, frequency, amplitude) in legs {
            world.join(leg, codec, frequency, amplitude);
            world.mixer.hears(leg, Arc::clone(&all));
        }
        world
    }

    fn join(&mut self, leg: LegId, codec: AudioCodec, frequency: f64, amplitude: i16) {
        self.mixer.open(leg, codec);
        let codec = self.mixer.legs[&leg].codec;
        let rate = codec.sample_rate();
        self.parties.insert(
            leg,
            Party {
                codec,
                encoder: AudioEncoder::new(codec).unwrap(),
                decoder: AudioDecoder::new(codec).unwrap(),
                says: sine(frequency, rate, amplitude, if frequency == 0.0 { 0 } else { rate as usize }),
                said: 0,
                sequence: 65_500,
                heard: Vec::new(),
                frames: 0,
            },
        );
    }

    /// One packet of 20 ms.
    fn say(&mut self, leg: LegId) -> (u16, u32, Vec<u8>) {
        let party = self.parties.get_mut(&leg).unwrap();
        let frame = party.codec.frame();
        let mut payload = Vec::new();
        let from = party.said * frame % party.says.len();
        party.encoder.encode(&party.says[from..from + frame], &mut payload).unwrap();
        let timestamp = (party.said as u32).wrapping_mul(party.codec.rtp_clock() / 50).wrapping_sub(5000);
        party.said += 1;
        party.sequence = party.sequence.wrapping_add(1);
        (party.sequence, timestamp, payload)
    }

    fn run(&mut self, span: Duration) {
        for _ in 0..span.as_millis() / 20 {
            let talking: Vec<LegId> = self
                .parties
                .iter()
                .filter(|(_, party)| !party.says.is_empty())
                .map(|(leg, _)| *leg)
                .collect();
            for leg in talking {
                let (sequence, timestamp, payload) = self.say(leg);
                self.mixer.push(self.now, leg, sequence, timestamp, &payload);
            }
            self.tick();
        }
    }

    fn tick(&mut self) {
        self.now += TICK;
        self.mixer.handle_timeout(self.now);
        self.drain();
        assert_eq!(self.mixer.next_timeout(), (!self.mixer.legs.is_empty()).then(|| self.now + TICK));
    }

    fn drain(&mut self) {
        while let Some(output) = self.mixer.poll_output() {
            match output {
                MixerOutput::Frame { leg, payload, ticks } => {
                    let party = self.parties.get_mut(&leg).unwrap();
                    assert_eq!(ticks, party.codec.rtp_clock() / 50);
                    let done = party.decoder.decode(&payload, &mut party.heard).unwrap();
                    assert_eq!(done, party.codec.frame());
                    party.frames += 1;
                }
                MixerOutput::Spoken { leg, id } => self.spoken.push((self.now, leg, id)),
            }
        }
    }

    /// Forgets what was heard until now.
    fn listen_anew(&mut self) {
        for party in self.parties.values_mut() {
            party.heard.clear();
        }
    }

    fn level(&self, leg: LegId, frequency: f64) -> f64 {
        let party = &self.parties[&leg];
        goertzel_dbfs(&party.heard, party.codec.sample_rate(), frequency)
    }

    fn loudness(&self, leg: LegId) -> f64 {
        rms_dbfs(&self.parties[&leg].heard)
    }
}

fn near(level: f64, wanted: f64) -> bool {
    (level - wanted).abs() < 1.5
}

#[test]
fn each_hears_the_other_and_not_itself_in_every_codec() {
    let codecs = [AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcmu, AudioCodec::Pcma];
    for codec in codecs {
        for other in codecs {
            let mut world = World::of(&[(A, codec, 440.0, LOUD), (B, other, 1000.0, LOUD)]);
            world.run(Duration::from_secs(1));
            world.listen_anew();
            world.run(Duration::from_secs(1));
            let levels = [
                world.level(A, 440.0),
                world.level(A, 1000.0),
                world.level(B, 440.0),
                world.level(B, 1000.0),
            ];
            assert!(near(levels[1], -12.0) && near(levels[2], -12.0), "{codec:?} {other:?}: {levels:?}");
            assert!(levels[0] < -45.0 && levels[3] < -45.0, "{codec:?} {other:?}: {levels:?}");
        }
    }
}

#[test]
fn three_parties_hear_the_two_others_in_frames_of_20_ms() {
    let legs = [
        (A, AudioCodec::Opus, 440.0, LOUD),
        (B, AudioCodec::G722, 1000.0, LOUD),
        (C, AudioCodec::Pcma, 2000.0, LOUD),
    ];
    let mut world = World::of(&legs);
    world.run(Duration::from_secs(1));
    world.listen_anew();
    world.run(Duration::from_secs(1));
    for (listener, ..) in legs {
        for (speaker, _, frequency, _) in legs {
            let level = world.level(listener, frequency);
            if listener == speaker {
                assert!(level < -45.0, "{listener} itself: {level}");
            } else {
                assert!(near(level, -12.0), "{listener} hears {speaker}: {level}");
            }
        }
        assert_eq!(world.parties[&listener].frames, 100);
    }
    // whom one may not hear one does not hear, and who left is heard no more
    world.mixer.hears(A, Arc::new([B, LegId(99)]));
    world.mixer.close(C);
    world.parties.get_mut(&C).unwrap().says.clear();
    world.run(Duration::from_millis(200));
    world.listen_anew();
    world.run(Duration::from_secs(1));
    assert!(near(world.level(A, 1000.0), -12.0) && world.level(A, 2000.0) < -60.0);
    assert!(world.level(B, 2000.0) < -60.0 && near(world.level(B, 440.0), -12.0));
    assert!(world.parties[&C].heard.is_empty());
}

#[test]
fn a_prompt_is_heard_by_its_leg_alone_and_then_told() {
    let mut world = World::of(&[(A, AudioCodec::Pcmu, 0.0, 0), (B, AudioCodec::Opus, 0.0, 0)]);
    let voices = Voices::built_in();
    let clips = [(Clip::Goodbye, Language::Nb), (Clip::LetIn, Language::Nb), (Clip::Goodbye, Language::En)];
    let samples: usize = clips.iter().map(|&(clip, language)| voices.clip(clip, language).len()).sum();
    let length = Duration::from_micros((samples as u64 + 3200) * 1_000_000 / 16_000);
    assert!(length > Duration::from_secs(2));
    let begin = world.now;
    world.mixer.speak(A, 77, &clips);
    world.run(length - 2 * TICK);
    assert!(world.spoken.is_empty());
    world.run(3 * TICK);
    assert!(
        matches!(world.spoken[..], [(at, A, 77)] if at - begin < length + 2 * TICK),
        "{:?}",
        world.spoken
    );
    assert!(world.loudness(A) > -35.0, "{}", world.loudness(A));
    assert_eq!(world.loudness(B), SILENCE);

    // what was spoken is what was recorded, from the first word on
    let spoken = &world.parties[&A].heard;
    let recorded = voices.clip(Clip::Goodbye, Language::Nb);
    let mut expected = Vec::new();
    roomgate_codec::resample::Resampler::new(16_000, 8_000).process(&recorded, &mut expected);
    let best = (0..80)
        .map(|delay| {
            let pairs = expected.iter().zip(&spoken[delay..]);
            pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
        })
        .fold(f64::MIN, f64::max);
    let power = |samples: &[i16]| samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>();
    let alike = best / (power(&expected) * power(&spoken[..expected.len()])).sqrt();
    assert!(alike > 0.95, "{alike}");

    world.listen_anew();
    world.run(Duration::from_millis(500));
    assert!(world.loudness(A) < -80.0 && world.spoken.len() == 1);
}

#[test]
fn speech_is_replaced_hushed_and_may_be_empty() {
    let mut world = World::of(&[(A, AudioCodec::Opus, 0.0, 0)]);
    world.mixer.speak(A, 1, &[(Clip::EnterPin, Language::Nb)]);
    world.run(Duration::from_millis(300));
    world.mixer.speak(A, 2, &[(Clip::Goodbye, Language::En)]);
    world.run(Duration::from_secs(6));
    assert_eq!(world.spoken.iter().map(|spoken| spoken.2).collect::<Vec<_>>(), [2]);

    world.mixer.speak(A, 3, &[(Clip::EnterPin, Language::Nb)]);
    world.run(Duration::from_millis(300));
    world.mixer.hush(A);
    world.run(Duration::from_millis(60));
    world.listen_anew();
    world.run(Duration::from_secs(6));
    assert_eq!(world.spoken.len(), 1);
    assert!(world.loudness(A) < -70.0, "{}", world.loudness(A));

    world.mixer.speak(A, 4, &[]);
    world.tick();
    assert_eq!(world.spoken.last().map(|spoken| spoken.2), Some(4));
}

#[test]
fn music_is_quiet_and_stops_for_prompts() {
    let mut world = World::of(&[(A, AudioCodec::G722, 0.0, 0), (B, AudioCodec::G722, 0.0, 0)]);
    world.mixer.music(A, true);
    world.run(Duration::from_secs(1));
    for _ in 0..8 {
        world.listen_anew();
        world.run(Duration::from_secs(2));
        assert!((-34.0..-26.0).contains(&world.loudness(A)), "{}", world.loudness(A));
        assert!(world.loudness(B) < -80.0);
    }
    assert_eq!(music::frame(0)[0], 0);
    let mut last = 0i16;
    for tick in 0..2000 {
        for sample in music::frame(tick) {
            assert!(sample.abs_diff(last) < 400, "a click at {tick}");
            last = sample;
        }
    }

    let voices = Voices::built_in();
    let clip = voices.clip(Clip::LetIn, Language::En);
    world.mixer.speak(A, 1, &[(Clip::LetIn, Language::En)]);
    world.listen_anew();
    world.run(Duration::from_millis(clip.len() as u64 / 16));
    let heard = &world.parties[&A].heard;
    let quietest = heard.chunks(320).skip(2).map(rms_dbfs).fold(0.0, f64::min);
    assert!(quietest < -55.0, "no music between words: {quietest}");
    world.run(Duration::from_millis(200));
    world.listen_anew();
    world.run(Duration::from_secs(1));
    assert!(world.loudness(A) > -34.0, "and then it goes on: {}", world.loudness(A));
    world.mixer.music(A, false);
    world.run(Duration::from_millis(60));
    world.listen_anew();
    world.run(Duration::from_secs(1));
    // G.722 has some noise of its own
    assert!(world.loudness(A) < -60.0, "{}", world.loudness(A));
}

#[test]
fn five_loud_legs_do_not_wrap() {
    let listener = LegId(50);
    // all of the same tone: the sum is five times as high
    let mut legs: Vec<_> = (0..5).map(|n| (LegId(n), AudioCodec::G722, 500.0, 30_000)).collect();
    legs.push((listener, AudioCodec::Opus, 0.0, 0));
    let mut world = World::of(&legs);
    world.run(Duration::from_secs(1));
    world.listen_anew();
    world.run(Duration::from_secs(1));
    let (tone, whole) = (world.level(listener, 500.0), world.loudness(listener));
    assert!((-3.0..0.0).contains(&tone), "{tone}");
    assert!((whole - tone + 3.0).abs() < 0.5, "hardly anything but the tone: {whole} for {tone}");
}

#[test]
fn disorder_is_mended_and_loss_is_covered() {
    let mut world = World::of(&[(A, AudioCodec::Pcmu, 1000.0, LOUD), (B, AudioCodec::Pcmu, 0.0, 0)]);
    // neighbours change places, each 25th is lost
    for n in 0..100 {
        let (first, second) = (world.say(A), world.say(A));
        for (sequence, timestamp, payload) in [second, first] {
            if n % 12 != 11 || sequence % 2 == 0 {
                world.mixer.push(world.now, A, sequence, timestamp, &payload);
            }
        }
        world.tick();
        world.tick();
        if n == 20 {
            world.listen_anew();
        }
    }
    let whole = world.loudness(B);
    assert!((whole + 15.05).abs() < 1.0, "{whole}");
    let quietest = world.parties[&B].heard.chunks(160).map(rms_dbfs).fold(0.0, f64::min);
    assert!(quietest > -25.0, "no hole: {quietest}");
    // a stream that ends fades away
    for _ in 0..20 {
        world.tick();
    }
    world.listen_anew();
    for _ in 0..20 {
        world.tick();
    }
    assert!(world.loudness(B) < -80.0);
}

#[test]
fn packets_of_other_lengths_are_played_without_holes() {
    for per_packet in [80usize, 240, 320] {
        let mut world = World::of(&[(A, AudioCodec::Pcma, 0.0, 0), (B, AudioCodec::Pcma, 0.0, 0)]);
        let tone = sine(800.0, 8000, LOUD, 8000 * 4);
        let mut encoder = AudioEncoder::new(Codec::Pcma).unwrap();
        let mut sent = 0;
        for tick in 0..150 {
            while sent * per_packet < (tick + 1) * 160 {
                let mut payload = Vec::new();
                let at = sent * per_packet;
                encoder.encode(&tone[at..at + per_packet], &mut payload).unwrap();
                world.mixer.push(world.now, A, sent as u16, at as u32, &payload);
                sent += 1;
            }
            world.tick();
            if tick == 50 {
                world.listen_anew();
            }
        }
        let level = world.level(B, 800.0);
        assert!(near(level, -12.0), "{per_packet}: {level}");
    }
}

#[test]
fn garbage_and_unknown_legs_are_ignored() {
    let mut world = World::of(&[(A, AudioCodec::Opus, 0.0, 0), (B, AudioCodec::G722, 0.0, 0)]);
    let unknown = LegId(99);
    for n in 0..100u16 {
        let payload: Vec<u8> = (0..n * 20).map(|byte| (byte.wrapping_mul(n) >> 3) as u8).collect();
        for leg in [A, B, unknown] {
            world.mixer.push(world.now, leg, n.wrapping_mul(7919), u32::from(n) * 77_777, &payload);
        }
        world.mixer.speak(unknown, 1, &[(Clip::EnterPin, Language::Nb)]);
        world.mixer.music(unknown, true);
        world.mixer.hush(unknown);
        world.mixer.hears(unknown, Arc::new([A]));
        world.mixer.close(unknown);
        world.tick();
    }
    assert_eq!((world.parties[&A].frames, world.parties[&B].frames), (100, 100));
    assert!(world.spoken.is_empty());
}

#[test]
fn lost_time_is_made_up_for_within_bounds() {
    let mut world = World::of(&[(A, AudioCodec::Pcmu, 0.0, 0)]);
    world.tick();
    let begin = world.now;
    // nothing is due
    world.mixer.handle_timeout(begin);
    world.mixer.handle_timeout(begin + TICK / 2);
    world.drain();
    assert_eq!(world.parties[&A].frames, 1);
    world.mixer.handle_timeout(begin + 2 * TICK + TICK / 2);
    world.drain();
    assert_eq!(world.parties[&A].frames, 3, "late by one");
    world.mixer.handle_timeout(begin + 100 * TICK + TICK / 4);
    world.drain();
    assert_eq!(world.parties[&A].frames, 6);
    assert_eq!(world.mixer.next_timeout(), Some(begin + 101 * TICK), "on the same grid");

    world.mixer.close(A);
    assert_eq!(world.mixer.next_timeout(), None);
    world.now = begin + 1000 * TICK;
    world.mixer.open(B, AudioCodec::Pcmu);
    world.join(B, AudioCodec::Pcmu, 0.0, 0);
    world.mixer.handle_timeout(world.now);
    world.drain();
    assert_eq!(world.parties[&B].frames, 1, "nobody was there to miss any");
    assert_eq!(world.mixer.next_timeout(), Some(world.now + TICK));
}

#[test]
fn those_who_hear_the_same_share_one_encoder() {
    let mut legs: Vec<_> = (0..30).map(|n| (LegId(n), AudioCodec::Opus, 0.0, 0)).collect();
    legs[0].2 = 440.0;
    legs[0].3 = LOUD;
    legs.push((LegId(40), AudioCodec::G722, 1000.0, LOUD));
    legs.push((LegId(41), AudioCodec::G722, 0.0, 0));
    let mut world = World::of(&legs);
    world.run(Duration::from_millis(400));
    // Opus for those who are silent, for the one who talks; G.722 likewise
    assert_eq!(world.mixer.mouths.len(), 4);
    world.mixer.speak(LegId(5), 1, &[(Clip::EnterPin, Language::Nb)]);
    world.run(Duration::from_millis(400));
    assert_eq!(world.mixer.mouths.len(), 5);
    for leg in legs.iter().map(|leg| leg.0).filter(|leg| *leg != LegId(0)) {
        assert!(world.level(leg, 440.0) > -15.0, "{leg}: {}", world.level(leg, 440.0));
    }
    // when all have been silent for a while, all Opus listeners hear the same nothing
    for party in world.parties.values_mut() {
        party.says.clear();
    }
    world.mixer.hush(LegId(5));
    world.run(Duration::from_secs(3));
    assert_eq!(world.mixer.mouths.len(), 2);
}
