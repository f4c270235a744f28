//! Merges the ways a key arrives. One press can come as a telephone event, by signalling and as a tone; the better
//! way wins, and until it is known which ways there are, a second report of the same press is told by its time.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::signalling::{Digit, DigitPath};

/// Merges keys that arrive by several ways into keys that were pressed.
#[derive(Debug, Default)]
pub struct DigitMerger {
    /// The best way heard so far: lesser ones are ignored from then on.
    best: Option<DigitPath>,
    /// Keys that counted lately, and may be reported again by a better way. Oldest first.
    recent: VecDeque<Press>,
}

#[derive(Debug)]
struct Press {
    digit: Digit,
    /// The last way by which it was reported. A way reports a press once.
    path: DigitPath,
    until: Instant,
}

impl DigitMerger {
    /// Takes one report of a key; returns the key if it counts.
    pub fn handle(&mut self, now: Instant, digit: Digit, path: DigitPath) -> Option<Digit> {
        // Ranks are in order: the least value is the best way.
        if self.best.is_some_and(|best| best < path) {
            return None;
        }
        self.best = Some(path);
        self.recent.retain(|press| now < press.until);
        // All presses in `recent` were reported by ways no better than this one. The oldest match is this press:
        // each way reports presses in their order.
        if let Some(press) = self.recent.iter_mut().find(|press| press.digit == digit && press.path != path) {
            press.path = path;
            return None;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Press { digit, path, until: now + SAME_PRESS });
        Some(digit)
    }
}

/// How long after a report another way may report the same press.
const SAME_PRESS: Duration = Duration::from_millis(500);

/// More keys than a hand presses within [`SAME_PRESS`].
const RECENT: usize = 16;
