//! What somebody may do in a room. Defined here because the PIN decides it; `room` names it on.

/// A person's rights in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Lets others in, and keeps the room open.
    Host,
    Guest,
}

impl Role {
    /// The word in the pages' protocol, in records and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Guest => "guest",
        }
    }
}
