//! The commands on the store, through the built program.

mod common;

use common::{Folder, Ran, roomgate};
use serde_json::Value;

fn run(folder: &Folder, args: &[&str]) -> Ran {
    roomgate(folder, args, "")
}

fn json(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
}

#[test]
fn a_room_is_added_shown_changed_listed_and_removed() {
    let folder = Folder::new("life");
    let added = run(&folder, &["room", "add", "200", "--name", "Møterom", "--alias", "office", "--json"]);
    let room = json(&added);
    assert!(added.err.contains("store: ") && added.err.contains("data/roomgate.db"), "{}", added.err);
    let host = room["host_pin"].as_str().unwrap().to_owned();
    assert_eq!(host.len(), 6);
    assert_eq!((room["type"].as_str(), room["video"].as_str()), (Some("administrative"), Some("720p")));

    let shown = run(&folder, &["room", "show", "OFFICE", "--json"]);
    let room = json(&shown);
    assert_eq!((room["address"].as_str(), room["name"].as_str()), (Some("200"), Some("Møterom")));
    assert_eq!(room["has_guest_pin"], true);
    assert!(!shown.out.contains(&host), "a PIN is printed once only");
    assert!(!run(&folder, &["room", "show", "200"]).out.contains(&host));

    let set = run(&folder, &["room", "set", "200", "--name", "Styret", "--guest-pin", "987654", "--json"]);
    let room = json(&set);
    assert_eq!((room["name"].as_str(), room["guest_pin"].as_str()), (Some("Styret"), Some("987654")));
    assert!(room.get("host_pin").is_none());
    let room = json(&run(&folder, &["room", "set", "200", "--new-host-pin", "--json"]));
    assert_ne!(room["host_pin"].as_str(), Some(host.as_str()));

    let list = json(&run(&folder, &["room", "list", "--json"]));
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["aliases"][0], "office");
    assert!(run(&folder, &["room", "list"]).out.contains("Styret"));

    assert_eq!(run(&folder, &["room", "remove", "200"]).code, 0);
    let gone = run(&folder, &["room", "show", "200"]);
    assert_eq!(gone.code, 1);
    assert!(gone.err.contains("there is no room 200") && gone.err.contains("room list"), "{}", gone.err);
    assert_eq!(json(&run(&folder, &["room", "list", "--json"])).as_array().unwrap().len(), 0);
}

#[test]
fn made_pins_are_printed_once_and_forgone_ones_are_not_made() {
    let folder = Folder::new("printed");
    let text = run(&folder, &["room", "add", "1", "--name", "One", "--host-pin", "4711"]).out;
    assert!(text.contains("host PIN:   4711"), "{text}");
    let made = text.lines().find_map(|line| line.strip_prefix("guest PIN:")).unwrap().trim().to_owned();
    assert!(made.len() == 6 && made.bytes().all(|b| b.is_ascii_digit()), "{text}");
    let room = json(&run(&folder, &["room", "add", "2", "--name", "Two", "--no-guest-pin", "--json"]));
    assert!(room["has_host_pin"] == true && room["has_guest_pin"] == false);
    let room = json(&run(&folder, &["room", "add", "3", "--name", "Three", "--no-pins", "--json"]));
    assert!(room["has_host_pin"] == false && room["has_guest_pin"] == false);
    let args =
        ["room", "add", "4", "--name", "Four", "--type", "sensitive", "--video", "1080p", "--expected", "3"];
    let all =
        [&args[..], &["--chat", "--organisation", "Klinikken", "--alias", "a4", "--alias", "b4", "--json"]]
            .concat();
    let room = json(&run(&folder, &all));
    assert_eq!(room["aliases"], serde_json::json!(["a4", "b4"]));
    assert_eq!((&room["expected"], &room["chat"]), (&Value::from(3), &Value::from(true)));
    assert_eq!((&room["video"], &room["organisation"]), (&Value::from("1080p"), &Value::from("Klinikken")));
}

