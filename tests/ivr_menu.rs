//! What a caller at a menu sees, hears and keys, in virtual time.

use std::time::{Duration, Instant};

use roomgate::{
    ivr::{Clip, Menu, MenuConfig, MenuOutput, Prompt, Situation},
    signalling::{Digit, Language},
};

struct Call {
    start: Instant,
    menu: Menu,
    told: Vec<String>,
    next: Option<Instant>,
}

impl Call {
    fn new(lone_pound: bool, auto_length: Option<u8>) -> Self {
        Self::with(lone_pound, auto_length, true)
    }

    fn with(lone_pound: bool, auto_length: Option<u8>, ignore_leading_pound: bool) -> Self {
        let start = Instant::now();
        let config = MenuConfig { prompt: first_prompt(), lone_pound, auto_length, ignore_leading_pound };
        let mut call = Self { start, menu: Menu::new(start, config), told: Vec::new(), next: None };
        call.drain();
        call
    }

    fn drain(&mut self) {
        loop {
            self.told.push(match self.menu.poll_output() {
                MenuOutput::Show(slate) => {
                    format!("show {}", slate.dots.expect("dots while keys are expected"))
                }
                MenuOutput::Speak(clips) => format!("speak {:?}", clips[0].0),
                MenuOutput::Hush => "hush".into(),
                MenuOutput::Collected(digits) => format!("collected {:?}", digits.0),
                MenuOutput::GaveUp => "gave up".into(),
                MenuOutput::Timeout(next) => {
                    self.next = next;
                    return;
                }
            });
        }
    }

    /// What was told since the last look.
    fn told(&mut self) -> String {
        std::mem::take(&mut self.told).join(", ")
    }

    /// Lets time pass, with each timeout the menu asked for at its instant.
    fn pass_until(&mut self, ms: u64) -> Instant {
        let now = self.start + Duration::from_millis(ms);
        while let Some(at) = self.next.filter(|at| *at <= now) {
            self.menu.handle_timeout(at);
            self.drain();
        }
        now
    }

    fn key(&mut self, ms: u64, keys: &str) {
        for key in keys.chars() {
            let now = self.pass_until(ms);
            self.menu.handle_digit(now, Digit::from_char(key).expect("a key"));
            self.drain();
        }
    }

    fn spoken(&mut self, ms: u64) {
        let now = self.pass_until(ms);
        self.menu.handle_spoken(now);
        self.drain();
    }

    fn retry(&mut self, ms: u64, wait: u64) {
        let now = self.pass_until(ms);
        let prompt = Situation::WrongPin { last_try: false }.prompt("Room", None);
        self.menu.retry(now, prompt, Duration::from_secs(wait));
        self.drain();
    }
}

fn first_prompt() -> Prompt {
    Situation::EnterPin { guests_press_hash: false }.prompt("Room", None)
}

#[test]
fn digits_show_as_dots_at_once_and_pound_submits() {
    let mut call = Call::new(false, None);
    assert_eq!(call.told(), "show 0, speak EnterPin");
    call.key(500, "12");
    assert_eq!(call.told(), "hush, show 1, show 2");
    call.key(900, "3#");
    assert_eq!(call.told(), "show 3, collected \"123\"");
    assert_eq!(call.next, None);
}

#[test]
fn star_deletes_the_last_digit() {
    let mut call = Call::new(false, None);
    call.key(2_500, "12*3*#");
    assert!(call.told().ends_with("show 2, show 1, show 2, show 1, collected \"1\""));
}

#[test]
fn the_last_digit_submits_where_all_have_one_length_and_its_pound_is_swallowed() {
    let mut call = Call::new(true, Some(4));
    call.key(3_000, "1234");
    assert!(call.told().ends_with("show 4, collected \"1234\""));
    call.retry(3_000, 0);
    assert_eq!(call.told(), "show 0, speak WrongPin");
    call.key(5_900, "#");
    assert_eq!(call.told(), "", "it belongs to the digits before");
    call.key(6_100, "#");
    assert_eq!(call.told(), "hush, collected \"\"", "a second one is a guest's");
}

#[test]
fn a_pound_more_than_three_seconds_later_is_not_swallowed() {
    let mut call = Call::new(true, Some(4));
    call.key(3_000, "1234");
    call.retry(3_000, 0);
    call.told();
    call.key(6_000, "#");
    assert_eq!(call.told(), "hush, collected \"\"");
}

