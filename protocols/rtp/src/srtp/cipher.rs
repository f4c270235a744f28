//! Session keys and what they do: AES in counter mode with HMAC-SHA1 (RFC 3711 §4), or AES-GCM (RFC 7714).

use aes::{Aes128, Aes256};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ctr::{
    Ctr128BE, CtrCore,
    cipher::{InnerIvInit, KeyInit as _, KeyIvInit, StreamCipher},
};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::{SrtpError, Suite};

/// The session keys of RTP or of RTCP.
pub(super) enum Keys {
    CounterMode(Box<CounterMode>),
    Gcm(Box<Gcm>),
}

impl Keys {
    /// Derives them from a master key. `first_label` is 0 for RTP and 3 for RTCP: encryption key, authentication key and
    /// salt follow each other.
    pub(super) fn derive(suite: Suite, key: &[u8], salt: &[u8], first_label: u8) -> Result<Self, SrtpError> {
        let derived = |offset, out: &mut [u8]| derive(key, salt, first_label + offset, out);
        if suite.is_aead() {
            let mut session_key = [0; 32];
            let session_key = session_key.get_mut(..suite.key_len()).ok_or(SrtpError::KeyLength)?;
            derived(0, session_key)?;
            let algorithm = if suite == Suite::AeadAes256Gcm { &AES_256_GCM } else { &AES_128_GCM };
            let key = UnboundKey::new(algorithm, session_key).map_err(|_| SrtpError::KeyLength)?;
            let mut salt = [0; 12];
            derived(2, &mut salt)?;
            return Ok(Self::Gcm(Box::new(Gcm { key: LessSafeKey::new(key), salt })));
        }
        let (mut session_key, mut auth_key, mut salt) = ([0; 16], [0; 20], [0; 14]);
        derived(0, &mut session_key)?;
        derived(1, &mut auth_key)?;
        derived(2, &mut salt)?;
        let hmac = Hmac::new_from_slice(&auth_key).map_err(|_| SrtpError::KeyLength)?;
        Ok(Self::CounterMode(Box::new(CounterMode { aes: Aes128::new(&session_key.into()), hmac, salt })))
    }
}

/// The pseudo-random function of RFC 3711 §4.3.3 (RFC 6188 for 256 bits) with a key derivation rate of 0.
pub(super) fn derive(key: &[u8], salt: &[u8], label: u8, out: &mut [u8]) -> Result<(), SrtpError> {
    // Salts shorter than 112 bits stand at the left (RFC 7714 §11); the label lies 48 bits from the right of the 112.
    let mut iv = [0u8; 16];
    for (octet, salt) in iv.iter_mut().zip(salt) {
        *octet = *salt;
    }
    iv[7] ^= label;
    out.fill(0);
    match key.len() {
        16 => Ctr128BE::<Aes128>::new_from_slices(key, &iv)
            .map_err(|_| SrtpError::KeyLength)?
            .apply_keystream(out),
        32 => Ctr128BE::<Aes256>::new_from_slices(key, &iv)
            .map_err(|_| SrtpError::KeyLength)?
            .apply_keystream(out),
        _ => return Err(SrtpError::KeyLength),
    }
    Ok(())
}

/// AES_CM_128 with HMAC-SHA1.
pub(super) struct CounterMode {
    aes: Aes128,
    hmac: Hmac<Sha1>,
    salt: [u8; 14],
}

impl CounterMode {
    /// Encrypts or decrypts: the key stream of this packet (RFC 3711 §4.1.1).
    pub(super) fn apply(&self, ssrc: u32, index: u64, data: &mut [u8]) {
        let mut iv = [0u8; 16];
        let block = (u128::from(ssrc) << 64) ^ (u128::from(index) << 16);
        for (octet, salt) in iv.iter_mut().zip(self.salt) {
            *octet = salt;
        }
        let iv = (u128::from_be_bytes(iv) ^ block).to_be_bytes();
        let core = CtrCore::inner_iv_init(self.aes.clone(), &iv.into());
        Ctr128BE::<Aes128>::from_core(core).apply_keystream(data);
    }

    /// The whole tag over a packet and, for RTP, its rollover counter.
    pub(super) fn tag(&self, content: &[u8], index: Option<u64>) -> [u8; 20] {
        self.mac(content, index).finalize().into_bytes().into()
    }

    /// Compares a shortened tag in constant time.
    pub(super) fn verify(&self, content: &[u8], index: Option<u64>, tag: &[u8]) -> Result<(), SrtpError> {
        self.mac(content, index).verify_truncated_left(tag).map_err(|_| SrtpError::Authentication)
    }

    fn mac(&self, content: &[u8], index: Option<u64>) -> Hmac<Sha1> {
        let mut mac = self.hmac.clone();
        mac.update(content);
        if let Some(index) = index {
            mac.update(&((index >> 16) as u32).to_be_bytes());
        }
        mac
    }
}

/// AES-GCM.
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Gcm {
    /// RFC 7714 §8.1.
    pub(super) fn rtp_nonce(&self, ssrc: u32, index: u64) -> [u8; 12] {
        self.nonce((u128::from(ssrc) << 48) | u128::from(index))
    }

    /// RFC 7714 §9.1.
    pub(super) fn rtcp_nonce(&self, ssrc: u32, index: u32) -> [u8; 12] {
        self.nonce((u128::from(ssrc) << 48) | u128::from(index))
    }

    fn nonce(&self, value: u128) -> [u8; 12] {
        let mut nonce = self.salt;
        let [_, _, _, _, value @ ..] = value.to_be_bytes();
        nonce.iter_mut().zip(value).for_each(|(octet, value)| *octet ^= value);
        nonce
    }

    /// Encrypts in place and gives the tag.
    pub(super) fn seal(&self, nonce: [u8; 12], head: &[u8], body: &mut [u8]) -> Result<[u8; 16], SrtpError> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(head), body);
        let tag = tag.map_err(|_| SrtpError::Exhausted)?;
        tag.as_ref().try_into().map_err(|_| SrtpError::Exhausted)
    }

    /// Decrypts in place; the tag stands at the end of `body`.
    pub(super) fn open(&self, nonce: [u8; 12], head: &[u8], body: &mut [u8]) -> Result<(), SrtpError> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.open_in_place(nonce, Aad::from(head), body).map(drop).map_err(|_| SrtpError::Authentication)
    }
}
