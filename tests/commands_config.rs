//! Exit codes and messages of a wrong configuration, through the built program.

mod common;

use common::{Folder, roomgate};

#[test]
fn a_right_configuration_is_told_in_full() {
    let folder = Folder::new("right");
    let ran = roomgate(&folder, &["check-config"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(ran.out.contains("The configuration is right"));

    let file = folder.path().join("roomgate.toml");
    std::fs::write(&file, "[sip]\nrealm = \"hospital\"\n[web]\nmetrics-token = \"s3cret\"\n").unwrap();
    let ran = roomgate(&folder, &["check-config", "--json", "--config", file.to_str().unwrap()], "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let effective: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(effective["sip"]["realm"], "hospital");
    assert_eq!(effective["sip"]["listen"][0], "udp://[::]:5060");
    assert_eq!(effective["web"]["metrics-token"], true);
    assert!(!ran.out.contains("s3cret"));
    assert!(!folder.path().join("data").exists(), "checking makes nothing");
}

#[test]
fn every_command_ends_with_64_and_names_line_key_and_remedy() {
    let folder = Folder::new("64");
    let file = folder.path().join("wrong.toml");
    std::fs::write(&file, "[sip]\n\ndomain = [\"example.org\"]\n").unwrap();
    let file = file.to_str().unwrap();
    for args in [
        &["check-config", "--config", file][..],
        &["--config", file, "serve", "--demo"],
        &["room", "list", "--config", file],
        &["endpoint", "list", "--config", file],
    ] {
        let ran = roomgate(&folder, args, "");
        assert_eq!(ran.code, 64, "{args:?}: {}", ran.err);
        for wanted in ["wrong.toml line 3", "sip.domain", "unknown key", "did you mean sip.domains?"] {
            assert!(ran.err.contains(wanted), "{args:?}: {}", ran.err);
        }
    }
    let ran = roomgate(&folder, &["check-config", "--config", "/nowhere/roomgate.toml"], "");
    assert_eq!(ran.code, 64);
    assert!(ran.err.contains("/nowhere/roomgate.toml") && ran.err.contains("--config"), "{}", ran.err);
}

#[test]
fn files_that_the_configuration_names_are_looked_at() {
    let folder = Folder::new("names");
    let file = folder.path().join("roomgate.toml");
    std::fs::write(&file, "[tls]\ncertificate = \"a.pem\"\nkey = \"b.pem\"\n").unwrap();
    let ran = roomgate(&folder, &["check-config", "--config", file.to_str().unwrap()], "");
    assert_eq!(ran.code, 64);
    assert!(ran.err.contains("line 2: tls.certificate") && ran.err.contains("a.pem"), "{}", ran.err);
}

#[test]
fn help_and_version_are_no_failures() {
    let folder = Folder::new("help");
    for args in [&["--help"][..], &["--version"], &["room", "add", "--help"]] {
        assert_eq!(roomgate(&folder, args, "").code, 0, "{args:?}");
    }
}
