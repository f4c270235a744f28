//! Every message in `fixtures/sip` is read as what it is, and what is printed of it is read the same.

mod fixture_files;

use bytes::Bytes;
use roomgate_sip::message::{Contacts, Framed, Framer, Message, StatusCode, parse};

/// What a message is: method or status, display name and address-of-record of From, number of Via values, and the
/// family that the device names.
type Row = (&'static str, &'static str, Option<&'static str>, &'static str, usize, &'static str);

const TABLE: &[Row] = &[
    ("aver/evc130-invite", "INVITE", Some("AVer"), "192.0.2.60", 1, "EVC130 00.01.12.81"),
    ("cisco/ce-ack-escaped-at", "ACK", Some("Room 12"), "room12@example.org", 1, "TANDBERG/529"),
    ("cisco/ce-invite", "INVITE", Some("Room 12"), "room12@example.org", 1, "TANDBERG/529"),
    ("cisco/ce-register", "REGISTER", Some("Room 12"), "room12@example.org", 1, "TANDBERG/529"),
    ("cisco/ce-register-digest", "REGISTER", Some("Room 12"), "room12@example.org", 1, "TANDBERG/529"),
    ("cisco/cp-8865-info-fast-update", "INFO", Some("Ana Núñez"), "3104@example.org", 1, "Cisco-CP8865"),
    ("cisco/cp-8865-invite", "INVITE", Some("Ana Núñez"), "3104@example.org", 1, "Cisco-CP8865"),
    (
        "cisco/dx80-invite-delayed-offer",
        "INVITE",
        Some("Dana's DX80"),
        "2001@192.0.2.30",
        1,
        "Cisco-CUCM10.5",
    ),
    ("cisco/e20-invite", "INVITE", Some("Reception"), "e20@example.org", 1, "TANDBERG/257"),
    ("cisco/e20-register-mixed", "REGISTER", None, "e20@example.org", 1, "TANDBERG/257"),
    ("cisco/expressway-invite", "INVITE", Some("Room 7"), "room7@example.com", 3, "TANDBERG/4352"),
    ("cisco/expressway-options", "OPTIONS", None, "192.0.2.41", 1, "TANDBERG/4129"),
    ("cisco/mxp-register-query", "REGISTER", None, "192.0.2.46", 1, "TANDBERG/67"),
    ("cisco/sx10-200-server", "200", None, "100100@example.org", 1, "TANDBERG/528"),
    ("grandstream/gvc3200-302", "302", None, "100100@example.org", 1, "Grandstream GVC3200"),
    ("huawei/te-invite-compact", "INVITE", Some("TE30"), "8001@example.org", 1, "Huawei ViewPoint9000"),
    ("lifesize/express-register-folded", "REGISTER", Some("Express"), "express@example.org", 1, "LifeSize"),
    ("poly/hdx-bye", "BYE", Some("Board Room (2nd floor)"), "192.0.2.15", 1, "PolycomHDX8000HD"),
    ("poly/hdx-invite", "INVITE", Some("Board Room (2nd floor)"), "192.0.2.15", 1, "Polycom HDX 8000"),
    (
        "poly/realpresence-group-invite",
        "INVITE",
        Some("192.0.2.14"),
        "192.0.2.14@example.org",
        1,
        "PolycomRealPresenceGroup500",
    ),
    ("poly/studio-x30-invite", "INVITE", Some("X30 Lobby"), "lobby@192.0.2.104", 1, "PolycomStudioX30"),
    ("poly/studio-x30-register", "REGISTER", Some("X30 Lobby"), "lobby@example.org", 1, "PolycomStudioX30"),
    ("yealink/vc400-invite", "INVITE", Some("VC400"), "vc400@example.org", 1, "Yealink VC400"),
    (
        "yealink/vc800-register-two-contacts",
        "REGISTER",
        Some("VC800"),
        "vc800@example.org",
        1,
        "Yealink VC800",
    ),
];

fn read(name: &str, bytes: Vec<u8>) -> Message {
    parse(&bytes.into()).unwrap_or_else(|rejected| panic!("{name}: {}", rejected.fault))
}

fn fixture(name: &str) -> Message {
    let all = fixture_files::messages();
    let (name, bytes) = all.into_iter().find(|(known, _)| known == name).expect("a fixture of this name");
    read(&name, bytes)
}

#[test]
fn what_is_printed_is_read_the_same() {
    for (name, bytes) in fixture_files::messages() {
        let message = read(&name, bytes);
        let printed = message.to_bytes();
        assert_eq!(parse(&printed), Ok(message.clone()), "{name}");
        assert_eq!(
            read(&name, printed.to_vec()).to_bytes(),
            printed,
            "{name}: printing is settled after one time"
        );
    }
}

#[test]
fn the_table_says_what_each_is() {
    let messages = fixture_files::messages();
    let names: Vec<_> = messages.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, TABLE.iter().map(|row| row.0).collect::<Vec<_>>(), "files and table differ");
    for ((name, bytes), (_, kind, display, aor, vias, device)) in messages.into_iter().zip(TABLE) {
        let message = read(&name, bytes);
        let found = match &message {
            Message::Request(request) => request.method.to_string(),
            Message::Response(response) => response.status.to_string(),
        };
        assert_eq!(found, *kind, "{name}");
        let headers = message.headers();
        let from = headers.from().expect(&name);
        assert_eq!(from.display.as_deref(), *display, "{name}");
        assert_eq!(from.uri.aor().as_deref(), Some(*aor), "{name}");
        assert!(from.tag().is_some(), "{name}: every device gives a tag");
        assert_eq!(headers.vias().expect(&name).len(), *vias, "{name}");
        assert!(headers.top_via().expect(&name).rfc3261_branch().is_some(), "{name}");
        assert!(headers.user_agent().is_some_and(|agent| agent.starts_with(device)), "{name}");
        assert!(headers.contacts().is_ok(), "{name}");
        assert!(headers.session_expires().is_ok(), "{name}");
        assert!(headers.max_forwards().is_ok(), "{name}");
        let typed = headers.content_type().expect(&name).is_some();
        assert_eq!(typed, !message.body().is_empty(), "{name}: a body has a type");
    }
}

