//! Rooms: who is in, who waits, who sees and hears whom.

pub mod scene;
