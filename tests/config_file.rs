//! The configuration: every key, its default, and what a wrong one is answered with.

mod common;

use std::path::{Path, PathBuf};

use common::{Folder, config};
use roomgate::config::{
    Config, LogFormat, MediaAddress, Origin, PortRange, SipTransport, Sources, TlsFiles, UnknownRoom,
};

#[test]
fn nothing_configured_is_the_contracts_defaults() {
    let environment = vec![("XDG_DATA_HOME".to_owned(), "/home/ada/.data".to_owned())];
    let folder = Folder::new("none");
    let file = folder.path().join("empty.toml");
    std::fs::write(&file, "").unwrap();
    let config = Config::load(&Sources { file: Some(file), data: None, environment }).unwrap();
    assert_eq!(config.data_dir, Path::new("/home/ada/.data/roomgate"));
    assert!(config.sip.domains.is_empty() && config.sip.trusted_proxies.is_empty());
    assert_eq!(config.sip.realm, "roomgate");
    assert!(config.sip.anonymous_calls);
    assert_eq!(config.sip.unknown_room, UnknownRoom::Reception);
    let listen: Vec<String> = config.sip.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["udp://[::]:5060", "tcp://[::]:5060", "tls://[::]:5061"]);
    assert_eq!(config.web.listen.to_string(), "https://[::]:8443");
    assert!(config.web.origins.is_empty() && config.web.metrics_token.expose().is_none());
    assert_eq!(config.media.address, MediaAddress::Auto);
    assert_eq!(config.media.ports, PortRange { first: 20_000, last: 29_999 });
    assert!(config.tls.files.is_none());
    assert_eq!(config.store.path, Path::new("/home/ada/.data/roomgate/roomgate.db"));
    assert_eq!(config.store.key_file, Path::new("/home/ada/.data/roomgate/secret.key"));
    assert_eq!((config.log.format, config.log.filter.as_str()), (LogFormat::Text, "info"));
    assert_eq!(config.origin("sip.listen"), Origin::Default);
}

#[test]
fn every_key_of_the_file_counts() {
    let folder = Folder::new("every");
    let text = r#"
data-dir = "/srv/roomgate"
[sip]
domains = ["Example.org", "192.0.2.5"]
realm = "hospital"
anonymous-calls = false
unknown-room = "reject"
trusted-proxies = ["192.0.2.0/24"]
listen = ["udp://127.0.0.1:15060", "tls://[::1]:15061"]
[web]
listen = "http://127.0.0.1:8080"
origins = ["https://meet.example.org"]
trusted-proxies = ["127.0.0.1"]
metrics-token = "s3cret"
[media]
address = "198.51.100.7"
ports = "30000-30099"
[tls]
certificate = "tls/chain.pem"
key = "/etc/tls/key.pem"
[store]
url = "sqlite:/srv/rooms.db"
key-file = "/run/credentials/key"
[log]
format = "json"
filter = "warn,roomgate::signalling=debug"
"#;
    let file = folder.path().join("roomgate.toml");
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&Sources { file: Some(file.clone()), ..Sources::default() }).unwrap();
    assert_eq!(config.file, Some(file));
    assert_eq!(config.data_dir, Path::new("/srv/roomgate"));
    assert_eq!(config.sip.domains, ["example.org", "192.0.2.5"]);
    assert_eq!(config.sip.realm, "hospital");
    assert!(!config.sip.anonymous_calls);
    assert_eq!(config.sip.unknown_room, UnknownRoom::Reject);
    assert!(config.sip.trusted_proxies[0].contains("192.0.2.77".parse().unwrap()));
    assert_eq!(config.sip.listen.len(), 2);
    assert_eq!(config.sip.listen[1].transport, SipTransport::Tls);
    assert_eq!(config.sip.listen[1].address, "[::1]:15061".parse().unwrap());
    assert!(!config.web.listen.secure);
    assert_eq!(config.web.origins, ["https://meet.example.org"]);
    assert_eq!(config.web.metrics_token.expose(), Some("s3cret"));
    assert!(!format!("{config:?}").contains("s3cret"));
    assert_eq!(config.media.address, MediaAddress::Fixed("198.51.100.7".parse().unwrap()));
    assert_eq!(config.media.ports, PortRange { first: 30_000, last: 30_099 });
    // a path in the file is relative to the file's folder
    let files =
        TlsFiles { certificate: folder.path().join("tls/chain.pem"), key: PathBuf::from("/etc/tls/key.pem") };
    assert_eq!(config.tls.files, Some(files));
    assert_eq!(config.store.path, Path::new("/srv/rooms.db"));
    assert_eq!(config.store.key_file, Path::new("/run/credentials/key"));
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.filter, "warn,roomgate::signalling=debug");
}

