//! Collects digits, prompts again, gives up. Knows nothing of what the digits mean.

use std::{
    collections::VecDeque,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    ivr::{Clip, Prompt, Slate},
    signalling::{Digit, Digits, Language},
};

/// How a menu behaves.
#[derive(Clone, Debug)]
pub struct MenuConfig {
    /// What is shown and spoken first.
    pub prompt: Prompt,
    /// Whether `#` without digits is an answer: `Collected` with no digits.
    pub lone_pound: bool,
    /// As many digits submit themselves.
    pub auto_length: Option<u8>,
    /// Whether a lone `#` in the first two seconds was not keyed by a person: some remotes send one by themselves when
    /// a call is answered. For a menu that begins with the answer.
    pub ignore_leading_pound: bool,
}

/// What a menu asks for. Drain to `Timeout` after every input.
#[derive(Debug, PartialEq, Eq)]
pub enum MenuOutput {
    Show(Arc<Slate>),
    /// Speaks these instead of whatever is being spoken. [`Menu::handle_spoken`] when it has been heard.
    Speak(Vec<(Clip, Language)>),
    /// Stops speech.
    Hush,
    /// An answer. The menu waits for [`Menu::retry`], or is done.
    Collected(Digits),
    /// Nobody keyed anything. Nothing but `Timeout(None)` follows.
    GaveUp,
    /// Nothing more to say until then.
    Timeout(Option<Instant>),
}

/// Shows and speaks a prompt and collects the digits that are keyed.
pub struct Menu {
    config: MenuConfig,
    began: Instant,
    state: State,
    digits: Digits,
    /// When speech begins again, unless somebody is being spoken to.
    speak_again: Option<Instant>,
    speaking: bool,
    /// When nobody is there any more.
    give_up: Instant,
    /// No answer is taken before then: the pause after a wrong one.
    hold: Instant,
    /// Until when a `#` belongs to digits that submitted themselves.
    swallow_pound: Option<Instant>,
    out: VecDeque<MenuOutput>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Collecting,
    /// An answer is complete and waits for the pause to end.
    Held,
    /// The answer is with whoever knows what it means.
    Asked,
    GaveUp,
}

impl Menu {
    /// A menu that begins now.
    pub fn new(now: Instant, config: MenuConfig) -> Self {
        let mut menu = Self {
            config,
            began: now,
            state: State::Collecting,
            digits: Digits::default(),
            speak_again: None,
            speaking: false,
            give_up: now + PATIENCE,
            hold: now,
            swallow_pound: None,
            out: VecDeque::new(),
        };
        menu.show();
        menu.speak();
        menu
    }

    /// A key was pressed.
    pub fn handle_digit(&mut self, now: Instant, digit: Digit) {
        let swallow = self.swallow_pound.take().is_some_and(|until| now < until);
        if self.state == State::GaveUp || (digit == Digit::Pound && swallow) {
            return;
        }
        self.give_up = now + PATIENCE;
        if self.state != State::Collecting {
            return;
        }
        let stray = self.config.ignore_leading_pound
            && digit == Digit::Pound
            && self.digits.0.is_empty()
            && now < self.began + STRAY_POUND;
        if stray || matches!(digit, Digit::Letter(_)) {
            return;
        }
        if std::mem::take(&mut self.speaking) {
            self.out.push_back(MenuOutput::Hush);
        }
        match digit {
            Digit::Pound => self.handle_pound(now),
            Digit::Star => {
                if self.digits.0.pop().is_some() {
                    self.show();
                }
            }
            Digit::Number(number) => self.handle_number(now, number),
            Digit::Letter(_) => {}
        }
        self.speak_again = (self.state == State::Collecting).then(|| now + SPEAK_AGAIN);
    }

    /// Time has come, or not: an extra call is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.state == State::Held && now >= self.hold {
            self.submit(now);
        }
        if self.state != State::Collecting {
            return;
        }
        if now >= self.give_up {
            self.state = State::GaveUp;
            self.digits = Digits::default();
            self.out.push_back(MenuOutput::GaveUp);
        } else if self.speak_again.is_some_and(|at| now >= at) {
            self.speak();
        }
    }

    /// What was to be spoken has been heard.
    pub fn handle_spoken(&mut self, now: Instant) {
        if std::mem::take(&mut self.speaking) && self.state == State::Collecting {
            self.speak_again = Some(now + SPEAK_AGAIN);
        }
    }

    /// The answer was not right: prompts anew, and takes the next answer no sooner than after `wait`.
    pub fn retry(&mut self, now: Instant, prompt: Prompt, wait: Duration) {
        if self.state == State::GaveUp {
            return;
        }
        self.config.prompt = prompt;
        self.state = State::Collecting;
        self.digits = Digits::default();
        self.hold = now + wait;
        self.give_up = now + PATIENCE;
        self.show();
        self.speak();
    }

    /// What to do, one thing at a time, down to `Timeout`.
    pub fn poll_output(&mut self) -> MenuOutput {
        self.out.pop_front().unwrap_or_else(|| MenuOutput::Timeout(self.next_timeout()))
    }

    fn next_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Collecting => Some(self.speak_again.map_or(self.give_up, |at| at.min(self.give_up))),
            State::Held => Some(self.hold),
            State::Asked | State::GaveUp => None,
        }
    }

    fn handle_number(&mut self, now: Instant, number: u8) {
        if self.digits.0.len() >= MAX_DIGITS {
            return;
        }
        self.digits.0.push(char::from(b'0' + number % 10));
        self.show();
        if self.config.auto_length.is_some_and(|length| self.digits.0.len() == usize::from(length)) {
            self.swallow_pound = Some(now + SWALLOW_POUND);
            self.submit(now);
        }
    }

    fn handle_pound(&mut self, now: Instant) {
        if !self.digits.0.is_empty() || self.config.lone_pound {
            self.submit(now);
        }
    }

    fn submit(&mut self, now: Instant) {
        self.speak_again = None;
        if now < self.hold {
            self.state = State::Held;
        } else {
            self.state = State::Asked;
            self.out.push_back(MenuOutput::Collected(std::mem::take(&mut self.digits)));
        }
    }

    fn show(&mut self) {
        let mut slate = self.config.prompt.slate.clone();
        // At most MAX_DIGITS, which fits.
        slate.dots = Some(self.digits.0.len() as u8);
        self.out.push_back(MenuOutput::Show(Arc::new(slate)));
    }

    fn speak(&mut self) {
        self.speak_again = None;
        self.speaking = true;
        self.out.push_back(MenuOutput::Speak(self.config.prompt.clips.clone()));
    }
}

/// Without the digits.
impl fmt::Debug for Menu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Collecting => "collecting",
            State::Held => "held",
            State::Asked => "asked",
            State::GaveUp => "gave up",
        };
        write!(f, "Menu({state})")
    }
}

/// No key for so long: nobody is there.
const PATIENCE: Duration = Duration::from_secs(120);

/// Speech is repeated so long after it ended, or after the last key.
const SPEAK_AGAIN: Duration = Duration::from_secs(10);

/// A lone `#` so soon after the answer was not keyed by a person.
const STRAY_POUND: Duration = Duration::from_secs(2);

/// A `#` so soon after digits that submitted themselves belongs to them.
const SWALLOW_POUND: Duration = Duration::from_secs(3);

/// More than any answer has.
const MAX_DIGITS: usize = 32;
