//! Digits at the door: right, wrong, in the dial string, at the reception, by two ways at once, and guessing.

mod common;
mod gateway;

use gateway::{PLAIN, World};
use roomgate::{config::UnknownRoom, signalling::web::PageId};
use roomgate_sip::endpoint::Transport;
use serde_json::json;

#[test]
fn three_wrong_pins_end_an_endpoints_call_with_a_word() {
    let mut world = World::new();
    let phone = world.call(10, "100100");
    world.told(phone.leg);
    world.key(phone.leg, "1111");
    let told = world.told(phone.leg);
    assert!(
        told.ends_with(&[
            "slate Room 100100: That PIN is not right. Try again. (0)".to_owned(),
            "speak WrongPin TryAgain WrongPin TryAgain".to_owned(),
        ]),
        "{told:?}"
    );
    world.key(phone.leg, "2222");
    let told = world.told(phone.leg);
    assert!(
        told.ends_with(&[
            "slate Room 100100: That PIN is not right. Last try. (0)".to_owned(),
            "speak WrongPin LastTry WrongPin LastTry".to_owned(),
        ]),
        "{told:?}"
    );
    world.key(phone.leg, "3333");
    let told = world.told(phone.leg);
    assert!(
        told.ends_with(&[
            "slate Room 100100: That PIN is not right. Goodbye.".to_owned(),
            "speak WrongPin Goodbye WrongPin Goodbye".to_owned(),
        ]),
        "{told:?}"
    );
    world.key(phone.leg, "1234");
    assert!(world.told(phone.leg).is_empty(), "too late");
    assert_eq!(phone.got_bye(&world), None);
    world.spoken(phone.leg);
    assert_eq!(phone.got_bye(&world).as_deref(), Some("pin-refused"));
    assert_eq!((&*world.records[0].reason, world.records[0].role.as_deref()), ("pin-refused", None));

    // A device that never tells that it was heard is not waited for.
    let phone = world.call(10, "100100");
    world.key(phone.leg, "111122223333");
    world.pass(3_999);
    assert_eq!(phone.got_bye(&world), None);
    world.pass(1);
    assert_eq!(phone.got_bye(&world).as_deref(), Some("pin-refused"));
}

#[test]
fn after_a_wrong_pin_a_page_is_told_its_tries_and_has_to_wait() {
    let mut world = World::new();
    assert_eq!(world.join(1, "100100", None), None);
    let field = |tries: Option<u8>, wait: u64| json!({"type": "pin", "room": "Room 100100", "triesLeft": tries, "waitMs": wait, "guestNeedsPin": true});
    assert_eq!(world.page(1), [field(None, 0)]);
    world.say(1, &json!({"type": "pin", "pin": "1111"}));
    assert_eq!(world.page(1), [field(Some(2), 0)]);
    world.say(1, &json!({"type": "pin", "pin": "2222"}));
    assert_eq!(world.page(1), [field(Some(1), 1_000)]);
    world.pass(500);
    world.say(1, &json!({"type": "pin", "pin": "3333"}));
    assert!(world.page(1).is_empty(), "not looked at before the pause is over");
    world.pass(500);
    assert_eq!(world.page(1), [json!({"type": "released", "reason": "pin-refused"})]);
    assert_eq!(world.closed_pages, [PageId(1)]);
    assert_eq!(world.records[0].reason, "pin-refused");

    world.join(2, "100100", Some("9999"));
    assert_eq!(world.page(2), [field(Some(2), 0)], "a PIN that came along counts");
    world.say(2, &json!({"type": "pin", "pin": "12 34"}));
    assert_eq!(world.page(2)[0]["role"], "host");
}

#[test]
fn nobody_at_the_pin_field_or_the_keypad_is_given_up_on() {
    let mut world = World::new();
    world.join(1, "100100", None);
    let phone = world.call(10, "100100");
    world.pass(119_999);
    assert_eq!(world.tally().calls.get("asking"), Some(&2));
    world.pass(1);
    assert_eq!(world.page(1).last().unwrap(), &json!({"type": "released", "reason": "no-input"}));
    assert!(world.told(phone.leg).contains(&"speak NoInput Goodbye NoInput Goodbye".to_owned()));
    world.pass(4_000);
    assert_eq!(phone.got_bye(&world).as_deref(), Some("no-input"));
    assert!(world.tally().calls.is_empty());
}

