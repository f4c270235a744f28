//! Digest authentication, both sides (RFC 3261 §22, RFC 7616, RFC 8760): MD5 and SHA-256, `qop=auth`.

use std::{
    collections::HashMap,
    fmt::{self, Write},
    time::{Duration, Instant},
};

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::message::{Headers, Request, Uri};

/// How long a nonce is good for.
const NONCE_LIFETIME: Duration = Duration::from_secs(300);
/// The most nonces whose counters are remembered; the oldest go first, and what they proved is asked for again.
const MAX_NONCES: usize = 4096;

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 3261; all that many endpoints know.
    Md5,
    /// RFC 8760.
    Sha256,
}

impl Algorithm {
    /// As challenges and credentials name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None => Some(Self::Md5),
            Some(t) if t.eq_ignore_ascii_case("MD5") => Some(Self::Md5),
            Some(t) if t.eq_ignore_ascii_case("SHA-256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text.as_bytes())),
            Self::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        }
    }
}

/// What a request's credentials prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There are none for our realm.
    Absent,
    /// This account's password was known to the sender.
    Proved {
        /// The account.
        username: String,
    },
    /// The password was right, but the nonce is too old, or used before: challenge with `stale`.
    Stale,
    /// They are wrong.
    Wrong,
}

/// Challenges requests and checks what comes back. Nonces carry their own proof, so none is kept before its first use.
pub struct Challenger {
    realm: String,
    secret: [u8; 32],
    /// Nonces count from here.
    epoch: Option<Instant>,
    issued: u64,
    /// The highest `nc` seen by nonce.
    counters: HashMap<String, (u64, Instant)>,
}

impl Challenger {
    /// A challenger for a realm; the secret is fresh entropy.
    pub fn new(realm: &str, secret: [u8; 32]) -> Self {
        Self { realm: realm.to_owned(), secret, epoch: None, issued: 0, counters: HashMap::new() }
    }

    /// Values for WWW-Authenticate, one for each algorithm in this order (RFC 8760 §2.4).
    pub fn challenges(&mut self, now: Instant, algorithms: &[Algorithm], stale: bool) -> Vec<String> {
        let nonce = self.nonce(now);
        let stale = if stale { ", stale=true" } else { "" };
        let realm = self.realm.replace(['"', '\\'], "");
        algorithms
            .iter()
            .map(|algorithm| {
                let algorithm = algorithm.as_str();
                format!(
                    "Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\", algorithm={algorithm}{stale}"
                )
            })
            .collect()
    }

    /// Checks the credentials of a request; `password` looks an account up.
    pub fn verify(
        &mut self,
        now: Instant,
        request: &Request,
        password: impl Fn(&str) -> Option<String>,
    ) -> Verdict {
        let ours = request
            .headers
            .authorization()
            .filter_map(Credentials::parse)
            .find(|c| c.get("realm").is_some_and(|realm| realm == self.realm));
        let Some(credentials) = ours else { return Verdict::Absent };
        self.check(now, request, &credentials, password).unwrap_or(Verdict::Wrong)
    }

    fn check(
        &mut self,
        now: Instant,
        request: &Request,
        credentials: &Credentials,
        password: impl Fn(&str) -> Option<String>,
    ) -> Option<Verdict> {
        let username = credentials.get("username")?;
        let nonce = credentials.get("nonce")?;
        let given = credentials.get("response")?;
        let uri = credentials.get("uri")?;
        let algorithm = Algorithm::parse(credentials.get("algorithm"))?;
        let known = password(username);
        // An account that is not there takes the same time.
        let secret = known.as_deref().unwrap_or("no such account");
        let answer = Answer {
            algorithm,
            username,
            realm: &self.realm,
            password: secret,
            method: request.method.as_str(),
            uri,
            nonce,
        };
        let (expected, count) = match credentials.get("qop") {
            Some("auth") => {
                let nc = credentials.get("nc").filter(|nc| nc.len() == 8)?;
                let count = u64::from_str_radix(nc, 16).ok()?;
                (answer.with_qop(nc, credentials.get("cnonce")?), count)
            }
            // Without qop (RFC 2069) a nonce is good for one request.
            None => (answer.without_qop(), 1),
            Some(_) => return None,
        };
        let right = constant_time_equal(expected.as_bytes(), given.to_ascii_lowercase().as_bytes());
        if !right || known.is_none() || !names_same_host(uri, &request.uri) {
            return None;
        }
        Some(match self.accept(now, nonce, count) {
            true => Verdict::Proved { username: username.to_owned() },
            false => Verdict::Stale,
        })
    }

