//! What a caller reads and hears in each situation, in both languages. Every screen says one thing, in large type,
//! with what to press; the same is spoken.

use crate::{ivr::Clip, signalling::Language};

pub use crate::ivr::voices::Voices;

/// What is shown and spoken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub slate: Slate,
    /// Spoken one after the other.
    pub clips: Vec<(Clip, Language)>,
}

/// Words for a whole picture, readable from three metres.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Slate {
    /// The room's name or the product's, small, at the top.
    pub heading: String,
    /// What to do, large: one line a language.
    pub lines: Vec<String>,
    /// One dot for each digit keyed.
    pub dots: Option<u8>,
    /// Small print at the bottom: what keys do.
    pub footer: Vec<String>,
    /// A warning is drawn in another colour.
    pub warning: bool,
}

/// Where a caller stands, as far as words need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Situation {
    /// The first prompt for a PIN.
    EnterPin {
        guests_press_hash: bool,
    },
    /// That PIN was wrong; `last_try` before the last one.
    WrongPin {
        last_try: bool,
    },
    /// The last try was wrong.
    WrongPinGoodbye,
    /// Too many wrong tries from there.
    TooManyTries,
    /// Tries in this room are answered one at a time.
    Queued {
        seconds: u64,
    },
    /// Reception: the caller keys the number of a room.
    EnterRoom,
    /// Reception, after an address that nobody has.
    NoSuchRoom {
        address: String,
    },
    NoSuchRoomGoodbye,
    WaitingForHost {
        minutes: u64,
    },
    /// A host is there, but lets guests in one by one.
    Knocking {
        minutes: u64,
    },
    LetIn,
    FirstHere,
    /// The others have gone.
    Alone {
        left: Option<String>,
    },
    HostLeft {
        seconds: u64,
    },
    RoomClosed,
    NoInput,
    NoHost,
    RoomFull,
    EncryptionRequired,
    Stopping,
}

impl Situation {
    /// The words for it. `heading` is the room's name. Without a known language: Norwegian, then English.
    pub fn prompt(&self, heading: &str, language: Option<Language>) -> Prompt {
        let clips = self.clips();
        Prompt {
            slate: self.slate(heading, language),
            clips: languages(language).flat_map(|l| clips.iter().map(move |&clip| (clip, l))).collect(),
        }
    }

    /// The picture alone, for a change that nothing is said about.
    pub fn slate(&self, heading: &str, language: Option<Language>) -> Slate {
        let (nb, en) = self.line();
        let (nb_footer, en_footer) = self.footer().unwrap_or_default();
        let pick = |nb: &str, en: &str| -> Vec<String> {
            languages(language)
                .map(|l| if l == Language::Nb { nb } else { en })
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
                .collect()
        };
        Slate {
            heading: heading.to_owned(),
            lines: pick(&nb, &en),
            dots: self.collects().then_some(0),
            footer: pick(&nb_footer, &en_footer),
            warning: self.warns(),
        }
    }

    /// Whether keys are expected.
    const fn collects(&self) -> bool {
        matches!(
            self,
            Self::EnterPin { .. } | Self::WrongPin { .. } | Self::EnterRoom | Self::NoSuchRoom { .. }
        )
    }

    const fn warns(&self) -> bool {
        !matches!(
            self,
            Self::EnterPin { .. }
                | Self::EnterRoom
                | Self::WaitingForHost { .. }
                | Self::Knocking { .. }
                | Self::LetIn
                | Self::FirstHere
                | Self::Alone { .. }
        )
    }

