//! What each type of room allows, and what names can be dialled.

mod common;

use common::{Folder, draft};
use roomgate::store::{
    PinChoice::{self, Given, Made, None as Without},
    RoomType::{self, Administrative, Auditorium, Personal, Sensitive},
    Secret, StoreError, VideoClass,
};

fn pin(digits: &str) -> PinChoice {
    Given(Secret::new(digits))
}

#[tokio::test]
async fn pins_keep_the_rules_of_the_rooms_type() {
    let folder = Folder::new("pins");
    let store = folder.store().await;
    let table: Vec<(RoomType, PinChoice, PinChoice, bool)> = vec![
        // made ones fit everywhere
        (Sensitive, Made, Made, true),
        (Administrative, Made, Made, true),
        (Personal, Made, Made, true),
        (Auditorium, Made, Made, true),
        // lengths
        (Sensitive, pin("12345"), Made, false),
        (Sensitive, pin("123456"), Made, true),
        (Sensitive, Made, pin("1234"), false),
        (Personal, pin("1234"), Made, false),
        (Personal, pin("654321"), pin("123456"), true),
        (Administrative, pin("123"), Made, false),
        (Administrative, pin("1234"), pin("5678"), true),
        (Auditorium, pin("1234"), pin("56789"), true),
        (Auditorium, pin(&"1".repeat(17)), Made, false),
        // digits
        (Administrative, pin("12a4"), Made, false),
        (Administrative, pin(""), Made, false),
        (Administrative, pin("1234#"), Made, false),
        (Administrative, pin("١٢٣٤"), Made, false),
        // the two beside each other
        (Administrative, pin("1234"), pin("1234"), false),
        (Administrative, Without, pin("5678"), false),
        (Administrative, Without, Without, true),
        (Administrative, pin("1234"), Without, true),
        (Sensitive, Made, Without, true),
        (Sensitive, Without, Without, false),
        (Personal, Without, Without, false),
        (Auditorium, Without, Without, false),
        (Auditorium, Made, Without, true),
    ];
    for (number, (kind, host, guest, allowed)) in table.into_iter().enumerate() {
        let mut wanted = draft(&(5000 + number).to_string(), kind);
        (wanted.host_pin, wanted.guest_pin) = (host.clone(), guest.clone());
        match store.add_room(wanted).await {
            Ok(room) => {
                assert!(allowed, "line {number}: {kind} was added");
                for (choice, made) in [(host, room.host_pin), (guest, room.guest_pin)] {
                    match (choice, made) {
                        (Made, Some(made)) => assert_eq!(made.expose().len(), 6, "line {number}"),
                        (Given(given), Some(made)) => assert!(made.matches(given.expose()), "line {number}"),
                        (Without, None) => {}
                        (choice, made) => panic!("line {number}: {choice:?} gave {made:?}"),
                    }
                }
            }
            Err(StoreError::Rule(text)) => {
                assert!(!allowed, "line {number}: {kind} was refused: {text}");
                assert!(!text.contains("1234"), "a message repeats a PIN: {text}");
            }
            Err(other) => panic!("line {number}: {other}"),
        }
    }
}

#[tokio::test]
async fn size_people_and_names_keep_the_rules() {
    let folder = Folder::new("rules");
    let store = folder.store().await;
    for kind in RoomType::ALL {
        let mut wanted = draft(&format!("video-{kind}"), kind);
        wanted.video = VideoClass::Hd1080;
        assert_eq!(store.add_room(wanted).await.is_ok(), kind == Sensitive, "{kind}");
    }
    for (kind, expected, allowed) in [
        (Sensitive, 1, false),
        (Sensitive, 2, true),
        (Sensitive, 5, true),
        (Sensitive, 6, false),
        (Administrative, 50, true),
    ] {
        let mut wanted = draft(&format!("expected-{kind}-{expected}"), kind);
        wanted.expected = Some(expected);
        assert_eq!(store.add_room(wanted).await.is_ok(), allowed, "{kind} {expected}");
    }
    for address in [
        "",
        "a b",
        "rom*1",
        "#1",
        "room@x",
        ".room",
        "-1",
        "rød",
        "lobby",
        "Portal",
        "api",
        "test",
        &"x".repeat(65),
    ] {
        let refused = store.add_room(draft(address, Administrative)).await;
        assert!(matches!(refused, Err(StoreError::Rule(_))), "{address:?}: {refused:?}");
    }
    for address in ["100100", "a", "Room.1_b-c", &"x".repeat(64)] {
        store.add_room(draft(address, Administrative)).await.unwrap();
    }
    for name in ["", "  ", "two\nlines", &"å".repeat(81)] {
        let mut wanted = draft("named", Administrative);
        wanted.name = name.to_owned();
        assert!(store.add_room(wanted).await.is_err(), "{name:?}");
    }
    let mut own_alias = draft("own", Administrative);
    own_alias.aliases = vec!["OWN".to_owned()];
    assert!(store.add_room(own_alias).await.is_err());
}
