//! SRTP keys in session descriptions: the value of `a=crypto` (RFC 4568 §9).
//!
//! ```text
//! 1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 UNENCRYPTED_SRTCP
//! tag suite                        key and salt in base 64                  life MKI session parameters
//! ```

use std::{fmt, str::FromStr};

use crate::srtp::{Session, SrtpError, Suite};

/// The longest MKI we take, in octets. RFC 4568 allows 128, but its value is a decimal number; endpoints use 1 or 4.
const MAX_MKI: usize = 16;
/// The largest tag: nine digits (RFC 4568 §9.1).
const MAX_TAG: u32 = 999_999_999;

/// One `a=crypto` line that we can use.
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {
    /// Ties the answer to the offer.
    pub tag: u32,
    /// Cipher and authentication.
    pub suite: Suite,
    /// Master key followed by master salt, as long as the suite wants.
    pub key_and_salt: Vec<u8>,
    /// The most packets under this key. The suite's own limits if absent.
    pub lifetime: Option<u64>,
    /// The master key identifier as it stands in each packet.
    pub mki: Option<Vec<u8>>,
    /// RTCP is authenticated only.
    pub unencrypted_srtcp: bool,
}

impl fmt::Debug for Crypto {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crypto").field("tag", &self.tag).field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// Why a line cannot be used. Such a line is left out of the choice; the others still count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// Not `tag suite key-params`.
    #[error("malformed crypto attribute")]
    Malformed,
    /// A suite that we do not have.
    #[error("unknown crypto suite")]
    Suite,
    /// No `inline` key, several keys, or one of the wrong length.
    #[error("unusable key in crypto attribute")]
    Key,
    /// A session parameter that we do not have and that is not optional (RFC 4568 §6.3).
    #[error("unsupported session parameter in crypto attribute")]
    SessionParameter,
}

impl Crypto {
    /// A line with nothing but a key.
    ///
    /// # Errors
    /// [`CryptoError::Key`] when the key has not the suite's length.
    pub fn new(tag: u32, suite: Suite, key_and_salt: &[u8]) -> Result<Self, CryptoError> {
        if key_and_salt.len() != suite.key_and_salt_len() {
            return Err(CryptoError::Key);
        }
        let key_and_salt = key_and_salt.to_vec();
        Ok(Self { tag, suite, key_and_salt, lifetime: None, mki: None, unencrypted_srtcp: false })
    }

    /// Reads the value of the attribute, with or without `crypto:` before it.
    ///
    /// # Errors
    /// [`CryptoError`] when this line cannot be used.
    pub fn parse(value: &str) -> Result<Self, CryptoError> {
        let value = value.trim();
        let mut words = value.strip_prefix("crypto:").unwrap_or(value).split_ascii_whitespace();
        let tag = words.next().and_then(number).filter(|&tag| tag <= u64::from(MAX_TAG));
        let tag = tag.ok_or(CryptoError::Malformed)? as u32;
        let suite = words.next().ok_or(CryptoError::Malformed)?;
        let key = words.next().ok_or(CryptoError::Malformed)?;
        let suite: Suite = suite.parse().map_err(|_| CryptoError::Suite)?;
        let mut crypto = Self::parse_key(tag, suite, key)?;
        for parameter in words {
            crypto.unencrypted_srtcp |= parse_parameter(parameter)?;
        }
        Ok(crypto)
    }

    /// Our line in the answer to this one: same tag, suite and session parameters (RFC 4568 §5.1.2), our key, no MKI.
    ///
    /// # Errors
    /// [`CryptoError::Key`] when the key has not the suite's length.
    pub fn answer(&self, key_and_salt: &[u8]) -> Result<Self, CryptoError> {
        let line = Self::new(self.tag, self.suite, key_and_salt)?;
        Ok(Self { unencrypted_srtcp: self.unencrypted_srtcp, ..line })
    }

    /// The session of the direction that this line's sender sends in.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`] when the key was changed to another length.
    pub fn session(&self) -> Result<Session, SrtpError> {
        Session::new(self.suite, &self.key_and_salt, self.mki.as_deref(), self.unencrypted_srtcp)
    }

