//! Wrong PINs at a real endpoint.

use crate::{
    baresip::{Baresip, PLAIN},
    gateway::{Gateway, ROOM},
    support::{folder, turn, wait_until},
};

#[test]
fn three_wrong_pins_end_the_call_with_the_reason_spoken() {
    let _turn = turn();
    let folder = folder("wrong-pins");
    let mut gateway = Gateway::start(&folder);
    let mut endpoint = Baresip::start(&folder, PLAIN);
    endpoint.call(&gateway.sip_uri(ROOM, "udp"));
    for wrong in 1..=3 {
        endpoint.key("9999#");
        wait_until("the PIN is looked at", || gateway.find("PIN", &[]).len() == wrong);
        assert!(!endpoint.has_seen("CALL_CLOSED"), "the reason is told before the end");
    }
    let heard_before = endpoint.sound().map_or(0, |sound| sound.sounding_tenths());
    gateway.wait_log("told why, then released", &[]);
    endpoint.wait_closed();
    let spoken = endpoint.sound().expect("something was heard").sounding_tenths() - heard_before;
    assert!(spoken >= 8, "the reason is spoken before the BYE: only {spoken} tenths of a second of sound");
    assert!(gateway.find("seated", &[]).is_empty());
}
