//! The whole line: an endpoint and a browser user in one room.

use crate::{
    baresip::{Baresip, PLAIN, Setup},
    browser::Browser,
    gateway::{Gateway, ROOM},
    media::{AUDIBLE, BROWSER_TONE, ENDPOINT_TONE},
    support::{folder, turn, wait_until},
};

/// An endpoint as host and a browser as guest, who see each other.
fn meet(name: &str, setup: Setup<'_>) -> (Gateway, Baresip, Browser) {
    let folder = folder(name);
    let mut gateway = Gateway::start(&folder);
    let mut endpoint = Baresip::start(&folder, setup);
    endpoint.call(&gateway.sip_uri(ROOM, setup.transport));
    endpoint.key("1234#");
    gateway.wait_log("seated", &[("role", "host")]);

    let mut browser = Browser::start(&folder);
    browser.join(&gateway.page(), "Ada Østby", "5678");
    gateway.wait_log("seated", &[("role", "guest")]);
    browser.wait_tiles("endpoint", 1);
    endpoint.wait_picture("the browser's camera", |image| image.middle().is_browsers());
    wait_until("the page shows the endpoint's picture", || {
        browser.shown("endpoint").iter().any(|video| video.colour.is_endpoints())
    });
    (gateway, endpoint, browser)
}

#[test]
fn an_endpoint_and_a_browser_see_and_hear_each_other() {
    let _turn = turn();
    let (mut gateway, mut endpoint, mut browser) = meet("meeting", PLAIN);

    let (before, ..) = browser.decoded();
    wait_until("the browser goes on decoding", || browser.decoded().0 > before + 25);
    let (_, width, height) = browser.decoded();
    assert_eq!((width, height), (640, 360), "the endpoint's own size");

    browser.wait_tone(ENDPOINT_TONE, AUDIBLE);
    wait_until("the endpoint hears the browser", || {
        endpoint.sound().is_some_and(|sound| sound.tone(BROWSER_TONE, 4) > AUDIBLE)
    });
    let own = endpoint.sound().unwrap().tone(ENDPOINT_TONE, 2);
    assert!(own < AUDIBLE - 10.0, "nobody hears himself: {own} dBFS");
    browser.screenshot("together.png");

    endpoint.command("hangup", "");
    gateway.wait_log("released", &[]);
    browser.wait_tiles("endpoint", 0);
}

#[test]
fn an_endpoint_is_shown_that_the_browser_has_left() {
    let _turn = turn();
    let (gateway, mut endpoint, mut browser) = meet("browser-leaves", PLAIN);
    browser.click("leave-button");
    wait_until("the browser is gone", || gateway.has_logged("released"));
    endpoint.wait_picture("that nobody else is here", |image| !image.middle().is_browsers());
    assert!(!endpoint.has_seen("CALL_CLOSED"), "the endpoint stays");
}

#[test]
fn a_guest_waits_until_the_host_comes() {
    let _turn = turn();
    let folder = folder("guest-first");
    let mut gateway = Gateway::start(&folder);
    let mut endpoint = Baresip::start(&folder, PLAIN);
    endpoint.call(&gateway.sip_uri(ROOM, "udp"));
    endpoint.key("5678#");
    gateway.wait_log("waits to be let in", &[]);

    let mut browser = Browser::start(&folder);
    browser.join(&gateway.page(), "Vert", "1234");
    gateway.wait_log("seated", &[("role", "host")]);
    gateway.wait_log("seated", &[("role", "guest")]);
    endpoint.wait_picture("the host's camera", |image| image.middle().is_browsers());
}
