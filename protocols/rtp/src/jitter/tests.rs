//! Streams of 20 ms packets in virtual time: each arrives when it is told to, one pop every 20 ms.

use crate::testing::{Dice, epoch};

use super::*;

const MS: Duration = Duration::from_millis(1);

/// Plays `ticks` ticks. `arrivals` are (milliseconds, packet number); packet n has the sequence number `first + n` and
/// 160 units per number.
fn play(first: u16, ticks: u32, arrivals: &[(u32, u32)]) -> (Vec<Playout>, AudioJitter) {
    let start = epoch();
    let mut jitter = AudioJitter::new(8000);
    let mut arrivals = arrivals.to_vec();
    arrivals.sort_by_key(|(at, _)| *at);
    let mut arrivals = arrivals.into_iter().peekable();
    let mut played = Vec::new();
    for tick in 0..ticks {
        while let Some((at, number)) = arrivals.next_if(|(at, _)| *at <= tick * 20) {
            let payload = Bytes::copy_from_slice(&number.to_be_bytes());
            jitter.push(start + MS * at, first.wrapping_add(number as u16), number * 160, payload);
        }
        played.push(jitter.pop(start + MS * tick * 20));
    }
    (played, jitter)
}

fn number(playout: &Playout) -> Option<u32> {
    match playout {
        Playout::Packet { payload, .. } => Some(u32::from_be_bytes(payload[..].try_into().unwrap())),
        _ => None,
    }
}

fn numbers(played: &[Playout]) -> Vec<u32> {
    played.iter().filter_map(number).collect()
}

/// On time, but for what `late` adds.
fn steady(count: u32, late: impl Fn(u32) -> Option<u32>) -> Vec<(u32, u32)> {
    (0..count).filter_map(|number| Some((number * 20 + late(number)?, number))).collect()
}

#[test]
fn an_even_stream_is_held_for_one_packet_and_plays_without_a_gap() {
    let (played, jitter) = play(65_500, 200, &steady(195, |_| Some(5)));
    assert_eq!(numbers(&played), (0..195).collect::<Vec<_>>());
    let begun = played.iter().position(|playout| *playout != Playout::Empty).unwrap();
    assert!(begun <= 3, "{begun}");
    assert!(played[begun..begun + 195].iter().all(|playout| number(playout).is_some()));
    assert_eq!(jitter.delay(), MIN_DELAY);
    assert_eq!(jitter.counts(), Counts { underruns: 1, ..Counts::default() }, "at its end");
}

#[test]
fn disorder_and_duplicates_do_not_reach_the_ear() {
    // Pairs arrive the wrong way round, each twice.
    let mut arrivals = steady(100, |number| Some(if number % 2 == 0 { 35 } else { 0 }));
    arrivals.extend(arrivals.clone());
    let (played, jitter) = play(10, 120, &arrivals);
    let heard = numbers(&played);
    assert!(heard.is_sorted(), "{heard:?}");
    assert!(heard.len() >= 96, "{} of 100: only the first may come too late", heard.len());
    assert!(jitter.counts().duplicate + jitter.counts().late >= 100);
    assert!(jitter.delay() >= 35 * MS && jitter.delay() <= MAX_DELAY, "{:?}", jitter.delay());
}

#[test]
fn a_lost_packet_is_told_once_in_its_place() {
    let (played, jitter) = play(0, 60, &steady(50, |number| (number != 20 && number != 30).then_some(0)));
    let lost: Vec<_> = played.iter().enumerate().filter(|(_, playout)| **playout == Playout::Lost).collect();
    assert_eq!(lost.len(), 2);
    assert_eq!(numbers(&played).len(), 48);
    let at = lost[0].0;
    assert_eq!((number(&played[at - 1]), number(&played[at + 1])), (Some(19), Some(21)));
    assert_eq!(jitter.counts().lost, 2);
}

#[test]
fn the_delay_follows_an_uneven_arrival_and_goes_back() {
    let (_, uneven) = play(0, 150, &steady(140, |number| Some(number * 7 % 50)));
    assert!(uneven.delay() >= 50 * MS && uneven.delay() <= 70 * MS, "{:?}", uneven.delay());
    let (_, wild) = play(0, 150, &steady(140, |number| Some(number * 37 % 300)));
    assert_eq!(wild.delay(), MAX_DELAY);
    // Uneven for two seconds, then even for four.
    let (played, calm) =
        play(0, 310, &steady(300, |number| Some(if number < 100 { number * 7 % 50 } else { 0 })));
    assert_eq!(calm.delay(), MIN_DELAY);
    assert!(numbers(&played).len() >= 290, "{}", numbers(&played).len());
}

#[test]
fn an_uneven_stream_plays_almost_whole() {
    for seed in 1..20 {
        let dice = std::cell::RefCell::new(Dice::new(seed));
        let (played, jitter) = play(0, 520, &steady(500, |_| Some(dice.borrow_mut().below(45) as u32)));
        let heard = numbers(&played);
        assert!(heard.is_sorted());
        assert!(heard.len() >= 485, "seed {seed}: {} of 500, {:?}", heard.len(), jitter.counts());
    }
}

