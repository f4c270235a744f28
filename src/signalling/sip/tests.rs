//! Whole messages in, events and whole answers out.

use std::{fmt::Write as _, net::SocketAddr};

use roomgate_sip::endpoint::{NoAccounts, Transport};

use super::*;
use crate::signalling::{
    AudioCodec, Dialled, Digit, Digits, Direction, EncryptionState, VideoLimits, capabilities::Encryption,
};

const CE: &str = include_str!("../../../fixtures/sdp/cisco/ce-offer.sdp");
const E20: &str = include_str!("../../../fixtures/sdp/cisco/e20-offer.sdp");
const PLAIN: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 8\r\na=sendrecv\r\n";

/// A gateway and one caller, by hand.
struct Line {
    side: SipSide,
    now: Instant,
    path: Path,
    branch: u32,
    to_tag: String,
}

impl Line {
    fn new(transport: Transport) -> Self {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let endpoint = EndpointConfig::new([7; 32]);
        Self {
            side: SipSide::new(SipSideConfig { endpoint, ids: LegIds::default() }, Arc::new(NoAccounts)),
            now: Instant::now(),
            path: Path {
                transport,
                local: address("192.0.2.1:5060"),
                remote: address("192.0.2.10:5060"),
                connection: transport.is_reliable().then_some(1),
            },
            branch: 0,
            to_tag: String::new(),
        }
    }

    fn request(&mut self, method: &str, cseq: u32, more: &str, content_type: &str, body: &str) -> Said {
        self.branch += u32::from(method != "CANCEL");
        let tag = if self.to_tag.is_empty() { String::new() } else { format!(";tag={}", self.to_tag) };
        let mut text = format!(
            "{method} sip:100100**1234@192.0.2.1 SIP/2.0\r\n\
             Via: SIP/2.0/{} 192.0.2.10:5060;branch=z9hG4bK{};rport\r\nMax-Forwards: 70\r\n\
             From: \"M\u{f8}terom\t12\" <sip:rom12@example.org>;tag=caller\r\nTo: <sip:100100@192.0.2.1>{tag}\r\n\
             Call-ID: trace-1\r\nCSeq: {cseq} {method}\r\nContact: <sip:rom12@192.0.2.10:5060>\r\n{more}",
            self.path.transport, self.branch
        );
        if !content_type.is_empty() {
            write!(text, "Content-Type: {content_type}\r\n").unwrap();
        }
        write!(text, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        self.side.handle_received(self.now, &self.path.clone(), &Bytes::from(text));
        self.said()
    }

    fn invite(&mut self, sdp: &str) -> (LegId, Said) {
        let content_type = if sdp.is_empty() { "" } else { "application/sdp" };
        let said = self.request("INVITE", 1, "User-Agent: TANDBERG/529 (ce9.15)\r\n", content_type, sdp);
        (said.legs.first().expect("a leg").0, said)
    }

    fn reinvite(&mut self, cseq: u32, sdp: &str) -> Said {
        let content_type = if sdp.is_empty() { "" } else { "application/sdp" };
        self.request("INVITE", cseq, "", content_type, sdp)
    }

    fn ack(&mut self, cseq: u32, sdp: &str) -> Said {
        let content_type = if sdp.is_empty() { "" } else { "application/sdp" };
        self.request("ACK", cseq, "", content_type, sdp)
    }

    fn info(&mut self, cseq: u32, content_type: &str, body: &str) -> Said {
        self.request("INFO", cseq, "", content_type, body)
    }

    fn command(&mut self, leg: LegId, command: LegCommand) -> Said {
        self.side.command(self.now, leg, command);
        self.said()
    }

    fn answer(&mut self, leg: LegId) -> Said {
        let address = "192.0.2.1".parse().unwrap();
        let ports = LocalMedia::Ports { address, audio: 20_000, video: 20_002, entropy: [9; 64] };
        self.command(leg, LegCommand::Answer(ports))
    }

    /// Everything that was said, up to the timeout.
    fn said(&mut self) -> Said {
        let mut said = Said::default();
        loop {
            match self.side.poll_output() {
                SipOutput::Transmit { bytes, .. } => {
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    if let Some(to) = text.lines().find(|line| line.starts_with("To:"))
                        && let Some((_, tag)) = to.split_once(";tag=")
                        && text.starts_with("SIP/2.0 200")
                    {
                        tag.clone_into(&mut self.to_tag);
                    }
                    said.messages.push(text);
                }
                SipOutput::Leg(leg, event) => said.legs.push((leg, event)),
                SipOutput::Counter(name) => said.counters.push(name),
                SipOutput::Registered { .. } => {}
                SipOutput::Timeout(timeout) => {
                    said.timeout = timeout;
                    return said;
                }
            }
        }
    }
}

#[derive(Default)]
struct Said {
    messages: Vec<String>,
    legs: Vec<(LegId, LegEvent)>,
    counters: Vec<&'static str>,
    timeout: Option<Instant>,
}

impl Said {
    fn starts(&self) -> Vec<&str> {
        self.messages.iter().map(|text| text.lines().next().unwrap()).collect()
    }

