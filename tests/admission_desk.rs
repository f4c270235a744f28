//! Who comes in as what, who tries again, and how guessing ends, in virtual time.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use roomgate::{
    admission::{Desk, DoorPins, Refusal, Role, Verdict},
    ids::{LegId, RoomId},
    signalling::{Caller, Digits},
};

const HOST: Verdict = Verdict::Seat { role: Role::Host };
const GUEST: Verdict = Verdict::Seat { role: Role::Guest };

struct Door {
    start: Instant,
    desk: Desk,
    legs: u64,
}

impl Door {
    fn new() -> Self {
        Self { start: Instant::now(), desk: Desk::default(), legs: 0 }
    }

    fn leg(&mut self) -> LegId {
        self.legs += 1;
        LegId(self.legs)
    }

    fn check(&mut self, s: u64, leg: LegId, caller: &Caller, pins: &DoorPins, digits: &str) -> Verdict {
        let now = self.start + Duration::from_secs(s);
        self.desk.check(now, leg, caller, pins, &Digits(digits.into()))
    }

    /// One try by a call of its own.
    fn try_once(&mut self, s: u64, caller: &Caller, pins: &DoorPins, digits: &str) -> Verdict {
        let leg = self.leg();
        let verdict = self.check(s, leg, caller, pins, digits);
        self.desk.forget(leg);
        verdict
    }
}

fn from(last: u8) -> Caller {
    caller(Ipv4Addr::new(192, 0, 2, last).into(), None)
}

fn caller(source: IpAddr, account: Option<&str>) -> Caller {
    Caller {
        address: "sip:a@example.org".into(),
        account: account.map(str::to_owned),
        trace: "trace".into(),
        ..Caller::unknown(source)
    }
}

fn pins(room: u64, host: &str, guest: &str) -> DoorPins {
    let digits = |text: &str| Some(Digits(text.into())).filter(|d| !d.0.is_empty());
    DoorPins { room: RoomId(room), host: digits(host), guest: digits(guest) }
}

fn is_wrong(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Retry { .. } | Verdict::Refuse(Refusal::TriesUsed))
}

#[test]
fn the_role_is_what_the_pin_says() {
    let (mut door, room) = (Door::new(), pins(1, "1234", "5678"));
    assert_eq!(door.try_once(0, &from(1), &room, "1234"), HOST);
    assert_eq!(door.try_once(0, &from(1), &room, "5678"), GUEST);
    for near in ["123", "12345", "1235", "12345678", "01234"] {
        assert!(is_wrong(door.try_once(0, &from(1), &room, near)), "{near}");
    }
}

#[test]
fn three_tries_a_call_each_after_a_longer_pause() {
    let (mut door, room) = (Door::new(), pins(1, "1234", "5678"));
    let leg = door.leg();
    let retry = |tries_left, wait| Verdict::Retry { tries_left, wait: Duration::from_secs(wait) };
    assert_eq!(door.check(0, leg, &from(1), &room, "1111"), retry(2, 0));
    assert_eq!(door.check(5, leg, &from(1), &room, "2222"), retry(1, 1));
    assert_eq!(door.check(9, leg, &from(1), &room, "3333"), Verdict::Refuse(Refusal::TriesUsed));
    let another = door.leg();
    assert_eq!(door.check(9, another, &from(1), &room, "1111"), retry(2, 0), "each call has its own");
}

#[test]
fn an_empty_field_is_no_try() {
    let (mut door, room) = (Door::new(), pins(1, "1234", "5678"));
    let leg = door.leg();
    for _ in 0..50 {
        let verdict = door.check(0, leg, &from(1), &room, "");
        assert_eq!(verdict, Verdict::Retry { tries_left: 3, wait: Duration::ZERO });
    }
    assert_eq!(door.check(0, leg, &from(1), &room, "1234"), HOST);
}

#[test]
fn rooms_without_pins() {
    let mut door = Door::new();
    let open = pins(1, "", "");
    assert!(!open.asks());
    assert_eq!(door.try_once(0, &from(1), &open, ""), HOST);
    let host_only = pins(2, "1234", "");
    assert!(host_only.asks() && host_only.guests_press_hash());
    assert_eq!(door.try_once(0, &from(1), &host_only, ""), GUEST);
    assert_eq!(door.try_once(0, &from(1), &host_only, "1234"), HOST);
    assert!(is_wrong(door.try_once(0, &from(1), &host_only, "9999")));
}

#[test]
fn digits_submit_themselves_only_where_all_pins_have_one_length() {
    assert_eq!(pins(1, "1234", "5678").one_length(), Some(4));
    assert_eq!(pins(1, "1234", "567890").one_length(), None);
    assert_eq!(pins(1, "123456", "").one_length(), Some(6));
    assert_eq!(pins(1, "", "").one_length(), None);
}

