//! Merges the ways a key arrives.

/// Merges keys that arrive by several ways.
#[derive(Debug, Default)]
pub struct DigitMerger;