    /// `seconds.number.proof`: when it was made, which one it is, and that we made it.
    fn nonce(&mut self, now: Instant) -> String {
        let epoch = *self.epoch.get_or_insert(now);
        self.issued += 1;
        let head = format!("{:x}.{:x}", now.saturating_duration_since(epoch).as_secs(), self.issued);
        let proof = self.proof(&head);
        format!("{head}.{proof}")
    }

    fn proof(&self, head: &str) -> String {
        // The secret on both sides: what is known of one hash does not extend to another.
        let mut hash = Sha256::new();
        hash.update(b"nonce");
        hash.update(self.secret);
        hash.update(head.as_bytes());
        hash.update(self.secret);
        hex(hash.finalize().get(..16).unwrap_or_default())
    }

    /// True if the nonce is ours, young, and counted up.
    fn accept(&mut self, now: Instant, nonce: &str, count: u64) -> bool {
        let Some((head, proof)) = nonce.rsplit_once('.') else { return false };
        if !constant_time_equal(self.proof(head).as_bytes(), proof.as_bytes()) {
            return false;
        }
        let seconds = head.split('.').next().and_then(|s| u64::from_str_radix(s, 16).ok());
        let (Some(epoch), Some(seconds)) = (self.epoch, seconds) else { return false };
        let age = now.saturating_duration_since(epoch).saturating_sub(Duration::from_secs(seconds));
        if age > NONCE_LIFETIME {
            return false;
        }
        if let Some((last, _)) = self.counters.get(nonce)
            && count <= *last
        {
            return false;
        }
        if self.counters.len() >= MAX_NONCES {
            self.counters.retain(|_, (_, used)| now.saturating_duration_since(*used) <= NONCE_LIFETIME);
        }
        if self.counters.len() >= MAX_NONCES && !self.counters.contains_key(nonce) {
            return false;
        }
        self.counters.insert(nonce.to_owned(), (count, now));
        true
    }
}

impl fmt::Debug for Challenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenger").field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// Answers a 401 or 407: the header field to add, or none if we cannot answer any of its challenges. `cnonce` is a
/// fresh random word.
pub fn respond(
    challenge: &Headers,
    method: &str,
    uri: &Uri,
    username: &str,
    password: &str,
    cnonce: &str,
) -> Option<(&'static str, String)> {
    let (asked, name) = match challenge.has("WWW-Authenticate") {
        true => ("WWW-Authenticate", "Authorization"),
        false => ("Proxy-Authenticate", "Proxy-Authorization"),
    };
    let offers: Vec<(Algorithm, Credentials)> = challenge
        .all(asked)
        .filter_map(|header| Credentials::parse(&header.text()))
        .filter_map(|c| Some((Algorithm::parse(c.get("algorithm"))?, c)))
        .collect();
    let strongest = offers.iter().find(|(algorithm, _)| *algorithm == Algorithm::Sha256);
    let (algorithm, offer) = strongest.or_else(|| offers.first())?;
    let (realm, nonce) = (offer.get("realm")?, offer.get("nonce")?);
    let uri = uri.to_string();
    let answer = Answer { algorithm: *algorithm, username, realm, password, method, uri: &uri, nonce };
    let auth = offer.get("qop").map(|qops| qops.split(',').any(|q| q.trim() == "auth"));
    let mut value = format!(
        "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", algorithm={}",
        escape(username),
        escape(realm),
        escape(nonce),
        algorithm.as_str()
    );
    match auth {
        Some(true) => {
            let response = answer.with_qop("00000001", cnonce);
            let _ = write!(value, ", qop=auth, nc=00000001, cnonce=\"{cnonce}\", response=\"{response}\"");
        }
        Some(false) => return None,
        None => {
            let _ = write!(value, ", response=\"{}\"", answer.without_qop());
        }
    }
    if let Some(opaque) = offer.get("opaque") {
        let _ = write!(value, ", opaque=\"{}\"", escape(opaque));
    }
    Some((name, value))
}

/// What goes into a response (RFC 7616 §3.4.1).
struct Answer<'a> {
    algorithm: Algorithm,
    username: &'a str,
    realm: &'a str,
    password: &'a str,
    method: &'a str,
    uri: &'a str,
    nonce: &'a str,
}

impl Answer<'_> {
    fn halves(&self) -> (String, String) {
        let a1 = format!("{}:{}:{}", self.username, self.realm, self.password);
        let a2 = format!("{}:{}", self.method, self.uri);
        (self.algorithm.hash(&a1), self.algorithm.hash(&a2))
    }

    fn with_qop(&self, nc: &str, cnonce: &str) -> String {
        let (a1, a2) = self.halves();
        self.algorithm.hash(&format!("{a1}:{}:{nc}:{cnonce}:auth:{a2}", self.nonce))
    }

    fn without_qop(&self) -> String {
        let (a1, a2) = self.halves();
        self.algorithm.hash(&format!("{a1}:{}:{a2}", self.nonce))
    }
}

