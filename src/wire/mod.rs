//! The only sockets, clocks and threads: what a running gateway stands on.

mod address;
mod driver;
mod http;
pub mod interfaces;
mod media;
mod metrics;
pub mod options;
mod pages;
mod places;
mod tcp;
pub mod tls;
mod udp;

pub use driver::serve;
pub use options::{Listening, ServeError, ServeOptions};

/// Fresh entropy from the operating system.
fn entropy<const N: usize>() -> Result<[u8; N], ServeError> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets)
        .map_err(|_| ServeError::Failed("the system gives no entropy".to_owned()))?;
    Ok(octets)
}
