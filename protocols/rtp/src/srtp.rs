//! SRTP and SRTCP (RFC 3711, RFC 7714): the key of one direction, with its rollover counters and replay windows.
//!
//! ```text
//! counter mode   header | encrypted payload | MKI | tag          over all before the MKI, and the rollover counter
//! GCM            header | encrypted payload + tag | MKI          the header is associated data
//! SRTCP          header | encrypted | E, index | MKI | tag       GCM: header | encrypted + tag | E, index | MKI
//! ```

mod cipher;
mod window;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use crate::{
    packet::{PacketError, RtpView},
    sequence,
};

use cipher::Keys;
use window::Window;

/// The most SSRCs under one key and direction. Towards a peer a further one is refused, since forgetting one would use
/// its key stream twice; from a peer the one heard longest ago gives way.
pub const MAX_STREAMS: usize = 16;
/// The longest MKI, in octets (RFC 3711 §3.1 leaves it open; RFC 4568 allows 128).
pub const MAX_MKI: usize = 128;

/// An SRTP protection profile, by its SDES name (RFC 4568 §6.2, RFC 7714 §14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    AesCm128HmacSha1_80,
    AesCm128HmacSha1_32,
    AeadAes128Gcm,
    AeadAes256Gcm,
}

impl Suite {
    /// Octets of master key and master salt together, as an SDES line carries them.
    pub const fn key_and_salt_len(self) -> usize {
        self.key_len() + self.salt_len()
    }

