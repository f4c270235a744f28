//! Bindings of addresses-of-record to contacts (RFC 3261 §10.3). Who may bind what is decided before.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::message::{Contacts, NameAddr, Request};

/// Bindings shorter than this are refused with 423.
pub const MIN_EXPIRES: u32 = 60;
/// Bindings are never granted for longer.
pub const MAX_EXPIRES: u32 = 3600;
/// The most contacts of one address-of-record.
pub const MAX_BINDINGS: usize = 10;

/// One contact of an address-of-record.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding<P> {
    /// Where it is reached, with the parameters that it registered (`q`, `+sip.instance`), without `expires`.
    pub contact: NameAddr,
    /// Call-ID of its last REGISTER.
    pub call_id: String,
    /// CSeq number of its last REGISTER.
    pub cseq: u32,
    /// When it ends.
    pub expires: Instant,
    /// The way its last REGISTER came.
    pub path: P,
}

/// A REGISTER that changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// 400: a Contact that cannot be read, or `*` that is not the only one, or with an Expires other than 0.
    #[error("malformed Contact")]
    Malformed,
    /// 423 with Min-Expires.
    #[error("too short")]
    TooBrief,
    /// 403: more contacts than [`MAX_BINDINGS`].
    #[error("too many contacts")]
    TooMany,
    /// 500: older than the last one of the same Call-ID (§10.3 step 7).
    #[error("out of order")]
    OutOfOrder,
}

/// All bindings, authoritative in memory.
#[derive(Debug)]
pub struct Registrar<P> {
    bindings: HashMap<String, Vec<Binding<P>>>,
}

impl<P> Default for Registrar<P> {
    fn default() -> Self {
        Self { bindings: HashMap::new() }
    }
}

impl<P: Clone> Registrar<P> {
    /// Carries out a REGISTER for an address-of-record: all of it or nothing (§10.3). What stands afterwards, and
    /// whether anything changed.
    ///
    /// # Errors
    /// [`RegisterError`]; nothing has changed.
    pub fn register(
        &mut self,
        now: Instant,
        aor: &str,
        request: &Request,
        path: P,
    ) -> Result<(&[Binding<P>], bool), RegisterError> {
        self.expire(now);
        let contacts = request.headers.contacts().map_err(|_| RegisterError::Malformed)?;
        let cseq = request.headers.cseq().map_err(|_| RegisterError::Malformed)?.number;
        let call_id = request.headers.call_id().map_err(|_| RegisterError::Malformed)?;
        let old = self.bindings.get(aor).map(Vec::as_slice).unwrap_or_default();
        let stale = |binding: &Binding<P>| binding.call_id == call_id && cseq <= binding.cseq;
        let new = match contacts {
            Contacts::Any if request.headers.expires() != Some(0) => return Err(RegisterError::Malformed),
            Contacts::Any if old.iter().any(stale) => return Err(RegisterError::OutOfOrder),
            Contacts::Any => Vec::new(),
            Contacts::List(list) if list.is_empty() => return Ok((self.bindings(aor), false)),
            Contacts::List(list) => {
                let mut new = old.to_vec();
                for contact in list {
                    let seconds = granted(request, &contact)?;
                    if let Some(at) = new.iter().position(|binding| same(&binding.contact, &contact)) {
                        if new.get(at).is_some_and(stale) {
                            return Err(RegisterError::OutOfOrder);
                        }
                        new.remove(at);
                    }
                    if seconds == 0 {
                        continue;
                    }
                    let mut contact = contact;
                    contact.params.remove("expires");
                    let expires = now + Duration::from_secs(u64::from(seconds));
                    let call_id = call_id.to_owned();
                    new.push(Binding { contact, call_id, cseq, expires, path: path.clone() });
                }
                new
            }
        };
        if new.len() > MAX_BINDINGS {
            return Err(RegisterError::TooMany);
        }
        self.put(aor, new);
        Ok((self.bindings(aor), true))
    }

    /// What an address-of-record is bound to.
    pub fn bindings(&self, aor: &str) -> &[Binding<P>] {
        self.bindings.get(aor).map(Vec::as_slice).unwrap_or_default()
    }

    /// Puts back what was stored before a restart.
    pub fn restore(&mut self, aor: &str, bindings: Vec<Binding<P>>) {
        self.put(aor, bindings);
    }

    /// Every address-of-record with its bindings.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Binding<P>])> {
        self.bindings.iter().map(|(aor, bindings)| (aor.as_str(), bindings.as_slice()))
    }

    /// Changes what is known of the way to each contact.
    pub fn for_each_path(&mut self, mut change: impl FnMut(&mut P)) {
        for binding in self.bindings.values_mut().flatten() {
            change(&mut binding.path);
        }
    }

    /// Takes away what has ended, and names the addresses-of-record that changed.
    pub fn expire(&mut self, now: Instant) -> Vec<String> {
        let mut changed = Vec::new();
        self.bindings.retain(|aor, bindings| {
            let before = bindings.len();
            bindings.retain(|binding| binding.expires > now);
            if bindings.len() != before {
                changed.push(aor.clone());
            }
            !bindings.is_empty()
        });
        changed
    }

    /// When the next binding ends.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.bindings.values().flatten().map(|binding| binding.expires).min()
    }

    fn put(&mut self, aor: &str, mut bindings: Vec<Binding<P>>) {
        bindings.truncate(MAX_BINDINGS);
        if bindings.is_empty() {
            self.bindings.remove(aor);
        } else {
            self.bindings.insert(aor.to_owned(), bindings);
        }
    }
}

