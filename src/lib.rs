//! Roomgate seats SIP and H.323 endpoints beside browser users in rooms guarded by PINs.
//! The modules stand in the order of the flow; see ARCHITECTURE.md.

pub mod ids;
pub mod config;
pub mod profile;

pub mod signalling;
pub mod call;
pub mod ivr;
pub mod admission;
pub mod room;
pub mod plane;

pub mod gateway;
pub mod store;
pub mod wire;
pub mod commands;