    fn parse_key(tag: u32, suite: Suite, key: &str) -> Result<Self, CryptoError> {
        let (method, info) = key.split_once(':').ok_or(CryptoError::Malformed)?;
        // Several keys tell apart by their MKI; nobody sends them and one session has one key.
        if !method.eq_ignore_ascii_case("inline") || info.contains(';') {
            return Err(CryptoError::Key);
        }
        let mut parts = info.split('|');
        let key_and_salt = parts.next().and_then(from_base64).ok_or(CryptoError::Key)?;
        let mut crypto = Self::new(tag, suite, &key_and_salt)?;
        for part in parts {
            // The life may be absent, then the MKI comes first; only an MKI has a colon.
            if let Some((value, length)) = part.split_once(':') {
                crypto.mki = Some(mki(value, length).ok_or(CryptoError::Key)?);
            } else {
                crypto.lifetime = Some(lifetime(part).ok_or(CryptoError::Key)?);
            }
        }
        Ok(crypto)
    }
}

impl FromStr for Crypto {
    type Err = CryptoError;

    fn from_str(value: &str) -> Result<Self, CryptoError> {
        Self::parse(value)
    }
}

impl fmt::Display for Crypto {
    /// The value of the attribute, without `crypto:`. Holds the key: for session descriptions only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} inline:{}", self.tag, self.suite, to_base64(&self.key_and_salt))?;
        match self.lifetime {
            Some(packets) if packets.is_power_of_two() => write!(f, "|2^{}", packets.trailing_zeros())?,
            Some(packets) => write!(f, "|{packets}")?,
            None => {}
        }
        if let Some(mki) = &self.mki {
            let value = mki.iter().fold(0u128, |value, &octet| value << 8 | u128::from(octet));
            write!(f, "|{value}:{}", mki.len())?;
        }
        if self.unencrypted_srtcp {
            f.write_str(" UNENCRYPTED_SRTCP")?;
        }
        Ok(())
    }
}

/// The line to answer: the first suite of `preference` that was offered, in the offerer's order within a suite.
pub fn choose<'a>(offered: &'a [Crypto], preference: &[Suite]) -> Option<&'a Crypto> {
    preference.iter().find_map(|suite| offered.iter().find(|line| line.suite == *suite))
}

/// Whether a session parameter turns RTCP encryption off; an error for those that we cannot obey.
fn parse_parameter(parameter: &str) -> Result<bool, CryptoError> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    match name {
        "UNENCRYPTED_SRTCP" => Ok(true),
        // Ours is fixed, and larger than the default; a hint (RFC 4568 §6.3.7).
        "WSH" => Ok(false),
        "KDR" if value == "0" => Ok(false),
        // Optional parameters begin with a hyphen.
        _ if name.starts_with('-') => Ok(false),
        _ => Err(CryptoError::SessionParameter),
    }
}

/// `2^20` or a plain number; never zero.
fn lifetime(text: &str) -> Option<u64> {
    let packets = match text.split_once('^') {
        Some(("2", exponent)) => 1u64.checked_shl(number(exponent)?.try_into().ok()?)?,
        Some(_) => return None,
        None => number(text)?,
    };
    (packets > 0).then_some(packets)
}

/// A decimal value in so many octets, big endian.
fn mki(value: &str, length: &str) -> Option<Vec<u8>> {
    let length = usize::try_from(number(length)?).ok().filter(|length| (1..=MAX_MKI).contains(length))?;
    let value: u128 = value.bytes().all(|octet| octet.is_ascii_digit()).then_some(value)?.parse().ok()?;
    let (zeros, mki) =
        value.to_be_bytes().split_at_checked(MAX_MKI - length).map(|(a, b)| (a.to_vec(), b.to_vec()))?;
    zeros.iter().all(|&octet| octet == 0).then_some(mki)
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|octet| octet.is_ascii_digit()).then_some(text)?.parse().ok()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn to_base64(data: &[u8]) -> String {
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let bits =
            chunk.iter().zip([16, 8, 0]).fold(0u32, |bits, (&octet, shift)| bits | u32::from(octet) << shift);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = ALPHABET.get((bits >> shift & 0x3F) as usize).copied().unwrap_or(b'=');
            text.push(if at <= chunk.len() { digit.into() } else { '=' });
        }
    }
    text
}

