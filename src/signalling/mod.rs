//! Each protocol to and from [`LegEvent`] and [`LegCommand`]. After this stage nobody says SIP, H.323 or WebRTC.

pub mod capabilities;
pub mod sip;
pub mod web;

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use crate::{call::release::Release, ids::TrackKind, profile::Profile};
pub use capabilities::{
    AudioCodec, AudioParams, Capabilities, Direction, EncryptionState, Feedback, KeyMaterial, MediaParams,
    SrtpParams, TransportParams, VideoLimits, VideoParams,
};

/// A language that prompts and pages speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    Nb,
    En,
}

/// What kind of thing a person sits at. Decides the way to prompt (picture and speech, or a page).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Face {
    /// A hardware codec or a softphone: sees pictures, keys digits.
    Endpoint,
    /// A page of ours in a browser.
    Browser,
}

/// Who calls, as far as the signalling proved it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The name the caller gave, for display only; never trusted.
    pub name: Option<String>,
    /// The address the caller gave (`sip:room12@example.org`), for display and records only.
    pub address: String,
    /// Where the signalling came from.
    pub source: IpAddr,
    /// The endpoint account that was authenticated, if any. The one identity to trust.
    pub account: Option<String>,
    /// Call-ID, or the like, for log lines.
    pub trace: Arc<str>,
    pub face: Face,
    /// What the caller is known to speak; else both languages, nb first.
    pub language: Option<Language>,
    /// How its family of devices is treated.
    pub profile: Arc<Profile>,
}

impl Caller {
    /// A caller of whom nothing is known but where the signalling came from.
    pub fn unknown(source: IpAddr) -> Self {
        Self {
            name: None,
            address: String::new(),
            source,
            account: None,
            trace: Arc::from(""),
            face: Face::Endpoint,
            language: None,
            profile: Profile::generic(),
        }
    }
}

/// What was dialled. A PIN in the dial string is split off before anything is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialled {
    /// The room's address or alias; empty for the gateway's own address.
    pub address: String,
    pub pin: Option<Digits>,
}

/// One key of a telephone keypad.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digit {
    Number(u8),
    Star,
    Pound,
    /// A to D, on few keypads.
    Letter(u8),
}

impl Digit {
    /// Reads `0`-`9`, `*`, `#`, `A`-`D`.
    pub fn from_char(c: char) -> Option<Self> {
        match c {
            '0'..='9' => Some(Self::Number(c as u8 - b'0')),
            '*' => Some(Self::Star),
            '#' => Some(Self::Pound),
            'A'..='D' => Some(Self::Letter(c as u8 - b'A')),
            'a'..='d' => Some(Self::Letter(c as u8 - b'a')),
            _ => None,
        }
    }
}

/// Digits never reach a log.
impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digit(_)")
    }
}

/// Keyed or typed digits: perhaps a PIN. Neither printed nor logged.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Digits(pub String);

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digits(_)")
    }
}

/// The ways a key can arrive, best first (the rank by which lesser ways are ignored).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DigitPath {
    /// In the media: RFC 4733.
    TelephoneEvent,
    /// H.245 user input.
    UserInput,
    /// By signalling: SIP INFO, Q.931 Keypad.
    Message,
    /// Tones in the audio.
    InBand,
}

/// What the caller offered.
#[derive(Clone, Debug)]
pub enum Offer {
    /// Media capabilities that we answer.
    Capabilities(Capabilities),
    /// None: we offer, and the answer comes later.
    Delayed,
    /// A browser's session description: answered by its media port, opaque to all between.
    Session(String),
}

/// Our side of the media, ready to receive.
#[derive(Clone)]
pub enum LocalMedia {
    /// Sockets are open on these ports; RTCP is one above each.
    Ports {
        address: IpAddr,
        audio: u16,
        video: u16,
        /// Fresh entropy for the keys of this leg's streams.
        entropy: [u8; 64],
    },
    /// The answer to a browser's session description.
    Session(String),
}

impl fmt::Debug for LocalMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ports { address, audio, video, .. } => {
                write!(f, "Ports({address}, audio {audio}, video {video})")
            }
            Self::Session(_) => f.write_str("Session(_)"),
        }
    }
}

/// What happened on a leg.
#[derive(Clone, Debug)]
pub enum LegEvent {
    /// A new call. The leg waits for `Answer` or `Refuse`.
    Incoming {
        caller: Caller,
        dialled: Dialled,
        offer: Offer,
    },
    /// Media has been agreed for the first time.
    Answered(MediaParams),
    /// The far side has confirmed the call (SIP: ACK).
    Connected,
    /// Media has been agreed anew: a hold, a new address, a new line.
    Changed(MediaParams),
    Digit {
        digit: Digit,
        path: DigitPath,
    },
    /// A whole PIN typed into a page.
    Pin(Digits),
    /// The far side cannot decode what we send until a key frame comes.
    KeyframeWanted(TrackKind),
    /// The camera or microphone was switched off or on at the far side.
    Muted {
        kind: TrackKind,
        muted: bool,
    },
    /// The leg is gone; its last event.
    Released(Release),
}

/// What to do on a leg.
#[derive(Clone, Debug)]
pub enum LegCommand {
    Ring,
    Answer(LocalMedia),
    /// Ends a leg that has not been answered.
    Refuse(Release),
    /// Asks the far side for a key frame by signalling: for those who gave us no way in RTCP.
    WantKeyframe(TrackKind),
    /// What the person should be shown. Pages show it themselves; for endpoints the gateway draws a picture.
    Show(Arc<Screen>),
    Release(Release),
}

/// What a page shows. (An endpoint's pictures are `room::Scene`s.)
#[derive(Clone, Debug, PartialEq)]
pub enum Screen {
    /// The PIN is asked for. `tries_left` counts down after a wrong one; `wait` is the pause before the next try.
    Pin { room: String, tries_left: Option<u8>, wait: Duration, guest_needs_pin: bool },
    /// Waiting to be let in.
    Waiting { room: String },
    /// In the room.
    Seated { room: String, you: u64, role: &'static str, tiles: Vec<ScreenTile> },
    /// A short notice in words, in both languages.
    Notice { nb: String, en: String },
}

/// One person's picture on a page: in which of the page's video slots, if it has one.
#[derive(Clone, Debug, PartialEq)]
pub struct ScreenTile {
    pub participant: u64,
    pub name: String,
    /// `endpoint`, `browser` or `content`.
    pub kind: &'static str,
    pub role: &'static str,
    /// The index of the receiving video line on the page, or none while there is no video.
    pub slot: Option<u8>,
    pub muted: bool,
}
