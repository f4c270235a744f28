//! What our responses say, and where they and our requests go (RFC 3261 §8.2, §12.2.1.1, §18.2, RFC 3581, RFC 4028).

mod common;

use bytes::Bytes;
use common::{ANSWER, CALLER, GATEWAY, address, parse, raw, raw_invite};
use roomgate_sip::{
    endpoint::{Endpoint, EndpointConfig, Event, Input, InvitationId, Output, Path, Transport},
    message::{Message, Request, Response},
};

/// A gateway whose clock stands still unless moved.
struct Bench {
    endpoint: Endpoint,
    now: std::time::Instant,
    via: Path,
    sent: Vec<(Path, Message)>,
    call: Option<InvitationId>,
}

impl Bench {
    fn new(transport: Transport) -> Self {
        Self::with(transport, EndpointConfig::new([3; 32]))
    }

    fn with(transport: Transport, config: EndpointConfig) -> Self {
        let connection = transport.is_reliable().then_some(7);
        Self {
            endpoint: Endpoint::new(config, common::accounts()),
            now: netsim::World::<common::Stack>::new().now(),
            via: Path { transport, local: address(GATEWAY), remote: address(CALLER), connection },
            sent: Vec::new(),
            call: None,
        }
    }

    fn receive(&mut self, text: &str) {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.endpoint.handle_input(self.now, Input::Received { via: &self.via, bytes: &bytes });
        self.drain();
    }

    fn drain(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            match self.endpoint.poll_output() {
                Output::Transmit { path, bytes } => self.sent.push((path, parse(&bytes))),
                Output::Event(event) => {
                    if let Event::Invite { id, .. } = &event {
                        self.call = Some(*id);
                    }
                    events.push(event);
                }
                Output::Timeout(_) => return events,
            }
        }
    }

    fn answer(&mut self) {
        let call = self.call.expect("a call");
        self.endpoint.answer(self.now, call, Some(Bytes::from_static(ANSWER))).expect("the call waits");
        self.drain();
    }

    fn response(&self) -> (&Path, &Response) {
        match self.sent.last() {
            Some((path, Message::Response(response))) => (path, response),
            other => panic!("no response: {other:?}"),
        }
    }

    fn request(&self) -> (&Path, &Request) {
        match self.sent.last() {
            Some((path, Message::Request(request))) => (path, request),
            other => panic!("no request: {other:?}"),
        }
    }

    fn status(&self) -> u16 {
        self.response().1.status.code()
    }

    /// A request within the call that stands.
    fn within(&self, method: &str, cseq: u32, extra: &str) -> String {
        let tag = self
            .sent
            .iter()
            .rev()
            .find_map(|(_, message)| match message {
                Message::Response(response) => response.headers.to().ok()?.tag().map(str::to_owned),
                Message::Request(_) => None,
            })
            .expect("a tag of ours");
        raw(method, &format!("z9hG4bKin{method}{cseq}"), cseq, extra, "")
            .replace("To: <sip:100100@192.0.2.1>", &format!("To: <sip:100100@192.0.2.1>;tag={tag}"))
    }

    /// A call that stands.
    fn connect(&mut self, invite: &str) {
        self.receive(invite);
        self.answer();
        let ack = self.within("ACK", 1, "");
        self.receive(&ack);
    }
}

#[test]
fn by_method() {
    for (method, status, header) in [
        ("UPDATE", 405, "Allow"),
        ("SUBSCRIBE", 405, "Allow"),
        ("BREW", 501, "Allow"),
        ("OPTIONS", 200, "Accept"),
    ] {
        let mut bench = Bench::new(Transport::Udp);
        bench.receive(&raw(method, "z9hG4bK1", 1, "", ""));
        assert_eq!(bench.status(), status, "{method}");
        assert!(bench.response().1.headers.has(header), "{method}: {:?}", bench.response());
        assert!(bench.response().1.headers.to().unwrap().tag().is_some(), "{method}");
    }
}

#[test]
fn by_what_is_required() {
    let mut bench = Bench::new(Transport::Udp);
    bench.receive(&raw("INVITE", "z9hG4bK1", 1, "Require: 100rel, timer, x\r\n", ""));
    assert_eq!(bench.status(), 420);
    assert_eq!(bench.response().1.headers.get("Unsupported"), Some("100rel, x"));

    let mut bench = Bench::new(Transport::Udp);
    bench.receive(
        &raw("INVITE", "z9hG4bK1", 1, "Content-Type: text/plain\r\n", "hello")
            .replace("Content-Type: application/sdp\r\n", ""),
    );
    assert_eq!(bench.status(), 415);
    assert!(bench.response().1.headers.get("Accept").unwrap().contains("application/sdp"));

    let mut bench = Bench::new(Transport::Udp);
    bench.receive(&raw("INVITE", "z9hG4bK1", 1, "Content-Encoding: gzip\r\n", "v=0"));
    assert_eq!(bench.status(), 415);
    assert_eq!(bench.response().1.headers.get("Accept-Encoding"), Some("identity"));
}

