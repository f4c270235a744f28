//! Calls from INVITE to BYE (RFC 3665 §3), and what the network does to them.

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{GATEWAY, OFFER, Pair, Stack, raw, raw_invite};
use insta::assert_snapshot;
use roomgate_sip::endpoint::Transport;

fn invite(pair: &mut Pair) {
    pair.world.act(pair.caller, |s, now| s.invite(now, GATEWAY, "100100", None));
}

/// RFC 3665 §3.1.
#[test]
fn early_offer() {
    let mut pair = Pair::new(Transport::Udp);
    invite(&mut pair);
    pair.run(50);
    pair.world.act(pair.gateway, Stack::ring);
    pair.run(450);
    pair.world.act(pair.gateway, Stack::answer);
    pair.run(2000);
    pair.world.act(pair.caller, Stack::bye);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

#[test]
fn over_tcp_nothing_lingers() {
    let mut pair = Pair::new(Transport::Tcp);
    invite(&mut pair);
    pair.run(500);
    pair.world.act(pair.gateway, Stack::answer);
    pair.run(2000);
    pair.world.act(pair.gateway, Stack::bye);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

/// Cisco call control: no SDP in the INVITE, ours in the 200, theirs in the ACK.
#[test]
fn delayed_offer() {
    let mut pair = Pair::new(Transport::Udp);
    pair.inject(common::CALLER, &raw_invite("z9hG4bK1", 1, ""));
    pair.run(100);
    pair.world.act(pair.gateway, Stack::answer);
    pair.run(20);
    let tag = gateway_tag(&pair);
    let ack = raw("ACK", "z9hG4bK2", 1, "", std::str::from_utf8(OFFER).unwrap());
    pair.inject(
        common::CALLER,
        &ack.replace("To: <sip:100100@192.0.2.1>", &format!("To: <sip:100100@192.0.2.1>;tag={tag}")),
    );
    pair.run(100);
    assert_snapshot!(pair.world.ladder());
}

/// The tag that the gateway gave its side of the call.
fn gateway_tag(pair: &Pair) -> String {
    let sent = pair.world.node(pair.gateway).last_sent.clone().expect("a response");
    let to = common::parse(&sent).headers().to().expect("a To");
    to.tag().expect("a tag").to_owned()
}

/// RFC 3665 §3.8.
#[test]
fn cancel_before_the_answer() {
    let mut pair = Pair::new(Transport::Udp);
    invite(&mut pair);
    pair.run(50);
    pair.world.act(pair.gateway, Stack::ring);
    pair.run(1000);
    pair.world.act(pair.caller, Stack::bye);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

#[test]
fn cancel_crosses_the_200() {
    let mut pair = Pair::new(Transport::Udp);
    invite(&mut pair);
    pair.run(100);
    pair.world.act(pair.gateway, Stack::answer);
    pair.world.act(pair.caller, Stack::bye);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

#[test]
fn cancel_waits_for_the_first_response() {
    let mut pair = Pair::new(Transport::Udp);
    pair.world.link(pair.caller, pair.gateway).lose("INVITE", 2);
    invite(&mut pair);
    pair.run(100);
    pair.world.act(pair.caller, Stack::bye);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

#[test]
fn lost_invite() {
    let mut pair = Pair::new(Transport::Udp);
    pair.world.link(pair.caller, pair.gateway).lose("INVITE", 3);
    invite(&mut pair);
    pair.run(4000);
    pair.world.act(pair.gateway, Stack::answer);
    pair.run(40_000);
    assert_snapshot!(pair.world.ladder());
}

#[test]
fn nobody_there() {
    let mut pair = Pair::new(Transport::Udp);
    pair.world.link(pair.caller, pair.gateway).lose("", 1000);
    invite(&mut pair);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

#[test]
fn lost_200_is_repeated() {
    let mut pair = Pair::new(Transport::Udp);
    invite(&mut pair);
    pair.run(100);
    pair.world.link(pair.gateway, pair.caller).lose("200", 1);
    pair.world.act(pair.gateway, Stack::answer);
    pair.run(40_000);
    assert_snapshot!(pair.world.ladder());
}

#[test]
fn lost_ack_is_repeated() {
    let mut pair = Pair::new(Transport::Udp);
    pair.world.link(pair.caller, pair.gateway).lose("ACK", 1);
    invite(&mut pair);
    pair.run(100);
    pair.world.act(pair.gateway, Stack::answer);
    pair.run(40_000);
    assert_snapshot!(pair.world.ladder());
}

/// A source that never confirms gets two 200s and one BYE, not a stream of them.
#[test]
fn no_ack_from_an_unproven_source() {
    let mut pair = Pair::new(Transport::Udp);
    pair.world.link(pair.caller, pair.gateway).lose("ACK", 100);
    invite(&mut pair);
    pair.run(100);
    pair.world.act(pair.gateway, Stack::answer);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

#[test]
fn no_ack_over_tcp() {
    let mut pair = Pair::new(Transport::Tcp);
    pair.world.link(pair.caller, pair.gateway).lose("ACK", 100);
    invite(&mut pair);
    pair.run(100);
    pair.world.act(pair.gateway, Stack::answer);
    pair.run(80_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

/// §15: a BYE of ours waits for the ACK.
#[test]
fn bye_waits_for_the_ack() {
    let mut pair = Pair::new(Transport::Udp);
    pair.world.link(pair.caller, pair.gateway).lose("ACK", 1);
    invite(&mut pair);
    pair.run(100);
    pair.world.act(pair.gateway, Stack::answer);
    pair.run(50);
    pair.world.act(pair.gateway, Stack::bye);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

/// RFC 3665 §3.9.
#[test]
fn busy_with_a_lost_refusal() {
    let mut pair = Pair::new(Transport::Udp);
    pair.world.link(pair.gateway, pair.caller).lose("486", 2);
    invite(&mut pair);
    pair.run(100);
    pair.world.act(pair.gateway, |s, now| s.reject(now, 486));
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

#[test]
fn another_host_is_not_found() {
    let mut pair = Pair::new(Transport::Udp);
    let text =
        raw_invite("z9hG4bK1", 1, "").replace("INVITE sip:100100@192.0.2.1", "INVITE sip:100100@example.com");
    pair.inject(common::CALLER, &text);
    pair.run(10);
    assert_snapshot!(pair.world.ladder());
}

#[test]
fn a_repeated_invite_gets_the_last_provisional_response() {
    let mut pair = Pair::new(Transport::Udp);
    let text = raw_invite("z9hG4bK1", 1, "");
    pair.inject(common::CALLER, &text);
    pair.run(100);
    pair.inject(common::CALLER, &text);
    pair.run(100);
    pair.world.act(pair.gateway, Stack::ring);
    pair.inject(common::CALLER, &text);
    pair.run(100);
    assert_snapshot!(pair.world.ladder());
    assert_eq!(pair.world.node(pair.gateway).endpoint.calls(), 1);
}

/// §8.2.2.2: the same request by two ways.
#[test]
fn a_merged_request_is_refused() {
    let mut pair = Pair::new(Transport::Udp);
    pair.inject(common::CALLER, &raw_invite("z9hG4bK1", 1, ""));
    pair.inject(common::CALLER, &raw_invite("z9hG4bK2", 1, ""));
    pair.run(20);
    assert_snapshot!(pair.world.ladder());
}

#[test]
fn unknown_dialog() {
    let mut pair = Pair::new(Transport::Udp);
    for (n, method) in ["BYE", "INFO", "INVITE", "OPTIONS", "ACK", "CANCEL"].into_iter().enumerate() {
        let text = raw(method, &format!("z9hG4bK{n}"), 1, "", "");
        pair.inject(
            common::CALLER,
            &text.replace("To: <sip:100100@192.0.2.1>", "To: <sip:100100@192.0.2.1>;tag=x"),
        );
    }
    pair.run(20);
    assert_snapshot!(pair.world.ladder());
}

#[test]
fn options_from_outside() {
    let mut pair = Pair::new(Transport::Udp);
    pair.inject(common::CALLER, &raw("OPTIONS", "z9hG4bK1", 1, "", ""));
    pair.run(20);
    assert_snapshot!(pair.world.ladder());
}

#[test]
fn an_invite_that_nobody_answers_is_let_go() {
    let mut pair = Pair::new(Transport::Udp);
    invite(&mut pair);
    pair.run(300_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

/// The unanswered INVITEs of one source are counted, not those of others.
#[test]
fn one_source_cannot_hold_every_line() {
    let mut pair = Pair::new(Transport::Udp);
    for n in 0..6 {
        let text = raw_invite(&format!("z9hG4bK{n}"), 1, "").replace("raw-call", &format!("raw-call-{n}"));
        pair.inject(common::CALLER, &text);
    }
    pair.run(20);
    assert_eq!(pair.world.node(pair.gateway).endpoint.calls(), 4);
    pair.inject("192.0.2.99:5060", &raw_invite("z9hG4bKother", 1, "").replace("raw-call", "other"));
    pair.run(20);
    assert_eq!(pair.world.node(pair.gateway).endpoint.calls(), 5);
    assert_snapshot!(pair.world.ladder());
}

/// A body of 60 kB arrives and is answered.
#[test]
fn a_large_invite() {
    let mut pair = Pair::new(Transport::Udp);
    let body = format!("v=0\r\n{}", "a=x\r\n".repeat(12_000));
    pair.inject(common::CALLER, &raw_invite("z9hG4bK1", 1, &body));
    pair.run(20);
    let offer = pair.world.node(pair.gateway).events.iter().find_map(|event| match event {
        roomgate_sip::endpoint::Event::Invite { offer, .. } => offer.clone(),
        _ => None,
    });
    assert_eq!(offer, Some(Bytes::from(body)));
}

/// Half of all packets are lost, in both directions: calls still come to their end, and nothing is left.
#[test]
fn a_lossy_network() {
    let mut answered = 0;
    for seed in 1..40 {
        let mut pair = Pair::new(Transport::Udp);
        pair.world.link(pair.caller, pair.gateway).loss(300, seed);
        pair.world.link(pair.gateway, pair.caller).loss(300, seed + 1000);
        invite(&mut pair);
        for _ in 0..40 {
            pair.run(500);
            pair.world.act(pair.gateway, |s, now| {
                if let Some(call) = s.call {
                    let _ = s.endpoint.answer(now, call, Some(Bytes::from_static(common::ANSWER)));
                }
            });
        }
        let connected = pair.world.node(pair.caller).endpoint.calls() == 1
            && pair.world.node(pair.gateway).endpoint.calls() == 1;
        answered += usize::from(connected);
        if connected {
            pair.world.act(pair.caller, Stack::bye);
        }
        pair.world.run_for(Duration::from_secs(120));
        if !pair.no_calls() {
            // The BYE may have been lost eleven times; then the far side holds the call, as it must.
            assert!(pair.world.ladder().matches("-- BYE --").count() >= 8, "{}", pair.world.ladder());
        }
    }
    assert!(answered > 30, "{answered} of 39 calls");
}