/// The seconds that a contact is granted (§10.3 step 7).
fn granted(request: &Request, contact: &NameAddr) -> Result<u32, RegisterError> {
    // A value that cannot be read counts as 3600 (§10.2.1.1).
    let own = contact.params.get("expires").map(|text| text.trim().parse::<u64>().unwrap_or(3600));
    let wanted =
        own.or_else(|| request.headers.expires().map(u64::from)).unwrap_or_else(|| MAX_EXPIRES.into());
    let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
    match wanted {
        0 => Ok(0),
        1..MIN_EXPIRES => Err(RegisterError::TooBrief),
        _ => Ok(wanted.min(MAX_EXPIRES)),
    }
}

/// The same contact (§10.3 step 7), or the same device by RFC 5626 §4.1 after it got a new address.
fn same(a: &NameAddr, b: &NameAddr) -> bool {
    let instance = |c: &NameAddr| c.params.text("+sip.instance").map(|i| (i, c.params.text("reg-id")));
    a.uri.equivalent(&b.uri) || (instance(a).is_some() && instance(a) == instance(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{message::Method, transaction::tests::epoch};

    fn register(cseq: u32, fields: &[(&str, &str)]) -> Request {
        let mut request = Request::new(Method::Register, "sip:example.org".parse().expect("a URI"))
            .with("Call-ID", "c")
            .with("CSeq", format!("{cseq} REGISTER"));
        for (name, value) in fields {
            request.headers.push(name, value);
        }
        request
    }

    fn run(
        registrar: &mut Registrar<()>,
        now: Instant,
        cseq: u32,
        fields: &[(&str, &str)],
    ) -> Result<usize, RegisterError> {
        registrar
            .register(now, "room12@example.org", &register(cseq, fields), ())
            .map(|(bindings, _)| bindings.len())
    }

    #[test]
    fn binds_refreshes_and_ends() {
        let (now, mut all) = (epoch(), Registrar::default());
        assert_eq!(run(&mut all, now, 1, &[("Contact", "<sip:a@192.0.2.1>;expires=100")]), Ok(1));
        assert_eq!(run(&mut all, now, 2, &[("Contact", "<sip:b@192.0.2.2>"), ("Expires", "200")]), Ok(2));
        assert_eq!(run(&mut all, now, 3, &[]), Ok(2));
        assert_eq!(all.next_timeout(), Some(now + Duration::from_secs(100)));
        assert_eq!(all.expire(now + Duration::from_secs(100)), ["room12@example.org"]);
        assert_eq!(all.bindings("room12@example.org").len(), 1);
        assert_eq!(run(&mut all, now, 4, &[("Contact", "<sip:b@192.0.2.2>;expires=0")]), Ok(0));
    }

    #[test]
    fn all_or_nothing() {
        let (now, mut all) = (epoch(), Registrar::default());
        let two = [("Contact", "<sip:a@192.0.2.1>"), ("Contact", "<sip:b@192.0.2.2>;expires=5")];
        assert_eq!(run(&mut all, now, 1, &two), Err(RegisterError::TooBrief));
        assert_eq!(run(&mut all, now, 2, &[]), Ok(0));
        let many: Vec<String> = (0..11).map(|n| format!("<sip:a{n}@192.0.2.1>")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|c| ("Contact", c.as_str())).collect();
        assert_eq!(run(&mut all, now, 3, &many), Err(RegisterError::TooMany));
    }

    #[test]
    fn the_star_takes_all_and_only_with_expires_zero() {
        let (now, mut all) = (epoch(), Registrar::default());
        assert_eq!(run(&mut all, now, 1, &[("Contact", "<sip:a@192.0.2.1>")]), Ok(1));
        assert_eq!(run(&mut all, now, 2, &[("Contact", "*")]), Err(RegisterError::Malformed));
        assert_eq!(
            run(&mut all, now, 1, &[("Contact", "*"), ("Expires", "0")]),
            Err(RegisterError::OutOfOrder)
        );
        assert_eq!(run(&mut all, now, 2, &[("Contact", "*"), ("Expires", "0")]), Ok(0));
    }

    #[test]
    fn a_device_with_a_new_address_replaces_itself() {
        let (now, mut all) = (epoch(), Registrar::default());
        let instance = "+sip.instance=\"<urn:uuid:1>\"";
        let first = format!("<sip:a@192.0.2.1>;{instance}");
        assert_eq!(run(&mut all, now, 1, &[("Contact", &first)]), Ok(1));
        assert_eq!(run(&mut all, now, 1, &[("Contact", &first)]), Err(RegisterError::OutOfOrder));
        let second = format!("<sip:a@192.0.2.9>;{instance}");
        assert_eq!(run(&mut all, now, 2, &[("Contact", &second)]), Ok(1));
    }
}
