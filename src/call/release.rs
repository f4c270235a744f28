//! Why a leg ends, in one vocabulary, and its mapping to SIP status codes (RFC 3261 §21) and Q.850 causes.

/// Whose doing the end of a leg was, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Release {
    /// The far side hung up.
    HungUp,
    /// The far side gave up before we answered.
    Cancelled,
    /// Nothing came back, or media stopped.
    Lost,
    /// No such address.
    NotFound,
    /// Nothing in common: codecs, encryption.
    Incompatible,
    /// This room refuses media that is not encrypted.
    EncryptionRequired,
    /// Three wrong PINs, or too many from there.
    PinRefused,
    /// Nobody keyed anything.
    NoInput,
    /// No host came in time.
    NoHost,
    /// The room is full, or this gateway is.
    Full,
    /// The room was closed, or a host put them out.
    RoomClosed,
    /// The far side broke the protocol.
    Misbehaved,
    /// Calls without an account are not taken here.
    Forbidden,
    /// The gateway stops.
    ShuttingDown,
    /// A fault of ours.
    Fault,
}

impl Release {
    /// The final SIP status that refuses an INVITE for this reason.
    pub const fn sip_status(self) -> u16 {
        match self {
            Self::HungUp => 480,
            Self::Cancelled => 487,
            Self::Lost => 408,
            Self::NotFound => 404,
            Self::Incompatible | Self::EncryptionRequired => 488,
            Self::PinRefused | Self::Forbidden => 403,
            Self::NoInput | Self::NoHost | Self::RoomClosed => 480,
            Self::Full => 486,
            Self::Misbehaved => 400,
            Self::ShuttingDown => 503,
            Self::Fault => 500,
        }
    }

    /// The Q.850 cause for `Reason:` headers and H.225 releases.
    pub const fn q850_cause(self) -> u8 {
        match self {
            Self::HungUp | Self::Cancelled | Self::NoInput | Self::NoHost | Self::RoomClosed => 16,
            Self::Lost => 102,
            Self::NotFound => 1,
            Self::Incompatible | Self::EncryptionRequired => 88,
            Self::PinRefused | Self::Forbidden => 21,
            Self::Full => 17,
            Self::Misbehaved => 111,
            Self::ShuttingDown => 41,
            Self::Fault => 41,
        }
    }

    /// A word for records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HungUp => "hung-up",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::NotFound => "not-found",
            Self::Incompatible => "incompatible",
            Self::EncryptionRequired => "encryption-required",
            Self::PinRefused => "pin-refused",
            Self::NoInput => "no-input",
            Self::NoHost => "no-host",
            Self::Full => "full",
            Self::RoomClosed => "room-closed",
            Self::Misbehaved => "misbehaved",
            Self::Forbidden => "forbidden",
            Self::ShuttingDown => "shutting-down",
            Self::Fault => "fault",
        }
    }
}