/// Text, and what its refusal must contain.
const WRONG: &[(&str, &[&str])] = &[
    // keys
    ("[sip]\ndomain = [\"a\"]", &["line 2: sip.domain:", "unknown key", "did you mean sip.domains?"]),
    (
        "[sip]\n\nanonymous_calls = true",
        &["line 3: sip.anonymous_calls:", "did you mean sip.anonymous-calls?"],
    ),
    ("[web]\nport = 8443", &["line 2: web.port:", "unknown key", "listen", "origins"]),
    ("[webb]\nlisten = \"https://[::]:1\"", &["line 1: webb:", "unknown key", "sections"]),
    ("colour = \"red\"", &["line 1: colour:", "unknown key", "data-dir"]),
    ("sip = \"yes\"", &["line 1: sip:", "section"]),
    ("[h323]\nras = \"[::]:1719\"", &["line 1: h323:", "unknown key", "not built in this version"]),
    ("[media]\nstun = \"x\"", &["line 2: media.stun:", "unknown key", "not built in this version"]),
    ("[[sip.trunk]]\nname = \"x\"", &["line 1: sip.trunk:", "unknown key", "not built in this version"]),
    // form
    ("[sip]\nrealm = hospital", &["line 2: sip.realm:", "not TOML"]),
    ("[sip]\nrealm = \"a\"\nrealm = \"b\"", &["line 3: sip.realm:", "not TOML", "duplicate"]),
    ("[sip", &["line 1", "not TOML"]),
    ("[sip]\nanonymous-calls = \"yes\"", &["line 2: sip.anonymous-calls:", "true or false"]),
    ("[sip]\ndomains = \"example.org\"", &["line 2: sip.domains:", "list"]),
    ("[sip]\ndomains = [\n  \"a\",\n  7]", &["line 4: sip.domains:", "integer"]),
    ("[media]\nports = 20000", &["line 2: media.ports:", "quotation marks"]),
    // values
    ("[sip]\ndomains = [\"a b\"]", &["line 2: sip.domains:", "a b", "example.org"]),
    ("[sip]\nrealm = \"a\\\"b\"", &["line 2: sip.realm:"]),
    ("[sip]\nunknown-room = \"ask\"", &["line 2: sip.unknown-room:", "\"reception\" or \"reject\""]),
    ("[sip]\ntrusted-proxies = [\"proxy\"]", &["line 2: sip.trusted-proxies:", "192.0.2.0/24"]),
    (
        "[sip]\nlisten = [\n \"udp://[::]:5060\",\n \"sctp://[::]:5060\",\n]",
        &["line 4: sip.listen:", "sctp", "udp://[::]:5060"],
    ),
    ("[sip]\nlisten = [\n \"tcp://[::]:5060\",\n \"tls://[::]:5060\",\n]", &["line 4: sip.listen:", "twice"]),
    ("[web]\nlisten = \"[::]:8443\"", &["line 2: web.listen:", "https://"]),
    ("[web]\nlisten = \"http://0.0.0.0:8080\"", &["line 2: web.listen:", "in the clear", "reverse proxy"]),
    ("[web]\norigins = [\"meet.example.org\"]", &["line 2: web.origins:", "https://meet.example.org"]),
    ("[media]\naddress = \"gateway\"", &["line 2: media.address:", "auto"]),
    ("[media]\naddress = \"0.0.0.0\"", &["line 2: media.address:", "auto"]),
    ("[media]\nports = \"20001-20100\"", &["line 2: media.ports:", "even"]),
    ("[media]\nports = \"20000-20004\"", &["line 2: media.ports:", "fewer than 10"]),
    ("[tls]\ncertificate = \"a.pem\"", &["line 2: tls.certificate:", "tls.key"]),
    ("[tls]\nkey = \"a.pem\"", &["line 2: tls.key:", "tls.certificate"]),
    (
        "[store]\nurl = \"postgres://u:pw@db/x\"",
        &["line 2: store.url:", "not built in this version", "sqlite"],
    ),
    ("[store]\nurl = \"mysql\"", &["line 2: store.url:", "sqlite"]),
    ("[log]\nformat = \"xml\"", &["line 2: log.format:", "\"text\" or \"json\""]),
    ("[log]\nfilter = \"inof\"", &["line 2: log.filter:", "inof", "info"]),
    ("[log]\nfilter = \"roomgate=louder\"", &["line 2: log.filter:"]),
];