#[test]
fn overlong_digits_are_wrong_and_not_a_panic() {
    let (mut door, room) = (Door::new(), pins(1, &"1".repeat(32), "5678"));
    assert!(is_wrong(door.try_once(0, &from(1), &room, &"1".repeat(33))));
    assert!(is_wrong(door.try_once(0, &from(1), &room, &"1".repeat(100_000))));
    assert_eq!(door.try_once(0, &from(1), &room, &"1".repeat(32)), HOST);
}

#[test]
fn an_account_has_ten_wrong_tries_in_ten_minutes_wherever_it_calls() {
    let mut door = Door::new();
    let device = |last: u8| caller(Ipv4Addr::new(198, 51, 100, last).into(), Some("room12"));
    for n in 0..10_u8 {
        assert!(is_wrong(door.try_once(0, &device(n), &pins(u64::from(n % 3), "1234", "5678"), "0000")));
    }
    let room = pins(7, "1234", "5678");
    assert_eq!(door.try_once(599, &device(77), &room, "1234"), Verdict::Refuse(Refusal::TooMany));
    assert_eq!(door.try_once(599, &caller(device(1).source, Some("other")), &room, "1234"), HOST);
    assert_eq!(door.try_once(600, &device(77), &room, "1234"), HOST, "ten minutes later");
}

#[test]
fn a_source_has_ten_wrong_tries_in_one_room_and_stays_well_in_others() {
    let (mut door, room) = (Door::new(), pins(1, "1234", "5678"));
    for _ in 0..10 {
        assert!(is_wrong(door.try_once(0, &from(1), &room, "0000")));
    }
    assert_eq!(door.try_once(1, &from(1), &room, "1234"), Verdict::Refuse(Refusal::TooMany));
    assert_eq!(door.try_once(1, &from(2), &room, "1234"), HOST, "another source is not locked out");
    assert_eq!(door.try_once(1, &from(1), &pins(2, "1234", "5678"), "1234"), HOST, "nor another room");
    let registered = caller(from(1).source, Some("room12"));
    assert_eq!(door.try_once(1, &registered, &room, "1234"), HOST, "nor an account behind the same address");
}

#[test]
fn a_source_is_wrong_in_ten_rooms_at_most() {
    let mut door = Door::new();
    for room in 0..10 {
        assert!(is_wrong(door.try_once(0, &from(1), &pins(room, "1234", "5678"), "0000")));
    }
    let eleventh = pins(10, "1234", "5678");
    assert_eq!(door.try_once(1, &from(1), &eleventh, "1234"), Verdict::Refuse(Refusal::TooMany));
    assert_eq!(door.try_once(1, &from(1), &pins(3, "1234", "5678"), "1234"), HOST);
}

#[test]
fn a_right_pin_forgives_its_own_source_in_that_room_only() {
    let (mut door, room, other) = (Door::new(), pins(1, "1234", "5678"), pins(2, "1234", "5678"));
    for _ in 0..9 {
        door.try_once(0, &from(1), &room, "0000");
        door.try_once(0, &from(1), &other, "0000");
        door.try_once(0, &from(2), &other, "0000");
    }
    assert_eq!(door.try_once(1, &from(1), &room, "5678"), GUEST);
    for _ in 0..9 {
        assert!(is_wrong(door.try_once(2, &from(1), &room, "0000")));
    }
    assert!(is_wrong(door.try_once(2, &from(2), &room, "0000")), "not forgiven elsewhere, not refused here");
    let unknown = door.try_once(3, &from(1), &other, "0000");
    assert!(is_wrong(unknown), "the tenth");
    assert_eq!(door.try_once(3, &from(1), &other, "1234"), Verdict::Refuse(Refusal::TooMany));
}

#[test]
fn a_v6_source_is_its_network() {
    let (mut door, room) = (Door::new(), pins(1, "1234", "5678"));
    let host = |n: u16| caller(IpAddr::from([0x2001, 0xdb8, 1, 2, 0, 0, 0, n]), None);
    for n in 0..10 {
        assert!(is_wrong(door.try_once(0, &host(n), &room, "0000")));
    }
    assert_eq!(door.try_once(0, &host(99), &room, "1234"), Verdict::Refuse(Refusal::TooMany));
    let mapped = caller(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped().into(), None);
    for _ in 0..10 {
        door.try_once(0, &from(1), &pins(2, "1234", "5678"), "0000");
    }
    let verdict = door.try_once(0, &mapped, &pins(2, "1234", "5678"), "1234");
    assert_eq!(verdict, Verdict::Refuse(Refusal::TooMany), "an IPv4 address is itself in both notations");
}

/// Twenty-one wrong tries in one room, from as many sources.
fn guessed(door: &mut Door, room: &DoorPins) {
    for n in 0..20 {
        assert!(is_wrong(door.try_once(0, &from(100 + n), room, "0000")));
        assert_eq!(door.desk.poll_alarm(), None);
    }
    assert!(is_wrong(door.try_once(0, &from(120), room, "0000")));
}

