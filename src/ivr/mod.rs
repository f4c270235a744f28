//! Prompts and keys: what is shown and spoken to a caller, and what is collected. Knows no room and no PIN:
//! it collects digits, `admission` knows what they mean.

pub mod clip;
pub mod digits;
pub mod menu;
pub mod prompt;
pub mod voices;

pub use clip::Clip;
pub use digits::DigitMerger;
pub use menu::{Menu, MenuConfig, MenuOutput};
pub use prompt::{Prompt, Situation, Slate};
pub use voices::Voices;
