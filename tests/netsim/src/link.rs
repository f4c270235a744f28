//! What a link does to packets.

use std::{net::SocketAddr, time::Duration};

/// Bytes under way from one node to another.
#[derive(Clone, Debug)]
pub struct Packet {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
    /// What the ladder shows.
    pub label: String,
}

/// One direction between two nodes. The default delivers everything after 10 ms.
pub struct Link {
    delay: Duration,
    loss_per_mille: u16,
    random: u64,
    drops: Vec<Drop>,
}

struct Drop {
    label: String,
    left: usize,
}

impl Default for Link {
    fn default() -> Self {
        Self { delay: Duration::from_millis(10), loss_per_mille: 0, random: 1, drops: Vec::new() }
    }
}

impl Link {
    /// Every packet takes this long.
    pub fn delay(&mut self, delay: Duration) -> &mut Self {
        self.delay = delay;
        self
    }

    /// Loses the next `count` packets whose label starts with `label`.
    pub fn lose(&mut self, label: &str, count: usize) -> &mut Self {
        self.drops.push(Drop { label: label.to_owned(), left: count });
        self
    }

    /// Loses this many of a thousand packets, chosen by the seed.
    pub fn loss(&mut self, per_mille: u16, seed: u64) -> &mut Self {
        self.loss_per_mille = per_mille;
        self.random = seed | 1;
        self
    }

    /// The time that a packet takes, or none when it is lost.
    pub(crate) fn pass(&mut self, label: &str) -> Option<Duration> {
        if let Some(drop) = self.drops.iter_mut().find(|d| d.left > 0 && label.starts_with(&d.label)) {
            drop.left -= 1;
            return None;
        }
        // xorshift64: enough for losing packets, and the same on every run.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % 1000 >= u64::from(self.loss_per_mille)).then_some(self.delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loses_what_it_is_told_and_no_more() {
        let mut link = Link::default();
        link.lose("ACK", 2);
        assert!(link.pass("INVITE sip:x").is_some());
        assert!(link.pass("ACK sip:x").is_none());
        assert!(link.pass("ACK sip:x").is_none());
        assert!(link.pass("ACK sip:x").is_some());
    }

    #[test]
    fn random_loss_is_near_its_rate_and_repeats() {
        let count = |seed| {
            let mut link = Link::default();
            link.loss(300, seed);
            (0..1000).filter(|_| link.pass("x").is_none()).count()
        };
        assert!((250..350).contains(&count(7)), "{}", count(7));
        assert_eq!(count(7), count(7));
    }
}
