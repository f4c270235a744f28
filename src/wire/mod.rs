//! The only sockets, clocks and threads.

pub mod interfaces;
pub mod tls;
