//! A stream of messages into an endpoint that answers its calls: its output always comes to an end, its requests and
//! responses can be read, and its transactions run out.

#![no_main]

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use roomgate_sip::{
    endpoint::{Accounts, Endpoint, EndpointConfig, Event, Input, InvitationId, Output, Path, Transport},
    message::{Framed, Framer},
};

const ANSWER: &[u8] = b"v=0\r\no=- 2 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";

struct Everyone;

impl Accounts for Everyone {
    fn password(&self, _: &str) -> Option<String> {
        Some("secret".to_owned())
    }
}

struct Bench {
    endpoint: Endpoint,
    now: Instant,
    calls: VecDeque<InvitationId>,
    due: Option<Instant>,
}

impl Bench {
    fn drain(&mut self) {
        for _ in 0..10_000 {
            match self.endpoint.poll_output() {
                Output::Transmit { bytes, .. } => assert!(bytes.windows(4).any(|w| w == b"\r\n\r\n")),
                Output::Event(Event::Invite { id, .. }) => self.calls.push_back(id),
                Output::Event(Event::Reinvite { id, .. }) => {
                    let _ = self.endpoint.answer_reinvite(self.now, id, Some(Bytes::from_static(ANSWER)));
                }
                Output::Event(_) => {}
                Output::Timeout(due) => {
                    self.due = due;
                    return;
                }
            }
        }
        panic!("the output has no end");
    }

    fn input(&mut self, input: Input<'_>) {
        self.endpoint.handle_input(self.now, input);
        self.drain();
    }
}

fuzz_target!(|data: &[u8]| {
    let mut config = EndpointConfig::new([7; 32]);
    config.domains = vec!["example.org".to_owned()];
    let endpoint = Endpoint::new(config, Arc::new(Everyone));
    let mut bench = Bench { endpoint, now: Instant::now(), calls: VecDeque::new(), due: None };
    let path = |transport, connection| Path {
        transport,
        local: ([192, 0, 2, 1], 5060).into(),
        remote: ([192, 0, 2, 21], 5060).into(),
        connection,
    };
    let (udp, tcp) = (path(Transport::Udp, None), path(Transport::Tcp, Some(1)));
    bench.input(Input::Received { via: &udp, bytes: &Bytes::copy_from_slice(data) });
    let mut framer = Framer::new();
    framer.push(data);
    while let Ok(Some(framed)) = framer.next_framed() {
        let Framed::Message(bytes) = framed else { continue };
        bench.input(Input::Received { via: &tcp, bytes: &bytes });
        if let Some(id) = bench.calls.pop_front() {
            let _ = bench.endpoint.answer(bench.now, id, Some(Bytes::from_static(ANSWER)));
            bench.drain();
        }
        bench.now += Duration::from_millis(700);
        bench.input(Input::Timeout);
    }
    bench.input(Input::Closed { connection: 1 });
    // Longer than any transaction, an unanswered call and its end together.
    let end = bench.now + Duration::from_secs(600);
    while let Some(due) = bench.due.filter(|due| *due <= end) {
        bench.now = due.max(bench.now + Duration::from_millis(1));
        bench.input(Input::Timeout);
    }
    assert_eq!(bench.endpoint.transactions(), 0);
});