#[test]
fn pound_alone_is_an_answer_only_where_it_may_be() {
    let mut call = Call::new(false, None);
    call.told();
    call.key(5_000, "#");
    assert_eq!(call.told(), "hush");
    let mut call = Call::new(true, None);
    call.told();
    call.key(5_000, "#");
    assert_eq!(call.told(), "hush, collected \"\"");
}

#[test]
fn a_lone_pound_right_after_the_answer_was_not_keyed_by_a_person() {
    let mut call = Call::new(true, None);
    call.told();
    call.key(1_999, "#");
    assert_eq!(call.told(), "");
    call.key(2_000, "#");
    assert_eq!(call.told(), "hush, collected \"\"");
    let mut call = Call::with(true, None, false);
    call.told();
    call.key(0, "#");
    assert_eq!(call.told(), "hush, collected \"\"", "where no device sends one by itself");
}

#[test]
fn speech_comes_again_after_ten_seconds_without_a_key() {
    let mut call = Call::new(false, None);
    call.spoken(4_000);
    call.told();
    call.pass_until(13_999);
    assert_eq!(call.told(), "");
    call.pass_until(14_000);
    assert_eq!(call.told(), "speak EnterPin");
    call.key(15_000, "1");
    assert_eq!(call.told(), "hush, show 1");
    call.pass_until(24_999);
    assert_eq!(call.told(), "");
    call.pass_until(25_000);
    assert_eq!(call.told(), "speak EnterPin");
}

#[test]
fn nobody_there_for_two_minutes_is_given_up_on() {
    let mut call = Call::new(false, None);
    call.key(60_000, "1");
    call.pass_until(179_999);
    assert!(!call.told().contains("gave up"));
    call.pass_until(180_000);
    assert_eq!(call.told(), "gave up");
    assert_eq!(call.next, None);
    call.key(181_000, "2#");
    call.retry(181_000, 0);
    assert_eq!(call.told(), "", "given up is the end");
}

#[test]
fn after_a_wrong_answer_the_next_is_taken_after_the_pause_and_no_key_is_lost() {
    let mut call = Call::new(false, None);
    call.key(3_000, "1#");
    call.retry(3_000, 2);
    call.told();
    call.key(3_500, "42#");
    assert_eq!(call.told(), "hush, show 1, show 2");
    call.key(4_000, "9#*");
    assert_eq!(call.told(), "", "the answer is complete");
    call.pass_until(4_999);
    assert_eq!(call.told(), "");
    call.pass_until(5_000);
    assert_eq!(call.told(), "collected \"42\"");
}

#[test]
fn letters_do_nothing_and_digits_are_bounded() {
    let mut call = Call::new(false, None);
    call.told();
    call.key(3_000, "AD");
    assert_eq!(call.told(), "");
    call.key(3_000, &"7".repeat(100));
    call.told();
    call.key(3_000, "#");
    assert_eq!(call.told(), format!("collected {:?}", "7".repeat(32)));
}

#[test]
fn an_extra_timeout_is_harmless() {
    let mut call = Call::new(false, None);
    call.told();
    for ms in [0, 1, 5_000] {
        let now = call.start + Duration::from_millis(ms);
        call.menu.handle_timeout(now);
        call.drain();
    }
    assert_eq!(call.told(), "");
}

#[test]
fn digits_are_in_no_debug_output() {
    let mut call = Call::new(false, None);
    call.key(3_000, "8642");
    assert!(!format!("{:?}", call.menu).contains('8'));
    call.menu.handle_digit(call.start + Duration::from_secs(4), Digit::Pound);
    let collected = call.menu.poll_output();
    assert!(matches!(collected, MenuOutput::Collected(_)));
    assert!(!format!("{collected:?}").contains('8'));
}

#[test]
fn both_languages_are_used_unless_one_is_known() {
    let both = first_prompt();
    assert_eq!(both.clips, [(Clip::EnterPin, Language::Nb), (Clip::EnterPin, Language::En)]);
    assert_eq!(both.slate.lines, ["Tast PIN, og avslutt med #", "Key the PIN, then #"]);
    let situation = Situation::EnterPin { guests_press_hash: true };
    let en = situation.prompt("Kardiologen", Some(Language::En));
    assert_eq!(en.clips, [(Clip::EnterPin, Language::En), (Clip::GuestsPressHash, Language::En)]);
    assert_eq!(en.slate.lines, ["Key the PIN, then #"]);
    assert_eq!(en.slate.heading, "Kardiologen");
    assert_eq!(en.slate.footer.len(), 1);
}
