//! From the dial string to the seat and away again: what endpoints and pages see, and what is written down.

mod common;
mod gateway;

use gateway::{PLAIN, SDES, UNIX_MS, World};
use roomgate::{gateway::Input, ids::TrackKind, plane::PlaneEvent, signalling::web::PageId};
use roomgate_sip::endpoint::Transport;
use serde_json::json;

#[test]
fn an_endpoint_keys_its_pin_and_sits_beside_a_page() {
    let mut world = World::new();
    let mut phone = world.call(10, "100100");
    assert_eq!(
        world.told(phone.leg),
        [
            "open",
            "slate Room 100100: Key the PIN, then # (0)",
            // Not before its ACK: nothing is sent to who has confirmed nothing.
            "configure Clear",
            "slate Room 100100: Key the PIN, then # (0)",
            "speak EnterPin EnterPin",
        ]
    );
    world.key(phone.leg, "123");
    assert_eq!(world.picture(phone.leg), "slate Room 100100: Key the PIN, then # (3)");
    world.key(phone.leg, "4");
    assert_eq!(world.picture(phone.leg), "slate Room 100100: You are the first one here");
    assert_eq!(world.tally().calls.get("seated"), Some(&1));

    let leg = world.join(1, "100100", Some("5678")).expect("a media port");
    assert_eq!(world.told(leg), ["open offer-1", "sees Phone 1 hears 1"]);
    assert_eq!(world.picture(phone.leg), "sees Page 1 hears 1");
    world.describe(leg);
    let page = world.page(1);
    assert_eq!(page[0]["type"], "seated");
    assert_eq!((&page[0]["role"], &page[0]["room"]), (&json!("guest"), &json!("Room 100100")));
    assert_eq!(page[0]["tiles"][0]["name"], "Phone 1");
    assert_eq!(page[0]["tiles"][0]["slot"], json!(null), "no picture has come");
    assert_eq!(page[1], json!({"type": "answer", "sdp": "answer"}));

    world.started(phone.leg, TrackKind::Video);
    let tile = &world.page(1)[0]["tiles"][0];
    assert_eq!(
        (&tile["slot"], &tile["kind"], &tile["role"]),
        (&json!(0), &json!("endpoint"), &json!("host"))
    );

    world.pass(5_000);
    world.input(Input::PageClosed { page: PageId(1) });
    assert_eq!(world.told(leg), ["sees Phone 1 hears 1", "close"]);
    assert_eq!(world.picture(phone.leg), "slate Room 100100: Page 1 has left. You are alone here now.");
    phone.bye(&mut world);
    assert_eq!(world.told(phone.leg), ["close"]);

    let [page, endpoint] = &world.records[..] else { panic!("{:?}", world.records) };
    assert_eq!((&*page.kind, page.role.as_deref(), &*page.reason), ("browser", Some("guest"), "hung-up"));
    assert_eq!((&*endpoint.kind, endpoint.role.as_deref()), ("endpoint", Some("host")));
    assert_eq!((&*endpoint.dialled, endpoint.room.as_deref()), ("100100", Some("100100")));
    assert_eq!(
        (endpoint.started, endpoint.answered, endpoint.seated, endpoint.ended),
        (UNIX_MS, Some(UNIX_MS), Some(UNIX_MS + 2_000), UNIX_MS + 7_000)
    );
    assert_eq!(endpoint.trace, "call-1");
    assert_eq!((world.tally().rooms, world.tally().calls.len()), (0, 0));
}

#[test]
fn a_page_is_told_when_an_endpoint_leaves() {
    let mut world = World::new();
    let mut phone = world.call(10, "100100*1234");
    world.join(1, "100100", Some("1234"));
    world.page(1);
    phone.bye(&mut world);
    let page = world.page(1);
    assert!(page.iter().any(|m| m["type"] == "notice" && m["en"] == "Phone 1 has left."), "{page:?}");
    assert!(page.iter().any(|m| m["type"] == "seated" && m["tiles"] == json!([])), "{page:?}");
}

#[test]
fn a_page_without_a_camera_sees_whom_it_finds() {
    let mut world = World::new();
    let phone = world.call(10, "100300");
    world.started(phone.leg, TrackKind::Video);
    world.join(1, "100300", None);
    let page = world.page(1);
    let last = page.iter().rfind(|m| m["type"] == "seated").unwrap();
    assert_eq!(last["tiles"][0]["slot"], json!(0), "{page:?}");
}

#[test]
fn two_pages_see_each_other_and_their_switches() {
    let mut world = World::new();
    let first = world.join(1, "100300", None).unwrap();
    let second = world.join(2, "100300", None).unwrap();
    assert_eq!(world.picture(first), "sees Page 2 hears 1");
    assert_eq!(world.picture(second), "sees Page 1 hears 1");
    world.started(first, TrackKind::Video);
    world.started(second, TrackKind::Video);
    let slot = |world: &mut World, page| world.page(page).last().unwrap()["tiles"][0].clone();
    assert_eq!(slot(&mut world, 1)["slot"], json!(0));
    assert_eq!(slot(&mut world, 2)["slot"], json!(0));
    world.say(1, &json!({"type": "mute", "kind": "video", "muted": true}));
    assert_eq!(slot(&mut world, 2)["slot"], json!(null));
    world.say(1, &json!({"type": "mute", "kind": "audio", "muted": true}));
    assert_eq!(slot(&mut world, 2)["muted"], json!(true));
    world.say(1, &json!({"type": "mute", "kind": "video", "muted": false}));
    assert_eq!(slot(&mut world, 2)["slot"], json!(0));
    world.say(1, &json!({"type": "leave"}));
    assert_eq!(world.closed_pages, [PageId(1)]);
    assert_eq!(slot(&mut world, 2), json!(null));
    assert_eq!(world.records[0].reason, "hung-up");
}

