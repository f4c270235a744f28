//! Calls: why they end, and what is written down of them.

pub mod release;
