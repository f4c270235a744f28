//! The rules of ARCHITECTURE.md that neither the compiler nor clippy keeps: who may name whom, what the cores may use,
//! and who may touch clock, socket and thread. Each broken rule is told as `file:line: what is wrong`.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// Every module of the root package and whom it may name besides itself. The stages stand in the order of the flow: each
/// names earlier ones and the leaves.
const MODULES: &[(&str, &[&str])] = &[
    ("ids", &[]),
    ("config", &["ids"]),
    ("profile", &["ids", "config"]),
    // `call::release` is the vocabulary of why a leg ends. It names nothing, so that it is a leaf that lies in `call`.
    ("signalling", &["ids", "config", "profile", "call::release"]),
    ("call", &["ids", "config", "profile", "signalling"]),
    ("ivr", &["ids", "config", "profile", "signalling", "call"]),
    ("admission", &["ids", "config", "profile", "signalling", "call", "ivr"]),
    ("room", &["ids", "config", "profile", "signalling", "call", "ivr", "admission"]),
    ("plane", &["ids", "config", "profile", "signalling", "call", "ivr", "admission", "room"]),
    (
        "gateway",
        &["ids", "config", "profile", "signalling", "call", "ivr", "admission", "room", "plane", "store"],
    ),
    ("store", &["ids", "config"]),
    (
        "wire",
        &[
            "ids",
            "config",
            "profile",
            "signalling",
            "call",
            "ivr",
            "admission",
            "room",
            "plane",
            "gateway",
            "store",
        ],
    ),
    ("commands", &["ids", "config", "profile", "store", "wire", "gateway"]),
];

/// Modules that are given time, packets and randomness and never fetch them.
const SANS_IO: &[&str] =
    &["ids", "profile", "signalling", "call", "ivr", "admission", "room", "plane", "gateway"];

/// Which modules may name a core: after `signalling` nobody says SIP, before `plane` nobody touches media.
const CORE_USERS: &[(&str, &[&str])] = &[
    ("roomgate_sip", &["signalling", "gateway", "wire"]),
    ("roomgate_rtp", &["signalling", "plane", "gateway", "wire"]),
    ("roomgate_codec", &["ivr", "plane", "gateway", "wire", "commands"]),
];

/// Each core and what its manifest may depend on: nothing that knows IO, no other core, not the product.
const CORES: &[(&str, &[&str])] = &[
    (
        "codec",
        &["ab_glyph", "audio-codec", "dejavu", "openh264", "openh264-sys2", "thiserror", "unsafe-libopus"],
    ),
    ("protocols/sip", &["bytes", "md-5", "nom", "rsip", "sdp-types", "sha2", "thiserror", "tracing"]),
    (
        "protocols/rtp",
        &["aes", "aws-lc-rs", "bytes", "ctr", "hmac", "rtcp-types", "rtp-rs", "sha1", "thiserror"],
    ),
    ("tests/netsim", &[]),
];

/// What fetches time, packets, threads or chance.
const FETCHING: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "tokio",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "thread::spawn",
    "thread::sleep",
    "thread::Builder",
    "socket2",
    "quinn_udp",
];

/// What the cores fetch neither, beside [`FETCHING`].
const FETCHING_IN_CORES: &[&str] = &["std::fs", "fs::File", "std::env", "rand::", "getrandom", "async"];

#[test]
fn a_module_names_itself_earlier_ones_and_leaves_only() {
    let mut broken = Vec::new();
    let mut seen = BTreeSet::new();
    for file in sources("src") {
        let Some(module) = module_of(&file) else { continue };
        seen.insert(module.clone());
        let source = Source::read(&file);
        let Some((_, allowed)) = MODULES.iter().find(|(name, _)| *name == module) else {
            broken.push(format!("{}:1: the module {module} has no place in the flow", file.display()));
            continue;
        };
        broken.extend(source.forbidden_names(&module, allowed));
        for (name, users) in CORE_USERS {
            if !users.contains(&module.as_str()) {
                broken.extend(source.tokens(name, &format!("{module} names {name}")));
            }
        }
    }
    assert!(seen.contains("signalling") && seen.contains("plane"), "the sources were not found: {seen:?}");
    report(&broken);
}

