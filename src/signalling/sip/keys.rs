//! SRTP keys in SDP (RFC 4568 §6.1, RFC 7714 §14.2): ours from the leg's entropy, theirs from their text.

use aws_lc_rs::hkdf;
use roomgate_rtp::{sdes::Crypto, srtp::Suite};
use roomgate_sip::sdp::{CryptoLine, KeySource, MediaKind};

use crate::signalling::KeyMaterial;

/// The keys of one leg. The same line always gets the same key, so that a repeated offer changes nothing.
pub(super) struct Keys {
    secret: hkdf::Prk,
    /// Whether our own offers have keys: only where nobody reads them on the way.
    offers: bool,
}

impl Keys {
    pub(super) fn new(entropy: &[u8; 64], offers: bool) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"roomgate media keys");
        Self { secret: salt.extract(entropy), offers }
    }

    /// A number for the `o=` line, within what the oldest parsers hold.
    pub(super) fn session_id(&self) -> u64 {
        let mut octets = [0; 4];
        self.derive(&[b"session id"], &mut octets);
        u64::from(u32::from_be_bytes(octets) >> 1)
    }

    /// A line with our key of this stream and suite.
    fn line(&self, tag: u32, kind: MediaKind, suite: Suite) -> Option<CryptoLine> {
        let kind: &[u8] = match kind {
            MediaKind::Audio => b"audio",
            MediaKind::Video => b"video",
            MediaKind::Other => b"other",
        };
        let mut key_and_salt = vec![0; suite.key_and_salt_len()];
        self.derive(&[b"sdes", kind, suite.name().as_bytes()], &mut key_and_salt);
        CryptoLine::parse(&Crypto::new(tag, suite, &key_and_salt).ok()?.to_string())
    }

    fn derive(&self, info: &[&[u8]], out: &mut [u8]) {
        struct Length(usize);
        impl hkdf::KeyType for Length {
            fn len(&self) -> usize {
                self.0
            }
        }
        // HKDF fails beyond 255 blocks only (RFC 5869 §2.3); the longest key here is 44 octets.
        let filled = self.secret.expand(info, Length(out.len())).and_then(|okm| okm.fill(out));
        assert!(filled.is_ok(), "HKDF gives keys of this length");
    }
}

impl KeySource for Keys {
    fn answer(&self, kind: MediaKind, offered: &CryptoLine) -> Option<String> {
        let theirs = material(offered)?;
        self.line(offered.tag, kind, theirs.suite).map(|line| line.key_params)
    }

    fn offer(&self, kind: MediaKind) -> Vec<CryptoLine> {
        if !self.offers {
            return Vec::new();
        }
        let lines = [(1, Suite::AeadAes256Gcm), (2, Suite::AesCm128HmacSha1_80)];
        lines.into_iter().filter_map(|(tag, suite)| self.line(tag, kind, suite)).collect()
    }

    fn accepts(&self, answered: &CryptoLine) -> bool {
        material(answered).is_some()
    }
}

/// What a line's keys are, if they can be used.
pub(super) fn material(line: &CryptoLine) -> Option<KeyMaterial> {
    // Names of suites are tokens; some devices write them small.
    let line = CryptoLine { suite: line.suite.to_ascii_uppercase(), ..line.clone() };
    let Crypto { suite, key_and_salt, mki, unencrypted_srtcp, .. } = Crypto::parse(&line.to_value()).ok()?;
    Some(KeyMaterial { suite, key_and_salt, mki, unencrypted_srtcp })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> CryptoLine {
        CryptoLine::parse(text).unwrap()
    }

    #[test]
    fn keys_lifetime_and_mki() {
        // RFC 4568 §9.1
        let key = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
        let found = material(&line(&format!("1 AES_CM_128_HMAC_SHA1_80 {key}|2^20|1:4"))).unwrap();
        assert_eq!(found.key_and_salt, b"wDfvg&T+)xG7@fb5jU,RaA}\\|p0%*#");
        assert_eq!(found.mki, Some(vec![0, 0, 0, 1]));
        assert_eq!(
            material(&line(&format!("1 aes_cm_128_hmac_sha1_32 {key}|2:1"))).unwrap().mki,
            Some(vec![2])
        );
        assert_eq!(material(&line(&format!("1 AES_CM_128_HMAC_SHA1_80 {key}|2^48"))).unwrap().mki, None);
        assert!(material(&line("1 AES_CM_128_HMAC_SHA1_80 inline:AAAA")).is_none(), "too short");
        assert!(material(&line(&format!("1 F8_128_HMAC_SHA1_80 {key}"))).is_none());
        assert!(material(&line(&format!("1 AES_CM_128_HMAC_SHA1_80 {key}|300:1"))).is_none(), "no such MKI");
    }

    #[test]
    fn ours_can_be_read_and_differ_by_line_and_suite_but_not_by_time() {
        let keys = Keys::new(&[7; 64], true);
        let offered = keys.offer(MediaKind::Audio);
        assert!(offered.iter().all(|line| material(line).is_some()));
        assert_eq!(offered, Keys::new(&[7; 64], true).offer(MediaKind::Audio));
        assert_ne!(offered, keys.offer(MediaKind::Video));
        assert_ne!(offered, Keys::new(&[8; 64], true).offer(MediaKind::Audio));
        assert!(Keys::new(&[7; 64], false).offer(MediaKind::Audio).is_empty());
        assert!(keys.session_id() < 1 << 31);
    }
}