    fn events(&self) -> Vec<&LegEvent> {
        self.legs.iter().map(|(_, event)| event).collect()
    }

    fn last(&self) -> &str {
        self.messages.last().expect("a message")
    }
}

#[test]
fn early_offer_from_invite_to_bye() {
    let mut line = Line::new(Transport::Udp);
    let (leg, said) = line.invite(CE);
    assert_eq!(said.starts(), ["SIP/2.0 100 Trying"]);
    let [LegEvent::Incoming { caller, dialled, offer: Offer::Capabilities(can) }] = said.events()[..] else {
        panic!("{:?}", said.legs)
    };
    assert_eq!(*dialled, Dialled { address: "100100".into(), pin: Some(Digits("1234".into())) });
    assert!(!format!("{:?}", said.legs).contains("1234"), "a PIN is never printed");
    assert_eq!(caller.name.as_deref(), Some("M\u{f8}terom 12"));
    assert_eq!(caller.address, "sip:rom12@example.org");
    assert_eq!(
        (caller.source.to_string(), &*caller.trace, caller.account.is_some()),
        ("192.0.2.10".into(), "trace-1", false)
    );
    assert_eq!(caller.profile.name, "Cisco TelePresence");
    assert_eq!(can.audio, [AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcma, AudioCodec::Pcmu]);
    assert_eq!((can.video.len(), can.telephone_event, can.encryption), (2, true, Encryption::None));

    assert_eq!(line.command(leg, LegCommand::Ring).starts(), ["SIP/2.0 180 Ringing"]);
    let said = line.answer(leg);
    assert_eq!(said.starts(), ["SIP/2.0 200 OK"]);
    assert!(said.last().contains("\r\nm=audio 20000 RTP/AVP 114 101\r\n"));
    assert!(said.last().contains("\r\nm=video 20002 RTP/AVP 126\r\n"));
    assert!(said.last().contains("\r\nm=application 0 UDP/UDT/IX *\r\n"));
    let [LegEvent::Answered(params)] = said.events()[..] else { panic!("{:?}", said.legs) };
    let (audio, video) = (params.audio.as_ref().unwrap(), params.video.as_ref().unwrap());
    assert_eq!(
        (audio.codec, audio.payload_type, audio.telephone_event),
        (AudioCodec::Opus, 114, Some((101, 8_000)))
    );
    assert_eq!(audio.transport.rtp.to_string(), "192.0.2.20:2332");
    assert_eq!(audio.transport.rtcp.to_string(), "192.0.2.20:2333");
    assert_eq!(audio.transport.signalling_source.to_string(), "192.0.2.10");
    assert_eq!((video.payload_type, video.packetization_mode), (126, 1));
    assert_eq!(
        video.limits,
        VideoLimits { max_fs: 8_160, max_mbps: 490_000, max_bitrate: 5_936_000, max_fps: 60 }
    );
    assert!(video.feedback.pli && video.feedback.fir);
    assert_eq!(params.encryption, EncryptionState::Clear);

    assert!(matches!(line.ack(1, "").events()[..], [LegEvent::Connected]));
    let said = line.request("BYE", 2, "", "", "");
    assert_eq!(said.starts(), ["SIP/2.0 200 OK"]);
    assert!(matches!(said.events()[..], [LegEvent::Released(Release::HungUp)]));
    assert!(!line.side.has(leg));
    assert!(line.answer(leg).legs.is_empty(), "a leg that is no more does nothing");
}

#[test]
fn delayed_offer_is_answered_in_the_ack() {
    let mut line = Line::new(Transport::Tls);
    let (leg, said) = line.invite("");
    assert!(matches!(said.events()[..], [LegEvent::Incoming { offer: Offer::Delayed, .. }]));
    let said = line.answer(leg);
    assert!(said.legs.is_empty(), "nothing is agreed yet");
    assert!(said.last().contains("a=crypto:1 AEAD_AES_256_GCM inline:"), "over TLS keys are offered");
    assert!(said.last().contains("a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:"));
    let answer = format!(
        "{}a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^31\r\n",
        PLAIN.replace("a=sendrecv\r\n", "")
    );
    let said = line.ack(1, &answer);
    let [LegEvent::Answered(params), LegEvent::Connected] = said.events()[..] else {
        panic!("{:?}", said.legs)
    };
    assert_eq!(params.audio.as_ref().unwrap().codec, AudioCodec::Pcma);
    assert!(params.video.is_none());
    assert_eq!(params.encryption, EncryptionState::ToGateway);
    let srtp = params.audio.as_ref().unwrap().transport.srtp.as_ref().unwrap();
    assert_eq!(srtp.receive.key_and_salt, b"wDfvg&T+)xG7@fb5jU,RaA}\\|p0%*#");
    assert_eq!(srtp.send.key_and_salt.len(), 30);
}

#[test]
fn an_unusable_answer_to_our_offer_ends_the_call() {
    for answer in ["", "v=0\r\nm=audio 4000 RTP/AVP 18\r\n", "nonsense"] {
        let mut line = Line::new(Transport::Udp);
        let (leg, _) = line.invite("");
        let said = line.answer(leg);
        assert!(!said.last().contains("a=crypto"), "no keys where everybody can read them");
        let said = line.ack(1, answer);
        assert!(said.last().starts_with("BYE "), "{answer}");
        assert!(said.last().contains("Reason: Q.850;cause=88;"));
        assert!(matches!(said.events()[..], [LegEvent::Released(Release::Incompatible)]), "{answer}");
    }
}

#[test]
fn keys_that_travelled_in_the_clear_are_told_as_such() {
    let mut line = Line::new(Transport::Udp);
    let (leg, said) = line.invite(E20);
    assert!(matches!(
        said.events()[..],
        [LegEvent::Incoming { offer: Offer::Capabilities(can), .. }] if can.encryption == Encryption::BestEffort
    ));
    let said = line.answer(leg);
    assert_eq!(said.last().matches("a=crypto:0 AES_CM_128_HMAC_SHA1_80 inline:").count(), 2);
    let [LegEvent::Answered(params)] = said.events()[..] else { panic!("{:?}", said.legs) };
    assert_eq!(params.encryption, EncryptionState::KeysExposed);
    let key =
        |transport: &crate::signalling::TransportParams| transport.srtp.clone().unwrap().send.key_and_salt;
    let (audio, video) = (params.audio.as_ref().unwrap(), params.video.as_ref().unwrap());
    assert_ne!(key(&audio.transport), key(&video.transport));
    assert!(!format!("{said:?}", said = said.legs).contains("d0Rm"));
}

#[test]
fn hold_and_back_without_asking_anybody() {
    let mut line = Line::new(Transport::Udp);
    let (leg, _) = line.invite(PLAIN);
    line.answer(leg);
    line.ack(1, "");
    let said = line.reinvite(
        2,
        &PLAIN.replace("sendrecv", "inactive").replace("c=IN IP4 192.0.2.10", "c=IN IP4 0.0.0.0"),
    );
    assert_eq!(said.starts(), ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]);
    assert!(said.last().contains("a=inactive\r\n") && said.last().contains("m=audio 20000 RTP/AVP 8\r\n"));
    let [LegEvent::Changed(params)] = said.events()[..] else { panic!("{:?}", said.legs) };
    let audio = params.audio.as_ref().unwrap();
    assert_eq!(audio.direction, Direction::Inactive);
    assert_eq!(audio.transport.rtp.to_string(), "192.0.2.10:4000", "the address before the hold");
    assert!(line.ack(2, "").legs.is_empty());