#[test]
fn stages_and_cores_fetch_neither_time_nor_packets() {
    let mut broken = Vec::new();
    for file in sources("src") {
        if module_of(&file).is_some_and(|module| SANS_IO.contains(&module.as_str())) {
            let source = Source::read(&file).without_tests();
            broken
                .extend(FETCHING.iter().flat_map(|name| source.tokens(name, &format!("{name} in a stage"))));
        }
    }
    for (core, _) in CORES {
        for file in sources(&format!("{core}/src")) {
            let source = Source::read(&file).without_tests();
            let names = FETCHING.iter().chain(FETCHING_IN_CORES);
            broken.extend(names.flat_map(|name| source.tokens(name, &format!("{name} in a core"))));
        }
    }
    report(&broken);
}

#[test]
fn a_cores_manifest_lists_known_crates_only() {
    let mut broken = Vec::new();
    let mut found: Vec<String> = CORES.iter().map(|(core, _)| (*core).to_owned()).collect();
    for entry in fs::read_dir(root().join("protocols")).unwrap() {
        found.push(format!("protocols/{}", entry.unwrap().file_name().to_str().unwrap()));
    }
    found.sort();
    found.dedup();
    for core in found {
        let manifest = format!("{core}/Cargo.toml");
        let Some((_, allowed)) = CORES.iter().find(|(name, _)| *name == core) else {
            broken.push(format!("{manifest}:1: say in tests/architecture.rs what this core may depend on"));
            continue;
        };
        let text = fs::read_to_string(root().join(&manifest)).unwrap();
        broken.extend(foreign_dependencies(&manifest, &text, allowed));
        if core != "tests/netsim" && !root().join(&core).join("clippy.toml").exists() {
            broken
                .push(format!("{core}/clippy.toml: missing: clippy takes a crate's own file, or the root's"));
        }
    }
    report(&broken);
}

#[test]
fn rsip_is_named_by_the_message_module_alone() {
    let mut broken = Vec::new();
    let files =
        sources("src").into_iter().chain(sources("protocols/sip/src")).chain(sources("protocols/sip/tests"));
    for file in files {
        if !file.starts_with("protocols/sip/src/message") && !file.ends_with("protocols/sip/src/message.rs") {
            broken.extend(Source::read(&file).tokens("rsip", "rsip outside message"));
        }
    }
    report(&broken);
}

#[test]
fn main_stays_small() {
    let lines = fs::read_to_string(root().join("src/main.rs")).unwrap().lines().count();
    assert!(lines < 100, "src/main.rs has {lines} lines; what it does belongs into commands or wire");
}

#[test]
fn the_rules_are_seen_to_break() {
    let source = Source::of(
        "src/room/x.rs",
        "use crate::{\n    ids::LegId,\n    plane::{self, Job},\n};\n// crate::gateway in a comment\n\
         fn f() { crate::wire::go(); \"crate::store\" }\nuse super::super::plane;\n",
    );
    let broken = source.forbidden_names("room", &["ids"]);
    assert_eq!(
        broken,
        [
            "src/room/x.rs:3: room names plane",
            "src/room/x.rs:6: room names wire",
            "src/room/x.rs:7: room names plane"
        ]
    );
    let source =
        Source::of("src/signalling/x.rs", "use crate::call::{\n    release::Release,\n    leg::Leg,\n};\n");
    assert_eq!(
        source.forbidden_names("signalling", &["call::release"]),
        ["src/signalling/x.rs:3: signalling names call::leg"]
    );
    let source = Source::of(
        "a.rs",
        "let x = Instant::now();\nlet rsipstack = 'a';\n#[cfg(test)]\nmod tests {\n rsip }\n",
    );
    assert_eq!(source.tokens("Instant::now", "clock"), ["a.rs:1: clock"]);
    assert_eq!(source.tokens("rsip", "rsip"), ["a.rs:5: rsip"]);
    assert!(source.without_tests().tokens("rsip", "rsip").is_empty());
    let manifest = "[dependencies]\nbytes = \"1\"\ntokio = \"1\"\n[target.'cfg(unix)'.dependencies]\nlibc = \"0\"\n\
                    [dev-dependencies]\nproptest = \"1\"\n";
    assert_eq!(
        foreign_dependencies("Cargo.toml", manifest, &["bytes"]),
        [
            "Cargo.toml:3: tokio is not among this core's crates",
            "Cargo.toml:5: libc is not among this core's crates"
        ]
    );
}