#[test]
fn a_leg_whose_media_is_lost_leaves_at_once() {
    let mut world = World::new();
    let phone = world.call(10, "100300");
    let page = world.join(1, "100300", None).unwrap();
    world.input(Input::Plane(PlaneEvent::Lost { leg: phone.leg }));
    assert_eq!(phone.got_bye(&world).as_deref(), Some("lost"));
    world.page(1);
    world.input(Input::Plane(PlaneEvent::Lost { leg: page }));
    assert_eq!(world.page(1), [json!({"type": "released", "reason": "lost"})]);
    let reasons: Vec<_> = world.records.iter().map(|record| &*record.reason).collect();
    assert_eq!(reasons, ["lost", "lost"]);
}

#[test]
fn cancelled_while_its_ports_are_opened() {
    let mut world = World::new();
    world.instant_ports = false;
    let mut phone = world.phone(10, Transport::Udp);
    assert_eq!(phone.invite(&mut world, "100100", PLAIN), 0);
    let leg = world.wanted_ports[0];
    phone.request(&mut world, "CANCEL", 1, "", "", "");
    assert_eq!(world.records[0].reason, "cancelled");
    world.told(leg);
    world.open_ports(leg);
    assert_eq!(world.told(leg), ["close"], "nobody needs them any more");
}

#[test]
fn no_ports_and_no_common_codec_end_the_call() {
    let mut world = World::new();
    world.instant_ports = false;
    let mut phone = world.phone(10, Transport::Udp);
    phone.invite(&mut world, "100100", PLAIN);
    let leg = world.wanted_ports[0];
    world.input(Input::Ports { leg, result: Err("none left".to_owned()) });
    assert!(world.sent.last().unwrap().1.starts_with("SIP/2.0 500 "));
    world.instant_ports = true;
    let mut phone = world.phone(11, Transport::Udp);
    let g729 = "v=0\r\no=- 1 1 IN IP4 192.0.2.11\r\ns=-\r\nc=IN IP4 192.0.2.11\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n";
    assert_eq!(phone.dial(&mut world, "100100", g729), 488);
    assert_eq!(world.told(phone.leg).last().unwrap(), "close");
    let seen: Vec<_> = world.records.iter().map(|r| (&*r.reason, r.answered)).collect();
    assert_eq!(seen, [("fault", None), ("incompatible", None)]);
}

#[test]
fn a_sensitive_room_refuses_plain_legs_before_it_asks() {
    let mut world = World::new();
    let phone = world.call(10, "200200*123456");
    let told = world.told(phone.leg);
    assert!(told.contains(&"speak EncryptionRequired EncryptionRequired".to_owned()), "{told:?}");
    assert!(!told.iter().any(|line| line.contains("PIN") || line.contains("EnterPin")), "{told:?}");
    assert_eq!(phone.got_bye(&world), None, "first it is told");
    world.spoken(phone.leg);
    assert_eq!(phone.got_bye(&world).as_deref(), Some("encryption-required"));
    // Keys that everybody on the way could read are none.
    let mut exposed = world.phone(11, Transport::Udp);
    exposed.dial(&mut world, "200200", SDES);
    world.pass(3_999);
    assert_eq!(exposed.got_bye(&world), None);
    world.pass(1);
    assert_eq!(exposed.got_bye(&world).as_deref(), Some("encryption-required"));
    assert!(world.records.iter().all(|record| record.reason == "encryption-required"));
}

#[test]
fn a_sensitive_room_takes_encrypted_legs_and_refuses_their_downgrade() {
    let mut world = World::new();
    let mut phone = world.phone(10, Transport::Tls);
    assert_eq!(phone.dial(&mut world, "200200", SDES), 200);
    world.key(phone.leg, "123456");
    assert_eq!(world.picture(phone.leg), "slate Room 200200: You are the first one here");
    assert_eq!(phone.reinvite(&mut world, 2, SDES), 200);
    assert_eq!(phone.got_bye(&world), None);
    let plain: String =
        SDES.lines().filter(|l| !l.starts_with("a=crypto")).map(|l| format!("{l}\r\n")).collect();
    phone.reinvite(&mut world, 3, &plain);
    let told = world.told(phone.leg);
    assert!(told.contains(&"speak EncryptionRequired EncryptionRequired".to_owned()), "{told:?}");
    assert_eq!(world.tally().rooms, 0, "nobody is heard in it any more");
    world.spoken(phone.leg);
    assert_eq!(phone.got_bye(&world).as_deref(), Some("encryption-required"));
    assert_eq!(world.records[0].role.as_deref(), Some("host"));
}

#[test]
fn a_removed_room_puts_everybody_out_with_a_word() {
    let mut world = World::new();
    let phone = world.call(10, "100300");
    world.join(1, "100300", None);
    let asked = world.call(11, "100100");
    world.page(1);
    world.told(phone.leg);
    world.remove_room("100300");
    assert!(world.page(1).contains(&json!({"type": "released", "reason": "room-closed"})));
    let told = world.told(phone.leg);
    assert!(told.contains(&"slate Room 100300: The room is closed. Goodbye.".to_owned()), "{told:?}");
    world.spoken(phone.leg);
    assert_eq!(phone.got_bye(&world).as_deref(), Some("room-closed"));
    assert!(
        world.records.iter().all(|record| record.room.as_deref() == Some("100300")),
        "{:?}",
        world.records
    );
    // One who is asked for the PIN of a room that is no more does not become its host.
    world.remove_room("100100");
    world.told(asked.leg);
    world.key(asked.leg, "1234");
    assert_eq!(world.tally().rooms, 0);
    world.pass(4_000);
    assert_eq!(asked.got_bye(&world).as_deref(), Some("not-found"));
}
