//! What holds for any order of inputs and commands.

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{ANSWER, CALLER, OFFER, Pair, Stack, address, raw};
use netsim::Packet;
use proptest::prelude::*;
use roomgate_sip::endpoint::{Event, InvitationId, Transport};

/// One thing that happens to a gateway.
#[derive(Clone, Debug)]
enum Deed {
    /// A request with one of few branches, tags and CSeqs, so that they meet.
    Request {
        method: usize,
        branch: u8,
        cseq: u32,
        known_tag: bool,
        call: u8,
        sdp: bool,
    },
    /// Octets of a request, damaged.
    Damaged {
        method: usize,
        at: usize,
        octet: u8,
        cut: Option<usize>,
    },
    /// Our last message comes back to us.
    Echo,
    /// The last response that the gateway can match, made up.
    Response {
        status: u16,
    },
    Command {
        verb: u8,
        call: u8,
    },
    Closed {
        connection: u64,
    },
    Wait {
        milliseconds: u64,
    },
}

const METHODS: &[&str] =
    &["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "REGISTER", "UPDATE", "PRACK", "NEW"];

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..METHODS.len(), 0..4u8, 0..4u32, any::<bool>(), 0..3u8, any::<bool>()).prop_map(
            |(method, branch, cseq, known_tag, call, sdp)| Deed::Request { method, branch, cseq, known_tag, call, sdp }
        ),
        2 => (0..METHODS.len(), 0..700usize, any::<u8>(), proptest::option::of(0..700usize))
            .prop_map(|(method, at, octet, cut)| Deed::Damaged { method, at, octet, cut }),
        1 => Just(Deed::Echo),
        2 => (100..700u16).prop_map(|status| Deed::Response { status }),
        5 => (0..9u8, 0..4u8).prop_map(|(verb, call)| Deed::Command { verb, call }),
        1 => (0..3u64).prop_map(|connection| Deed::Closed { connection }),
        3 => (0..40_000u64).prop_map(|milliseconds| Deed::Wait { milliseconds }),
    ]
}

fn known_calls(stack: &Stack) -> Vec<InvitationId> {
    stack
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Invite { id, .. } => Some(*id),
            _ => None,
        })
        .chain(stack.call)
        .collect()
}

fn perform(pair: &mut Pair, deed: &Deed) {
    match *deed {
        Deed::Request { method, branch, cseq, known_tag, call, sdp } => {
            let body = if sdp { std::str::from_utf8(OFFER).unwrap() } else { "" };
            let mut text = raw(METHODS[method], &format!("z9hG4bK{branch}"), cseq, "", body)
                .replace("raw-call", &format!("raw-call-{call}"));
            if known_tag && let Some(tag) = last_tag(pair) {
                text = text
                    .replace("To: <sip:100100@192.0.2.1>", &format!("To: <sip:100100@192.0.2.1>;tag={tag}"));
            }
            pair.inject(CALLER, &text);
        }
        Deed::Damaged { method, at, octet, cut } => {
            let mut bytes = raw(METHODS[method], "z9hG4bKx", 1, "", "").into_bytes();
            if let Some(slot) = bytes.get_mut(at) {
                *slot = octet;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut);
            }
            send(pair, bytes);
        }
        Deed::Echo => {
            if let Some(bytes) = pair.world.node(pair.gateway).last_sent.clone() {
                send(pair, bytes.to_vec());
            }
        }
        Deed::Response { status } => {
            if let Some(bytes) = pair.world.node(pair.gateway).last_sent.clone()
                && let Some(roomgate_sip::message::Message::Request(request)) = common::try_parse(&bytes)
                && let Some(status) = roomgate_sip::message::StatusCode::new(status)
            {
                let mut response = request.response(status);
                response.set_to_tag("made-up");
                send(pair, response.to_bytes().to_vec());
            }
        }
        Deed::Command { verb, call } => {
            let calls = known_calls(pair.world.node(pair.gateway));
            let Some(id) = calls.get(usize::from(call) % calls.len().max(1)).copied() else { return };
            pair.world.act(pair.gateway, |stack, now| {
                let (offer, answer) = (Bytes::from_static(OFFER), Some(Bytes::from_static(ANSWER)));
                let endpoint = &mut stack.endpoint;
                // Whether a command fits is the endpoint's to say; that it never panics is ours to see.
                let _ = match verb {
                    0 => endpoint.ring(now, id),
                    1 | 2 => endpoint.answer(now, id, answer),
                    3 => endpoint.reject(now, id, 486, Some("Busy\r\nEvil: yes")),
                    4 => endpoint.bye(now, id, Some("Q.850;cause=16")),
                    5 => endpoint.info(now, id, "application/dtmf", Bytes::from_static(b"1")),
                    6 => endpoint.reinvite(now, id, offer),
                    7 => endpoint.answer_reinvite(now, id, answer),
                    _ => endpoint.reject_reinvite(now, id, 488),
                };
            });
        }
        Deed::Closed { connection } => pair.world.act(pair.gateway, |stack, now| {
            let input = roomgate_sip::endpoint::Input::Closed { connection };
            stack.endpoint.handle_input(now, input);
        }),
        Deed::Wait { milliseconds } => pair.run(milliseconds),
    }
    // The world itself checks that a node comes to its timeout and lets time pass.
    pair.run(25);
}

fn send(pair: &mut Pair, bytes: Vec<u8>) {
    let label = common::label(&bytes);
    pair.world.inject(Packet { from: address(CALLER), to: address(common::GATEWAY), bytes, label });
}

fn last_tag(pair: &Pair) -> Option<String> {
    let bytes = pair.world.node(pair.gateway).last_sent.clone()?;
    let message = common::try_parse(&bytes)?;
    let side = match &message {
        roomgate_sip::message::Message::Response(_) => message.headers().to(),
        roomgate_sip::message::Message::Request(_) => message.headers().from(),
    };
    side.ok()?.tag().map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Nothing panics, the output always comes to a timeout, and within 64*T1 after the last word no transaction is
    /// left: what remains are calls that were answered and confirmed, or still wait for their user.
    #[test]
    fn any_order_of_deeds(
        deeds in proptest::collection::vec(deed(), 1..60),
        transport in prop_oneof![Just(Transport::Udp), Just(Transport::Tcp)],
    ) {
        let mut pair = Pair::new(transport);
        for deed in &deeds {
            perform(&mut pair, deed);
        }
        for id in known_calls(pair.world.node(pair.gateway)) {
            pair.world.act(pair.gateway, |stack, now| {
                let _ = stack.endpoint.bye(now, id, None);
            });
        }
        // A 2xx without ACK (32 s), then its BYE (32 s), then Timer J or K.
        pair.world.run_for(Duration::from_secs(110));
        let endpoint = &pair.world.node(pair.gateway).endpoint;
        prop_assert_eq!(endpoint.calls(), 0);
        prop_assert_eq!(endpoint.transactions(), 0, "\n{}", pair.world.ladder());
    }
}
