//! Waiting and being let in, being turned away, and what concerns all calls: budgets, the end of the process,
//! registrations.

mod common;
mod gateway;

use gateway::{ACCOUNT, PASSWORD, PLAIN, SDES, UNIX_MS, World, status};
use roomgate::gateway::Input;
use roomgate_sip::endpoint::Transport;
use serde_json::json;

#[test]
fn guests_wait_with_music_and_come_in_with_the_host() {
    let mut world = World::new();
    let phone = world.call(10, "100100*5678");
    let told = world.told(phone.leg);
    assert!(told.contains(&"slate Room 100100: Waiting for the host".to_owned()), "{told:?}");
    assert!(told.contains(&"speak WaitingForHost WaitingForHost".to_owned()), "{told:?}");
    assert!(told.contains(&"music on".to_owned()), "{told:?}");
    let page = world.join(1, "100100", Some("5678")).unwrap();
    assert_eq!(world.page(1), [json!({"type": "waiting", "room": "Room 100100"})]);
    assert!(!world.told(page).iter().any(|line| line.starts_with("sees")), "those who wait see nobody");
    assert_eq!(world.tally().calls.get("waiting"), Some(&2));

    let host = world.call(11, "100100*1234");
    let told = world.told(phone.leg);
    assert!(
        told.contains(&"music off".to_owned()) && told.contains(&"speak LetIn LetIn".to_owned()),
        "{told:?}"
    );
    assert_eq!(told.last().unwrap(), "sees Phone 2, Page 1 hears 2");
    assert_eq!(world.page(1).last().unwrap()["tiles"].as_array().unwrap().len(), 2);
    assert_eq!(world.picture(host.leg), "sees Phone 1, Page 1 hears 2");
}

#[test]
fn no_host_in_a_quarter_of_an_hour_ends_the_wait() {
    let mut world = World::new();
    let phone = world.call(10, "100100*5678");
    world.join(1, "100100", Some("5678"));
    world.pass(15 * 60 * 1_000 - 1);
    assert_eq!(world.tally().calls.get("waiting"), Some(&2));
    world.pass(1);
    assert!(world.told(phone.leg).contains(&"speak NoHost Goodbye NoHost Goodbye".to_owned()));
    assert_eq!(world.page(1).last().unwrap(), &json!({"type": "released", "reason": "no-host"}));
    world.spoken(phone.leg);
    assert_eq!(phone.got_bye(&world).as_deref(), Some("no-host"));
    assert_eq!(world.tally().rooms, 0);
}

#[test]
fn the_room_closes_a_minute_after_its_last_host() {
    let mut world = World::new();
    let mut host = world.call(10, "100100*1234");
    let guest = world.call(11, "100100*5678");
    world.join(1, "100100", Some("5678"));
    world.page(1);
    host.bye(&mut world);
    assert!(world.told(guest.leg).contains(&"speak HostLeft HostLeft".to_owned()));
    let page = world.page(1);
    assert!(page.iter().any(|m| m["en"] == "The host has left. The room closes in 60 seconds."), "{page:?}");
    world.pass(60_000);
    assert!(world.told(guest.leg).contains(&"speak RoomClosed Goodbye RoomClosed Goodbye".to_owned()));
    assert_eq!(world.page(1).last().unwrap(), &json!({"type": "released", "reason": "room-closed"}));
    world.pass(4_000);
    assert_eq!(guest.got_bye(&world).as_deref(), Some("room-closed"));
}

#[test]
fn a_host_lets_the_next_one_in_by_star_three() {
    let mut world = World::new();
    let mut host = world.phone(10, Transport::Tls);
    host.dial(&mut world, "200200*123456", SDES);
    world.join(1, "200200", Some("123456"));
    world.page(1);
    // Host and one more are in: the room has locked itself.
    let mut guest = world.phone(11, Transport::Tls);
    guest.dial(&mut world, "200200*654321", SDES);
    let told = world.told(guest.leg);
    assert!(told.contains(&"slate Room 200200: The host will let you in soon".to_owned()), "{told:?}");
    let page = world.page(1);
    assert!(page.iter().any(|m| m["type"] == "notice" && m["en"] == "Phone 2 is knocking."), "{page:?}");
    world.join(2, "200200", Some("654321"));

    world.key(host.leg, "3");
    world.key(host.leg, "*");
    world.pass(5_000);
    world.key(host.leg, "3");
    world.key(guest.leg, "*3");
    assert_eq!(
        world.tally().calls.get("waiting"),
        Some(&2),
        "neither a lone key, nor too late, nor by a guest"
    );
    world.key(host.leg, "*3");
    assert!(world.told(guest.leg).contains(&"speak LetIn LetIn".to_owned()));
    assert_eq!(world.tally().calls.get("waiting"), Some(&1));
    world.key(host.leg, "*3");
    assert_eq!(world.page(2).last().unwrap()["role"], "guest");
    assert_eq!(world.tally().calls.get("seated"), Some(&4));
}

