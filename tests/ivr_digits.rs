//! One press counts once, however many ways it arrives by; two presses count twice.

use std::time::{Duration, Instant};

use roomgate::{
    ivr::DigitMerger,
    signalling::{
        Digit,
        DigitPath::{self, InBand, Message, TelephoneEvent, UserInput},
    },
};

/// Feeds (milliseconds, key, way) and returns what counted.
fn merged(reports: &[(u64, char, DigitPath)]) -> String {
    let start = Instant::now();
    let mut merger = DigitMerger::default();
    let counts = |(ms, key, path): &(u64, char, DigitPath)| {
        let digit = Digit::from_char(*key).expect("a key");
        let counted = merger.handle(start + Duration::from_millis(*ms), digit, *path);
        assert!(counted.is_none_or(|counted| counted == digit));
        counted.map(|_| *key)
    };
    reports.iter().filter_map(counts).collect()
}

#[test]
fn two_presses_by_the_same_way_always_count_twice() {
    assert_eq!(merged(&[(0, '1', Message), (1, '1', Message), (2, '1', Message)]), "111");
    assert_eq!(merged(&[(0, '5', TelephoneEvent), (90, '5', TelephoneEvent)]), "55");
}

#[test]
fn the_same_key_by_a_better_way_soon_after_is_the_same_press() {
    assert_eq!(merged(&[(0, '7', InBand), (499, '7', Message)]), "7");
    assert_eq!(merged(&[(0, '7', InBand), (500, '7', Message)]), "77");
    assert_eq!(merged(&[(0, '7', InBand), (100, '7', Message), (200, '7', TelephoneEvent)]), "7");
}

#[test]
fn another_key_by_a_better_way_is_another_press() {
    assert_eq!(merged(&[(0, '7', InBand), (100, '8', Message)]), "78");
}

#[test]
fn lesser_ways_are_ignored_once_a_better_one_was_heard() {
    let much_later = 3_600_000;
    assert_eq!(
        merged(&[(0, '1', TelephoneEvent), (much_later, '2', Message), (much_later, '3', InBand)]),
        "1"
    );
    assert_eq!(
        merged(&[(0, '1', UserInput), (much_later, '2', Message), (much_later, '3', TelephoneEvent)]),
        "13"
    );
}

#[test]
fn quick_repeats_by_two_ways_keep_their_number() {
    // Each press comes as a tone and, a little later, by signalling; then the tones are ignored.
    let reports =
        [(0, '1', InBand), (150, '1', InBand), (300, '1', Message), (420, '1', Message), (450, '1', InBand)];
    assert_eq!(merged(&reports), "11");
    // A third press by signalling is no echo: both tones have had theirs.
    assert_eq!(merged(&[&reports[..], &[(460, '1', Message)]].concat()), "111");
}

#[test]
fn a_late_way_matches_presses_in_their_order() {
    let reports =
        [(0, '1', InBand), (200, '2', InBand), (400, '1', Message), (600, '2', Message), (800, '3', Message)];
    assert_eq!(merged(&reports), "123");
}

#[test]
fn a_flood_of_reports_does_not_grow_anything_nor_lose_what_follows() {
    let mut reports: Vec<_> = (0..10_000).map(|_| (0, '1', InBand)).collect();
    reports.push((600, '2', TelephoneEvent));
    assert_eq!(merged(&reports).len(), 10_001);
}