#[test]
fn events_between_sounds_are_no_losses() {
    let start = epoch();
    let mut jitter = AudioJitter::new(8000);
    let mut played = Vec::new();
    // Every second sequence number is an event that is not pushed; sound goes on in step.
    for tick in 0..50u32 {
        jitter.push(start + MS * tick * 20, (tick * 2) as u16, tick * 160, Bytes::from_static(b"x"));
        played.push(jitter.pop(start + MS * tick * 20));
    }
    assert_eq!(jitter.counts().lost, 0);
    assert!(played.iter().filter(|playout| matches!(playout, Playout::Packet { .. })).count() >= 47);
}

#[test]
fn silence_that_was_not_sent_is_empty_and_what_follows_is_held_anew() {
    // Half a second of silence after packet 24: the numbers go on, the timestamps leap.
    let start = epoch();
    let mut jitter = AudioJitter::new(8000);
    let mut played = Vec::new();
    for tick in 0..100u32 {
        let sequence = match tick {
            0..25 => Some(tick),
            50..75 => Some(tick - 25),
            _ => None,
        };
        if let Some(sequence) = sequence {
            jitter.push(start + MS * tick * 20, sequence as u16, tick * 160, Bytes::from_static(b"x"));
        }
        played.push(jitter.pop(start + MS * tick * 20));
    }
    let heard: Vec<_> = played.iter().map(|playout| matches!(playout, Playout::Packet { .. })).collect();
    assert_eq!(heard.iter().filter(|heard| **heard).count(), 50);
    assert_eq!(jitter.counts().lost, 0);
    assert!(heard[30..50].iter().all(|heard| !heard));
    let begun = heard[50..].iter().position(|heard| *heard).unwrap();
    assert!((1..=2).contains(&begun), "{begun}");
}

#[test]
fn a_stray_packet_changes_nothing_and_a_new_series_is_followed() {
    let start = epoch();
    let mut jitter = AudioJitter::new(8000);
    let mut push = |tick: u32, sequence: u16, timestamp: u32| {
        jitter.push(start + MS * tick * 20, sequence, timestamp, Bytes::from_static(b"x"));
        matches!(jitter.pop(start + MS * tick * 20), Playout::Packet { sequence: played, .. } if played.abs_diff(sequence) < 5)
    };
    for tick in 0..20 {
        push(tick, tick as u16, tick * 160);
    }
    assert!(!push(20, 40_000, 77));
    assert!(push(21, 20, 20 * 160), "the old series goes on");
    let heard =
        (0..20).filter(|tick| push(22 + tick, 50_000 + *tick as u16, 1_000_000_000 + tick * 160)).count();
    assert!(heard >= 16, "{heard}");
}

#[test]
fn packets_of_other_lengths_are_learned() {
    for (units, time) in [(80u32, 10u32), (240, 30), (480, 60)] {
        let start = epoch();
        let mut jitter = AudioJitter::new(8000);
        let mut heard = 0;
        for at in 0..60u32 {
            let now = start + MS * at * time;
            jitter.push(now, at as u16, at * units, Bytes::from_static(b"x"));
            heard += u32::from(matches!(jitter.pop(now), Playout::Packet { .. }));
        }
        assert_eq!(jitter.packet_time(), MS * time);
        assert!(heard >= 54, "{time} ms: {heard} of 60");
        assert_eq!(jitter.counts().lost, 0);
    }
}

#[test]
fn too_much_in_store_is_worked_off_and_bounded() {
    // The path stood still: half a second comes at once, then all goes on evenly.
    let (played, jitter) =
        play(0, 1500, &steady(1490, |number| Some(if number < 25 { (25 - number) * 20 } else { 0 })));
    let heard = numbers(&played);
    assert!(heard.is_sorted());
    assert!(jitter.counts().discarded > 0);
    let (tick, last) =
        played.iter().enumerate().rev().find_map(|(tick, playout)| Some((tick, number(playout)?))).unwrap();
    assert!(tick as u32 - last <= 16, "{} ticks behind", tick as u32 - last);
    // Nobody plays it.
    let mut unplayed = AudioJitter::new(8000);
    let start = epoch();
    for at in 0..10_000u32 {
        unplayed.push(start + MS * at * 20, at as u16, at * 160, Bytes::new());
        assert!(unplayed.len() <= MAX_PACKETS);
    }
    assert_eq!(unplayed.len(), MAX_PACKETS);
}

#[test]
fn anything_at_all_may_arrive() {
    let start = epoch();
    let mut dice = Dice::new(5);
    let mut jitter = AudioJitter::new(48_000);
    let mut heard = 0;
    for at in 0..50_000u32 {
        let now = start + MS * at;
        if dice.below(3) > 0 {
            let wild = dice.below(10) == 0;
            let sequence = if wild { dice.next() as u16 } else { at as u16 / 20 + dice.below(8) as u16 };
            let timestamp = if wild { dice.next() as u32 } else { u32::from(sequence) * 960 };
            jitter.push(now, sequence, timestamp, Bytes::new());
        }
        heard += usize::from(jitter.pop(now) != Playout::Empty);
        assert!(jitter.len() <= MAX_PACKETS && jitter.delay() <= MAX_DELAY && jitter.delay() >= MIN_DELAY);
    }
    assert!(heard > 500, "{heard}");
}
