//! Prompts: their words and their recordings in both languages.

/// One recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Clip {
    EnterPin,
}

/// What is shown and spoken together.
#[derive(Clone, Debug)]
pub struct Prompt;

/// Words for a whole picture, readable from three metres.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Slate {
    /// The room's name or the product's, small, at the top.
    pub heading: String,
    /// What to do, large: one line a language.
    pub lines: Vec<String>,
    /// One dot for each digit keyed.
    pub dots: Option<u8>,
    /// Small print at the bottom: what keys do.
    pub footer: Vec<String>,
    /// A warning is drawn in another colour.
    pub warning: bool,
}

/// All recordings, decoded.
#[derive(Debug, Default)]
pub struct Voices;