#[test]
fn a_full_room_says_so() {
    let mut world = World::new();
    for page in 1..=5 {
        world.join(page, "300300", Some("111222"));
    }
    let mut phone = world.phone(10, Transport::Tls);
    phone.dial(&mut world, "300300*111222", SDES);
    assert!(world.told(phone.leg).contains(&"speak RoomFull Goodbye RoomFull Goodbye".to_owned()));
    world.join(6, "300300", Some("111222"));
    assert_eq!(world.page(6), [json!({"type": "released", "reason": "full"})]);
    world.spoken(phone.leg);
    assert_eq!(phone.got_bye(&world).as_deref(), Some("full"));
    assert_eq!(world.tally().calls.get("seated"), Some(&5));
}

#[test]
fn a_source_has_four_calls_at_the_door() {
    let mut world = World::new();
    let first = world.call(10, "100100");
    for _ in 0..3 {
        world.call(10, "100100");
    }
    let mut fifth = world.phone(10, Transport::Udp);
    assert_eq!(fifth.dial(&mut world, "100100", PLAIN), 486);
    world.call(11, "100100");
    world.key(first.leg, "1234");
    world.call(10, "100100");
    assert_eq!(world.tally().calls.get("asking"), Some(&5), "who is seated makes place at the door");
    assert_eq!(world.tally().counters.get("arrivals-refused"), Some(&1));
    assert_eq!(world.records[0].reason, "full");
}

#[test]
fn everybody_is_told_when_the_gateway_stops() {
    let mut world = World::new();
    let seated = world.call(10, "100300");
    let asked = world.call(11, "100100");
    world.join(1, "100300", None);
    world.join(2, "100100", None);
    world.instant_ports = false;
    let mut opening = world.phone(12, Transport::Udp);
    assert_eq!(opening.invite(&mut world, "100300", PLAIN), 0);
    world.input(Input::Drain);
    let opening_refused =
        world.sent.iter().any(|(to, text)| *to == opening.path.remote && status(text) == 503);
    assert!(opening_refused);
    for page in [1, 2] {
        let last = world.page(page).last().cloned();
        assert_eq!(last, Some(json!({"type": "released", "reason": "shutting-down"})));
    }
    for leg in [seated.leg, asked.leg] {
        let told = world.told(leg);
        assert!(told.contains(&"speak Stopping Stopping".to_owned()), "{told:?}");
    }
    let mut late = world.phone(13, Transport::Udp);
    assert_eq!(late.dial(&mut world, "100300", PLAIN), 503);
    world.join(3, "100300", None);
    assert_eq!(world.page(3), [json!({"type": "released", "reason": "shutting-down"})]);
    world.spoken(seated.leg);
    assert_eq!(seated.got_bye(&world).as_deref(), Some("shutting-down"));
    assert!(!world.drained);
    world.pass(4_000);
    assert_eq!(asked.got_bye(&world).as_deref(), Some("shutting-down"));
    assert!(world.drained);
    assert_eq!(world.records.len(), 7);
}

#[test]
fn bindings_are_written_behind_and_outlive_the_process() {
    let mut world = World::new();
    let mut device = world.phone(10, Transport::Udp);
    assert_eq!(device.register(&mut world, "wrong", ""), 401);
    assert!(world.bindings.is_empty());
    assert_eq!(device.register(&mut world, PASSWORD, "Expires: 600\r\n"), 200);
    let (account, bindings) = world.bindings.pop().unwrap();
    assert_eq!((&*account, bindings.len()), (ACCOUNT, 1));
    assert_eq!(bindings[0].contact, format!("<sip:{ACCOUNT}@192.0.2.10:5060>"));
    assert_eq!((bindings[0].expires, &*bindings[0].transport), (UNIX_MS + 600_000, "udp"));
    assert_eq!(world.tally().bindings, 1);

    world.restart();
    assert_eq!(world.tally().bindings, 0);
    world.pass(100_000);
    let mut stranger = bindings[0].clone();
    stranger.account = "somebody-else".to_owned();
    world.input(Input::Bindings(vec![bindings[0].clone(), stranger]));
    assert_eq!(world.tally().bindings, 1);
    world.pass(499_999);
    assert_eq!(world.tally().bindings, 1);
    world.pass(2);
    assert_eq!(world.tally().bindings, 0, "it expires when it would have");
    assert_eq!(world.bindings.pop(), Some((ACCOUNT.to_owned(), Vec::new())));
}
