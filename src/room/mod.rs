//! Rooms: who is in, who waits, who sees and hears whom. Knows no media and no protocol.

pub mod config;
pub mod layout;
mod lobby;
pub mod participant;
#[expect(clippy::module_inception, reason = "the machine of the stage it gives its name to")]
pub mod room;
pub mod scene;

pub use crate::admission::Role;
pub use config::{AdmitPolicy, RoomConfig};
pub use participant::{Roster, RosterEntry};
pub use room::{Notice, Room, RoomCommand, RoomError, RoomOutput};
