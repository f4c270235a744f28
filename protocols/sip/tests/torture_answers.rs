//! RFC 4475's messages as datagrams: each gets the answer that the RFC asks of an endpoint, and none harms the next.
//!
//! The messages are not in the tree: `CAPTURES` names the folder that holds `sip-torture-rfc4475/*.dat`.

mod common;

use std::{fs, path::PathBuf};

use bytes::Bytes;
use common::{CALLER, GATEWAY, Pair, Stack, address};
use roomgate_sip::endpoint::{Endpoint, EndpointConfig, Event, Input, Output, Path, Transport};

enum Answer {
    /// A new call: 100 and an event.
    Call,
    /// One of these final statuses. Where the RFC leaves a choice, both are here.
    Status(&'static [u16]),
    /// Nothing: responses that nobody asked for.
    Silence,
}
use Answer::{Call, Silence, Status};

/// By section of RFC 4475.
const ANSWERS: &[(&str, Answer)] = &[
    // 3.1.1 Valid messages. wsinv carries a To tag of a dialog that is not ours; we have no use for MESSAGE.
    ("wsinv", Status(&[481])),
    ("intmeth", Status(&[501])),
    ("esc01", Call),
    ("escnull", Status(&[401])),
    ("esc02", Status(&[501])),
    ("lwsdisp", Status(&[200])),
    ("longreq", Call),
    ("dblreq", Status(&[401])),
    ("semiuri", Status(&[200])),
    ("transports", Status(&[200])),
    ("mpart01", Status(&[405])),
    ("unreason", Silence),
    ("noreason", Silence),
    // 3.1.2 Invalid messages.
    ("badinv01", Status(&[400])),
    ("clerr", Status(&[400])),
    ("ncl", Status(&[400])),
    ("scalar02", Status(&[400])),
    ("scalarlg", Silence),
    ("quotbal", Status(&[400])),
    ("ltgtruri", Status(&[400])),
    ("lwsruri", Status(&[400])),
    ("lwsstart", Status(&[400])),
    // Liberal readers may take trailing white space.
    ("trws", Status(&[400, 200])),
    ("escruri", Status(&[400])),
    // Whoever has no use for the Date may ignore it.
    ("baddate", Call),
    ("regbadct", Status(&[400])),
    ("badaspec", Status(&[400])),
    ("baddn", Status(&[400, 200])),
    ("badvers", Status(&[505])),
    ("mismatch01", Status(&[400])),
    ("mismatch02", Status(&[400, 501])),
    ("bigcode", Silence),
    // 3.2 Transaction layer.
    ("badbranch", Status(&[200])),
    // 3.3 Application layer.
    ("insuf", Status(&[400])),
    ("unkscm", Status(&[416])),
    ("novelsc", Status(&[416])),
    ("unksm2", Status(&[400, 401, 404, 416])),
    ("bext01", Status(&[420])),
    ("invut", Status(&[415])),
    ("regaut01", Status(&[401])),
    ("multi01", Status(&[400])),
    ("mcl01", Status(&[400])),
    ("bcast", Silence),
    // An endpoint does not forward, so it may process a request that has come to its last hop.
    ("zeromf", Status(&[200])),
    ("cparam01", Status(&[401])),
    ("cparam02", Status(&[401])),
    ("regescrt", Status(&[401])),
    ("sdp01", Status(&[406])),
    // 3.4 Backward compatibility.
    ("inv2543", Call),
];

fn config() -> EndpointConfig {
    let domains = ["example.com", "example.org", "example.net", "company.com", "registrar.example.com"];
    let domains = domains.into_iter().map(str::to_owned).collect();
    EndpointConfig { domains, ..EndpointConfig::new([7; 32]) }
}

fn folder() -> Option<PathBuf> {
    let Some(captures) = std::env::var_os("CAPTURES") else {
        eprintln!("SKIPPED: CAPTURES is not set, so the messages of RFC 4475 were not tried");
        return None;
    };
    Some(PathBuf::from(captures).join("sip-torture-rfc4475"))
}

/// What an endpoint does about one datagram: statuses, and whether a call came.
fn feed(endpoint: &mut Endpoint, bytes: Bytes) -> (Vec<u16>, bool) {
    let via = Path {
        transport: Transport::Udp,
        local: address(GATEWAY),
        remote: address(CALLER),
        connection: None,
    };
    endpoint.handle_input(netsim::World::<Stack>::new().now(), Input::Received { via: &via, bytes: &bytes });
    let (mut statuses, mut called) = (Vec::new(), false);
    loop {
        match endpoint.poll_output() {
            Output::Transmit { bytes, .. } => {
                // Read by hand: an answer to a damaged request may carry its damage back.
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let status = text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok());
                statuses.push(status.unwrap_or_else(|| panic!("not a response: {text}")));
            }
            Output::Event(Event::Invite { .. }) => called = true,
            Output::Event(_) => {}
            Output::Timeout(_) => return (statuses, called),
        }
    }
}

#[test]
fn each_gets_its_answer() {
    let Some(folder) = folder() else { return };
    let mut wrong = Vec::new();
    for (name, answer) in ANSWERS {
        let bytes =
            fs::read(folder.join(format!("{name}.dat"))).unwrap_or_else(|e| panic!("{name}.dat: {e}"));
        let (statuses, called) = feed(&mut Endpoint::new(config(), common::accounts()), bytes.into());
        let right = match answer {
            Call => called && statuses == [100],
            Status(any) => {
                !called && statuses.len() == 1 && statuses.iter().all(|status| any.contains(status))
            }
            Silence => !called && statuses.is_empty(),
        };
        if !right {
            wrong.push(format!("{name}: {statuses:?}, call {called}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every file of the folder is in the table.
#[test]
fn none_is_left_out() {
    let Some(folder) = folder() else { return };
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "dat") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            assert!(ANSWERS.iter().any(|(known, _)| *known == name), "{name} has no answer");
        }
    }
}

/// All of them into one endpoint, which then takes a call as if nothing had been.
#[test]
fn none_harms_the_next_caller() {
    let Some(folder) = folder() else { return };
    let mut pair = Pair::with(Transport::Udp, config());
    for (name, _) in ANSWERS {
        let bytes = Bytes::from(fs::read(folder.join(format!("{name}.dat"))).expect("the file can be read"));
        pair.world.act(pair.gateway, |stack, now| {
            let via = stack.path(address("192.0.2.66:5060"));
            stack.endpoint.handle_input(now, Input::Received { via: &via, bytes: &bytes });
        });
    }
    pair.run(100);
    pair.world.act(pair.caller, |s, now| s.invite(now, GATEWAY, "100100", None));
    pair.run(100);
    pair.world.act(pair.gateway, Stack::answer);
    pair.run(100);
    let answered = |event: &Event| matches!(event, Event::Answered { .. });
    assert!(pair.world.node(pair.caller).events.iter().any(answered), "{}", pair.world.ladder());
    pair.run(400_000);
    assert_eq!(pair.world.node(pair.gateway).endpoint.calls(), 1, "the calls of the torture run out");
}