    /// The name in an `a=crypto` line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    const fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            _ => 16,
        }
    }

    const fn salt_len(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    const fn is_aead(self) -> bool {
        matches!(self, Self::AeadAes128Gcm | Self::AeadAes256Gcm)
    }

    /// Octets of the tag on RTP; on RTCP it is ten in both counter mode suites (RFC 4568 §6.2).
    const fn rtp_tag(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 => 10,
            Self::AesCm128HmacSha1_32 => 4,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    const fn rtcp_tag(self) -> usize {
        if self.is_aead() { 16 } else { 10 }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A crypto suite that we do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown SRTP crypto suite")]
pub struct UnknownSuite;

impl FromStr for Suite {
    type Err = UnknownSuite;

    fn from_str(name: &str) -> Result<Self, UnknownSuite> {
        [Self::AesCm128HmacSha1_80, Self::AesCm128HmacSha1_32, Self::AeadAes128Gcm, Self::AeadAes256Gcm]
            .into_iter()
            .find(|suite| suite.name() == name)
            .ok_or(UnknownSuite)
    }
}

/// Why a packet was not protected or not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// The tag is wrong: another key, or somebody changed the packet.
    #[error("SRTP authentication failed")]
    Authentication,
    /// All indices of this key are used up (RFC 3711 §9.2): a new key is needed.
    #[error("SRTP key is used up")]
    Exhausted,
    /// Master key and salt have not the length that the suite wants.
    #[error("SRTP key and salt have the wrong length")]
    KeyLength,
    /// It carries another MKI.
    #[error("SRTP packet under another master key")]
    Mki,
    /// No RTP packet.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// This index was protected or accepted before, or lies too far behind.
    #[error("SRTP packet replayed or too old")]
    Replayed,
    /// More than [`MAX_STREAMS`] SSRCs.
    #[error("too many SRTP streams")]
    TooManyStreams,
    /// Too short for what must be in it.
    #[error("SRTP packet is truncated")]
    Truncated,
}

/// One master key. SDES gives each direction its own: one session protects, another takes off.
pub struct Session {
    suite: Suite,
    rtp: Keys,
    rtcp: Keys,
    mki: Vec<u8>,
    encrypt_srtcp: bool,
    outbound: Streams,
    inbound: Streams,
}

impl fmt::Debug for Session {
    /// Without keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl Session {
    /// Derives the session keys (RFC 3711 §4.3, key derivation rate 0). `key_and_salt` is the master key followed by the
    /// master salt. With `unencrypted_srtcp` the RTCP that we send is only authenticated; what comes in says itself.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`] and [`SrtpError::Mki`] when a length does not fit.
    pub fn new(
        suite: Suite,
        key_and_salt: &[u8],
        mki: Option<&[u8]>,
        unencrypted_srtcp: bool,
    ) -> Result<Self, SrtpError> {
        let mki = mki.unwrap_or_default();
        if mki.len() > MAX_MKI {
            return Err(SrtpError::Mki);
        }
        let (key, salt) = key_and_salt.split_at_checked(suite.key_len()).ok_or(SrtpError::KeyLength)?;
        if salt.len() != suite.salt_len() {
            return Err(SrtpError::KeyLength);
        }
        Ok(Self {
            suite,
            rtp: Keys::derive(suite, key, salt, 0)?,
            rtcp: Keys::derive(suite, key, salt, 3)?,
            mki: mki.to_vec(),
            encrypt_srtcp: !unencrypted_srtcp,
            outbound: Streams::default(),
            inbound: Streams::default(),
        })
    }

    /// The suite.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Encrypts the RTP packet in `packet` and appends MKI and tag.
    ///
    /// # Errors
    /// [`SrtpError`]; the packet must not be sent then.
    pub fn protect_rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let view = RtpView::parse(packet)?;
        let (ssrc, sequence) = (view.ssrc(), view.sequence());
        // Padding is encrypted with the payload, so the header's end is what counts.
        let header = view.payload_offset();
        let stream = self.outbound.or_insert(ssrc)?;
        let index = stream.rtp.index(sequence);
        stream.rtp.check(index)?;
        match &self.rtp {
            Keys::CounterMode(keys) => {
                keys.apply(ssrc, index, packet.get_mut(header..).unwrap_or_default());
                let tag = keys.tag(packet, Some(index));
                packet.extend_from_slice(&self.mki);
                packet.extend_from_slice(tag.get(..self.suite.rtp_tag()).unwrap_or_default());
            }
            Keys::Gcm(keys) => {
                let nonce = keys.rtp_nonce(ssrc, index);
                let (head, body) = packet.split_at_mut_checked(header).ok_or(SrtpError::Truncated)?;
                let tag = keys.seal(nonce, head, body)?;
                packet.extend_from_slice(&tag);
                packet.extend_from_slice(&self.mki);
            }
        }
        stream.rtp.accept(index);
        Ok(())
    }

    /// Checks the SRTP packet in `packet` and turns it into RTP.
    ///
    /// # Errors
    /// [`SrtpError`]; what is in `packet` then is of no use.
    pub fn unprotect_rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let tag_len = self.suite.rtp_tag();
        let view = RtpHead::parse(packet)?;
        let trailer = self.mki.len() + tag_len;
        let body_end = packet.len().checked_sub(trailer).ok_or(SrtpError::Truncated)?;
        if body_end < view.length {
            return Err(SrtpError::Truncated);
        }
        let fresh = Window::default();
        let window = self.inbound.find(view.ssrc).map_or(&fresh, |stream| &stream.rtp);
        let index = window.index(view.sequence);
        window.check(index)?;
        match &self.rtp {
            Keys::CounterMode(keys) => {
                let (content, rest) = packet.split_at(body_end);
                let (mki, tag) = rest.split_at(self.mki.len());
                if mki != self.mki {
                    return Err(SrtpError::Mki);
                }
                keys.verify(content, Some(index), tag)?;
                packet.truncate(body_end);
                keys.apply(view.ssrc, index, packet.get_mut(view.length..).unwrap_or_default());
            }
            Keys::Gcm(keys) => {
                let (sealed, mki) = packet.split_at(packet.len() - self.mki.len());
                if mki != self.mki {
                    return Err(SrtpError::Mki);
                }
                let sealed = sealed.len();
                packet.truncate(sealed);
                let nonce = keys.rtp_nonce(view.ssrc, index);
                let (head, body) = packet.split_at_mut(view.length);
                keys.open(nonce, head, body)?;
                packet.truncate(body_end);
            }
        }
        // Only a packet that proved itself may move the window.
        self.inbound.or_replace(view.ssrc).rtp.accept(index);
        Ok(())
    }

    /// Protects a compound RTCP packet: encryption, index, MKI and tag.
    ///
    /// # Errors
    /// [`SrtpError`]; the packet must not be sent then.
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let ssrc = rtcp_ssrc(packet)?;
        let stream = self.outbound.or_insert(ssrc)?;
        let index = stream.next_rtcp_index;
        if index > MAX_RTCP_INDEX {
            return Err(SrtpError::Exhausted);
        }
        let word = (index | if self.encrypt_srtcp { ENCRYPTED } else { 0 }).to_be_bytes();
        match &self.rtcp {
            Keys::CounterMode(keys) => {
                if self.encrypt_srtcp {
                    keys.apply(ssrc, index.into(), packet.get_mut(RTCP_HEAD..).unwrap_or_default());
                }
                packet.extend_from_slice(&word);
                let tag = keys.tag(packet, None);
                packet.extend_from_slice(&self.mki);
                packet.extend_from_slice(tag.get(..self.suite.rtcp_tag()).unwrap_or_default());
            }
            Keys::Gcm(keys) => {
                let nonce = keys.rtcp_nonce(ssrc, index);
                let clear = if self.encrypt_srtcp { RTCP_HEAD } else { packet.len() };
                let (head, body) = packet.split_at_mut_checked(clear).ok_or(SrtpError::Truncated)?;
                let tag = keys.seal(nonce, &[head, word.as_slice()].concat(), body)?;
                packet.extend_from_slice(&tag);
                packet.extend_from_slice(&word);
                packet.extend_from_slice(&self.mki);
            }
        }
        stream.next_rtcp_index = index + 1;
        Ok(())
    }

    /// Checks an SRTCP packet and turns it into a compound RTCP packet.
    ///
    /// # Errors
    /// [`SrtpError`]; what is in `packet` then is of no use.
    pub fn unprotect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let ssrc = rtcp_ssrc(packet)?;
        let tag_len = self.suite.rtcp_tag();
        let body_end = packet.len().checked_sub(tag_len + self.mki.len() + 4).ok_or(SrtpError::Truncated)?;
        if body_end < RTCP_HEAD {
            return Err(SrtpError::Truncated);
        }
        // Counter mode: body, word, MKI, tag. GCM: body, tag, word, MKI.
        let word_at = if self.suite.is_aead() { body_end + tag_len } else { body_end };
        let word =
            packet.get(word_at..).and_then(|rest| rest.first_chunk::<4>()).ok_or(SrtpError::Truncated)?;
        let word = *word;
        let (encrypted, index) = (word[0] & 0x80 != 0, u32::from_be_bytes(word) & MAX_RTCP_INDEX);
        if packet.get(word_at + 4..word_at + 4 + self.mki.len()) != Some(self.mki.as_slice()) {
            return Err(SrtpError::Mki);
        }
        if let Some(stream) = self.inbound.find(ssrc) {
            stream.rtcp.check(index.into())?;
        }
        match &self.rtcp {
            Keys::CounterMode(keys) => {
                let (content, rest) = packet.split_at(body_end + 4);
                keys.verify(content, None, rest.get(self.mki.len()..).unwrap_or_default())?;
                packet.truncate(body_end);
                if encrypted {
                    keys.apply(ssrc, index.into(), packet.get_mut(RTCP_HEAD..).unwrap_or_default());
                }
            }
            Keys::Gcm(keys) => {
                packet.truncate(body_end + tag_len);
                let nonce = keys.rtcp_nonce(ssrc, index);
                let (head, body) = packet.split_at_mut(if encrypted { RTCP_HEAD } else { body_end });
                keys.open(nonce, &[head, word.as_slice()].concat(), body)?;
                packet.truncate(body_end);
            }
        }
        self.inbound.or_replace(ssrc).rtcp.accept(index.into());
        Ok(())
    }
}

