//! Secrets at rest: AES-256-GCM, bound to the record and field they belong to, under a key kept in a file beside.

use std::{
    fmt,
    io::{ErrorKind, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    rand,
};

use super::StoreError;

/// A PIN or a password in memory. Never printed; compared in constant time.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself: for a digest, or to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn matches(&self, other: &str) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), other.as_bytes()).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(_)")
    }
}

/// A PIN of `digits` digits, each equally likely.
pub fn random_pin(digits: usize) -> Secret {
    let mut pin = String::with_capacity(digits);
    while pin.len() < digits {
        // 250 is the largest multiple of ten in an octet: no digit is favoured
        if let Some(octet) = random::<1>().first().filter(|octet| **octet < 250) {
            pin.push(char::from(b'0' + octet % 10));
        }
    }
    Secret(pin)
}

/// A password with 120 bits of entropy, without characters that look alike.
pub fn random_password() -> Secret {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    Secret(random::<24>().iter().map(|octet| char::from(ALPHABET[usize::from(octet % 32)])).collect())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system has a source of randomness");
    bytes
}

/// The key that seals the store's secrets. Kept as 64 hexadecimal digits in a file of mode 0600.
pub(super) struct SecretKey {
    key: LessSafeKey,
    id: String,
}

impl SecretKey {
    fn new(bytes: &[u8; 32]) -> Self {
        let unbound = UnboundKey::new(&AES_256_GCM, bytes).expect("the key has AES-256's length");
        let id = hex(digest(&SHA256, bytes).as_ref().get(..8).unwrap_or_default());
        Self { key: LessSafeKey::new(unbound), id }
    }

    /// Names the key without telling it: the head of its SHA-256.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn read_or_make(file: &Path) -> Result<Self, StoreError> {
        match read_text(file) {
            Ok(text) => Self::parse(file, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::make(file),
            Err(error) => Err(unusable(file, format!("{error}; check its rights"))),
        }
    }

    /// Reads the key of an existing store: none is made, it could open nothing.
    pub(super) fn read(file: &Path, store: &Path) -> Result<Self, StoreError> {
        match read_text(file) {
            Ok(text) => Self::parse(file, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(StoreError::MissingKey { key_file: file.to_owned(), store: store.to_owned() })
            }
            Err(error) => Err(unusable(file, format!("{error}; check its rights"))),
        }
    }

    fn make(file: &Path) -> Result<Self, StoreError> {
        let bytes = random::<32>();
        let write = || {
            if let Some(folder) = file.parent() {
                super::make_private_folder(folder)?;
            }
            let mut open = std::fs::OpenOptions::new();
            let mut opened = open.write(true).create_new(true).mode(0o600).open(file)?;
            writeln!(opened, "{}", hex(&bytes))?;
            opened.sync_all()
        };
        write().map_err(|error| unusable(file, format!("it cannot be made: {error}; set store.key-file")))?;
        Ok(Self::new(&bytes))
    }

    fn parse(file: &Path, text: &str) -> Result<Self, StoreError> {
        let bytes = unhex(text.trim());
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let not_a_key =
            || unusable(file, "it does not hold 64 hexadecimal digits; put the right file back".to_owned());
        Ok(Self::new(&bytes.ok_or_else(not_a_key)?))
    }

    /// Seals a secret for one field of one record; it opens nowhere else.
    pub(super) fn seal(&self, secret: &Secret, record: &str, field: &str) -> Vec<u8> {
        let nonce = random::<NONCE_LEN>();
        let mut sealed = secret.0.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(record, field), &mut sealed)
            .expect("a secret is far shorter than AES-GCM's limit");
        let mut blob = nonce.to_vec();
        blob.append(&mut sealed);
        blob
    }

    pub(super) fn open(&self, blob: &[u8], record: &str, field: &'static str) -> Result<Secret, StoreError> {
        let opened = || {
            let (nonce, sealed) = blob.split_at_checked(NONCE_LEN)?;
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut sealed = sealed.to_vec();
            let text = self.key.open_in_place(nonce, aad(record, field), &mut sealed).ok()?;
            Some(Secret(std::str::from_utf8(text).ok()?.to_owned()))
        };
        opened().ok_or_else(|| StoreError::Sealed { record: record.to_owned(), field })
    }
}

fn aad(record: &str, field: &str) -> Aad<Vec<u8>> {
    Aad::from([record, field].join("/").into_bytes())
}

fn unusable(file: &Path, reason: String) -> StoreError {
    StoreError::BadKey { key_file: file.to_owned(), reason }
}

fn read_text(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    // a key file is 65 octets; whatever else the path names is not read to its end
    std::fs::File::open(file)?.take(1024).read_to_string(&mut text)?;
    Ok(text)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |b: &u8| char::from(*b).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(nibble(pair.first()?)? << 4 | nibble(pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_in_its_own_place_only() {
        let key = SecretKey::new(&[7; 32]);
        let blob = key.seal(&Secret::new("1234"), "room/1", "host_pin");
        assert!(key.open(&blob, "room/1", "host_pin").unwrap().matches("1234"));
        assert!(key.open(&blob, "room/2", "host_pin").is_err());
        assert!(key.open(&blob, "room/1", "guest_pin").is_err());
        assert!(SecretKey::new(&[8; 32]).open(&blob, "room/1", "host_pin").is_err());
        let mut damaged = blob.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(key.open(&damaged, "room/1", "host_pin").is_err());
        assert!(key.open(&blob[..NONCE_LEN - 1], "room/1", "host_pin").is_err());
        assert!(!blob.windows(4).any(|w| w == b"1234"));
        assert_ne!(blob, key.seal(&Secret::new("1234"), "room/1", "host_pin"));
    }

    #[test]
    fn made_pins_are_digits_and_differ() {
        let pins: std::collections::HashSet<_> = (0..50).map(|_| random_pin(6).expose().to_owned()).collect();
        assert!(pins.iter().all(|pin| pin.len() == 6 && pin.bytes().all(|b| b.is_ascii_digit())));
        assert!(pins.len() > 45);
        assert_eq!(random_password().expose().len(), 24);
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("1234")), "Secret(_)");
    }
}
