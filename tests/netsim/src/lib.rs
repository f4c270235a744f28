//! A simulated network in virtual time.
//!
//! A [`World`] holds nodes (sans-IO machines behind the [`Node`] trait) and the links between them (delay,
//! loss). Time jumps from one happening to the next, so that minutes of timers run in microseconds and every run
//! is the same. What crossed the wire, and what did not arrive, is drawn as a ladder: [`World::ladder`] is what
//! tests compare.
//!
//! ```text
//!               caller               gateway
//!         0 ms  |------- INVITE ------->|
//!        20 ms  |<---- 100 Trying ------|
//! ```

mod ladder;
mod link;
mod world;

use std::{net::SocketAddr, time::Instant};

pub use link::{Link, Packet};
pub use world::{NodeId, World};

/// A machine in the simulated network: one input, then [`poll`](Node::poll) until [`Output::Timeout`].
pub trait Node {
    /// A packet sent to one of this node's addresses has arrived.
    fn receive(&mut self, now: Instant, packet: &Packet);

    /// The time of the last [`Output::Timeout`] has come. An extra call is harmless.
    fn timeout(&mut self, now: Instant);

    /// What the node wants done.
    fn poll(&mut self) -> Output;
}

/// What a node wants done.
pub enum Output {
    /// Sends bytes. The label is what the ladder shows of them.
    Send { from: SocketAddr, to: SocketAddr, bytes: Vec<u8>, label: String },
    /// Something that happened inside the node, worth a line on the ladder.
    Note(String),
    /// Nothing more to do until then.
    Timeout(Option<Instant>),
}
