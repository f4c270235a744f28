//! What holds for any message and for any octets.

mod fixture_files;

use std::sync::LazyLock;

use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*, sample::Index};
use roomgate_sip::{
    message::{Framed, Framer, Headers, Host, Message, Method, NameAddr, Request, Response, Uri, Via, parse},
    sdp::Session,
};

static FIXTURES: LazyLock<Vec<Bytes>> =
    LazyLock::new(|| fixture_files::messages().into_iter().map(|(_, bytes)| bytes.into()).collect());

fn host() -> impl Strategy<Value = Host> {
    prop_oneof![
        "[a-z][a-z0-9_-]{0,8}(\\.[a-z]{1,6}){0,2}".prop_map(Host::Name),
        any::<[u8; 4]>().prop_map(|ip| Host::V4(ip.into())),
        any::<[u8; 16]>().prop_map(|ip| Host::V6(ip.into())),
    ]
}

/// The user is any text: what a URI cannot hold is escaped.
fn uri() -> impl Strategy<Value = Uri> {
    (
        any::<bool>(),
        option::of(any::<String>()),
        host(),
        option::of(any::<u16>()),
        option::of("[a-z0-9.:-]{1,8}"),
    )
        .prop_map(|(secure, user, host, port, value)| {
            let make = if secure { Uri::sips } else { Uri::sip };
            let uri = make(user.as_deref(), host, port);
            match value {
                Some(value) => uri.with_param("transport", Some(&value)).with_param("lr", None),
                None => uri,
            }
        })
}

/// The display name is any text, line ends and quotes included.
fn address() -> impl Strategy<Value = NameAddr> {
    (option::of(any::<String>()), uri(), "[A-Za-z0-9.~-]{1,16}").prop_map(|(display, uri, tag)| {
        let address = NameAddr::new(uri).with_param("tag", Some(&tag));
        match display {
            Some(display) => address.with_display(&display),
            None => address,
        }
    })
}

fn headers(method: &'static str) -> impl Strategy<Value = Headers> {
    let via = ("(UDP|TCP|TLS|X-[A-Z]{1,3})", host(), option::of(any::<u16>()), "[a-zA-Z0-9]{1,12}");
    (
        vec(via, 1..4),
        address(),
        address(),
        "[!-~]{1,24}",
        0..1u32 << 31,
        vec(("[A-Za-z][A-Za-z0-9._-]{0,12}", any::<String>()), 0..8),
    )
        .prop_map(move |(vias, from, to, call_id, cseq, others)| {
            let mut headers = Headers::new();
            for (transport, host, port, branch) in vias {
                headers.push("Via", Via::new(&transport, host, port, &branch));
            }
            headers.push("From", from);
            headers.push("To", to);
            headers.push("Call-ID", call_id);
            headers.push("CSeq", format_args!("{cseq} {method}"));
            for (name, value) in others {
                // A second one of these would be a fault, and Content-Length is framing. One letter may be any of them.
                let once = ["via", "from", "to", "call-id", "cseq", "content-length", "max-forwards"];
                if name.len() > 1 && !once.contains(&name.to_ascii_lowercase().as_str()) {
                    headers.push(&name, value);
                }
            }
            headers
        })
}

fn message() -> impl Strategy<Value = Message> {
    let body = || vec(any::<u8>(), 0..200).prop_map(Bytes::from);
    let request = (uri(), headers("INVITE"), body()).prop_map(|(uri, headers, body)| {
        Message::Request(Request { method: Method::Invite, uri, headers, body })
    });
    let response = (100..700u16, any::<String>(), headers("OPTIONS"), body()).prop_map(
        |(status, reason, headers, body)| {
            let response = Response::new(status).with_reason(&reason);
            Message::Response(Response { headers, body, ..response })
        },
    );
    prop_oneof![request, response]
}

