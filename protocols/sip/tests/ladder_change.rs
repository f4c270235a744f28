//! What happens within a call: re-INVITE, INFO, OPTIONS (RFC 3665 §3.7, RFC 6141, RFC 5407 §3).

mod common;

use bytes::Bytes;
use common::{Pair, Stack};
use insta::assert_snapshot;
use roomgate_sip::endpoint::{CommandError, Transport};

#[test]
fn reinvite_of_theirs() {
    let mut pair = Pair::connected(Transport::Udp);
    pair.world.act(pair.caller, Stack::reinvite);
    pair.run(100);
    pair.world.act(pair.gateway, Stack::answer_reinvite);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
}

#[test]
fn reinvite_of_ours_refused() {
    let mut pair = Pair::connected(Transport::Tcp);
    pair.world.act(pair.gateway, Stack::reinvite);
    pair.run(100);
    pair.world.act(pair.caller, |s, now| s.endpoint.reject_reinvite(now, s.call(), 488).unwrap());
    pair.run(100);
    pair.world.act(pair.gateway, Stack::reinvite);
    pair.run(100);
    pair.world.act(pair.caller, Stack::answer_reinvite);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
}

/// Both sides at once: both are refused, and the one who called waits longer.
#[test]
fn glare() {
    let mut pair = Pair::connected(Transport::Udp);
    pair.world.act(pair.gateway, Stack::reinvite);
    pair.world.act(pair.caller, Stack::reinvite);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    let wait = |node| {
        pair.world.node(node).events.iter().find_map(|event| match event {
            roomgate_sip::endpoint::Event::ReinviteFailed { retry_after, .. } => *retry_after,
            _ => None,
        })
    };
    let (caller, gateway) = (wait(pair.caller).unwrap().as_millis(), wait(pair.gateway).unwrap().as_millis());
    assert!((2100..=4000).contains(&caller), "{caller}");
    assert!(gateway <= 2000, "{gateway}");
}

#[test]
fn one_exchange_at_a_time() {
    let mut pair = Pair::connected(Transport::Udp);
    pair.world.act(pair.gateway, |s, now| {
        s.reinvite(now);
        let again = s.endpoint.reinvite(now, s.call(), Bytes::from_static(common::OFFER));
        assert_eq!(again, Err(CommandError::WrongState));
        let none = s.endpoint.answer_reinvite(now, s.call(), None);
        assert_eq!(none, Err(CommandError::WrongState));
    });
}

#[test]
fn reinvite_cancelled() {
    let mut pair = Pair::connected(Transport::Udp);
    pair.world.act(pair.caller, Stack::reinvite);
    pair.run(100);
    // The far side hangs up instead of waiting.
    pair.world.act(pair.caller, Stack::bye);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

#[test]
fn lost_ack_of_a_reinvite() {
    let mut pair = Pair::connected(Transport::Udp);
    pair.world.link(pair.caller, pair.gateway).lose("ACK", 2);
    pair.world.act(pair.caller, Stack::reinvite);
    pair.run(100);
    pair.world.act(pair.gateway, Stack::answer_reinvite);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
}

/// We wait for an ACK to hang up, and a re-INVITE comes in its place: it must not keep the call for ever.
#[test]
fn reinvite_instead_of_the_ack_that_our_bye_waits_for() {
    let mut pair = Pair::connected(Transport::Udp);
    pair.world.link(pair.caller, pair.gateway).lose("ACK", 100);
    pair.world.act(pair.caller, Stack::reinvite);
    pair.run(100);
    pair.world.act(pair.gateway, Stack::answer_reinvite);
    pair.run(100);
    pair.world.act(pair.gateway, Stack::bye);
    pair.world.act(pair.caller, Stack::reinvite);
    pair.run(120_000);
    assert!(pair.no_calls());
}

#[test]
fn info_both_ways() {
    let mut pair = Pair::connected(Transport::Udp);
    let key = Bytes::from_static(b"Signal=1\r\nDuration=160\r\n");
    pair.world.link(pair.gateway, pair.caller).lose("200", 1);
    pair.world.act(pair.caller, |s, now| {
        s.endpoint.info(now, s.call(), "application/dtmf-relay", key.clone()).unwrap();
    });
    pair.run(20_000);
    let body = Bytes::from_static(b"<media_control/>");
    pair.world.act(pair.gateway, |s, now| {
        s.endpoint.info(now, s.call(), "application/media_control+xml", body.clone()).unwrap();
    });
    pair.run(20_000);
    assert_snapshot!(pair.world.ladder());
    let told =
        pair.world.node(pair.gateway).events.iter().filter(
            |event| matches!(event, roomgate_sip::endpoint::Event::Info { body, .. } if *body == key),
        );
    assert_eq!(told.count(), 1, "a repeated INFO is one key");
}

#[test]
fn the_far_side_has_forgotten_the_call() {
    let mut pair = Pair::connected(Transport::Udp);
    let (own, config) = (common::CALLER, roomgate_sip::endpoint::EndpointConfig::new([9; 32]));
    pair.world.act(pair.caller, |s, _| *s = Stack::new(own, Transport::Udp, config));
    pair.world.act(pair.gateway, Stack::reinvite);
    pair.run(60_000);
    assert_snapshot!(pair.world.ladder());
    assert!(pair.no_calls());
}

#[test]
fn the_far_side_is_silent() {
    let mut pair = Pair::connected(Transport::Udp);
    pair.world.link(pair.gateway, pair.caller).lose("", 10_000);
    pair.world.act(pair.gateway, Stack::reinvite);
    pair.run(200_000);
    assert_snapshot!(pair.world.ladder());
    assert_eq!(pair.world.node(pair.gateway).endpoint.calls(), 0);
}
