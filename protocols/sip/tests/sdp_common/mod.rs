//! Our side in the tests of offer and answer.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use roomgate_sip::sdp::{CryptoLine, KeySource, Local, LocalAudio, LocalVideo, MediaKind};

pub fn local() -> Local {
    Local {
        session_id: 4711,
        address: "192.0.2.1".parse().unwrap(),
        audio: Some(LocalAudio { port: 20_000 }),
        video: Some(LocalVideo::hd(20_002)),
    }
}

/// Knows three suites; its keys are told apart by what they are for.
#[derive(Default)]
pub struct TestKeys {
    pub offers: bool,
}

const SUITES: [&str; 3] = ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_256_GCM"];

impl KeySource for TestKeys {
    fn answer(&self, kind: MediaKind, offered: &CryptoLine) -> Option<String> {
        self.accepts(offered).then(|| format!("inline:our-{kind:?}-key"))
    }

    fn offer(&self, kind: MediaKind) -> Vec<CryptoLine> {
        let line = |(tag, suite): (u32, &str)| CryptoLine {
            tag,
            suite: suite.to_owned(),
            key_params: format!("inline:our-{kind:?}-key"),
            session_params: Vec::new(),
        };
        if self.offers { vec![line((1, SUITES[2])), line((2, SUITES[0]))] } else { Vec::new() }
    }

    fn accepts(&self, answered: &CryptoLine) -> bool {
        SUITES.contains(&answered.suite.as_str())
    }
}