    const fn clips(&self) -> &'static [Clip] {
        match self {
            Self::EnterPin { guests_press_hash: false } => &[Clip::EnterPin],
            Self::EnterPin { guests_press_hash: true } => &[Clip::EnterPin, Clip::GuestsPressHash],
            Self::WrongPin { last_try: false } => &[Clip::WrongPin, Clip::TryAgain],
            Self::WrongPin { last_try: true } => &[Clip::WrongPin, Clip::LastTry],
            Self::WrongPinGoodbye => &[Clip::WrongPin, Clip::Goodbye],
            Self::TooManyTries => &[Clip::TooManyTries, Clip::Goodbye],
            Self::Queued { .. } => &[Clip::Queued],
            Self::EnterRoom => &[Clip::EnterRoom],
            Self::NoSuchRoom { .. } => &[Clip::NoSuchRoom, Clip::EnterRoom],
            Self::NoSuchRoomGoodbye => &[Clip::NoSuchRoom, Clip::Goodbye],
            Self::WaitingForHost { .. } => &[Clip::WaitingForHost],
            Self::Knocking { .. } => &[Clip::Knocking],
            Self::LetIn => &[Clip::LetIn],
            Self::FirstHere => &[Clip::FirstHere],
            Self::Alone { .. } => &[Clip::Left],
            Self::HostLeft { .. } => &[Clip::HostLeft],
            Self::RoomClosed => &[Clip::RoomClosed, Clip::Goodbye],
            Self::NoInput => &[Clip::NoInput, Clip::Goodbye],
            Self::NoHost => &[Clip::NoHost, Clip::Goodbye],
            Self::RoomFull => &[Clip::RoomFull, Clip::Goodbye],
            Self::EncryptionRequired => &[Clip::EncryptionRequired],
            Self::Stopping => &[Clip::Stopping],
        }
    }

    /// The large words: Norwegian, English.
    fn line(&self) -> (String, String) {
        let (nb, en) = match self {
            Self::EnterPin { .. } => ("Tast PIN, og avslutt med #", "Key the PIN, then #"),
            Self::WrongPin { last_try: false } => {
                ("PIN-koden er ikke riktig. Prøv igjen.", "That PIN is not right. Try again.")
            }
            Self::WrongPin { last_try: true } => {
                ("PIN-koden er ikke riktig. Siste forsøk.", "That PIN is not right. Last try.")
            }
            Self::WrongPinGoodbye => {
                ("PIN-koden er ikke riktig. Ha det bra.", "That PIN is not right. Goodbye.")
            }
            Self::TooManyTries => (
                "For mange feil. Prøv igjen om ti minutter.",
                "Too many wrong tries. Try again in ten minutes.",
            ),
            Self::Queued { seconds } => {
                return (
                    format!("Mange har tastet feil her. Svar om {seconds} s."),
                    format!("Many wrong tries here. Answer in {seconds} s."),
                );
            }
            Self::EnterRoom => ("Tast rommets nummer, så #", "Key the room's number, then #"),
            Self::NoSuchRoom { address } => {
                return (
                    format!("Rom {address} finnes ikke her"),
                    format!("There is no room {address} here"),
                );
            }
            Self::NoSuchRoomGoodbye => ("Rommet finnes ikke. Ha det bra.", "No such room. Goodbye."),
            Self::WaitingForHost { .. } => ("Venter på verten", "Waiting for the host"),
            Self::Knocking { .. } => ("Verten slipper deg snart inn", "The host will let you in soon"),
            Self::LetIn => ("Du slippes inn", "You are being let in"),
            Self::FirstHere => ("Du er den første her", "You are the first one here"),
            Self::Alone { left: None } => ("Du er alene her nå", "You are alone here now"),
            Self::Alone { left: Some(name) } => {
                return (
                    format!("{name} har gått. Du er alene her nå."),
                    format!("{name} has left. You are alone here now."),
                );
            }
            Self::HostLeft { seconds } => {
                return (
                    format!("Verten har gått. Rommet stenges om {seconds} s."),
                    format!("The host has left. The room closes in {seconds} s."),
                );
            }
            Self::RoomClosed => ("Rommet er stengt. Ha det bra.", "The room is closed. Goodbye."),
            Self::NoInput => ("Vi fikk ikke noe svar. Ha det bra.", "We got no answer. Goodbye."),
            Self::NoHost => ("Verten kom ikke. Ha det bra.", "The host did not come. Goodbye."),
            Self::RoomFull => ("Rommet er fullt. Ha det bra.", "The room is full. Goodbye."),
            Self::EncryptionRequired => (
                "Rommet krever kryptering. Slå den på, og ring igjen.",
                "This room requires encryption. Turn it on, and call again.",
            ),
            Self::Stopping => (
                "Tjenesten stanses. Ring igjen om litt.",
                "The service is stopping. Please call again shortly.",
            ),
        };
        (nb.to_owned(), en.to_owned())
    }

    /// The small print: Norwegian, English.
    fn footer(&self) -> Option<(String, String)> {
        let (nb, en) = match self {
            Self::EnterPin { guests_press_hash: true } => {
                ("Gjest: bare #     * sletter siste siffer", "Guest: just #     * deletes the last digit")
            }
            Self::EnterPin { guests_press_hash: false } | Self::WrongPin { .. } | Self::EnterRoom => {
                ("* sletter siste siffer     # avslutter", "* deletes the last digit     # submits")
            }
            Self::NoSuchRoom { .. } => ("Tast rommets nummer, så #", "Key the room's number, then #"),
            Self::WaitingForHost { minutes } | Self::Knocking { minutes } if *minutes > 0 => {
                return Some((format!("Har ventet i {minutes} min"), format!("Waiting for {minutes} min")));
            }
            _ => return None,
        };
        Some((nb.to_owned(), en.to_owned()))
    }
}

/// The languages to use, in their order.
fn languages(known: Option<Language>) -> impl Iterator<Item = Language> {
    let both = [Language::Nb, Language::En];
    both.into_iter().filter(move |&language| known.is_none_or(|known| known == language))
}
