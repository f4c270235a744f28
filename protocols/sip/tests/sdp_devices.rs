//! Every device's offer is answered, and every device's answer read: `fixtures/sdp`.

mod sdp_common;

use std::{fmt::Write, fs, path::Path};

use roomgate_sip::sdp::{MediaKind, OfferAnswer, Session};
use sdp_common::{TestKeys, local};

/// All files of a kind, by vendor and name.
fn fixtures(ending: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sdp");
    let mut found = Vec::new();
    for vendor in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        for file in fs::read_dir(&vendor).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            if let Some(name) = name.strip_suffix(ending) {
                let vendor = vendor.file_name().unwrap().to_str().unwrap();
                found.push((format!("{vendor}-{name}"), fs::read(&file).unwrap()));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

#[test]
fn offers_are_answered() {
    for (name, text) in fixtures("offer.sdp") {
        let offer = Session::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut call = OfferAnswer::new(local());
        let (answer, agreement) = call.answer(&offer, &TestKeys::default()).unwrap();
        let read = Session::parse(answer.as_bytes()).unwrap();
        assert_eq!(read.media.len(), offer.media.len(), "{name}: every line in its place");
        for (ours, theirs) in read.media.iter().zip(&offer.media) {
            assert_eq!((&ours.media, &ours.proto_text), (&theirs.media, &theirs.proto_text), "{name}");
            if ours.port != 0 {
                for format in &ours.formats {
                    let offered = theirs.format(format.payload_type).expect("only what was offered");
                    assert!(offered.encoding.eq_ignore_ascii_case(&format.encoding), "{name}");
                }
            }
        }
        let mut shown = answer.replace('\r', "");
        write!(shown, "\n{agreement:#?}").unwrap();
        insta::assert_snapshot!(name.trim_end_matches('-'), shown);

        // The same words with CR LF, and once more: nothing changes, the version neither.
        let crlf = String::from_utf8(text).unwrap().replace('\n', "\r\n");
        let again = call.answer(&Session::parse(crlf.as_bytes()).unwrap(), &TestKeys::default()).unwrap();
        assert_eq!(again, (answer, agreement), "{name}");
    }
}

#[test]
fn answers_are_read_however_odd() {
    for (name, text) in fixtures("answer.sdp") {
        let mut call = OfferAnswer::new(local());
        let offer = Session::parse(call.offer(&TestKeys::default()).as_bytes()).unwrap();
        let answer = Session::parse(&text).unwrap();
        let agreement = call.handle_answer(&answer, &TestKeys::default()).unwrap();
        assert_eq!(offer.media.len(), 2);
        assert_eq!(agreement.audio.as_ref().unwrap().line.index, 0);
        assert_eq!(offer.media[1].kind, MediaKind::Video);
        insta::assert_snapshot!(format!("{}answer", name), format!("{agreement:#?}"));
    }
}
