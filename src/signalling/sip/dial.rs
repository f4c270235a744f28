//! Dial strings: which room, and with which PIN (`room*PIN`, `room**PIN`).

use roomgate_sip::message::Uri;

use crate::signalling::{Dialled, Digits};

/// Longer than any address of ours.
const MAX_ADDRESS: usize = 128;
/// Longer than any PIN.
const MAX_PIN: usize = 32;
/// The user part that means the gateway's own reception.
const LOBBY: &str = "lobby";

/// What a Request-URI dials. The PIN is split off here, before anything is logged.
pub(super) fn dialled(uri: &Uri) -> Dialled {
    uri.user().map_or_else(|| Dialled { address: String::new(), pin: None }, |user| of_user(&user))
}

fn of_user(user: &str) -> Dialled {
    // Parameters of a telephone subscriber (RFC 3261 §19.1.6).
    let user = user.split_once(';').map_or(user, |(user, _)| user);
    // People key `1234#` and `*1234`, as they do on other bridges.
    let user = user.trim().trim_end_matches('#').trim_start_matches('*');
    let (address, pin) = match user.split_once('*') {
        Some((address, pin)) => (address, Some(pin.trim_start_matches('*'))),
        None => (user, None),
    };
    let address: String = address.chars().filter(|c| !c.is_control()).take(MAX_ADDRESS).collect();
    let address = if address.eq_ignore_ascii_case(LOBBY) { String::new() } else { address };
    // What is keyed after a star is meant to be a PIN, right or wrong: it counts as a try, so nothing is dropped but
    // emptiness.
    let pin = pin
        .map(|pin| pin.chars().filter(|c| !c.is_control()).take(MAX_PIN).collect::<String>())
        .filter(|pin| !pin.is_empty());
    Dialled { address, pin: pin.map(Digits) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_and_pin() {
        let read = |uri: &str| {
            let dialled = dialled(&uri.parse().unwrap());
            (dialled.address, dialled.pin.map(|pin| pin.0))
        };
        let room = |address: &str, pin: Option<&str>| (address.to_owned(), pin.map(str::to_owned));
        assert_eq!(read("sip:100100@192.0.2.1"), room("100100", None));
        assert_eq!(read("sip:100100*1234@192.0.2.1"), room("100100", Some("1234")));
        assert_eq!(read("sip:100100**1234@192.0.2.1"), room("100100", Some("1234")));
        assert_eq!(read("sip:100100%2a1234%23@192.0.2.1"), room("100100", Some("1234")));
        assert_eq!(read("sip:*100100%23@192.0.2.1"), room("100100", None));
        assert_eq!(read("sip:styrerom*@example.org"), room("styrerom", None));
        assert_eq!(read("sip:LOBBY@192.0.2.1"), room("", None));
        assert_eq!(read("sip:192.0.2.1"), room("", None));
        assert_eq!(read("sip:**1@192.0.2.1"), room("1", None));
        assert_eq!(read("sip:100100%00;phone-context=x@192.0.2.1"), room("100100", None));
    }
}
