//! Tags, branches and Call-IDs from a seed.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// A stream of words that nobody without the seed can guess.
pub(super) struct Random {
    seed: [u8; 32],
    counter: u64,
}

impl Random {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    pub(super) fn block(&mut self) -> [u8; 32] {
        self.counter += 1;
        let mut hash = Sha256::new();
        hash.update(b"roomgate words");
        hash.update(self.seed);
        hash.update(self.counter.to_be_bytes());
        hash.finalize().into()
    }

    /// 64 bits in hexadecimal: enough for a tag or branch to be unique and unguessable (§19.3).
    pub(super) fn word(&mut self) -> String {
        let block = self.block();
        let mut word = String::with_capacity(16);
        for byte in block.iter().take(8) {
            let _ = write!(word, "{byte:02x}");
        }
        word
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.block();
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) % limit.max(1)
    }
}