    // Resumed by an INVITE without an offer: ours comes in the 200, theirs in the ACK.
    let said = line.reinvite(3, "");
    assert!(said.last().contains("a=sendrecv\r\n"));
    assert!(said.legs.is_empty());
    let said = line.ack(3, PLAIN);
    assert!(matches!(said.events()[..], [LegEvent::Changed(params)]
        if params.audio.as_ref().is_some_and(|audio| audio.direction == Direction::SendRecv)));

    // A refresh changes nothing; an offer that cannot be taken neither.
    let said = line.reinvite(4, PLAIN);
    assert_eq!(said.starts(), ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]);
    assert!(said.legs.is_empty());
    line.ack(4, "");
    let said = line.reinvite(5, "v=0\r\nm=audio 4000 RTP/AVP 18\r\n");
    assert_eq!(said.starts(), ["SIP/2.0 100 Trying", "SIP/2.0 488 Not Acceptable Here"]);
    assert!(said.legs.is_empty() && line.side.has(leg));
}

#[test]
fn cancelled_before_the_answer() {
    let mut line = Line::new(Transport::Udp);
    let (leg, _) = line.invite(PLAIN);
    let said = line.request("CANCEL", 1, "", "", "");
    assert_eq!(said.starts(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert!(matches!(said.events()[..], [LegEvent::Released(Release::Cancelled)]));
    assert!(!line.side.has(leg));
}

#[test]
fn refusals_and_releases_say_why() {
    let mut line = Line::new(Transport::Udp);
    let (leg, _) = line.invite(PLAIN);
    let said = line.command(leg, LegCommand::Refuse(Release::PinRefused));
    assert_eq!(said.starts(), ["SIP/2.0 403 Forbidden"]);
    assert!(matches!(said.events()[..], [LegEvent::Released(Release::PinRefused)]));

    let mut line = Line::new(Transport::Tcp);
    let (leg, _) = line.invite(PLAIN);
    line.answer(leg);
    line.ack(1, "");
    let said = line.command(leg, LegCommand::Release(Release::RoomClosed));
    assert!(said.last().starts_with("BYE "));
    assert!(said.last().contains("Reason: Q.850;cause=16;text=\"room-closed\"\r\n"));
    assert!(matches!(said.events()[..], [LegEvent::Released(Release::RoomClosed)]));
    assert_eq!(line.side.calls(), 0);
}

#[test]
fn offers_that_cannot_be_read_or_taken() {
    let mut line = Line::new(Transport::Udp);
    let said = line.request("INVITE", 1, "", "application/sdp", "nonsense");
    assert_eq!(said.starts(), ["SIP/2.0 100 Trying", "SIP/2.0 400 Bad Session Description"]);
    assert_eq!((said.legs.len(), said.counters), (0, vec!["sdp-malformed"]));

    let mut line = Line::new(Transport::Udp);
    let (leg, _) = line.invite("v=0\r\nm=audio 4000 RTP/AVP 18\r\n");
    let said = line.answer(leg);
    assert_eq!(said.starts(), ["SIP/2.0 488 Not Acceptable Here"]);
    assert!(matches!(said.events()[..], [LegEvent::Released(Release::Incompatible)]));
}

#[test]
fn keys_and_key_frames_in_info() {
    let mut line = Line::new(Transport::Udp);
    let (leg, _) = line.invite(PLAIN);
    line.answer(leg);
    line.ack(1, "");
    let said = line.info(2, "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n");
    assert_eq!(said.starts(), ["SIP/2.0 200 OK"]);
    assert!(matches!(
        said.events()[..],
        [LegEvent::Digit { digit: Digit::Number(5), path: DigitPath::Message }]
    ));
    let said = line.info(3, info::MEDIA_CONTROL, info::PICTURE_FAST_UPDATE);
    assert!(matches!(said.events()[..], [LegEvent::KeyframeWanted(TrackKind::Video)]));
    let said = line.info(4, "application/dtmf", "#");
    assert!(matches!(said.events()[..], [LegEvent::Digit { digit: Digit::Pound, .. }]));
    assert_eq!(line.info(5, "application/dtmf-relay", "Signal=55").counters, ["info-unknown"]);
}

#[test]
fn key_frames_are_asked_for_no_more_than_twice_a_second() {
    let mut line = Line::new(Transport::Udp);
    let (leg, _) = line.invite(PLAIN);
    let want = LegCommand::WantKeyframe(TrackKind::Video);
    assert!(line.command(leg, want.clone()).messages.is_empty(), "nobody to ask yet");
    line.answer(leg);
    line.ack(1, "");
    let said = line.command(leg, want.clone());
    assert!(said.last().starts_with("INFO ") && said.last().contains("picture_fast_update"));
    for _ in 0..3 {
        assert!(line.command(leg, want.clone()).messages.is_empty());
    }
    let start = line.now;
    let mut second = 0;
    // By its own timeouts alone; UDP may say it more than once.
    while let Some(at) = line.said().timeout.filter(|at| *at <= start + BETWEEN_UPDATES * 3) {
        line.now = at;
        line.side.handle_timeout(at);
        let said = line.said();
        second += said.messages.iter().filter(|text| text.contains("CSeq: 2 INFO")).count();
        assert!(!said.messages.iter().any(|text| text.contains("CSeq: 3 INFO")), "three wishes were one");
    }
    assert!(second >= 1, "the wish that waited was told");
    assert_eq!(line.side.calls[&line.side.legs[&leg]].last_update, Some(start + BETWEEN_UPDATES));
}
