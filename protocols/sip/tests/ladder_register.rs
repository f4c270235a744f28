//! Registering, and calling as an account (RFC 3665 §2, RFC 3261 §10, §22).

mod common;

use common::{CALLER, GATEWAY, PASSWORD, Pair, Stack};
use insta::assert_snapshot;
use netsim::Packet;
use roomgate_sip::{
    auth,
    endpoint::{Credentials, EndpointConfig, Event, Transport},
    message::{Message, Response},
};

/// A REGISTER as a device writes it.
fn register(pair: &mut Pair, transport: &str, cseq: u32, user: &str, extra: &str) {
    let text = format!(
        "REGISTER sip:192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/{transport} 192.0.2.10:5060;rport;branch=z9hG4bKreg{cseq}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:{user}@192.0.2.1>;tag=device\r\n\
         To: <sip:{user}@192.0.2.1>\r\n\
         Call-ID: register@192.0.2.10\r\n\
         CSeq: {cseq} REGISTER\r\n\
         {extra}Content-Length: 0\r\n\r\n"
    );
    pair.inject(CALLER, &text);
    pair.run(50);
}

fn last(pair: &Pair) -> Response {
    match common::parse(&pair.world.node(pair.gateway).last_sent.clone().expect("an answer")) {
        Message::Response(response) => response,
        Message::Request(request) => panic!("{request:?}"),
    }
}

/// Registers with digest; the Authorization that was used.
fn register_as(
    pair: &mut Pair,
    transport: &str,
    cseq: u32,
    user: &str,
    password: &str,
    extra: &str,
) -> String {
    register(pair, transport, cseq, user, extra);
    let challenge = last(pair);
    assert_eq!(challenge.status, 401);
    let uri = "sip:192.0.2.1".parse().unwrap();
    let (name, value) = auth::respond(&challenge.headers, "REGISTER", &uri, "room12", password, "c0ffee")
        .expect("a challenge");
    register(pair, transport, cseq + 1, user, &format!("{extra}{name}: {value}\r\n"));
    value
}

const CONTACT: &str = "Contact: <sip:room12@192.0.2.10:5060>;+sip.instance=\"<urn:uuid:1>\"\r\n";

/// RFC 3665 §2.1, §2.2, §2.3, §2.4.
#[test]
fn register_query_refresh_and_leave() {
    let mut pair = Pair::new(Transport::Udp);
    register_as(&mut pair, "UDP", 1, "room12", PASSWORD, CONTACT);
    assert_eq!(last(&pair).status, 200);
    let contact = last(&pair).headers.get("Contact").unwrap().to_owned();
    assert_eq!(contact, "<sip:room12@192.0.2.10:5060>;+sip.instance=\"<urn:uuid:1>\";expires=3600");
    register_as(&mut pair, "UDP", 3, "room12", PASSWORD, "");
    assert!(last(&pair).headers.has("Contact"));
    register_as(&mut pair, "UDP", 5, "room12", PASSWORD, "Contact: *\r\nExpires: 0\r\n");
    assert!(!last(&pair).headers.has("Contact"));
    assert_snapshot!(pair.world.ladder());
}

#[test]
fn an_account_binds_only_its_own_address() {
    let mut pair = Pair::new(Transport::Udp);
    register_as(&mut pair, "UDP", 1, "room13", PASSWORD, CONTACT);
    assert_eq!(last(&pair).status, 403);
}

#[test]
fn a_wrong_password_is_challenged_again() {
    let mut pair = Pair::new(Transport::Udp);
    register_as(&mut pair, "UDP", 1, "room12", "guess", CONTACT);
    assert_eq!(last(&pair).status, 401);
    assert!(pair.world.node(pair.gateway).endpoint.bindings("room12").is_empty());
    assert_snapshot!(pair.world.ladder());
}

#[test]
fn a_used_nonce_is_stale() {
    let mut pair = Pair::new(Transport::Udp);
    let used = register_as(&mut pair, "UDP", 1, "room12", PASSWORD, CONTACT);
    register(&mut pair, "UDP", 3, "room12", &format!("{CONTACT}Authorization: {used}\r\n"));
    assert_eq!(last(&pair).status, 401);
    assert!(last(&pair).headers.get("WWW-Authenticate").unwrap().contains("stale=true"));
}

#[test]
fn too_short_is_told_the_shortest() {
    let mut pair = Pair::new(Transport::Udp);
    register_as(&mut pair, "UDP", 1, "room12", PASSWORD, &format!("{CONTACT}Expires: 10\r\n"));
    assert_eq!((last(&pair).status.code(), last(&pair).headers.get("Min-Expires")), (423, Some("60")));
}

