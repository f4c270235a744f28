//! SRTP keys in SDP (RFC 4568 §6.1, RFC 7714 §14.2): ours from the leg's entropy, theirs from their text.

use aws_lc_rs::hkdf;
use roomgate_rtp::srtp::Suite;
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

    fn key_params(&self, kind: MediaKind, suite: Suite) -> String {
        let kind: &[u8] = match kind {
            MediaKind::Audio => b"audio",
            MediaKind::Video => b"video",
            MediaKind::Other => b"other",
        };
        let mut key_and_salt = vec![0; key_and_salt_len(suite)];
        self.derive(&[b"sdes", kind, name(suite).as_bytes()], &mut key_and_salt);
        format!("inline:{}", base64(&key_and_salt))
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
        material(offered)?;
        Some(self.key_params(kind, suite(&offered.suite)?))
    }

    fn offer(&self, kind: MediaKind) -> Vec<CryptoLine> {
        if !self.offers {
            return Vec::new();
        }
        let line = |(tag, suite)| CryptoLine {
            tag,
            suite: name(suite).to_owned(),
            key_params: self.key_params(kind, suite),
            session_params: Vec::new(),
        };
        [(1, Suite::AeadAes256Gcm), (2, Suite::AesCm128HmacSha1_80)].map(line).into()
    }

    fn accepts(&self, answered: &CryptoLine) -> bool {
        material(answered).is_some()
    }
}

/// What a line's keys are, if they can be used.
pub(super) fn material(line: &CryptoLine) -> Option<KeyMaterial> {
    let suite = suite(&line.suite)?;
    // Of several master keys (which need an MKI each) the first is the one in use.
    let inline = line.key_params.split(';').next()?.split_once(':')?;
    if !inline.0.eq_ignore_ascii_case("inline") {
        return None;
    }
    let mut parts = inline.1.split('|');
    let key_and_salt = unbase64(parts.next()?)?;
    if key_and_salt.len() != key_and_salt_len(suite) {
        return None;
    }
    // Lifetime (`2^48`) and MKI (`1:4`), either may be missing.
    let mki = match parts.find(|part| part.contains(':')) {
        Some(part) => Some(mki(part)?),
        None => None,
    };
    Some(KeyMaterial { suite, key_and_salt, mki, unencrypted_srtcp: line.unencrypted_srtcp() })
}

fn mki(part: &str) -> Option<Vec<u8>> {
    let (value, length) = part.split_once(':')?;
    let value: u128 = value.parse().ok()?;
    let length: usize = length.parse().ok().filter(|length| (1..=128).contains(length))?;
    let octets = value.to_be_bytes();
    let mut mki = vec![0; length];
    for (to, from) in mki.iter_mut().rev().zip(octets.iter().rev()) {
        *to = *from;
    }
    let fits = octets.iter().rev().skip(length).all(|octet| *octet == 0);
    fits.then_some(mki)
}

const fn name(suite: Suite) -> &'static str {
    match suite {
        Suite::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
        Suite::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
        Suite::AeadAes256Gcm => "AEAD_AES_256_GCM",
    }
}

fn suite(text: &str) -> Option<Suite> {
    [Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32, Suite::AeadAes128Gcm, Suite::AeadAes256Gcm]
        .into_iter()
        .find(|suite| name(*suite).eq_ignore_ascii_case(text))
}

/// Octets of master key and salt together.
const fn key_and_salt_len(suite: Suite) -> usize {
    match suite {
        Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => 16 + 14,
        Suite::AeadAes128Gcm => 16 + 12,
        Suite::AeadAes256Gcm => 32 + 12,
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for chunk in octets.chunks(3) {
        let bits =
            chunk.iter().zip([16, 8, 0]).fold(0_u32, |bits, (octet, at)| bits | u32::from(*octet) << at);
        for (n, at) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = ALPHABET.get((bits >> at & 63) as usize).copied().unwrap_or(b'=');
            text.push(char::from(if n <= chunk.len() { letter } else { b'=' }));
        }
    }
    text
}

/// With or without its padding: some devices leave it out.
fn unbase64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    if text.len() > 128 {
        return None;
    }
    let mut octets = Vec::with_capacity(text.len());
    let (mut bits, mut held) = (0_u32, 0);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            octets.push((bits >> held & 0xff) as u8);
        }
    }
    Some(octets)
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

    #[test]
    fn base64_of_every_remainder() {
        for octets in [&b""[..], b"f", b"fo", b"foo", b"foob"] {
            assert_eq!(unbase64(&base64(octets)).unwrap(), octets);
        }
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(unbase64("Zm8"), Some(b"fo".to_vec()));
        assert_eq!(unbase64("Z m8"), None);
    }
}
