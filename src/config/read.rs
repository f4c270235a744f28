//! File and environment to one flat table of settings, each with its origin. Which keys there are stands here alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, ConfigErrors, Origin};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    List,
    Flag,
}

const KEYS: &[(&str, Kind)] = &[
    ("data-dir", Kind::Text),
    ("sip.domains", Kind::List),
    ("sip.realm", Kind::Text),
    ("sip.anonymous-calls", Kind::Flag),
    ("sip.unknown-room", Kind::Text),
    ("sip.trusted-proxies", Kind::List),
    ("sip.listen", Kind::List),
    ("web.listen", Kind::Text),
    ("web.origins", Kind::List),
    ("web.trusted-proxies", Kind::List),
    ("web.metrics-token", Kind::Text),
    ("media.address", Kind::Text),
    ("media.ports", Kind::Text),
    ("tls.certificate", Kind::Text),
    ("tls.key", Kind::Text),
    ("store.url", Kind::Text),
    ("store.key-file", Kind::Text),
    ("log.format", Kind::Text),
    ("log.filter", Kind::Text),
];

/// Keys and sections that have a meaning in the plan but no code yet.
const RESERVED: &[&str] = &[
    "h323",
    "oidc",
    "cdr",
    "media.tcp",
    "media.stun",
    "media.turn",
    "sip.trunk",
    "sip.legacy-tls-listen",
    "tls.client-ca",
    "tls.acme",
];

/// Files larger than this are no configuration of ours.
const MAX_FILE: u64 = 1 << 20;

enum Value {
    Text(String),
    List(Vec<(String, Origin)>),
    Flag(bool),
}

#[derive(Default)]
pub(super) struct Settings {
    values: BTreeMap<&'static str, (Value, Origin)>,
    origins: BTreeMap<String, Origin>,
    errors: Vec<ConfigError>,
}