/// A binding ends by itself, and the store is told; what was told can be put back after a restart.
#[test]
fn bindings_end_and_outlive_a_restart() {
    let mut pair = Pair::new(Transport::Udp);
    register_as(&mut pair, "UDP", 1, "room12", PASSWORD, &format!("{CONTACT}Expires: 100\r\n"));
    let stored = pair.world.node(pair.gateway).events.iter().find_map(|event| match event {
        Event::Registered { account, bindings } => Some((account.clone(), bindings.clone())),
        _ => None,
    });
    let (account, bindings) = stored.expect("the store is told");
    assert_eq!((account.as_str(), bindings.len(), bindings[0].expires_in.as_secs()), ("room12", 1, 100));
    let config = EndpointConfig::new([8; 32]);
    pair.world.act(pair.gateway, |stack, now| {
        *stack = Stack::new(GATEWAY, Transport::Udp, config);
        stack.endpoint.restore(now, &account, bindings);
        assert_eq!(stack.endpoint.bindings("room12").len(), 1);
    });
    pair.run(101_000);
    assert!(pair.world.node(pair.gateway).endpoint.bindings("room12").is_empty());
    assert_snapshot!(pair.world.ladder());
}

fn closed_gateway() -> EndpointConfig {
    EndpointConfig { anonymous_calls: false, ..EndpointConfig::new([1; 32]) }
}

/// RFC 3665 §3.3, with ourselves as the one who is asked.
#[test]
fn a_call_with_digest() {
    let mut pair = Pair::with(Transport::Udp, closed_gateway());
    let credentials = Credentials { username: "room12".to_owned(), password: PASSWORD.to_owned() };
    pair.world.act(pair.caller, |s, now| s.invite(now, GATEWAY, "100100", Some(credentials)));
    pair.run(100);
    pair.world.act(pair.gateway, Stack::answer);
    pair.run(1000);
    pair.world.act(pair.gateway, Stack::bye);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

#[test]
fn a_call_with_a_wrong_password() {
    let mut pair = Pair::with(Transport::Udp, closed_gateway());
    let credentials = Credentials { username: "room12".to_owned(), password: "guess".to_owned() };
    pair.world.act(pair.caller, |s, now| s.invite(now, GATEWAY, "100100", Some(credentials)));
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

#[test]
fn an_anonymous_call_where_none_are_taken() {
    let mut pair = Pair::with(Transport::Udp, closed_gateway());
    pair.world.act(pair.caller, |s, now| s.invite(now, GATEWAY, "100100", None));
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
}

fn account_of_last_invite(pair: &Pair) -> Option<String> {
    pair.world.node(pair.gateway).events.iter().rev().find_map(|event| match event {
        Event::Invite { account, .. } => Some(account.clone()),
        _ => None,
    })?
}

/// The connection of an authenticated REGISTER proves the INVITEs on it, until it closes.
#[test]
fn a_registered_connection_proves_its_calls() {
    let mut pair = Pair::new(Transport::Tcp);
    register_as(&mut pair, "TCP", 1, "room12", PASSWORD, CONTACT);
    pair.world.act(pair.caller, |s, now| s.invite(now, GATEWAY, "100100", None));
    pair.run(100);
    assert_eq!(account_of_last_invite(&pair).as_deref(), Some("room12"));

    // What a proxy passes on over the same connection proves nothing.
    let via = "SIP/2.0/TCP 198.51.100.1;branch=z9hG4bKbehind\r\nMax-Forwards";
    let behind = common::raw_invite("z9hG4bKproxy", 1, "").replace("Max-Forwards", &format!("Via: {via}"));
    pair.inject(CALLER, &behind);
    pair.run(100);
    assert_eq!(account_of_last_invite(&pair), None);

    pair.world.act(pair.gateway, |stack, now| {
        let connection = stack.path(common::address(CALLER)).connection.unwrap();
        stack.endpoint.handle_input(now, roomgate_sip::endpoint::Input::Closed { connection });
    });
    pair.inject(CALLER, &common::raw_invite("z9hG4bKlater", 1, "").replace("raw-call", "later"));
    pair.run(100);
    assert_eq!(account_of_last_invite(&pair), None);
}

/// Over UDP a source address proves nothing.
#[test]
fn a_registered_address_proves_nothing() {
    let mut pair = Pair::new(Transport::Udp);
    register_as(&mut pair, "UDP", 1, "room12", PASSWORD, CONTACT);
    let bytes = common::raw_invite("z9hG4bK1", 1, "").into_bytes();
    let label = "INVITE".to_owned();
    pair.world.inject(Packet { from: common::address(CALLER), to: common::address(GATEWAY), bytes, label });
    pair.run(100);
    assert_eq!(account_of_last_invite(&pair), None);
}