#[test]
fn a_pin_in_the_dial_string() {
    let mut world = World::new();
    for right in ["100100*1234", "100100**1234", "100100*1234%23"] {
        let phone = world.call(10, right);
        let told = world.told(phone.leg);
        assert!(!told.iter().any(|line| line.contains("speak EnterPin")), "{told:?}");
    }
    assert_eq!(world.tally().calls.get("seated"), Some(&3));
    let phone = world.call(11, "100100*9999");
    let told = world.told(phone.leg);
    assert_eq!(told.last().unwrap(), "speak WrongPin TryAgain WrongPin TryAgain");
    world.key(phone.leg, "88887777");
    world.spoken(phone.leg);
    assert_eq!(phone.got_bye(&world).as_deref(), Some("pin-refused"), "it was the first of three");
    assert_eq!(world.records[0].dialled, "100100");
}

#[test]
fn the_reception_asks_for_the_rooms_number() {
    let mut world = World::new();
    for user in ["lobby", ""] {
        let phone = world.call(10, user);
        let told = world.told(phone.leg);
        assert_eq!(told.last().unwrap(), "speak EnterRoom EnterRoom");
        world.key(phone.leg, "999#");
        assert_eq!(world.picture(phone.leg), "slate Roomgate: There is no room 999 here (0)");
        world.key(phone.leg, "100200#");
        assert_eq!(world.picture(phone.leg), "slate Room 100200: Key the PIN, then # (0)");
        world.key(phone.leg, "1234");
        assert!(world.tally().calls.contains_key("seated"));
    }
    let phone = world.call(10, "lobby");
    world.key(phone.leg, "1#2#3#");
    world.spoken(phone.leg);
    assert_eq!(phone.got_bye(&world).as_deref(), Some("not-found"));
}

#[test]
fn a_pound_right_after_the_answer_is_a_devices_and_one_after_the_reception_a_guests() {
    let mut world = World::new();
    let host = world.call(10, "100200*1234");
    let phone = world.call(11, "100200");
    world.key(phone.leg, "#");
    assert_eq!(world.tally().calls.get("asking"), Some(&1));
    world.pass(2_000);
    world.key(phone.leg, "#");
    assert_eq!(world.tally().calls.get("seated"), Some(&2));
    let phone = world.call(12, "lobby");
    world.key(phone.leg, "100200##");
    assert_eq!(world.tally().calls.get("seated"), Some(&3), "{:?}", world.told(phone.leg));
    assert!(world.picture(host.leg).starts_with("sees "));
}

#[test]
fn an_unknown_room_leads_a_stranger_to_the_reception_twice_an_hour() {
    let mut world = World::new();
    for _ in 0..2 {
        let mut phone = world.call(10, "999999");
        let told = world.told(phone.leg);
        assert_eq!(told.last().unwrap(), "speak NoSuchRoom EnterRoom NoSuchRoom EnterRoom");
        assert!(told.contains(&"slate Roomgate: There is no room 999999 here (0)".to_owned()), "{told:?}");
        phone.bye(&mut world);
    }
    let mut phone = world.phone(10, Transport::Udp);
    assert_eq!(phone.dial(&mut world, "999999", PLAIN), 404);
    world.call(11, "999999").bye(&mut world);
    world.pass(3_600_000);
    world.call(10, "999999").bye(&mut world);
    assert!(world.join(1, "999999", None).is_none());
    assert_eq!(world.page(1), [json!({"type": "released", "reason": "not-found"})]);

    // Whoever has registered may misdial.
    let mut device = world.phone(12, Transport::Tcp);
    assert_eq!(device.register(&mut world, gateway::PASSWORD, ""), 200);
    for n in 0..4 {
        let mut phone = world.phone(12, Transport::Tcp);
        phone.path.connection = device.path.connection;
        assert_eq!(phone.dial(&mut world, "999999", PLAIN), 200, "{n}");
        phone.bye(&mut world);
        assert_eq!(world.records.last().unwrap().account.as_deref(), Some(gateway::ACCOUNT));
    }
}

