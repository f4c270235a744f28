//! Offer and answer over the life of a call (RFC 3264).

mod sdp_common;

use proptest::prelude::*;
use roomgate_sip::sdp::{Direction, NoKeys, OfferAnswer, SdpError, Session};
use sdp_common::{TestKeys, local};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n";

fn session(lines: &str) -> Session {
    Session::parse(format!("{HEAD}{lines}").as_bytes()).unwrap()
}

fn call() -> OfferAnswer {
    OfferAnswer::new(local())
}

fn version(text: &str) -> u64 {
    Session::parse(text.as_bytes()).unwrap().origin.version
}

const VIDEO: &str = "m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=";

#[test]
fn hold_in_all_its_forms_and_back() {
    let mut call = call();
    let lines =
        |more: &str| format!("m=audio 4000 RTP/AVP 8\r\n{more}{VIDEO}42e01f;packetization-mode=1\r\n{more}");
    let (first, _) = call.answer(&session(&lines("")), &NoKeys).unwrap();
    assert_eq!(version(&first), 1);
    for (hold, ours, address) in [
        ("a=sendonly\r\n", Direction::RecvOnly, true),
        ("a=inactive\r\n", Direction::Inactive, true),
        ("c=IN IP4 0.0.0.0\r\n", Direction::RecvOnly, false),
    ] {
        let (held, agreement) = call.answer(&session(&lines(hold)), &NoKeys).unwrap();
        let line = agreement.audio.unwrap().line;
        assert_eq!(line.direction, ours, "{hold}");
        assert_eq!(line.rtp.is_some(), address, "{hold}");
        assert!(held.contains(&format!("a={}\r\n", ours.as_str())));
    }
    // Each of them said something new, but the second RecvOnly is the first again and not the one before it.
    let (again, agreement) = call.answer(&session(&lines("")), &NoKeys).unwrap();
    assert_eq!(agreement.video.unwrap().line.direction, Direction::SendRecv);
    assert_eq!(version(&again), 5);
    let (refresh, _) = call.answer(&session(&lines("")), &NoKeys).unwrap();
    assert_eq!(refresh, again);
}

#[test]
fn our_offer_within_a_call_keeps_its_lines_and_what_was_agreed() {
    let mut call = call();
    let offer = session(&format!(
        "m=application 9 UDP/BFCP *\r\nm=audio 4000 RTP/AVP 18 9 119\r\na=rtpmap:119 telephone-event/8000\r\n\
         {VIDEO}428014\r\n"
    ));
    call.answer(&offer, &NoKeys).unwrap();
    let text = call.offer(&NoKeys);
    let ours = Session::parse(text.as_bytes()).unwrap();
    let ports: Vec<_> =
        ours.media.iter().map(|media| (media.media.as_str(), media.port, media.fmt.as_str())).collect();
    assert_eq!(ports, [("application", 0, "*"), ("audio", 20_000, "9 119"), ("video", 20_002, "97")]);
    assert!(call.is_offering());
    let answer = session("m=application 0 UDP/BFCP *\r\nm=audio 5000 RTP/AVP 9\r\nm=video 0 RTP/AVP 97\r\n");
    let agreement = call.handle_answer(&answer, &NoKeys).unwrap();
    assert!(agreement.video.is_none());
    assert_eq!(agreement.audio.unwrap().line.rtp, Some("192.0.2.10:5000".parse().unwrap()));
    assert_eq!(call.handle_answer(&answer, &NoKeys), Err(SdpError::NoOffer));
}

