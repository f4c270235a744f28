//! The environment and the command line stand above the file.

mod common;

use std::path::Path;

use common::Folder;
use roomgate::config::{Config, ConfigErrors, Sources};

fn load(folder: &Folder, text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let file = folder.path().join("roomgate.toml");
    std::fs::write(&file, text).unwrap();
    let mut environment: Vec<_> =
        environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    environment.push(("ROOMGATE_CONFIG".to_owned(), file.to_str().unwrap().to_owned()));
    Config::load(&Sources { file: None, data: None, environment })
}

#[test]
fn variables_stand_above_the_file() {
    let folder = Folder::new("above");
    let text = "data-dir = \"/from/file\"\n[sip]\ndomains = [\"file.example\"]\nrealm = \"file\"\n";
    let environment = [
        ("ROOMGATE_DATA_DIR", "/from/environment"),
        ("ROOMGATE_SIP__DOMAINS", "a.example, b.example"),
        ("ROOMGATE_SIP__ANONYMOUS_CALLS", "false"),
        ("ROOMGATE_SIP__TRUSTED_PROXIES", ""),
        ("ROOMGATE_SIP__LISTEN", "udp://127.0.0.1:15060"),
        ("ROOMGATE_WEB__METRICS_TOKEN", "abc"),
        ("ROOMGATE_STORE__KEY_FILE", "/run/key"),
        // not keys of ours: other programs' business
        ("ROOMGATE_TEST_FOLDER", "x"),
        ("OTHER_SIP__DOMAINS", "c.example"),
    ];
    let config = load(&folder, text, &environment).unwrap();
    assert_eq!(config.data_dir, Path::new("/from/environment"));
    assert_eq!(config.sip.domains, ["a.example", "b.example"]);
    assert_eq!(config.sip.realm, "file");
    assert!(!config.sip.anonymous_calls);
    assert_eq!(config.sip.listen.len(), 1);
    assert_eq!(config.web.metrics_token.expose(), Some("abc"));
    assert_eq!(config.store.key_file, Path::new("/run/key"));
    assert_eq!(config.origin("sip.domains").to_string(), "environment variable ROOMGATE_SIP__DOMAINS");
    assert!(load(&folder, text, &[("ROOMGATE_SIP__DOMAINS", "")]).unwrap().sip.domains.is_empty());
}

#[test]
fn a_wrong_variable_is_named() {
    let folder = Folder::new("variable");
    for (name, value, wanted) in [
        ("ROOMGATE_SIP__DOMAIN", "a", "did you mean sip.domains?"),
        ("ROOMGATE_SIP__ANONYMOUS_CALLS", "maybe", "write true or false"),
        ("ROOMGATE_MEDIA__PORTS", "1", "20000-29999"),
        ("ROOMGATE_MEDIA__TURN", "x", "not built in this version"),
        ("ROOMGATE_WEB__LISTEN", "http://0.0.0.0:80", "reverse proxy"),
    ] {
        let refused = load(&folder, "", &[(name, value)]).unwrap_err().to_string();
        assert!(refused.contains(name) && refused.contains(wanted), "{refused}");
    }
}

#[test]
fn a_wrong_value_in_the_file_does_not_count_where_the_environment_replaces_it() {
    let folder = Folder::new("replaced");
    let config = load(&folder, "[sip]\nrealm = \"\"\n", &[("ROOMGATE_SIP__REALM", "good")]).unwrap();
    assert_eq!(config.sip.realm, "good");
}

#[test]
fn the_flags_stand_above_everything() {
    let folder = Folder::new("flags");
    let (flagged, other) = (folder.path().join("flagged.toml"), folder.path().join("other.toml"));
    std::fs::write(&flagged, "[sip]\nrealm = \"flagged\"\n").unwrap();
    std::fs::write(&other, "[sip]\nrealm = \"other\"\n").unwrap();
    let environment = vec![
        ("ROOMGATE_CONFIG".to_owned(), other.to_str().unwrap().to_owned()),
        ("ROOMGATE_DATA_DIR".to_owned(), "/from/environment".to_owned()),
    ];
    let data = Some(folder.path().join("data"));
    let config = Config::load(&Sources { file: Some(flagged), data: data.clone(), environment }).unwrap();
    assert_eq!(config.sip.realm, "flagged");
    assert_eq!(Some(config.data_dir), data);
}

#[test]
fn without_xdg_the_data_is_kept_at_home() {
    let folder = Folder::new("home");
    let file = folder.path().join("roomgate.toml");
    std::fs::write(&file, "").unwrap();
    let environment =
        vec![("HOME".to_owned(), "/home/ada".to_owned()), ("XDG_DATA_HOME".to_owned(), String::new())];
    let config = Config::load(&Sources { file: Some(file), data: None, environment }).unwrap();
    assert_eq!(config.data_dir, Path::new("/home/ada/.local/share/roomgate"));
}
