//! Timer values of RFC 3261 §17 (table 4) and RFC 6026, and the queue that knows which timer is next.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    time::{Duration, Instant},
};

/// Round-trip estimate (§17.1.1.1).
pub const T1: Duration = Duration::from_millis(500);
/// The longest interval between retransmissions of non-INVITE requests and INVITE responses.
pub const T2: Duration = Duration::from_secs(4);
/// The longest time that a message stays in the network.
pub const T4: Duration = Duration::from_secs(5);
/// 64*T1: Timers B, F, H, J, L and M, and the time a 200 is repeated without an ACK.
pub const TRANSACTION: Duration = Duration::from_secs(32);
/// Timer D over unreliable transports: at least 32 s.
pub const TIMER_D: Duration = Duration::from_secs(32);
/// Timer C (§16.6): how long we let an INVITE of ours ring before it is cancelled.
pub const RINGING: Duration = Duration::from_secs(181);

/// Deadlines by key: one each, the next one found in logarithmic time.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    at: HashMap<K, Instant>,
    queue: BTreeSet<(Instant, K)>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { at: HashMap::new(), queue: BTreeSet::new() }
    }
}

impl<K: Copy + Ord + Hash> Timers<K> {
    /// Sets, moves or (with `None`) takes away the deadline of a key.
    pub(crate) fn set(&mut self, key: K, at: Option<Instant>) {
        let old = match at {
            Some(at) => self.at.insert(key, at),
            None => self.at.remove(&key),
        };
        if old == at {
            return;
        }
        if let Some(old) = old {
            self.queue.remove(&(old, key));
        }
        if let Some(at) = at {
            self.queue.insert((at, key));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest key whose deadline has come.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (at, key) = self.queue.first().copied().filter(|(at, _)| *at <= now)?;
        self.queue.remove(&(at, key));
        self.at.remove(&key);
        Some(key)
    }
}