/// Padding may be absent: some endpoints leave it out.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    // The longest key has 44 octets.
    if text.len() > 64 || text.len() % 4 == 1 {
        return None;
    }
    let mut data = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.chunks(4) {
        let mut bits = 0u32;
        for (&digit, shift) in chunk.iter().zip([18, 12, 6, 0]) {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits |= u32::from(value) << shift;
        }
        let [_, octets @ ..] = bits.to_be_bytes();
        data.extend(octets.into_iter().take(chunk.len() - 1));
    }
    Some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn line(rest: &str) -> Result<Crypto, CryptoError> {
        Crypto::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}{rest}"))
    }

    #[test]
    fn the_example_of_rfc_4568() {
        let text = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4 UNENCRYPTED_SRTCP");
        let crypto = Crypto::parse(&format!("crypto:{text}")).unwrap();
        assert_eq!((crypto.tag, crypto.suite), (1, Suite::AesCm128HmacSha1_80));
        assert_eq!(crypto.key_and_salt, b"YS___semctl () {\t220;}\n}\nunles");
        assert_eq!(crypto.lifetime, Some(1 << 20));
        assert_eq!(crypto.mki.as_deref(), Some(&[0, 0, 0, 1][..]));
        assert!(crypto.unencrypted_srtcp);
        assert_eq!(crypto.to_string(), text);
        assert!(!format!("{crypto:?}").contains("semctl"), "keys stay out of logs");
    }

    #[test]
    fn lines_of_other_shapes() {
        assert_eq!(
            line("|1066:4").unwrap().mki.as_deref(),
            Some(&[0, 0, 4, 42][..]),
            "an MKI without a life"
        );
        assert_eq!(line("|1000000").unwrap().lifetime, Some(1_000_000));
        assert_eq!(line(" WSH=128 KDR=0 -X=1").unwrap(), line("").unwrap(), "hints and optional ones");
        assert_eq!(line("|1000000").unwrap().to_string().split('|').next_back(), Some("1000000"));
    }

    #[test]
    fn lines_that_cannot_be_obeyed() {
        use CryptoError::{Key, Malformed, SessionParameter, Suite as NoSuite};
        for parameter in ["UNENCRYPTED_SRTP", "UNAUTHENTICATED_SRTP", "KDR=1", "FEC_ORDER=SRTP_FEC", "NEW=1"]
        {
            assert_eq!(line(&format!(" {parameter}")), Err(SessionParameter), "{parameter}");
        }
        for rest in ["|2^64", "|0", "|+1", "|x", "|256:1", "|1:0", "|1:17", "|-1:1", ";inline:AA|1:1"] {
            assert_eq!(line(rest), Err(Key), "{rest}");
        }
        for (text, error) in [
            ("", Malformed),
            ("1 AES_CM_128_HMAC_SHA1_80", Malformed),
            ("+1 AES_CM_128_HMAC_SHA1_80 inline:AA", Malformed),
            ("1234567890 AES_CM_128_HMAC_SHA1_80 inline:AA", Malformed),
            ("1 F8_128_HMAC_SHA1_80 inline:AA", NoSuite),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:AAAA", Key),
            ("1 AES_CM_128_HMAC_SHA1_80 uri:AAAA", Key),
        ] {
            assert_eq!(Crypto::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn keys_of_all_lengths_print_and_read() {
        for suite in [
            Suite::AesCm128HmacSha1_32,
            Suite::AeadAes128Gcm,
            Suite::AeadAes256Gcm,
            Suite::AesCm128HmacSha1_80,
        ] {
            let key: Vec<u8> = (0..suite.key_and_salt_len()).map(|at| (at * 37) as u8).collect();
            let crypto = Crypto::new(7, suite, &key).unwrap();
            let text = crypto.to_string();
            assert_eq!(Crypto::parse(&text), Ok(crypto.clone()));
            assert_eq!(Crypto::parse(text.trim_end_matches('=')), Ok(crypto), "without padding");
        }
    }

    #[test]
    fn our_preference_decides_and_the_answer_keeps_the_tag() {
        let offered = [
            line("").unwrap(),
            Crypto { tag: 2, ..Crypto::new(2, Suite::AeadAes256Gcm, &[1; 44]).unwrap() },
            Crypto { tag: 3, unencrypted_srtcp: true, ..line("").unwrap() },
        ];
        let chosen = choose(&offered, &[Suite::AeadAes256Gcm, Suite::AesCm128HmacSha1_80]).unwrap();
        assert_eq!(chosen.tag, 2);
        assert_eq!(choose(&offered, &[Suite::AesCm128HmacSha1_80]).unwrap().tag, 1);
        assert_eq!(choose(&offered, &[Suite::AesCm128HmacSha1_32]), None);
        let answer = offered[2].answer(&[9; 30]).unwrap();
        assert_eq!((answer.tag, answer.unencrypted_srtcp, &answer.key_and_salt), (3, true, &vec![9; 30]));
        assert_eq!(offered[2].answer(&[9; 44]), Err(CryptoError::Key));
    }
}
