//! `a=crypto` (RFC 4568): the line as text. What its keys mean is known to whoever implements [`KeySource`].

use std::fmt;

use super::media::MediaKind;

/// One `crypto` line. Its key never shows in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct CryptoLine {
    /// Names the line; the answer keeps the one it chose. Endpoints begin at 0 or 1.
    pub tag: u32,
    /// `AES_CM_128_HMAC_SHA1_80` and the like, as written.
    pub suite: String,
    /// `inline:` with key, salt, lifetime and MKI, as written. Secret.
    pub key_params: String,
    /// `UNENCRYPTED_SRTCP` and the like, as written.
    pub session_params: Vec<String>,
}

impl CryptoLine {
    /// Reads what stands behind `a=crypto:`.
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next()?.parse().ok()?;
        let suite = words.next()?.to_owned();
        let key_params = words.next()?.to_owned();
        let session_params: Vec<_> = words.take(MAX_SESSION_PARAMS + 1).map(str::to_owned).collect();
        (session_params.len() <= MAX_SESSION_PARAMS).then_some(Self {
            tag,
            suite,
            key_params,
            session_params,
        })
    }

    /// Whether SRTCP goes in the clear under this line (RFC 4568 §6.3.3).
    pub fn unencrypted_srtcp(&self) -> bool {
        self.session_params.iter().any(|p| p.eq_ignore_ascii_case("UNENCRYPTED_SRTCP"))
    }

    /// Whether every session parameter is one that we can follow; a line with another must not be chosen
    /// (RFC 4568 §6.3.7).
    pub fn session_params_known(&self) -> bool {
        self.session_params.iter().all(|p| p.eq_ignore_ascii_case("UNENCRYPTED_SRTCP"))
    }

    /// The value as it stands behind `a=crypto:`. Secret.
    pub fn to_value(&self) -> String {
        let mut value = format!("{} {} {}", self.tag, self.suite, self.key_params);
        for param in &self.session_params {
            value.push(' ');
            value.push_str(param);
        }
        value
    }
}

impl fmt::Debug for CryptoLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CryptoLine({} {} _ {:?})", self.tag, self.suite, self.session_params)
    }
}

/// Who makes and judges SRTP keys for an [`OfferAnswer`](super::OfferAnswer).
pub trait KeySource {
    /// Our key parameters (`inline:…`) to answer this offered line with, or none if its suite or key cannot be
    /// used. The same line must give the same keys again, so that a repeated offer changes nothing.
    fn answer(&self, kind: MediaKind, offered: &CryptoLine) -> Option<String>;

    /// The lines that we offer for this kind of media, best first; none to offer it in the clear.
    fn offer(&self, kind: MediaKind) -> Vec<CryptoLine>;

    /// Whether the key of an answered line can be used.
    fn accepts(&self, answered: &CryptoLine) -> bool;
}

/// No SRTP at all.
#[derive(Clone, Copy, Debug)]
pub struct NoKeys;

impl KeySource for NoKeys {
    fn answer(&self, _: MediaKind, _: &CryptoLine) -> Option<String> {
        None
    }

    fn offer(&self, _: MediaKind) -> Vec<CryptoLine> {
        Vec::new()
    }

    fn accepts(&self, _: &CryptoLine) -> bool {
        false
    }
}

const MAX_SESSION_PARAMS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_zero_lifetime_and_session_parameters() {
        let line =
            CryptoLine::parse("0  AES_CM_128_HMAC_SHA1_80 inline:AAAA|2^31|1:1 UNENCRYPTED_SRTCP").unwrap();
        assert_eq!(line.tag, 0);
        assert_eq!(line.key_params, "inline:AAAA|2^31|1:1");
        assert!(line.unencrypted_srtcp() && line.session_params_known());
        assert_eq!(line.to_value(), "0 AES_CM_128_HMAC_SHA1_80 inline:AAAA|2^31|1:1 UNENCRYPTED_SRTCP");
        assert!(!format!("{line:?}").contains("AAAA"));
        assert!(!CryptoLine::parse("1 S inline:A KDR=1").unwrap().session_params_known());
        assert_eq!(CryptoLine::parse("1 S"), None);
        assert_eq!(CryptoLine::parse("x S inline:A"), None);
    }
}
