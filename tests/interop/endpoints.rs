//! Endpoints come in by each transport, with and without SRTP and account.

use crate::{
    baresip::{Baresip, PLAIN, Setup},
    gateway::{Gateway, ROOM},
    support::{folder, turn, wait_until},
};

/// Keys the host's PIN and sees the room as its first one. Then hangs up.
fn comes_in(gateway: &mut Gateway, endpoint: &mut Baresip, uri: &str) {
    endpoint.call(uri);
    endpoint.key("1234#");
    gateway.wait_log("seated", &[("role", "host")]);
    // a room's name in large letters: what is received was decrypted and decoded
    endpoint.wait_picture("the room", |image| image.bright() > 300);
    endpoint.command("hangup", "");
    gateway.wait_log("released", &[]);
}

#[test]
fn by_tcp_with_srtp() {
    let _turn = turn();
    let folder = folder("tcp-srtp");
    let mut gateway = Gateway::start(&folder);
    let setup = Setup { transport: "tcp", encryption: Some("srtp-mand"), ..PLAIN };
    let mut endpoint = Baresip::start(&folder, setup);
    let uri = gateway.sip_uri(ROOM, "tcp");
    comes_in(&mut gateway, &mut endpoint, &uri);
}

#[test]
fn by_tls_with_srtp() {
    let _turn = turn();
    let folder = folder("tls-srtp");
    let mut gateway = Gateway::start(&folder);
    let setup = Setup { transport: "tls", encryption: Some("srtp-mand"), ..PLAIN };
    let mut endpoint = Baresip::start(&folder, setup);
    let uri = gateway.sip_uri(ROOM, "tls");
    comes_in(&mut gateway, &mut endpoint, &uri);
}

#[test]
fn registered_with_digest() {
    let _turn = turn();
    let folder = folder("registered");
    let mut gateway = Gateway::start_with(&folder, &[("studio", "hemmelig-ord-7")]);
    let account = Some(("studio", "hemmelig-ord-7", gateway.sip));
    let mut endpoint = Baresip::start(&folder, Setup { transport: "tcp", account, ..PLAIN });
    gateway.wait_log("registration", &[("account", "studio")]);
    let uri = gateway.sip_uri(ROOM, "tcp");
    comes_in(&mut gateway, &mut endpoint, &uri);
    // it came on the connection that has registered
    gateway.wait_log("call", &[("account", "studio")]);
}

#[test]
fn not_registered_with_a_wrong_password() {
    let _turn = turn();
    let folder = folder("wrong-password");
    let gateway = Gateway::start_with(&folder, &[("studio", "hemmelig-ord-7")]);
    let setup = Setup { account: Some(("studio", "feil-ord", gateway.sip)), ..PLAIN };
    let endpoint = Baresip::start(&folder, setup);
    wait_until("the password is refused", || {
        let log = endpoint.log_text();
        log.contains("401 ") || log.contains("403 ")
    });
    assert!(gateway.find("registration", &[]).is_empty());
}

#[test]
fn are_told_when_the_server_stops() {
    let _turn = turn();
    let folder = folder("stops");
    let mut gateway = Gateway::start(&folder);
    let mut endpoint = Baresip::start(&folder, PLAIN);
    endpoint.call(&gateway.sip_uri(ROOM, "udp"));
    endpoint.key("1234#");
    gateway.wait_log("seated", &[("role", "host")]);
    assert_eq!(gateway.stop(), 0, "a graceful end");
    endpoint.wait_closed();
}
