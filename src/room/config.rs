//! How one room behaves. What kind of room behaves how, and what an administrator changed of it, the store knows.

use std::{sync::Arc, time::Duration};

use crate::ids::RoomId;

/// How guests come in when a host is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmitPolicy {
    /// All who wait, at once; those who come later, directly.
    AllTogether,
    /// Each by a host. Only one who is alone in waiting comes in with the host.
    OneByHost,
}

/// How one room behaves.
#[derive(Clone, Debug)]
pub struct RoomConfig {
    pub id: RoomId,
    /// What is dialled.
    pub address: Arc<str>,
    pub name: Arc<str>,
    /// Whether guests wait for a host.
    pub guests_wait: bool,
    pub admit: AdmitPolicy,
    /// The most who can be seated at once.
    pub capacity: usize,
    /// Locks itself when a host and others, so many in all, are in; stays locked until all have left.
    pub lock_at: Option<usize>,
    /// How long a guest waits while there is no host.
    pub no_host_timeout: Duration,
    /// How long the room stays open after its last host has left.
    pub empty_countdown: Duration,
}

impl RoomConfig {
    /// A room for meetings: guests wait for a host, and come in together.
    pub fn new(id: RoomId, address: &str, name: &str) -> Self {
        Self {
            id,
            address: address.into(),
            name: name.into(),
            guests_wait: true,
            admit: AdmitPolicy::AllTogether,
            capacity: 50,
            lock_at: None,
            no_host_timeout: Duration::from_secs(15 * 60),
            empty_countdown: Duration::from_secs(60),
        }
    }
}