#[test]
fn what_is_wrong_is_named_with_file_line_key_and_remedy() {
    let folder = Folder::new("wrong");
    for (text, wanted) in WRONG {
        let Err(refused) = config(&folder, text) else { panic!("{text:?} was taken") };
        let refused = refused.to_string();
        assert!(refused.contains("roomgate.toml line "), "{text:?}: {refused}");
        for part in *wanted {
            assert!(refused.contains(part), "{text:?}: {part:?} is not in: {refused}");
        }
        assert!(refused.contains("; "), "{text:?} has no remedy: {refused}");
        assert!(!refused.contains("pw@"), "a password is repeated: {refused}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once_in_the_files_order() {
    let folder = Folder::new("all");
    let text = "[media]\nports = \"x\"\n[sip]\nrealm = \"\"\nfoo = 1\n[log]\nformat = \"xml\"\n";
    let errors = config(&folder, text).unwrap_err().0;
    let keys: Vec<_> = errors.iter().map(|error| error.key.as_str()).collect();
    assert_eq!(keys, ["media.ports", "sip.realm", "sip.foo", "log.format"]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = Folder::new("absent");
    for file in [folder.path().join("absent.toml"), folder.path().to_owned()] {
        let refused = Config::load(&Sources { file: Some(file.clone()), ..Sources::default() }).unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains(file.to_str().unwrap()) && refused.contains("--config"), "{refused}");
    }
    std::fs::write(folder.path().join("latin1.toml"), b"[sip]\nrealm = \"R\xf8ros\"\n").unwrap();
    let file = Some(folder.path().join("latin1.toml"));
    let refused = Config::load(&Sources { file, ..Sources::default() }).unwrap_err();
    assert!(refused.to_string().contains("UTF-8"), "{refused}");
}

#[test]
fn a_port_in_use_is_told_with_key_line_and_remedy() {
    let folder = Folder::new("inuse");
    let text = "[sip]\nlisten = [\n \"udp://[::]:5060\",\n \"tcp://[::]:5070\",\n]\n";
    let config = config(&folder, text).unwrap();
    let in_use = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    let refused = config.refuse_listen("sip.listen.1", config.sip.listen[1].address, &in_use).to_string();
    for part in ["roomgate.toml line 4: sip.listen:", "5070", "in use", "another port"] {
        assert!(refused.contains(part), "{refused}");
    }
    let web = config.refuse_listen("web.listen", config.web.listen.address, &in_use).to_string();
    assert!(web.contains("default configuration: web.listen:") && web.contains("8443"), "{web}");
}