/// Arguments, exit code, and what the message must contain.
const REFUSED: &[(&[&str], i32, &str)] = &[
    (&["room", "add", "1", "--name", "N", "--type", "sensitive", "--no-pins"], 1, "must have a host PIN"),
    (&["room", "add", "1", "--name", "N", "--type", "personal", "--host-pin", "1234"], 1, "6 to 16 digits"),
    (&["room", "add", "1", "--name", "N", "--host-pin", "12"], 1, "4 to 16 digits"),
    (&["room", "add", "1", "--name", "N", "--host-pin", "12x4"], 1, "digits 0 to 9"),
    (&["room", "add", "1", "--name", "N", "--host-pin", "1234", "--guest-pin", "1234"], 1, "must differ"),
    (&["room", "add", "1", "--name", "N", "--video", "1080p"], 1, "sensitive"),
    (&["room", "add", "no way", "--name", "N"], 1, "cannot be dialled"),
    (&["room", "add", "lobby", "--name", "N"], 1, "used by Roomgate itself"),
    (&["room", "add", "taken", "--name", "N"], 1, "taken by a room"),
    (&["room", "set", "open", "--guest-pin", "1234"], 1, "needs a host PIN"),
    (&["room", "remove", "nowhere"], 1, "there is no room nowhere"),
    (&["endpoint", "remove", "nowhere"], 1, "there is no endpoint nowhere"),
    (&["endpoint", "add", "taken"], 1, "taken by a room"),
    (&["endpoint", "add", "e", "--password-stdin"], 2, "no password"),
    (&["room", "add", "1"], 2, "--name"),
    (&["room", "add", "1", "--name", "N", "--no-pins", "--guest-pin", "1234"], 2, "cannot be used with"),
    (&["room", "add", "1", "--name", "N", "--type", "secret"], 2, "sensitive"),
    (&["room", "paint"], 2, "unrecognized"),
    (&["backup", "x"], 2, "unrecognized"),
    (&["serve", "--lan"], 2, "--demo"),
    (&[], 2, "Usage"),
];

#[test]
fn what_is_refused_says_why_and_changes_nothing() {
    let folder = Folder::new("refused");
    json(&run(&folder, &["room", "add", "taken", "--name", "T", "--json"]));
    json(&run(&folder, &["room", "add", "open", "--name", "O", "--no-pins", "--json"]));
    for (args, code, wanted) in REFUSED {
        let ran = run(&folder, args);
        assert_eq!(ran.code, *code, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(wanted), "{args:?}: {}", ran.err);
        assert!(ran.out.is_empty(), "{args:?}: {}", ran.out);
    }
    assert_eq!(json(&run(&folder, &["room", "list", "--json"])).as_array().unwrap().len(), 2);
}

#[test]
fn endpoints_have_given_or_made_passwords() {
    let folder = Folder::new("endpoints");
    let made = json(&run(&folder, &["endpoint", "add", "Studio", "--generate-password", "--json"]));
    assert_eq!(made["name"], "studio");
    assert!(made["password"].as_str().unwrap().len() >= 20);
    let given = roomgate(&folder, &["endpoint", "add", "kiosk", "--password-stdin"], "hemmelig ord\n");
    assert_eq!(given.code, 0, "{}", given.err);
    assert!(!given.out.contains("hemmelig") && !given.err.contains("hemmelig"));
    assert!(run(&folder, &["endpoint", "add", "third"]).out.contains("password:"));

    let list = json(&run(&folder, &["endpoint", "list", "--json"]));
    let names: Vec<_> = list.as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["kiosk", "studio", "third"]);
    assert!(run(&folder, &["endpoint", "list"]).out.contains("not registered"));
    assert_eq!(run(&folder, &["endpoint", "remove", "KIOSK"]).code, 0);
    assert_eq!(json(&run(&folder, &["endpoint", "list", "--json"])).as_array().unwrap().len(), 2);
}

#[test]
fn a_lost_key_stops_every_command() {
    let folder = Folder::new("lost");
    json(&run(&folder, &["room", "list", "--json"]));
    std::fs::remove_file(folder.path().join("data/secret.key")).unwrap();
    for args in [&["room", "list"][..], &["endpoint", "list"], &["serve"]] {
        let ran = run(&folder, args);
        assert_eq!(ran.code, 1, "{args:?}");
        for wanted in ["secret.key", "roomgate.db", "is missing", "backup"] {
            assert!(ran.err.contains(wanted), "{args:?}: {}", ran.err);
        }
    }
}