impl Settings {
    pub(super) fn read_file(&mut self, file: &Path) {
        let path = Arc::new(file.to_owned());
        let whole = Origin::File { path: Arc::clone(&path), line: 0 };
        let too_large = std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.len() > MAX_FILE);
        if too_large {
            return self.fail(
                whole,
                "",
                "this is no configuration file: it is larger than 1 MiB",
                NAME_ANOTHER,
            );
        }
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                return self.fail(whole, "", &format!("the file cannot be read: {error}"), NAME_ANOTHER);
            }
        };
        let at = |offset: usize| {
            let line = text.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count() + 1;
            Origin::File { path: Arc::clone(&path), line }
        };
        let document = match DeTable::parse(&text) {
            Ok(document) => document,
            Err(error) => {
                let origin = error.span().map_or(whole, |span| at(span.start));
                let problem = format!("this is not TOML: {}", error.message().replace('\n', ", "));
                let key = error.span().map(|span| key_at(&text, span.start)).unwrap_or_default();
                return self.fail(origin, &key, &problem, "write it as key = \"value\"");
            }
        };
        self.read_table("", document.get_ref(), &at);
    }

    fn read_table(&mut self, section: &str, table: &DeTable<'_>, at: &dyn Fn(usize) -> Origin) {
        for (name, value) in table {
            let origin = at(name.span().start);
            let key = join(section, name.get_ref());
            match (value.get_ref(), known(&key)) {
                (_, None) if is_reserved(&key) => self.refuse_reserved(&key, origin),
                (DeValue::Table(table), None) if section.is_empty() && is_section(&key) => {
                    self.read_table(&key, table, at);
                }
                (_, None) if section.is_empty() && is_section(&key) => {
                    let remedy = format!("write [{key}] on a line of its own and its keys below it");
                    self.fail(origin, &key, "this is a section, not a key", &remedy);
                }
                (_, None) => self.refuse_unknown(&key, origin),
                (value, Some((key, kind))) => self.read_value(key, kind, value, origin, at),
            }
        }
    }

    fn read_value(
        &mut self,
        key: &'static str,
        kind: Kind,
        value: &DeValue<'_>,
        origin: Origin,
        at: &dyn Fn(usize) -> Origin,
    ) {
        let read = match (kind, value) {
            (Kind::Text, DeValue::String(text)) => Value::Text(text.to_string()),
            (Kind::Flag, DeValue::Boolean(flag)) => Value::Flag(*flag),
            (Kind::List, DeValue::Array(entries)) => {
                let mut list = Vec::new();
                for entry in entries {
                    let origin = at(entry.span().start);
                    let Some(text) = entry.get_ref().as_str() else {
                        let problem = format!("a {} stands where a text belongs", entry.get_ref().type_str());
                        self.fail(origin, key, &problem, "put it in quotation marks");
                        continue;
                    };
                    list.push((text.to_owned(), origin));
                }
                Value::List(list)
            }
            (kind, value) => {
                let problem = format!("a {} stands where {} belongs", value.type_str(), kind.words());
                return self.fail(origin, key, &problem, kind.remedy());
            }
        };
        self.values.insert(key, (read, origin));
    }

    /// `ROOMGATE_SIP__DOMAINS=a,b`, `ROOMGATE_DATA_DIR=…`. Other `ROOMGATE_` variables without `__` are not ours to judge.
    pub(super) fn read_environment(&mut self, environment: &[(String, String)]) {
        for (name, value) in environment {
            let Some(rest) = name.strip_prefix("ROOMGATE_") else { continue };
            let key = rest.to_ascii_lowercase().replace("__", ".").replace('_', "-");
            let origin = Origin::Variable(name.clone());
            match known(&key) {
                Some((key, Kind::Text)) => {
                    self.values.insert(key, (Value::Text(value.clone()), origin));
                }
                Some((key, Kind::List)) => {
                    let entries = value.split(',').map(str::trim).filter(|entry| !entry.is_empty());
                    let list = entries.map(|entry| (entry.to_owned(), origin.clone())).collect();
                    self.values.insert(key, (Value::List(list), origin));
                }
                Some((key, Kind::Flag)) => match value.as_str() {
                    "true" => drop(self.values.insert(key, (Value::Flag(true), origin))),
                    "false" => drop(self.values.insert(key, (Value::Flag(false), origin))),
                    _ => {
                        self.fail(
                            origin,
                            key,
                            &format!("{value:?} is neither true nor false"),
                            Kind::Flag.remedy(),
                        );
                    }
                },
                None if !rest.contains("__") => {}
                None if is_reserved(&key) => self.refuse_reserved(&key, origin),
                None => self.refuse_unknown(&key, origin),
            }
        }
    }

    pub(super) fn set_path(&mut self, key: &'static str, path: &Path, origin: Origin) {
        match path.to_str() {
            Some(text) => drop(self.values.insert(key, (Value::Text(text.to_owned()), origin))),
            None => self.fail(origin, key, "the path is not UTF-8", "rename the folder"),
        }
    }

    /// Takes a text value through its parser; a refused one is remembered and then counts as not set.
    pub(super) fn one<T>(
        &mut self,
        key: &'static str,
        parse: fn(&str) -> Result<T, (String, String)>,
    ) -> Option<T> {
        let Some((Value::Text(text), origin)) = self.take(key) else { return None };
        match parse(text.trim()) {
            Ok(value) => Some(value),
            Err((problem, remedy)) => {
                self.fail(origin, key, &problem, &remedy);
                None
            }
        }
    }

    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        parse: fn(&str) -> Result<T, (String, String)>,
    ) -> Option<Vec<T>> {
        let Some((Value::List(entries), _)) = self.take(key) else { return None };
        let mut list = Vec::with_capacity(entries.len());
        for (index, (text, origin)) in entries.into_iter().enumerate() {
            match parse(text.trim()) {
                Ok(value) => list.push(value),
                Err((problem, remedy)) => self.fail(origin.clone(), key, &problem, &remedy),
            }
            self.origins.insert(format!("{key}.{index}"), origin);
        }
        Some(list)
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        match self.take(key) {
            Some((Value::Flag(flag), _)) => Some(flag),
            _ => None,
        }
    }

    /// A path; one in the file is relative to the file's folder.
    pub(super) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let text = self.one(key, |text| match text {
            "" => Err(("the path is empty".to_owned(), "write a path, or leave the key out".to_owned())),
            text => Ok(text.to_owned()),
        })?;
        Some(self.beside_file(key, Path::new(&text)))
    }

    pub(super) fn beside_file(&self, key: &str, path: &Path) -> PathBuf {
        match self.origins.get(key) {
            Some(Origin::File { path: file, .. }) => {
                file.parent().map_or_else(|| path.to_owned(), |f| f.join(path))
            }
            _ => path.to_owned(),
        }
    }

    pub(super) fn refuse(&mut self, key: &str, problem: impl Into<String>, remedy: &str) {
        let of_list = || self.origins.get(key.rsplit_once('.')?.0);
        let origin = self.origins.get(key).or_else(of_list).cloned().unwrap_or(Origin::Default);
        self.errors.push(ConfigError::new(origin, key, problem, remedy));
    }

    /// The origins of all values, if nothing was wrong.
    pub(super) fn finish(mut self) -> Result<BTreeMap<String, Origin>, ConfigErrors> {
        debug_assert!(self.values.is_empty(), "a key is listed that nobody reads");
        if self.errors.is_empty() {
            return Ok(self.origins);
        }
        self.errors.sort_by_key(|error| match error.origin {
            Origin::File { line, .. } => line,
            _ => usize::MAX,
        });
        Err(ConfigErrors(self.errors))
    }

    fn take(&mut self, key: &'static str) -> Option<(Value, Origin)> {
        let (value, origin) = self.values.remove(key)?;
        self.origins.insert(key.to_owned(), origin.clone());
        Some((value, origin))
    }

    fn fail(&mut self, origin: Origin, key: &str, problem: &str, remedy: &str) {
        self.errors.push(ConfigError::new(origin, key, problem, remedy));
    }

    fn refuse_reserved(&mut self, key: &str, origin: Origin) {
        self.fail(origin, key, "this is an unknown key: it is not built in this version", "remove it");
    }

    fn refuse_unknown(&mut self, key: &str, origin: Origin) {
        self.fail(origin, key, "this is an unknown key", &suggestion(key));
    }
}