#[test]
fn h264_is_chosen_by_what_it_can() {
    let choose = |formats: &[(&str, &str)]| {
        let mut lines = "m=video 4002 RTP/AVP".to_owned();
        for n in 0..formats.len() {
            lines += &format!(" {}", 100 + n);
        }
        lines += "\r\n";
        for (n, (encoding, fmtp)) in formats.iter().enumerate() {
            lines += &format!("a=rtpmap:{0} {encoding}/90000\r\na=fmtp:{0} {fmtp}\r\n", 100 + n);
        }
        let mut call = call();
        let (text, agreement) = call.answer(&session(&lines), &NoKeys).ok()?;
        let fmtp = text.lines().find_map(|line| line.strip_prefix("a=fmtp:"))?.to_owned();
        assert!(fmtp.contains("max-fs=") && fmtp.contains("max-mbps=") && fmtp.contains("max-br="));
        Some((agreement.video?.payload_type - 100, fmtp.split(' ').nth(1)?.split(";max").next()?.to_owned()))
    };
    let some = |n: u8, fmtp: &str| Some((n, fmtp.to_owned()));
    let mode_1 = "profile-level-id=42e01f;packetization-mode=1";
    let mode_0 = "profile-level-id=42e01f";
    let high = "profile-level-id=640028;packetization-mode=1";
    assert_eq!(choose(&[("H264", mode_0), ("H264", mode_1)]), some(1, mode_1));
    assert_eq!(
        choose(&[("H264", high), ("H264", mode_0)]),
        some(1, "profile-level-id=42e01f;packetization-mode=0")
    );
    assert_eq!(choose(&[("H264", high)]), some(0, "profile-level-id=64001f;packetization-mode=1"));
    assert_eq!(choose(&[("H264-SVC", mode_1), ("H265", ""), ("H264", "packetization-mode=2")]), None);
    // Missing parameters mean Baseline, level 1, mode 0.
    assert_eq!(choose(&[("h264", "")]), some(0, "profile-level-id=42000a;packetization-mode=0"));
    // The lower level of both, unless both may differ.
    let level_5 = "profile-level-id=42E033;packetization-mode=1";
    assert_eq!(choose(&[("H264", level_5)]), some(0, mode_1));
    let asymmetric =
        |level| format!("profile-level-id=42e0{level};packetization-mode=1;level-asymmetry-allowed=1");
    assert_eq!(choose(&[("H264", &asymmetric("0d"))]), some(0, &asymmetric("1f")));
}

#[test]
fn srtp_in_all_its_forms() {
    const KEY: &str = "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:theirs\r\n";
    const ODD: &str = "a=crypto:8 F8_128_HMAC_SHA1_80 inline:theirs\r\n";
    let answer = |lines: &str, keys: &TestKeys| call().answer(&session(lines), keys);
    // Required, with keys: one line in the answer, with the tag of the offer.
    let (text, agreement) =
        answer(&format!("m=audio 4000 RTP/SAVP 0\r\n{ODD}{KEY}"), &TestKeys::default()).unwrap();
    assert!(text.contains("m=audio 20000 RTP/SAVP 0\r\n"));
    assert_eq!(text.matches("a=crypto:").count(), 1);
    assert!(text.contains("a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:our-Audio-key\r\n"));
    assert_eq!(agreement.audio.unwrap().line.crypto.unwrap().theirs.key_params, "inline:theirs");
    // Required, without keys that we can use.
    assert!(answer(&format!("m=audio 4000 RTP/SAVP 0\r\n{ODD}"), &TestKeys::default()).is_err());
    assert!(answer("m=audio 4000 RTP/SAVPF 0\r\n", &TestKeys::default()).is_err());
    // Best effort: with them if we can, else in the clear.
    let (text, _) = answer(&format!("m=audio 4000 RTP/AVP 0\r\n{KEY}"), &TestKeys::default()).unwrap();
    assert!(text.contains("RTP/AVP 0\r\n") && text.contains("a=crypto:7 "));
    let (text, agreement) =
        answer(&format!("m=audio 4000 RTP/AVP 0\r\n{ODD}"), &TestKeys::default()).unwrap();
    assert!(!text.contains("a=crypto") && agreement.audio.unwrap().line.crypto.is_none());
    // Keys by DTLS are none of ours.
    let dtls = "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-256 00\r\n";
    assert!(matches!(answer(dtls, &TestKeys::default()), Err(SdpError::NothingInCommon(_))));
}

#[test]
fn answers_to_our_offer_with_and_without_keys() {
    let keys = TestKeys { offers: true };
    let mut call = call();
    let text = call.offer(&keys);
    insta::assert_snapshot!(text.replace('\r', ""));
    let answer = session("m=audio 4000 RTP/AVP 0\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:theirs\r\n");
    let crypto = call.handle_answer(&answer, &keys).unwrap().audio.unwrap().line.crypto.unwrap();
    assert_eq!((crypto.ours.tag, crypto.ours.suite.as_str()), (2, "AES_CM_128_HMAC_SHA1_80"));
    // The line that nobody answered is refused from now on, and the agreed key stays.
    let again = Session::parse(call.offer(&keys).as_bytes()).unwrap();
    assert_eq!(again.media[1].port, 0);
    assert_eq!(again.media[0].crypto, [crypto.ours]);
    let clear = session("m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 97\r\n");
    assert_eq!(call.handle_answer(&clear, &keys).unwrap().audio.unwrap().line.crypto, None);
}

