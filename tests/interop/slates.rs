//! What a caller at the door sees. The snapshots stay in `tmp/interop`, for human eyes.

use crate::{
    baresip::{Baresip, PLAIN},
    gateway::{Gateway, ROOM},
    media::Image,
    support::{folder, turn},
};

#[test]
fn slates_are_seen_and_answer_each_key() {
    let _turn = turn();
    let folder = folder("slates");
    let mut gateway = Gateway::start(&folder);
    let mut endpoint = Baresip::start(&folder, PLAIN);
    endpoint.call(&gateway.sip_uri(ROOM, "udp"));

    let (file, asking) = endpoint.wait_picture("letters", |image| image.bright() > 500);
    std::fs::copy(file, folder.join("1-asking.png")).unwrap();
    assert_eq!(asking.width * 9, asking.height * 16, "nothing is stretched");
    assert_eq!(dots(&asking), 0, "nothing is keyed yet");

    endpoint.key("5");
    let (_, one) = endpoint.wait_picture("a dot", |image| dots(image) > 0);
    endpoint.key("6");
    let (file, _) = endpoint.wait_picture("two dots", |image| dots(image) > dots(&one) * 3 / 2);
    std::fs::copy(file, folder.join("2-two-digits.png")).unwrap();

    // a guest's PIN, and no host is there
    endpoint.key("78#");
    gateway.wait_log("waits to be let in", &[]);
    let (file, _) = endpoint.wait_picture("that it waits", |image| dots(image) == 0 && image.bright() > 500);
    std::fs::copy(file, folder.join("3-waiting.png")).unwrap();
    assert!(gateway.find("seated", &[]).is_empty(), "a guest waits for the host");
}

/// White pixels below the heading: the dots that stand for digits. Other lettering there is grey.
fn dots(image: &Image) -> usize {
    image.brighter_within(215, (0.28, 0.72), (0.55, 0.72))
}
