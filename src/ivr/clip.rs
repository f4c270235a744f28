//! The names of the recordings. Their words are in `voices/nb.txt` and `voices/en.txt`.

use crate::signalling::Language;

macro_rules! clips {
    ($($(#[$doc:meta])* $name:ident = $file:literal),+ $(,)?) => {
        /// One recording: a sentence or two in one language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Clip {
            $($(#[$doc])* $name),+
        }

        impl Clip {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name of its file, and of its line in the texts.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $file),+
                }
            }

            /// Our own recording of it, a WAV file.
            pub(crate) fn built_in(self, language: Language) -> &'static [u8] {
                match (self, language) {
                    $(
                        (Self::$name, Language::Nb) => include_bytes!(concat!("voices/nb/", $file, ".wav")),
                        (Self::$name, Language::En) => include_bytes!(concat!("voices/en/", $file, ".wav")),
                    )+
                }
            }
        }
    };
}

clips! {
    EnterPin = "enter-pin",
    /// Follows `EnterPin` where `#` alone lets a guest in.
    GuestsPressHash = "guests-press-hash",
    WrongPin = "wrong-pin",
    TryAgain = "try-again",
    LastTry = "last-try",
    Goodbye = "goodbye",
    EnterRoom = "enter-room",
    NoSuchRoom = "no-such-room",
    WaitingForHost = "waiting-for-host",
    /// A host is there and has been told.
    Knocking = "knocking",
    LetIn = "let-in",
    FirstHere = "first-here",
    Joined = "joined",
    Left = "left",
    HostLeft = "host-left",
    RoomClosed = "room-closed",
    NoInput = "no-input",
    NoHost = "no-host",
    RoomFull = "room-full",
    EncryptionRequired = "encryption-required",
    /// Tries in this room are answered one at a time.
    Queued = "queued",
    /// Too many wrong tries from there.
    TooManyTries = "too-many-tries",
    Stopping = "stopping",
}