#[test]
fn a_room_that_is_guessed_answers_strangers_one_at_a_time_and_friends_at_once() {
    let (mut door, room) = (Door::new(), pins(1, "1234", "5678"));
    let friend = from(1);
    assert_eq!(door.try_once(0, &friend, &room, "5678"), GUEST);
    guessed(&mut door, &room);
    let alarm = door.desk.poll_alarm().expect("an alarm");
    assert_eq!((alarm.room, alarm.wrong), (room.room, 21));
    assert_eq!(door.desk.poll_alarm(), None, "told once");

    let (a, b, c) = (door.leg(), door.leg(), door.leg());
    let at = |door: &Door, s| Verdict::Later { at: door.start + Duration::from_secs(s) };
    assert_eq!(door.check(10, a, &from(2), &room, "5678"), GUEST, "the first is answered at once");
    assert_eq!(door.check(11, b, &from(3), &room, "5678"), at(&door, 40));
    assert_eq!(door.check(12, c, &from(4), &room, "0000"), at(&door, 70));
    assert_eq!(door.check(13, b, &from(3), &room, "5678"), at(&door, 40), "asking again changes nothing");
    assert_eq!(door.try_once(14, &friend, &room, "5678"), GUEST);
    assert_eq!(door.try_once(14, &from(2), &room, "5678"), GUEST, "is known now");
    assert_eq!(door.check(40, c, &from(4), &room, "0000"), at(&door, 70), "not before the one ahead");
    assert_eq!(door.check(40, b, &from(3), &room, "5678"), GUEST);
    assert!(is_wrong(door.check(70, c, &from(4), &room, "0000")));
}

#[test]
fn who_hangs_up_makes_place_in_the_queue() {
    let (mut door, room) = (Door::new(), pins(1, "1234", "5678"));
    guessed(&mut door, &room);
    let (a, b, c) = (door.leg(), door.leg(), door.leg());
    assert!(is_wrong(door.check(0, a, &from(1), &room, "0000")));
    for (leg, last) in [(b, 2), (c, 3)] {
        assert!(matches!(door.check(1, leg, &from(last), &room, "5678"), Verdict::Later { .. }));
    }
    door.desk.forget(b);
    assert_eq!(door.check(30, c, &from(3), &room, "5678"), GUEST);
}

#[test]
fn the_queue_ends_when_the_guessing_is_ten_minutes_old() {
    let (mut door, room) = (Door::new(), pins(1, "1234", "5678"));
    guessed(&mut door, &room);
    door.try_once(0, &from(1), &room, "0000");
    assert!(matches!(door.try_once(599, &from(2), &room, "0000"), Verdict::Retry { .. }));
    assert!(matches!(door.try_once(599, &from(3), &room, "5678"), Verdict::Later { .. }));
    assert_eq!(door.try_once(601, &from(3), &room, "5678"), GUEST);
    guessed_again(&mut door, &room);
}

fn guessed_again(door: &mut Door, room: &DoorPins) {
    while door.desk.poll_alarm().is_some() {}
    for n in 0..21 {
        door.try_once(1_300, &from(30 + n), room, "0000");
    }
    assert!(door.desk.poll_alarm().is_some(), "a new wave is a new alarm");
}

#[test]
fn trust_lasts_thirty_days() {
    let day = 24 * 3600;
    for (days, friend) in [(29, true), (31, false)] {
        let (mut door, room) = (Door::new(), pins(1, "1234", "5678"));
        assert_eq!(door.try_once(0, &from(1), &room, "5678"), GUEST);
        for n in 0..21 {
            door.try_once(days * day, &from(100 + n), &room, "0000");
        }
        door.try_once(days * day, &from(2), &room, "0000");
        let verdict = door.try_once(days * day, &from(1), &room, "5678");
        assert_eq!(verdict == GUEST, friend, "after {days} days: {verdict:?}");
    }
}

#[test]
fn pins_are_in_no_debug_output() {
    let (mut door, room) = (Door::new(), pins(1, "864297", "975318"));
    let leg = door.leg();
    door.check(0, leg, &from(1), &room, "753197");
    let text = format!("{:?} {room:?}", door.desk);
    assert!(!["864297", "975318", "753197"].iter().any(|pin| text.contains(pin)));
}

#[test]
fn a_flood_of_sources_and_rooms_is_survived_and_the_newest_are_remembered() {
    let mut door = Door::new();
    for n in 0..30_000_u32 {
        let source = caller(IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + n)), None);
        door.try_once(u64::from(n) / 1_000, &source, &pins(u64::from(n), "1234", "5678"), "0000");
    }
    let room = pins(99_999, "1234", "5678");
    for _ in 0..10 {
        door.try_once(31, &from(1), &room, "0000");
    }
    assert_eq!(door.try_once(31, &from(1), &room, "1234"), Verdict::Refuse(Refusal::TooMany));
}