#[test]
fn an_answer_that_takes_nothing_is_told_apart() {
    for lines in ["", "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 97\r\n", "m=audio 4000 RTP/AVP 18\r\n"] {
        let mut call = call();
        call.offer(&NoKeys);
        assert!(
            matches!(call.handle_answer(&session(lines), &NoKeys), Err(SdpError::NothingInCommon(_))),
            "{lines}"
        );
    }
}

#[test]
fn bandwidth_is_the_smallest_sane_one() {
    let rate = |head: &str, media: &str| {
        let text = format!("v=0\r\nc=IN IP4 192.0.2.10\r\n{head}{VIDEO}42801f;max-br=5000\r\n{media}");
        call()
            .answer(&Session::parse(text.as_bytes()).unwrap(), &NoKeys)
            .unwrap()
            .1
            .video
            .unwrap()
            .max_bitrate
    };
    assert_eq!(rate("", ""), 6_000_000);
    assert_eq!(rate("b=AS:1024\r\n", ""), 960_000);
    assert_eq!(rate("b=AS:1024\r\n", "b=TIAS:512000\r\n"), 512_000);
    // Magor: one of these has the wrong unit.
    assert_eq!(rate("b=TIAS:2048\r\nb=AS:2048\r\nb=CT:2048000\r\n", ""), 1_984_000);
    assert_eq!(rate("b=AS:0\r\n", "b=AS:18446744073709551615\r\n"), 6_000_000);
}

/// Lines that look like a description, so that the search does not stop at the first.
fn description() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "(audio|video|application|text|image)".prop_flat_map(|media| {
            let proto = "(RTP/AVP|RTP/AVPF|RTP/SAVP|UDP/BFCP|UDP/TLS/RTP/SAVPF|TCP/MSRP|x)";
            (0_u16.., proto, "[0-9]{1,3}( [0-9]{1,3}){0,6}|\\*")
                .prop_map(move |(port, proto, fmt)| format!("m={media} {port} {proto} {fmt}"))
        }),
        (0_u8..=130, "(H264/90000|opus/48000/2|G722/8000|telephone-event/[0-9]{4,5}|x)")
            .prop_map(|(pt, map)| format!("a=rtpmap:{pt} {map}")),
        (0_u8..=130, "[a-z=;{}0-9-]{0,40}").prop_map(|(pt, text)| format!("a=fmtp:{pt} {text}")),
        (0_u8..=130, "[0-9a-fA-F]{6}", "[0-9]{1,12}").prop_map(|(pt, id, n)| format!(
            "a=fmtp:{pt} profile-level-id={id};max-fs={n};packetization-mode=1"
        )),
        "a=(crypto|rtcp|rtcp-fb|content|label|sendonly|inactive)(:[ -~]{0,40})?",
        "[cbotsa]=[ -~]{0,40}",
        "\\PC{0,20}",
    ];
    proptest::collection::vec(line, 0..40).prop_map(|lines| format!("v=0\n{}", lines.join("\n")))
}

proptest! {
    #[test]
    fn no_octets_make_the_reader_panic(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Session::parse(&octets);
    }

    #[test]
    fn an_answer_has_as_many_lines_as_its_offer_and_can_be_read(text in description()) {
        let Ok(offer) = Session::parse(text.as_bytes()) else { return Ok(()) };
        let mut call = call();
        if let Ok((answer, agreement)) = call.answer(&offer, &TestKeys::default()) {
            let read = Session::parse(answer.as_bytes()).unwrap();
            prop_assert_eq!(read.media.len(), offer.media.len());
            let taken = read.media.iter().filter(|media| media.port != 0).count();
            prop_assert_eq!(taken, usize::from(agreement.audio.is_some()) + usize::from(agreement.video.is_some()));
            prop_assert_eq!(read.origin.version, 1);
        }
        let mut ours = super_call();
        let _ = ours.handle_answer(&offer, &TestKeys { offers: true });
    }
}

fn super_call() -> OfferAnswer {
    let mut call = call();
    call.offer(&TestKeys { offers: true });
    call
}