const NAME_ANOTHER: &str = "name another file with --config or ROOMGATE_CONFIG";

impl Kind {
    const fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::List => "a list of texts",
            Self::Flag => "true or false",
        }
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::Text => "put it in quotation marks",
            Self::List => "write [\"first\", \"second\"]",
            Self::Flag => "write true or false, without quotation marks",
        }
    }
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

fn known(key: &str) -> Option<(&'static str, Kind)> {
    KEYS.iter().find(|(name, _)| *name == key).copied()
}

fn is_section(key: &str) -> bool {
    KEYS.iter().any(|(name, _)| name.split_once('.').is_some_and(|(section, _)| section == key))
}

fn is_reserved(key: &str) -> bool {
    let section = key.split_once('.').map_or(key, |(section, _)| section);
    RESERVED.contains(&key) || RESERVED.contains(&section)
}

/// The key on the line where a syntax error stands, for its message.
fn key_at(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let Some((key, _)) = line.split_once('=') else { return String::new() };
    let section = text.get(..start).unwrap_or_default().lines().rev().find_map(|line| {
        line.trim().strip_prefix('[')?.split_once(']').map(|(section, _)| section.trim_matches('[').trim())
    });
    join(section.unwrap_or_default(), key.trim())
}

/// What the writer of an unknown key may have meant.
fn suggestion(key: &str) -> String {
    let wanted = key.replace('_', "-");
    let nearest = KEYS.iter().map(|(name, _)| (distance(&wanted, name), *name)).min();
    if let Some((distance, name)) = nearest
        && distance <= 2
    {
        return format!("did you mean {name}?");
    }
    let leaf = wanted.rsplit_once('.').map_or(wanted.as_str(), |(_, leaf)| leaf);
    let elsewhere =
        KEYS.iter().find(|(name, _)| name.rsplit_once('.').is_some_and(|(_, other)| other == leaf));
    let section = wanted.split_once('.').map_or("", |(section, _)| section);
    let siblings: BTreeSet<_> = KEYS
        .iter()
        .filter_map(|(name, _)| name.split_once('.').filter(|(s, _)| *s == section).map(|(_, leaf)| leaf))
        .collect();
    match elsewhere {
        Some((name, _)) if siblings.is_empty() => format!("remove it, or did you mean {name}?"),
        _ if siblings.is_empty() => {
            "remove it; there are data-dir and the sections sip, web, media, tls, store and log".to_owned()
        }
        _ => {
            let names: Vec<_> = siblings.into_iter().collect();
            format!("remove it; [{section}] has {}", names.join(", "))
        }
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = *cell;
            *cell = substituted.min(diagonal + 1).min(left + 1);
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
