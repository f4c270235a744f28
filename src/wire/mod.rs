//! The only sockets, clocks and threads.

pub mod interfaces;
pub mod options;
pub mod tls;

pub use options::{Listening, ServeError, ServeOptions};
