//! SIP without IO: messages, digest, registrar, transactions, dialogs (RFC 3261, 3581, 4028, 6026, 7616, 8760).
//!
//! Nothing here opens a socket, reads a clock or draws a random number: bytes, time (`std::time::Instant`) and seeds
//! are arguments, and what should happen comes back as values. Every machine obeys one law: hand it one input, then
//! drain its `poll_output` until it answers with a timeout; an extra timeout is harmless.
//!
//! Read in this order: [`message`] (octets to messages and back), [`transaction`], [`dialog`], [`auth`] (digest),
//! [`registrar`] (bindings), [`endpoint`] (the whole stack, which is what a user holds), [`sdp`] (what media is described
//! in, and how it is agreed on).

#![warn(missing_docs)]

pub mod auth;
pub mod dialog;
pub mod endpoint;
pub mod message;
pub mod registrar;
pub mod sdp;
pub mod timers;
pub mod transaction;
