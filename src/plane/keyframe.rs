//! Who wants a key frame of which source: wishes are merged, spaced and repeated until one comes.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::ids::TrackId;

/// The wishes for key frames of all sources of a plane.
#[derive(Debug, Default)]
pub(super) struct Keyframes {
    sources: BTreeMap<TrackId, Source>,
}

#[derive(Debug, Default)]
struct Source {
    /// When to ask next; none while nobody wants one.
    due: Option<Instant>,
    asked: Option<Instant>,
    /// How often it was asked since the last key frame.
    tries: u32,
}

impl Keyframes {
    /// Somebody cannot go on without a key frame of this source.
    pub(super) fn want(&mut self, now: Instant, track: TrackId) {
        let source = self.sources.entry(track).or_default();
        if source.due.is_none() {
            source.due = Some(source.asked.map_or(now, |asked| now.max(asked + SPACING)));
        }
    }

    /// A key frame has come: whoever wanted one has it.
    pub(super) fn came(&mut self, track: TrackId) {
        if let Some(source) = self.sources.get_mut(&track) {
            source.due = None;
            source.tries = 0;
        }
    }

    /// Nobody looks at this source any more.
    pub(super) fn calm(&mut self, track: TrackId) {
        self.came(track);
    }

    /// The source is gone.
    pub(super) fn forget(&mut self, track: TrackId) {
        self.sources.remove(&track);
    }

    /// A source that is to be asked now.
    pub(super) fn poll(&mut self, now: Instant) -> Option<TrackId> {
        let (track, source) =
            self.sources.iter_mut().find(|(_, source)| source.due.is_some_and(|due| due <= now))?;
        source.asked = Some(now);
        source.tries = source.tries.saturating_add(1);
        let pause = if source.tries < EAGER { SPACING } else { PATIENT };
        source.due = Some(now + pause);
        Some(*track)
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.sources.values().filter_map(|source| source.due).min()
    }
}

/// The least time between two requests to one source.
const SPACING: Duration = Duration::from_millis(500);
/// A source that has not answered so many requests is asked more rarely: perhaps its camera is off.
const EAGER: u32 = 8;
const PATIENT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LegId;

    const A: TrackId = TrackId::video(LegId(1));
    const B: TrackId = TrackId::video(LegId(2));
    const MS: Duration = Duration::from_millis(1);

    fn asked(keyframes: &mut Keyframes, now: Instant) -> Vec<TrackId> {
        std::iter::from_fn(|| keyframes.poll(now)).collect()
    }

    #[test]
    fn wishes_within_half_a_second_are_one_request() {
        let start = Instant::now();
        let mut keyframes = Keyframes::default();
        keyframes.want(start, A);
        keyframes.want(start, A);
        keyframes.want(start, B);
        assert_eq!(asked(&mut keyframes, start), [A, B]);
        keyframes.came(A);
        keyframes.want(start + 100 * MS, A);
        keyframes.want(start + 200 * MS, A);
        assert_eq!(asked(&mut keyframes, start + 499 * MS), []);
        assert_eq!(keyframes.next_timeout(), Some(start + 500 * MS));
        assert_eq!(asked(&mut keyframes, start + 500 * MS), [A, B], "B has not answered");
        keyframes.came(A);
        keyframes.came(B);
        assert_eq!(keyframes.next_timeout(), None);
    }

    #[test]
    fn a_key_frame_meets_a_wish_that_waits() {
        let start = Instant::now();
        let mut keyframes = Keyframes::default();
        keyframes.want(start, A);
        assert_eq!(asked(&mut keyframes, start), [A]);
        keyframes.came(A);
        keyframes.want(start + 100 * MS, A);
        keyframes.came(A);
        assert_eq!(asked(&mut keyframes, start + 600 * MS), []);
    }

    #[test]
    fn requests_are_repeated_and_grow_rare() {
        let start = Instant::now();
        let mut keyframes = Keyframes::default();
        keyframes.want(start, A);
        let requests = (0..10_000).filter(|ms| keyframes.poll(start + *ms * MS).is_some()).count();
        assert_eq!(requests, 8 + 2);
    }
}