/// A source file whose comments and literals are blanked out; line numbers stay.
struct Source {
    file: PathBuf,
    text: String,
}

impl Source {
    fn read(file: &Path) -> Self {
        Self::of(file.to_str().unwrap(), &fs::read_to_string(root().join(file)).unwrap())
    }

    fn of(file: &str, text: &str) -> Self {
        Self { file: PathBuf::from(file), text: blank(text) }
    }

    /// Tests stand last in a file, or in a file of their own.
    fn without_tests(mut self) -> Self {
        if self.file.ends_with("tests.rs") || self.file.components().any(|part| part.as_os_str() == "tests") {
            // netsim lives below `tests/`: it is no test itself
            if !self.file.starts_with("tests/netsim/src") {
                self.text.clear();
            }
        }
        if let Some(start) = self.text.find("#[cfg(test)]") {
            self.text.truncate(start);
        }
        self
    }

    fn tokens(&self, name: &str, problem: &str) -> Vec<String> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let found = self.text.match_indices(name).filter(|(at, _)| {
            let (before, after) = (&self.text[..*at], &self.text[at + name.len()..]);
            let closed = name.ends_with(':') || !after.starts_with(is_word);
            closed && !before.ends_with(is_word) && !is_excused(before)
        });
        found.map(|(at, _)| self.at(at, problem)).collect()
    }

    fn forbidden_names(&self, module: &str, allowed: &[&str]) -> Vec<String> {
        let mut broken = Vec::new();
        let tops: Vec<&str> = MODULES.iter().map(|(name, _)| *name).collect();
        let roots = ["crate::", "super::"].into_iter().flat_map(|root| self.text.match_indices(root));
        let mut roots: Vec<_> = roots.collect();
        roots.sort_unstable();
        for (at, root) in roots {
            let mut paths = Vec::new();
            read_tree(&self.text, at + root.len(), &mut Vec::new(), &mut paths);
            for (path, at) in paths {
                let Some(first) = path.first().map(String::as_str) else { continue };
                if !tops.contains(&first) || first == module {
                    continue;
                }
                // `super::name` is a sibling, unless it climbs to the root and meets a module of that name there
                if root == "super::" && self.has_sibling(first) {
                    continue;
                }
                let two = path.iter().take(2).cloned().collect::<Vec<_>>().join("::");
                if allowed.contains(&first) || allowed.contains(&two.as_str()) {
                    continue;
                }
                let partly = allowed.iter().any(|name| name.starts_with(&format!("{first}::")));
                broken.push(self.at(at, &format!("{module} names {}", if partly { &two } else { first })));
            }
        }
        // a group with `self` names its head twice
        broken.dedup();
        broken
    }

    fn has_sibling(&self, name: &str) -> bool {
        let folder = root().join(self.file.parent().unwrap());
        let own = folder.join(self.file.file_stem().unwrap());
        let inside = |folder: &Path| folder.join(format!("{name}.rs")).exists() || folder.join(name).is_dir();
        folder != root().join("src") && (inside(&folder) || inside(&own))
    }

    fn at(&self, offset: usize, problem: &str) -> String {
        let line = self.text[..offset].matches('\n').count() + 1;
        format!("{}:{line}: {problem}", self.file.display())
    }
}

/// An epoch for tests and for the simulator carries its excuse, which clippy checks: `#[expect(..)]` just above.
fn is_excused(before: &str) -> bool {
    before.lines().rev().take(8).any(|line| line.contains("clippy::disallowed_methods"))
}