#[test]
fn unknown_rooms_can_be_rejected() {
    let mut world = World::with(UnknownRoom::Reject);
    let mut phone = world.phone(10, Transport::Udp);
    assert_eq!(phone.dial(&mut world, "999999", PLAIN), 404);
    assert_eq!(world.records[0].reason, "not-found");
    world.call(10, "lobby");
}

#[test]
fn a_key_that_comes_by_two_ways_counts_once() {
    let mut world = World::new();
    let mut phone = world.call(10, "100100");
    phone.info(&mut world, 2, '1');
    world.pass(100);
    world.event(phone.leg, '1');
    assert_eq!(world.picture(phone.leg), "slate Room 100100: Key the PIN, then # (1)");
    world.pass(1_000);
    world.event(phone.leg, '2');
    phone.info(&mut world, 3, '2');
    phone.info(&mut world, 4, '9');
    assert_eq!(
        world.picture(phone.leg),
        "slate Room 100100: Key the PIN, then # (2)",
        "the better way was heard"
    );
    world.event(phone.leg, '3');
    world.event(phone.leg, '4');
    assert!(world.picture(phone.leg).ends_with("You are the first one here"));

    let mut phone = world.call(11, "100200");
    world.pass(2_000);
    for (cseq, key) in (2..).zip("1234#".chars()) {
        phone.info(&mut world, cseq, key);
    }
    assert_eq!(world.tally().calls.get("seated"), Some(&2), "by INFO alone");
}

#[test]
fn keyed_digits_are_in_no_outputs_debug() {
    let mut world = World::new();
    // Neither this PIN nor the wrong ones occur in an address, a port or a time.
    let mut phone = world.call(10, "400400");
    world.key(phone.leg, "7171#");
    world.key(phone.leg, "4321");
    phone.bye(&mut world);
    let mut phone = world.call(10, "400400*7171");
    world.key(phone.leg, "4321");
    phone.bye(&mut world);
    world.join(1, "400400", Some("7171"));
    world.say(1, &json!({"type": "pin", "pin": "4321"}));
    assert!(world.records.iter().all(|record| record.role.as_deref() == Some("host")));
    assert!(world.tally().calls.contains_key("seated"));
    assert!(world.printed.len() > 1_000);
    assert!(!world.printed.contains("7171") && !world.printed.contains("4321"), "{}", world.printed);
}

#[test]
fn a_guessed_rooms_tries_are_answered_one_in_thirty_seconds() {
    let mut world = World::new();
    let friend = world.call(9, "100100*1234");
    for source in 10..17 {
        let mut phone = world.call(source, "100100*1111");
        world.key(phone.leg, "11111111");
        world.spoken(phone.leg);
        assert_eq!(phone.got_bye(&world).as_deref(), Some("pin-refused"));
        phone.request(&mut world, "ACK", 1, "", "", "");
    }
    assert_eq!(world.tally().counters.get("pin-alarms"), Some(&1));
    let seated = |world: &World| world.tally().calls.get("seated").copied();
    world.call(20, "100100*5678");
    assert_eq!(seated(&world), Some(2), "the first in the queue");
    let phone = world.call(21, "100100");
    world.key(phone.leg, "5678");
    let told = world.told(phone.leg);
    let slate = "slate Room 100100: Many wrong tries here. Answer in 28 s.".to_owned();
    assert!(told.contains(&slate) && told.contains(&"speak Queued Queued".to_owned()), "{told:?}");
    world.join(1, "100100", Some("5678"));
    let told = world.page(1);
    assert_eq!((&told[0]["type"], told.len()), (&json!("notice"), 1), "{told:?}");
    world.call(9, "100100*1234");
    assert_eq!(seated(&world), Some(3), "whoever has given a right PIN is not held up");
    world.pass(27_999);
    assert_eq!(seated(&world), Some(3));
    world.pass(1);
    assert_eq!(seated(&world), Some(4));
    world.pass(30_000);
    assert_eq!(seated(&world), Some(5), "{:?}", world.page(1));
    assert!(world.picture(friend.leg).starts_with("sees "));
}