/// All of them on one connection, keep-alives between, in pieces of any size.
#[test]
fn a_stream_of_them_is_cut_where_they_end() {
    let messages: Vec<_> =
        fixture_files::messages().into_iter().map(|(_, bytes)| Bytes::from(bytes)).collect();
    let stream: Vec<u8> =
        messages.iter().flat_map(|m| [m, b"\r\n\r\n\r\n\r\n".as_slice()].concat()).collect();
    for size in [1, 7, 536, 1460, 16_384, stream.len()] {
        let (mut framer, mut found, mut pings) = (Framer::new(), Vec::new(), 0);
        for piece in stream.chunks(size) {
            framer.push(piece);
            while let Some(framed) = framer.next_framed().expect("every fixture can be framed") {
                match framed {
                    Framed::Message(bytes) => found.push(bytes),
                    Framed::Ping => pings += 1,
                }
            }
        }
        assert!(found == messages, "pieces of {size}");
        assert_eq!(pings, messages.len() * 2, "pieces of {size}");
        assert!(!framer.is_within_message());
    }
}

#[test]
fn cisco_instance_and_model() {
    let message = fixture("cisco/ce-register");
    let Ok(Contacts::List(contacts)) = message.headers().contacts() else { panic!("no contact") };
    let [contact] = contacts.as_slice() else { panic!("one contact") };
    assert_eq!(
        contact.params.text("+sip.instance").as_deref(),
        Some("<urn:uuid:5f3c0b1e-7a9d-5c21-8f01-0050601b2c3d>")
    );
    assert_eq!(contact.params.text("+u.sip!model.ccm.cisco.com").as_deref(), Some("652"));
    assert_eq!((contact.params.get("reg-id"), contact.params.get("proxy")), (Some("1"), Some("replace")));
    assert_eq!((contact.uri.port(), contact.uri.transport()), (Some(42117), Some("tls")));
    assert!(message.headers().has_token("Supported", "outbound"));
}

#[test]
fn cisco_gruu_and_escaped_at() {
    let invite = fixture("cisco/ce-invite");
    let contacts = invite.headers().contacts().expect("contacts");
    let contact = contacts.first().expect("a contact");
    assert_eq!(contact.uri.params().get("gr"), Some("urn:uuid:5f3c0b1e-7a9d-5c21-8f01-0050601b2c3d"));
    let Message::Request(ack) = fixture("cisco/ce-ack-escaped-at") else { panic!("a request") };
    assert_eq!(ack.uri.user().as_deref(), Some("100100@example.org"));
    assert_eq!(
        ack.uri.to_string(),
        "sip:100100%40example.org@192.0.2.1:5060;transport=tcp",
        "kept as written"
    );
}