/// Reads a path or a use tree from `at`: every full path below it, and where its last part stands. Returns its end.
fn read_tree(
    text: &str,
    mut at: usize,
    prefix: &mut Vec<String>,
    paths: &mut Vec<(Vec<String>, usize)>,
) -> usize {
    let depth = prefix.len();
    let skip = |at: usize| at + text[at..].len() - text[at..].trim_start().len();
    let mut named = at;
    loop {
        at = skip(at);
        if text[at..].starts_with('{') {
            at += 1;
            loop {
                at = skip(at);
                if at >= text.len() || text[at..].starts_with('}') {
                    at = (at + 1).min(text.len());
                    break;
                }
                let end = read_tree(text, at, prefix, paths);
                at = skip(end);
                if text[at..].starts_with(',') {
                    at += 1;
                } else if end == at && !text[at..].starts_with('}') {
                    // something else than a use tree: a block after a path
                    break;
                }
            }
            prefix.truncate(depth);
            return at;
        }
        let length = text[at..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len() - at);
        if length > 0 {
            if prefix.len() == depth || prefix.len() < 2 {
                named = at;
            }
            let name = &text[at..at + length];
            if name != "super" && name != "self" {
                prefix.push(name.to_owned());
            }
            at += length;
        }
        if !text[at..].starts_with("::") {
            break;
        }
        at += 2;
    }
    if !prefix.is_empty() {
        paths.push((prefix.clone(), named));
    }
    prefix.truncate(depth);
    at
}

/// Comments and literals become blanks.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    let starts = |at: usize, what: &str| bytes[at..].starts_with(what.as_bytes());
    while at < bytes.len() {
        let end = if starts(at, "//") {
            text[at..].find('\n').map_or(bytes.len(), |length| at + length)
        } else if starts(at, "/*") {
            text[at..].find("*/").map_or(bytes.len(), |length| at + length + 2)
        } else if starts(at, "r#\"") {
            text[at..].find("\"#").map_or(bytes.len(), |length| at + length + 2)
        } else if starts(at, "r\"") && !bytes[..at].last().is_some_and(u8::is_ascii_alphanumeric) {
            text[at + 2..].find('"').map_or(bytes.len(), |length| at + length + 3)
        } else if starts(at, "\"") {
            string_end(bytes, at + 1, b'"')
        } else if starts(at, "'") && (starts(at + 1, "\\") || bytes.get(at + 2) == Some(&b'\'')) {
            string_end(bytes, at + 1, b'\'')
        } else {
            at += 1;
            continue;
        };
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8(out).unwrap()
}

fn string_end(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn foreign_dependencies(manifest: &str, text: &str, allowed: &[&str]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut in_dependencies = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            let section = line.trim_matches(['[', ']']);
            let of_target = section.starts_with("target.") && section.ends_with(".dependencies");
            in_dependencies = of_target || matches!(section, "dependencies" | "build-dependencies");
            let single = section.strip_prefix("dependencies.");
            if let Some(name) = single.filter(|name| !allowed.contains(name)) {
                broken.push(format!("{manifest}:{}: {name} is not among this core's crates", number + 1));
            }
        } else if in_dependencies && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            // the inner lines of a value that spans several carry no key
            if line.contains('=') && !allowed.contains(&name) {
                broken.push(format!("{manifest}:{}: {name} is not among this core's crates", number + 1));
            }
        }
    }
    broken
}

/// The top module that a file belongs to; none for `lib.rs` and `main.rs`, which know all.
fn module_of(file: &Path) -> Option<String> {
    let first = file.strip_prefix("src").ok()?.components().next()?;
    let name = first.as_os_str().to_str()?.trim_end_matches(".rs");
    (!matches!(name, "lib" | "main")).then(|| name.to_owned())
}

/// All Rust files below a folder, by their path from the root.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn report(broken: &[String]) {
    let mut text = String::new();
    for line in broken {
        let _ = writeln!(text, "{line}");
    }
    assert!(broken.is_empty(), "{} broken rules:\n{text}", broken.len());
}