#[test]
fn session_timers() {
    let mut bench = Bench::new(Transport::Udp);
    bench.receive(&raw("INVITE", "z9hG4bK1", 1, "Supported: timer\r\nSession-Expires: 60\r\n", ""));
    assert_eq!(bench.status(), 422);
    assert_eq!(bench.response().1.headers.get("Min-SE"), Some("90"));

    let mut bench = Bench::new(Transport::Udp);
    bench.connect(&raw("INVITE", "z9hG4bK1", 1, "Require: timer\r\nSession-Expires: 90\r\n", ""));
    let ok =
        &bench.sent.iter().rfind(|(_, m)| matches!(m, Message::Response(r) if r.status == 200)).unwrap().1;
    assert_eq!(ok.headers().get("Session-Expires"), Some("90;refresher=uac"));
    assert_eq!(ok.headers().get("Require"), Some("timer"));

    // Nobody refreshes: it is over a third of its time early.
    bench.now += std::time::Duration::from_secs(60);
    bench.endpoint.handle_input(bench.now, Input::Timeout);
    assert!(matches!(bench.drain().as_slice(), [Event::Gone { .. }]));
    assert_eq!(bench.request().1.method.as_str(), "BYE");

    // A caller who wants us to refresh gets a call without a timer.
    let mut bench = Bench::new(Transport::Udp);
    bench.connect(&raw(
        "INVITE",
        "z9hG4bK1",
        1,
        "Supported: timer\r\nSession-Expires: 1800;refresher=uas\r\n",
        "",
    ));
    assert!(bench.sent.iter().all(|(_, m)| !m.headers().has("Session-Expires")));
}

#[test]
fn responses_over_udp_go_where_via_says() {
    let mut bench = Bench::new(Transport::Udp);
    bench.via.remote = address("198.51.100.7:40123");
    bench.receive(&raw("OPTIONS", "z9hG4bK1", 1, "", ""));
    let (path, response) = bench.response();
    assert_eq!(path.remote, address("198.51.100.7:40123"));
    let via = response.headers.top_via().unwrap();
    assert_eq!((via.rport(), via.received()), (Some(Some(40123)), Some("198.51.100.7".parse().unwrap())));

    // Without rport: the source's address and the port in Via; maddr is not obeyed.
    bench.receive(
        &raw("OPTIONS", "z9hG4bK2", 1, "", "").replace("10:5060;rport", "10:5099;maddr=203.0.113.1"),
    );
    let (path, response) = bench.response();
    assert_eq!(path.remote, address("198.51.100.7:5099"));
    assert_eq!(response.headers.top_via().unwrap().received(), Some("198.51.100.7".parse().unwrap()));
}

#[test]
fn responses_over_a_connection_that_is_gone_ask_for_a_new_one() {
    let mut bench = Bench::new(Transport::Tcp);
    bench.via.remote = address("192.0.2.10:40123");
    bench.receive(&raw_invite("z9hG4bK1", 1, "").replace("SIP/2.0/UDP", "SIP/2.0/TCP"));
    assert_eq!(bench.response().0.connection, Some(7));
    bench.endpoint.handle_input(bench.now, Input::Closed { connection: 7 });
    bench.answer();
    let (path, _) = bench.response();
    assert_eq!((path.connection, path.remote), (None, address("192.0.2.10:5060")));
}

#[test]
fn our_requests_go_to_the_contact_or_the_nat_before_it() {
    // The same address: the Contact's port.
    let mut bench = Bench::new(Transport::Udp);
    bench.via.remote = address("192.0.2.10:40123");
    bench.connect(&raw_invite("z9hG4bK1", 1, "").replace("12@192.0.2.10:5060>", "12@192.0.2.10:5062>"));
    bench.endpoint.bye(bench.now, bench.call.unwrap(), Some("Q.850;cause=16")).unwrap();
    bench.drain();
    let (path, bye) = bench.request();
    assert_eq!(path.remote, address("192.0.2.10:5062"));
    assert_eq!(bye.headers.get("Reason"), Some("Q.850;cause=16"));
    assert_eq!(bye.uri.to_string(), "sip:room12@192.0.2.10:5062");

    // Another address: NAT, so the way back is the way it came.
    let mut bench = Bench::new(Transport::Udp);
    bench.via.remote = address("198.51.100.7:40123");
    bench.connect(&raw_invite("z9hG4bK1", 1, ""));
    bench.endpoint.bye(bench.now, bench.call.unwrap(), None).unwrap();
    bench.drain();
    assert_eq!(bench.request().0.remote, address("198.51.100.7:40123"));

    // The same connection.
    let mut bench = Bench::new(Transport::Tls);
    bench.via.remote = address("198.51.100.7:40123");
    bench.connect(&raw_invite("z9hG4bK1", 1, ""));
    bench.endpoint.bye(bench.now, bench.call.unwrap(), None).unwrap();
    bench.drain();
    assert_eq!(
        (bench.request().0.connection, bench.request().0.remote),
        (Some(7), address("198.51.100.7:40123"))
    );
}