/// The clear part of an SRTP packet. [`RtpView`] cannot read it: the padding length is encrypted.
struct RtpHead {
    ssrc: u32,
    sequence: u16,
    length: usize,
}

impl RtpHead {
    fn parse(packet: &[u8]) -> Result<Self, SrtpError> {
        let (fixed, rest) = packet.split_first_chunk::<12>().ok_or(SrtpError::Truncated)?;
        let &[first, _, s0, s1, _, _, _, _, c0, c1, c2, c3] = fixed;
        if first >> 6 != 2 {
            return Err(PacketError::Version.into());
        }
        let mut length = 12 + 4 * usize::from(first & 0x0F);
        if first & 0x10 != 0 {
            let extension = rest.get(length - 12..).and_then(|rest| rest.first_chunk::<4>());
            let &[_, _, high, low] = extension.ok_or(SrtpError::Truncated)?;
            length += 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        }
        if length > packet.len() {
            return Err(SrtpError::Truncated);
        }
        Ok(Self {
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            sequence: u16::from_be_bytes([s0, s1]),
            length,
        })
    }
}

fn rtcp_ssrc(packet: &[u8]) -> Result<u32, SrtpError> {
    let &[first, _, _, _, s0, s1, s2, s3] = packet.first_chunk::<RTCP_HEAD>().ok_or(SrtpError::Truncated)?;
    if first >> 6 != 2 {
        return Err(PacketError::Version.into());
    }
    Ok(u32::from_be_bytes([s0, s1, s2, s3]))
}

/// What is kept per SSRC.
#[derive(Default)]
struct Stream {
    rtp: Window,
    rtcp: Window,
    next_rtcp_index: u32,
}

/// Streams by SSRC, the one used last at the end.
#[derive(Default)]
struct Streams(Vec<(u32, Stream)>);

impl Streams {
    fn find(&self, ssrc: u32) -> Option<&Stream> {
        self.0.iter().rev().find(|(known, _)| *known == ssrc).map(|(_, stream)| stream)
    }

    fn or_insert(&mut self, ssrc: u32) -> Result<&mut Stream, SrtpError> {
        if self.find(ssrc).is_none() && self.0.len() >= MAX_STREAMS {
            return Err(SrtpError::TooManyStreams);
        }
        Ok(self.or_replace(ssrc))
    }

    fn or_replace(&mut self, ssrc: u32) -> &mut Stream {
        match self.0.iter().position(|(known, _)| *known == ssrc) {
            Some(at) => self.0[at..].rotate_left(1),
            None => {
                if self.0.len() >= MAX_STREAMS {
                    self.0.remove(0);
                }
                self.0.push((ssrc, Stream::default()));
            }
        }
        // It stands at the end now.
        let last = self.0.len() - 1;
        &mut self.0[last].1
    }
}

/// The E flag of an SRTCP index.
const ENCRYPTED: u32 = 0x8000_0000;
const MAX_RTCP_INDEX: u32 = 0x7FFF_FFFF;
/// The octets of RTCP that stay readable: header and the sender's SSRC.
const RTCP_HEAD: usize = 8;