/// A fixture with octets changed, put in, cut out and cut off.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    // Octets that mean something come more often than others.
    let octet = prop_oneof![
        2 => prop::sample::select(b"\r\n\0 \t:;,<>\"\\@%=[]?&/*".as_slice()),
        1 => any::<u8>(),
    ];
    (any::<Index>(), vec((any::<Index>(), 0..4u8, octet, 1..40usize), 1..6)).prop_map(|(which, deeds)| {
        let mut bytes = which.get(&FIXTURES).to_vec();
        for (at, verb, octet, len) in deeds {
            let at = at.index(bytes.len().max(1));
            match verb {
                0 if at < bytes.len() => bytes[at] = octet,
                1 => bytes.insert(at, octet),
                2 => drop(bytes.drain(at..(at + len).min(bytes.len()))),
                _ => {
                    let piece = bytes[at..(at + len).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        bytes
    })
}

/// Reads all that can be read of it, and checks what no input may break.
fn stress(bytes: Vec<u8>) -> Result<(), TestCaseError> {
    let bytes = Bytes::from(bytes);
    match parse(&bytes) {
        Ok(message) => {
            let printed = message.to_bytes();
            one_line_for_each(&message, &printed)?;
            prop_assert_eq!(parse(&printed), Ok(message.clone()), "{:?}", bytes);
            let headers = message.headers();
            let _ = (headers.contacts(), headers.routes(), headers.record_routes(), headers.paths());
            let _ = (headers.session_expires(), headers.min_se(), headers.expires(), headers.content_type());
            let _ = (headers.supported(), headers.accept(), headers.retry_after(), format!("{message:?}"));
            let _ = Session::parse(message.body());
            if let Message::Request(request) = &message {
                let mut response = request.response(200);
                response.set_to_tag("tag");
                let printed = response.to_bytes();
                one_line_for_each(&Message::Response(response), &printed)?;
            }
        }
        Err(rejected) => {
            if let Some(response) = rejected.response {
                let printed = response.to_bytes();
                one_line_for_each(&Message::Response(response), &printed)?;
            }
        }
    }
    let mut framer = Framer::new();
    for piece in bytes.chunks(97) {
        framer.push(piece);
        while let Ok(Some(framed)) = framer.next_framed() {
            if let Framed::Message(bytes) = framed {
                let _ = parse(&bytes);
            }
        }
    }
    Ok(())
}

/// No value is ever printed as more than one line, whoever takes CR, LF or both for a line end.
fn one_line_for_each(message: &Message, printed: &Bytes) -> Result<(), TestCaseError> {
    let head = &printed[..printed.len() - message.body().len()];
    let ends = head.windows(2).filter(|w| w == b"\r\n").count();
    // Start line, header fields, Content-Length, empty line.
    prop_assert_eq!(ends, message.headers().len() + 3, "{:?}", printed);
    prop_assert_eq!(head.iter().filter(|b| **b == b'\r').count(), ends, "{:?}", printed);
    prop_assert_eq!(head.iter().filter(|b| **b == b'\n').count(), ends, "{:?}", printed);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_read_the_same(message in message()) {
        let printed = message.to_bytes();
        one_line_for_each(&message, &printed)?;
        prop_assert_eq!(parse(&printed), Ok(message), "{:?}", printed);
    }

    #[test]
    fn what_was_made_of_any_text_says_that_text(user in "\\PC{1,40}", display in "\\PC{1,40}") {
        let uri = Uri::sip(Some(&user), Host::Name("example.org".to_owned()), None);
        let written = NameAddr::new(uri).with_display(&display).to_string();
        let read: NameAddr = written.parse().expect("what we write can be read");
        prop_assert_eq!(read.uri.user().expect("a user"), user);
        prop_assert_eq!(read.display.expect("a display name"), display);
    }

    #[test]
    fn several_messages_on_a_stream_come_out_as_they_went_in(
        messages in vec(message(), 1..5),
        pieces in vec(1..600usize, 1..20),
    ) {
        let messages: Vec<_> = messages.iter().map(Message::to_bytes).collect();
        let stream = messages.concat();
        let (mut framer, mut found, mut rest) = (Framer::new(), Vec::new(), stream.as_slice());
        for size in pieces.iter().cycle() {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            framer.push(piece);
            while let Some(framed) = framer.next_framed().expect("a good stream") {
                found.push(framed);
            }
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(found, messages.into_iter().map(Framed::Message).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn damaged_messages_do_no_harm(bytes in damaged()) {
        stress(bytes)?;
    }

    #[test]
    fn neither_do_random_octets(bytes in vec(any::<u8>(), 0..300), start in any::<bool>()) {
        let start: &[u8] = if start { b"INVITE sip:a@b SIP/2.0\r\n" } else { b"" };
        stress([start, &bytes].concat())?;
    }
}

/// CR alone, LF alone, both, all over the header fields of every fixture: refused or cleaned, never handed on.
#[test]
fn a_line_end_anywhere_stays_where_it_is() {
    for fixture in FIXTURES.iter() {
        let head = fixture.windows(4).position(|w| w == b"\r\n\r\n").expect("an end of the header fields");
        for end in ["\r", "\n", "\r\n", "\rVia: SIP/2.0/UDP evil", "\r\n "] {
            for at in (0..head).step_by(13) {
                let mut bytes = fixture.to_vec();
                bytes.splice(at..at, end.bytes());
                stress(bytes).expect("one line for each");
            }
        }
    }
}

#[test]
fn a_lone_cr_in_a_header_field_is_refused_and_not_sent_back() {
    let text = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\n\
                Call-ID: 1\rX-Evil: yes\r\nCSeq: 1 OPTIONS\r\n\r\n";
    let rejected = parse(&Bytes::from_static(text.as_bytes())).expect_err("refused");
    let response = rejected.response.expect("answered");
    assert_eq!(response.status, 400);
    assert!(!String::from_utf8_lossy(&response.to_bytes()).contains("Evil"));
    // The reason phrase of a response is for people: cleaned.
    let text = "SIP/2.0 200 OK\rX-Evil: yes\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\n\
                To: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n";
    let Ok(Message::Response(response)) = parse(&Bytes::from_static(text.as_bytes())) else { panic!("read") };
    assert_eq!(response.reason, "OK X-Evil: yes");
}

/// Whatever a caller gives as name, value, Via or start line, none of it makes a second line.
#[test]
fn our_own_writers_cannot_be_made_to_inject() {
    let evil = "a\r\nX-Evil: yes";
    let uri = Uri::sip(Some(evil), Host::Name(evil.to_owned()), None).with_param(evil, Some(evil));
    let mut via = Via::new(evil, Host::Name(evil.to_owned()), None, evil);
    via.params.set_quoted(evil, evil);
    let mut request = Request::new(Method::Other(evil.to_owned()), uri.clone())
        .with("Via", "SIP/2.0/UDP a;branch=z9hG4bKa")
        .with(evil, evil)
        .with("To", NameAddr::new(uri).with_display(evil).with_param(evil, Some(evil)))
        .with_body(evil, Bytes::from_static(b"body"));
    request.headers.set_top_via(&via);
    let printed = request.to_bytes();
    one_line_for_each(&Message::Request(request), &printed).expect("one line for each");
    let mut response = Response::new(486).with_reason(evil);
    response.reason.push_str(evil);
    let printed = response.to_bytes();
    one_line_for_each(&Message::Response(response), &printed).expect("one line for each");
}
