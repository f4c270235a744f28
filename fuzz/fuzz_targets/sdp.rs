//! Any octets as an offer, and as the answer to ours.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roomgate_sip::sdp::{
    CryptoLine, KeySource, Local, LocalAudio, LocalVideo, MediaKind, OfferAnswer, Session,
};

struct Keys;

impl KeySource for Keys {
    fn answer(&self, _: MediaKind, offered: &CryptoLine) -> Option<String> {
        self.accepts(offered).then(|| "inline:key".to_owned())
    }

    fn offer(&self, _: MediaKind) -> Vec<CryptoLine> {
        Vec::new()
    }

    fn accepts(&self, line: &CryptoLine) -> bool {
        line.suite == "AES_CM_128_HMAC_SHA1_80"
    }
}

fn ours() -> OfferAnswer {
    OfferAnswer::new(Local {
        session_id: 4711,
        address: [192, 0, 2, 1].into(),
        audio: Some(LocalAudio { port: 20_000 }),
        video: Some(LocalVideo::hd(20_002)),
    })
}

fuzz_target!(|data: &[u8]| {
    let Ok(session) = Session::parse(data) else { return };
    if let Ok((answer, _)) = ours().answer(&session, &Keys) {
        let read = Session::parse(answer.as_bytes()).expect("what we write can be read");
        assert_eq!(read.media.len(), session.media.len(), "every line in its place");
    }
    let mut call = ours();
    let _ = call.offer(&Keys);
    let _ = call.handle_answer(&session, &Keys);
});