#[test]
fn contact_is_where_we_are_reached() {
    let contact = |transport, local: &str, host: Option<&str>| {
        let config = EndpointConfig { public_host: host.map(str::to_owned), ..EndpointConfig::new([3; 32]) };
        let mut bench = Bench::with(transport, config);
        bench.via.local = address(local);
        bench.receive(&raw_invite("z9hG4bK1", 1, ""));
        bench.answer();
        bench.response().1.headers.get("Contact").unwrap().to_owned()
    };
    assert_eq!(contact(Transport::Udp, "192.0.2.1:5060", None), "<sip:192.0.2.1>");
    assert_eq!(contact(Transport::Tcp, "192.0.2.1:5070", None), "<sip:192.0.2.1:5070;transport=tcp>");
    assert_eq!(contact(Transport::Tls, "192.0.2.1:5061", Some("192.0.2.1")), "<sip:192.0.2.1;transport=tls>");
    assert_eq!(contact(Transport::Udp, "0.0.0.0:5060", None), "<sip:192.0.2.1>");
}

#[test]
fn old_requests_within_a_call_are_refused() {
    let mut bench = Bench::new(Transport::Udp);
    bench.connect(&raw_invite("z9hG4bK1", 1, ""));
    let new = bench.within("OPTIONS", 9, "");
    bench.receive(&new);
    assert_eq!(bench.status(), 200);
    let old = bench.within("OPTIONS", 8, "");
    bench.receive(&old);
    assert_eq!(bench.status(), 500);
}

#[test]
fn a_request_of_ours_that_comes_back_is_a_loop() {
    let mut bench = Bench::new(Transport::Udp);
    bench.connect(&raw_invite("z9hG4bK1", 1, ""));
    bench
        .endpoint
        .info(bench.now, bench.call.unwrap(), "application/dtmf", Bytes::from_static(b"1"))
        .unwrap();
    bench.drain();
    let back = bench.request().1.to_bytes();
    bench.receive(std::str::from_utf8(&back).unwrap());
    assert_eq!(bench.status(), 482);
}

#[test]
fn an_old_peer_confirms_within_the_transaction() {
    // RFC 2543: no magic cookie; the ACK for the 200 has the INVITE's branch.
    let mut bench = Bench::new(Transport::Udp);
    bench.receive(&raw_invite("1", 1, ""));
    bench.answer();
    let ack = bench.within("ACK", 1, "").replace("z9hG4bKinACK1", "1");
    let bytes = Bytes::copy_from_slice(ack.as_bytes());
    bench.endpoint.handle_input(bench.now, Input::Received { via: &bench.via.clone(), bytes: &bytes });
    assert!(matches!(bench.drain().as_slice(), [Event::Acked { .. }]));
}

#[test]
fn anybody_elses_cancel_is_not_heard() {
    let mut bench = Bench::new(Transport::Udp);
    bench.receive(&raw_invite("z9hG4bK1", 1, ""));
    bench.via.remote = address("203.0.113.5:5060");
    bench.receive(&raw("CANCEL", "z9hG4bK1", 1, "", ""));
    assert_eq!(bench.status(), 481);
    assert_eq!(bench.endpoint.calls(), 1);
}

#[test]
fn an_info_that_we_cannot_read() {
    let mut bench = Bench::new(Transport::Udp);
    bench.connect(&raw_invite("z9hG4bK1", 1, ""));
    let info = bench
        .within("INFO", 2, "Content-Type: application/x-odd\r\n")
        .replace("Content-Length: 0\r\n\r\n", "Content-Length: 1\r\n\r\nx");
    bench.receive(&info);
    assert_eq!(bench.status(), 415);
}

/// Digits, keys and PINs stay out of what is printed.
#[test]
fn events_print_no_secrets() {
    let mut bench = Bench::new(Transport::Udp);
    bench.connect(
        &raw_invite("z9hG4bK1", 1, "v=0\r\na=crypto:1 AES inline:SECRET\r\n")
            .replace("INVITE sip:100100@", "INVITE sip:100100*987654@"),
    );
    let body = "Signal=7\r\n";
    let info = bench
        .within("INFO", 2, "Content-Type: application/dtmf-relay\r\n")
        .replace("Content-Length: 0\r\n\r\n", &format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    let bytes = Bytes::copy_from_slice(info.as_bytes());
    bench.endpoint.handle_input(bench.now, Input::Received { via: &bench.via.clone(), bytes: &bytes });
    let printed = format!("{:?}", bench.drain());
    assert!(
        printed.contains("Info") && !printed.contains("Signal") && !printed.contains("987654"),
        "{printed}"
    );
}