/// The parameters of one `Digest` challenge or of credentials.
struct Credentials(Vec<(String, String)>);

impl Credentials {
    /// None for other schemes (RFC 4475 §3.3.7).
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut list = Vec::new();
        let mut rest = rest.trim_start();
        while !rest.is_empty() && list.len() < 32 {
            let (name, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => unquote(quoted)?,
                None => {
                    let end = after.find(',').unwrap_or(after.len());
                    let (value, after) = after.split_at(end);
                    (value.trim().to_owned(), after)
                }
            };
            list.push((name.trim().to_ascii_lowercase(), value));
            rest = after.trim_start().trim_start_matches(',').trim_start();
        }
        Some(Self(list))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// What stands before the closing quote, escapes resolved, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (escaped, c) {
            (false, '\\') => escaped = true,
            (false, '"') => return Some((out, text.get(at + 1..)?)),
            (_, c) => {
                out.push(c);
                escaped = false;
            }
        }
    }
    None
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The digest's URI may differ from the Request-URI in port and parameters (§22.4): devices drop them.
fn names_same_host(uri: &str, request: &Uri) -> bool {
    let Ok(uri) = uri.parse::<Uri>() else { return false };
    match (uri.host(), request.host()) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (x, y)| sum | (x ^ y)) == 0
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{message::Method, transaction::tests::epoch};

    fn answer(algorithm: Algorithm) -> Answer<'static> {
        Answer {
            algorithm,
            username: "Mufasa",
            realm: "http-auth@example.org",
            password: "Circle of Life",
            method: "GET",
            uri: "/dir/index.html",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        }
    }

    /// RFC 7616 §3.9.1.
    #[test]
    fn the_rfc_vectors() {
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        assert_eq!(answer(Algorithm::Md5).with_qop("00000001", cnonce), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            answer(Algorithm::Sha256).with_qop("00000001", cnonce),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    fn register() -> Request {
        Request::new(Method::Register, "sip:example.org".parse().expect("a URI"))
    }

    fn challenged(challenger: &mut Challenger, now: Instant, only: &str, password: &str) -> Request {
        let mut headers = Headers::new();
        for value in challenger
            .challenges(now, &[Algorithm::Sha256, Algorithm::Md5], false)
            .iter()
            .filter(|v| v.contains(only))
        {
            headers.push("WWW-Authenticate", value);
        }
        let request = register();
        let (name, value) =
            respond(&headers, "REGISTER", &request.uri, "room12", password, "abc").expect("an answer");
        request.with(name, value)
    }

    fn secret(username: &str) -> Option<String> {
        (username == "room12").then(|| "s3cret".to_owned())
    }

    #[test]
    fn both_algorithms_prove_an_account_once() {
        let now = epoch();
        let mut challenger = Challenger::new("roomgate", [5; 32]);
        assert_eq!(challenger.verify(now, &register(), secret), Verdict::Absent);
        for only in ["MD5", "SHA-256", ""] {
            let request = challenged(&mut challenger, now, only, "s3cret");
            let proved = Verdict::Proved { username: "room12".to_owned() };
            assert_eq!(challenger.verify(now, &request, secret), proved);
            assert_eq!(challenger.verify(now, &request, secret), Verdict::Stale, "the same again");
        }
    }

    #[test]
    fn wrong_old_and_forged_are_told_apart() {
        let now = epoch();
        let mut challenger = Challenger::new("roomgate", [5; 32]);
        let wrong = challenged(&mut challenger, now, "MD5", "other");
        assert_eq!(challenger.verify(now, &wrong, secret), Verdict::Wrong);
        let old = challenged(&mut challenger, now, "MD5", "s3cret");
        let later = now + NONCE_LIFETIME + Duration::from_secs(2);
        assert_eq!(challenger.verify(later, &old, secret), Verdict::Stale);
        let mut stranger = Challenger::new("roomgate", [6; 32]);
        let foreign = challenged(&mut stranger, now, "MD5", "s3cret");
        assert_eq!(challenger.verify(now, &foreign, secret), Verdict::Stale);
        let unknown = challenged(&mut challenger, now, "MD5", "no such account");
        assert_eq!(challenger.verify(now, &unknown, |_| None), Verdict::Wrong);
    }

    #[test]
    fn nonsense_is_no_proof() {
        let now = epoch();
        let mut challenger = Challenger::new("roomgate", [5; 32]);
        for text in [
            "Digest",
            "Digest =",
            "Digest realm=\"roomgate",
            "Basic eDp5",
            "Digest realm=\"roomgate\", nc=\"\\",
        ] {
            let request = register().with("Authorization", text);
            assert!(
                matches!(challenger.verify(now, &request, secret), Verdict::Absent | Verdict::Wrong),
                "{text}"
            );
        }
    }
}