#[test]
fn expressway_routes_and_vias() {
    let message = fixture("cisco/expressway-invite");
    let headers = message.headers();
    let routes = headers.record_routes().expect("routes");
    assert_eq!(routes.len(), 2);
    assert!(routes.iter().all(|route| route.uri.is_loose_router()));
    let user = routes.first().and_then(|route| route.uri.user()).expect("a user");
    assert_eq!(user, "proxy-call-id=2f7b6a10-77f3-4e70-9c0f-1d2c3b4a5e6f");
    let via = headers.top_via().expect("a Via");
    assert_eq!((via.params.get("egress-zone"), via.rport()), (Some("Roomgate"), Some(None)));
    assert_eq!(headers.min_se(), Some(500));
    assert_eq!(fixture("cisco/expressway-options").headers().max_forwards(), Ok(Some(0)));
}

#[test]
fn odd_spacing_compact_names_and_folding() {
    let delayed = fixture("cisco/dx80-invite-delayed-offer");
    assert!(delayed.body().is_empty(), "no offer; two spaces before the 0");
    assert_eq!(delayed.headers().get("P_Preferred_Identity"), Some("<sip:2001@example.org>"));
    assert_eq!(delayed.headers().min_se(), Some(1800));
    assert_eq!(
        fixture("cisco/e20-invite").headers().from().expect("From").tag(),
        Some("c2a7d8ee"),
        "space before ;"
    );

    let compact = fixture("huawei/te-invite-compact");
    assert_eq!(compact.headers().call_id(), Ok("h1@192.0.2.70"));
    assert_eq!(compact.headers().session_expires().expect("readable").map(|s| s.delta_seconds), Some(1800));
    assert!(compact.headers().content_type().expect("readable").is_some_and(|t| t.is("application/sdp")));
    assert!(compact.to_bytes().starts_with(b"INVITE sip:100100@example.org SIP/2.0\r\nVia: SIP/2.0/UDP "));

    let folded = fixture("lifesize/express-register-folded");
    assert_eq!(folded.headers().allow(), ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"]);
    assert_eq!(folded.headers().top_via().expect("a Via").branch(), Some("z9hG4bK-ls-1"));
    assert_eq!(folded.headers().cseq().expect("CSeq").number, 1);
}

#[test]
fn queries_lists_bodies_and_redirection() {
    let query = fixture("cisco/mxp-register-query");
    assert_eq!(query.headers().contacts(), Ok(Contacts::List(Vec::new())));
    let from = query.headers().from().expect("From");
    assert_eq!((from.uri.user(), from.tag()), (None, Some("5a7c")), "no space after the colon, no user");

    let Ok(Contacts::List(two)) = fixture("yealink/vc800-register-two-contacts").headers().contacts() else {
        panic!("contacts")
    };
    assert_eq!(two.iter().map(|c| c.params.get("expires")).collect::<Vec<_>>(), [Some("600"), Some("0")]);

    let mixed = fixture("cisco/e20-register-mixed");
    let kind = mixed.headers().content_type().expect("readable").expect("a type");
    assert_eq!(
        (kind.essence.as_str(), kind.params.get("boundary")),
        ("multipart/mixed", Some("unique-boundary-1"))
    );
    assert!(mixed.body().ends_with(b"--unique-boundary-1--\r\n"));

    let Message::Response(moved) = fixture("grandstream/gvc3200-302") else { panic!("a response") };
    assert_eq!((moved.status, moved.reason.as_str()), (StatusCode::from(302), "Moved Temporarily"));
    let contacts = moved.headers.contacts().expect("contacts");
    assert_eq!(contacts.first().and_then(|c| c.uri.aor()).as_deref(), Some("2002@example.org"));

    assert_eq!(
        fixture("poly/studio-x30-invite").headers().from().expect("From").params.get("epid"),
        Some("8G201C2AEF01")
    );
}

/// Digests have no place in logs, not even those that a device puts where none belongs.
#[test]
fn credentials_stay_out_of_debug_output() {
    for name in ["cisco/ce-register-digest", "cisco/sx10-200-server"] {
        assert!(!format!("{:?}", fixture(name)).contains("00112233"), "{name}");
    }
}
