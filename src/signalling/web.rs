//! The join page's messages, JSON over a WebSocket, to and from leg events.
//!
//! A page sends `join` (with its session description as a whole: the gateway is ICE-lite, so there is nothing to
//! trickle), `pin`, `mute` and `leave`; it is sent `pin`, `waiting`, `answer`, `seated`, `notice` and `released`.
//! The types here are the contract with `web/src/protocol.ts`.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    call::release::Release,
    ids::{LegId, LegIds, TrackKind},
    signalling::{
        Caller, Dialled, Digits, Face, Language, LegCommand, LegEvent, LocalMedia, Offer, Screen, ScreenTile,
    },
};

/// Octets in one message. Chromium's session description of eleven lines has about 60,000, and JSON escapes its line ends.
pub const MAX_MESSAGE: usize = 128 * 1024;
const MAX_NAME: usize = 60;
const MAX_PIN: usize = 32;
const MAX_ADDRESS: usize = 64;

/// One page's WebSocket, numbered by `wire`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageId(pub u64);

/// What a page says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
enum FromPage {
    Join { address: String, name: String, pin: Option<String>, language: Option<String>, offer: String },
    Pin { pin: String },
    Mute { kind: MuteKind, muted: bool },
    Leave {},
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MuteKind {
    Audio,
    Video,
}

/// What a page is told.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum ToPage<'a> {
    Pin { room: &'a str, tries_left: Option<u8>, wait_ms: u64, guest_needs_pin: bool },
    Waiting { room: &'a str },
    Answer { sdp: &'a str },
    Seated { room: &'a str, you: u64, role: &'a str, tiles: Vec<TileToPage<'a>> },
    Notice { nb: &'a str, en: &'a str },
    Released { reason: &'static str },
    Error { message: &'static str },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TileToPage<'a> {
    participant: u64,
    name: &'a str,
    kind: &'static str,
    role: &'static str,
    slot: Option<u8>,
    muted: bool,
}

/// What the page side wants done, or saw.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "few at a time, and moved once")]
pub enum WebOutput {
    Send {
        page: PageId,
        text: String,
    },
    /// Close the WebSocket after what has been sent.
    Close {
        page: PageId,
    },
    Leg(LegId, LegEvent),
}

struct Page {
    leg: LegId,
}

/// All pages' signalling. Sans-IO: messages in, [`WebOutput`] out by [`WebSide::poll_output`].
pub struct WebSide {
    ids: LegIds,
    pages: HashMap<PageId, Page>,
    legs: HashMap<LegId, PageId>,
    output: VecDeque<WebOutput>,
}

impl WebSide {
    pub fn new(ids: LegIds) -> Self {
        Self { ids, pages: HashMap::new(), legs: HashMap::new(), output: VecDeque::new() }
    }

    /// One text message from a page. A message that cannot be read is answered with `error` and costs no call.
    pub fn handle_message(&mut self, page: PageId, source: IpAddr, text: &str) {
        let message = match serde_json::from_str::<FromPage>(text) {
            Ok(message) if text.len() <= MAX_MESSAGE => message,
            _ => return self.send(page, &ToPage::Error { message: "this message cannot be read" }),
        };
        match (message, self.pages.get(&page).map(|page| page.leg)) {
            (FromPage::Join { address, name, pin, language, offer }, None) => {
                let leg = self.ids.next_leg();
                self.pages.insert(page, Page { leg });
                self.legs.insert(leg, page);
                let caller = Caller {
                    name: Some(tidy(&name, MAX_NAME)).filter(|name| !name.is_empty()),
                    address: format!("browser {}", page.0),
                    trace: Arc::from(format!("page-{}", page.0)),
                    face: Face::Browser,
                    language: match language.as_deref() {
                        Some("nb") => Some(Language::Nb),
                        Some("en") => Some(Language::En),
                        _ => None,
                    },
                    ..Caller::unknown(source)
                };
                let dialled =
                    Dialled { address: tidy(&address, MAX_ADDRESS), pin: pin.as_deref().map(typed_digits) };
                self.event(leg, LegEvent::Incoming { caller, dialled, offer: Offer::Session(offer) });
            }
            (FromPage::Pin { pin }, Some(leg)) => self.event(leg, LegEvent::Pin(typed_digits(&pin))),
            (FromPage::Mute { kind, muted }, Some(leg)) => {
                let kind = match kind {
                    MuteKind::Audio => TrackKind::Audio,
                    MuteKind::Video => TrackKind::Video,
                };
                self.event(leg, LegEvent::Muted { kind, muted });
            }
            (FromPage::Leave {}, Some(_)) => {
                self.output.push_back(WebOutput::Close { page });
                self.handle_closed(page);
            }
            (FromPage::Join { .. }, Some(_)) => {
                self.send(page, &ToPage::Error { message: "this page has joined already" });
            }
            (_, None) => self.send(page, &ToPage::Error { message: "join first" }),
        }
    }

    /// The WebSocket is gone. The leg goes with it.
    pub fn handle_closed(&mut self, page: PageId) {
        if let Some(Page { leg }) = self.pages.remove(&page) {
            self.legs.remove(&leg);
            self.event(leg, LegEvent::Released(Release::HungUp));
        }
    }

    /// Whether this leg is a page's.
    pub fn has(&self, leg: LegId) -> bool {
        self.legs.contains_key(&leg)
    }

    /// Does what the gateway asks of a page's leg.
    pub fn command(&mut self, leg: LegId, command: &LegCommand) {
        let Some(&page) = self.legs.get(&leg) else { return };
        match command {
            LegCommand::Answer(LocalMedia::Session(sdp)) => {
                self.send(page, &ToPage::Answer { sdp });
                self.event(leg, LegEvent::Connected);
            }
            LegCommand::Show(screen) => self.show(page, screen),
            LegCommand::Refuse(release) | LegCommand::Release(release) => {
                self.send(page, &ToPage::Released { reason: release.as_str() });
                self.output.push_back(WebOutput::Close { page });
                self.pages.remove(&page);
                self.legs.remove(&leg);
                self.event(leg, LegEvent::Released(*release));
            }
            // A page hears a ring by itself; key frames are asked for in its RTCP; ports are no answer to a page.
            LegCommand::Ring | LegCommand::WantKeyframe(_) | LegCommand::Answer(LocalMedia::Ports { .. }) => {
            }
        }
    }

    pub fn poll_output(&mut self) -> Option<WebOutput> {
        self.output.pop_front()
    }

    fn show(&mut self, page: PageId, screen: &Screen) {
        match screen {
            Screen::Pin { room, tries_left, wait, guest_needs_pin } => self.send(
                page,
                &ToPage::Pin {
                    room,
                    tries_left: *tries_left,
                    wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                    guest_needs_pin: *guest_needs_pin,
                },
            ),
            Screen::Waiting { room } => self.send(page, &ToPage::Waiting { room }),
            Screen::Seated { room, you, role, tiles } => {
                let tiles = tiles.iter().map(TileToPage::from).collect();
                self.send(page, &ToPage::Seated { room, you: *you, role, tiles });
            }
            Screen::Notice { nb, en } => self.send(page, &ToPage::Notice { nb, en }),
        }
    }

    fn send(&mut self, page: PageId, message: &ToPage<'_>) {
        match serde_json::to_string(message) {
            Ok(text) => self.output.push_back(WebOutput::Send { page, text }),
            Err(error) => tracing::error!(page = page.0, %error, "a message to a page could not be written"),
        }
    }

    fn event(&mut self, leg: LegId, event: LegEvent) {
        self.output.push_back(WebOutput::Leg(leg, event));
    }
}

impl<'a> From<&'a ScreenTile> for TileToPage<'a> {
    fn from(tile: &'a ScreenTile) -> Self {
        Self {
            participant: tile.participant,
            name: &tile.name,
            kind: tile.kind,
            role: tile.role,
            slot: tile.slot,
            muted: tile.muted,
        }
    }
}

/// A line of text that a person typed: no control characters, no more than `max` characters.
fn tidy(text: &str, max: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim().chars().take(max).collect()
}

/// The digits of a typed PIN: blanks and dashes between groups of digits are people's habit, and no mistake.
fn typed_digits(pin: &str) -> Digits {
    Digits(pin.chars().filter(|c| !matches!(c, ' ' | '-')).take(MAX_PIN).collect())
}
