//! Dialogs (RFC 3261 §12): what two sides share from an INVITE's 2xx until a BYE.

use std::fmt;

use crate::message::{CSeq, Contacts, Host, Method, NameAddr, Request, Response, Uri};

/// How far a dialog has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogState {
    /// A provisional response with a tag.
    Early,
    /// A 2xx.
    Confirmed,
    /// BYE, or the far side does not know it.
    Terminated,
}

/// One side's view of a dialog.
#[derive(Clone)]
pub struct Dialog {
    state: DialogState,
    call_id: String,
    local: NameAddr,
    remote: NameAddr,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    route_set: Vec<NameAddr>,
    remote_target: Uri,
}

/// A request is older than one already seen in its dialog: answered with 500 (§12.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request is older than the last one of its dialog")]
pub struct OutOfOrder;

impl Dialog {
    /// The dialog of a request that we answer (§12.1.1), or none if what it needs cannot be read. A caller that
    /// gives no Contact is reached at the address in From.
    pub fn uas(request: &Request, local_tag: &str) -> Option<Self> {
        let headers = &request.headers;
        let remote = headers.from().ok()?;
        Some(Self {
            state: DialogState::Confirmed,
            call_id: headers.call_id().ok()?.to_owned(),
            local: headers.to().ok()?.with_param("tag", Some(local_tag)),
            remote_target: target(headers.contacts().ok()).unwrap_or_else(|| remote.uri.clone()),
            remote,
            local_cseq: 0,
            remote_cseq: Some(headers.cseq().ok()?.number),
            route_set: headers.record_routes().ok()?,
        })
    }

    /// The dialog of a request of ours and its response (§12.1.2), or none if what it needs cannot be read.
    pub fn uac(request: &Request, response: &Response) -> Option<Self> {
        let remote = response.headers.to().ok()?;
        let mut route_set = response.headers.record_routes().ok()?;
        route_set.reverse();
        let early = response.status.is_provisional();
        if early && remote.tag().is_none() {
            return None;
        }
        Some(Self {
            state: if early { DialogState::Early } else { DialogState::Confirmed },
            call_id: request.headers.call_id().ok()?.to_owned(),
            local: request.headers.from().ok()?,
            remote,
            local_cseq: request.headers.cseq().ok()?.number,
            remote_cseq: None,
            route_set,
            remote_target: target(response.headers.contacts().ok()).unwrap_or_else(|| request.uri.clone()),
        })
    }

    /// How far it has come.
    pub fn state(&self) -> DialogState {
        self.state
    }

    /// A 2xx has come.
    pub fn confirm(&mut self) {
        self.state = DialogState::Confirmed;
    }

    /// It is over.
    pub fn terminate(&mut self) {
        self.state = DialogState::Terminated;
    }

    /// Call-ID.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Our tag.
    pub fn local_tag(&self) -> &str {
        self.local.tag().unwrap_or_default()
    }

    /// Their tag; empty for a peer of RFC 2543.
    pub fn remote_tag(&self) -> &str {
        self.remote.tag().unwrap_or_default()
    }

    /// The CSeq number of our last request.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// Where requests go first: the topmost route, or the far side's Contact.
    pub fn next_hop(&self) -> &Uri {
        self.route_set.first().map_or(&self.remote_target, |route| &route.uri)
    }

    /// Checks a request of the far side against the dialog and takes over its CSeq (§12.2.2).
    ///
    /// # Errors
    /// [`OutOfOrder`] if its CSeq is lower than the last. ACK and CANCEL are not to be checked.
    pub fn check(&mut self, request: &Request) -> Result<(), OutOfOrder> {
        let number = request.headers.cseq().map_err(|_| OutOfOrder)?.number;
        if self.remote_cseq.is_some_and(|last| number < last) {
            return Err(OutOfOrder);
        }
        self.remote_cseq = Some(number);
        Ok(())
    }

    /// Takes over the Contact of a target refresh: a re-INVITE, an UPDATE or the 2xx to ours.
    pub fn refresh_target(&mut self, contacts: Option<Contacts>) {
        if let Some(uri) = target(contacts) {
            self.remote_target = uri;
        }
    }

    /// The next request of ours (§12.2.1.1), complete but for Via, Contact and body.
    pub fn request(&mut self, method: Method) -> Request {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.build(method, self.local_cseq)
    }

    /// The ACK for a 2xx to our INVITE of this CSeq (§13.2.2.4), complete but for Via and body.
    pub fn ack(&self, cseq: u32) -> Request {
        self.build(Method::Ack, cseq)
    }

    fn build(&self, method: Method, cseq: u32) -> Request {
        let (uri, routes) = self.targets();
        let mut request = Request::new(method.clone(), uri);
        for route in routes {
            request.headers.push("Route", route);
        }
        request
            .with("Max-Forwards", 70)
            .with("From", &self.local)
            .with("To", &self.remote)
            .with("Call-ID", &self.call_id)
            .with("CSeq", CSeq::new(cseq, method))
    }

    /// Request-URI and Route: a strict router takes the place of the target, which goes last (§12.2.1.1).
    fn targets(&self) -> (Uri, Vec<NameAddr>) {
        match self.route_set.split_first() {
            None => (self.remote_target.clone(), Vec::new()),
            Some((first, _)) if first.uri.is_loose_router() => {
                (self.remote_target.clone(), self.route_set.clone())
            }
            Some((first, rest)) => {
                let mut routes = rest.to_vec();
                routes.push(NameAddr::new(self.remote_target.clone()));
                (first.uri.clone(), routes)
            }
        }
    }
}

impl fmt::Debug for Dialog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses may hold a PIN that was dialled.
        f.debug_struct("Dialog")
            .field("state", &self.state)
            .field("call_id", &self.call_id)
            .finish_non_exhaustive()
    }
}

/// The Contact that requests go to, if it is one we can write into a Request-URI.
fn target(contacts: Option<Contacts>) -> Option<Uri> {
    let contacts = contacts?;
    let uri = &contacts.first()?.uri;
    let usable = uri.is_sip() && !matches!(uri.host(), Some(Host::Name(name)) if name.is_empty());
    usable.then(|| uri.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::StatusCode;

    fn invite(routes: &[&str]) -> Request {
        let mut request = Request::new(Method::Invite, "sip:100100@192.0.2.1".parse().expect("a URI"))
            .with("From", "<sip:room12@example.org>;tag=theirs")
            .with("To", "<sip:100100@192.0.2.1>")
            .with("Call-ID", "c")
            .with("CSeq", "7 INVITE")
            .with("Contact", "<sip:room12@192.0.2.10:5070>");
        for route in routes {
            request.headers.push("Record-Route", route);
        }
        request
    }

    fn routes(request: &Request) -> Vec<String> {
        request.headers.all("Route").map(|h| h.text().into_owned()).collect()
    }

    #[test]
    fn a_request_of_the_uas_goes_the_way_the_invite_came() {
        let mut dialog =
            Dialog::uas(&invite(&["<sip:p2.example.org;lr>", "<sip:p1.example.org;lr>"]), "ours")
                .expect("a dialog");
        let bye = dialog.request(Method::Bye);
        assert_eq!(bye.uri.to_string(), "sip:room12@192.0.2.10:5070");
        assert_eq!(routes(&bye), ["<sip:p2.example.org;lr>", "<sip:p1.example.org;lr>"]);
        assert_eq!(bye.headers.from().expect("From").tag(), Some("ours"));
        assert_eq!(bye.headers.to().expect("To").tag(), Some("theirs"));
        assert_eq!(dialog.next_hop().to_string(), "sip:p2.example.org;lr");
        assert_eq!(dialog.request(Method::Info).headers.cseq().expect("CSeq").number, 2);
    }

    #[test]
    fn a_strict_router_takes_the_place_of_the_target() {
        let mut dialog =
            Dialog::uas(&invite(&["<sip:strict.example.org>", "<sip:p1.example.org;lr>"]), "ours")
                .expect("a dialog");
        let bye = dialog.request(Method::Bye);
        assert_eq!(bye.uri.to_string(), "sip:strict.example.org");
        assert_eq!(routes(&bye), ["<sip:p1.example.org;lr>", "<sip:room12@192.0.2.10:5070>"]);
    }

    #[test]
    fn the_uac_turns_the_routes_round_and_waits_for_a_tag() {
        let request = invite(&[]);
        let mut response = request.response(StatusCode::new(180).expect("a status"));
        assert!(Dialog::uac(&request, &response).is_none());
        response.set_to_tag("far");
        for route in ["<sip:near.example.org;lr>", "<sip:far.example.org;lr>"] {
            response.headers.push("Record-Route", route);
        }
        let mut dialog = Dialog::uac(&request, &response).expect("a dialog");
        assert_eq!(dialog.state(), DialogState::Early);
        dialog.confirm();
        assert_eq!(routes(&dialog.ack(7)), ["<sip:far.example.org;lr>", "<sip:near.example.org;lr>"]);
        assert_eq!(dialog.request(Method::Bye).headers.cseq().expect("CSeq").number, 8);
        dialog.terminate();
        assert_eq!(dialog.state(), DialogState::Terminated);
    }

    #[test]
    fn older_requests_are_refused_and_newer_ones_may_skip() {
        let mut dialog = Dialog::uas(&invite(&[]), "ours").expect("a dialog");
        let numbered = |number| {
            let mut request = invite(&[]);
            request.headers.set("CSeq", CSeq::new(number, Method::Info));
            request
        };
        assert_eq!(dialog.check(&numbered(20)), Ok(()));
        assert_eq!(dialog.check(&numbered(19)), Err(OutOfOrder));
        assert_eq!(dialog.check(&numbered(21)), Ok(()));
    }

    #[test]
    fn a_contact_that_is_no_sip_uri_changes_nothing() {
        let mut dialog = Dialog::uas(&invite(&[]), "ours").expect("a dialog");
        let mut other = Request::new(Method::Info, "sip:x@y".parse().expect("a URI"));
        other.headers.push("Contact", "<tel:+4712345678>");
        dialog.refresh_target(other.headers.contacts().ok());
        assert_eq!(dialog.next_hop().to_string(), "sip:room12@192.0.2.10:5070");
        other.headers.set("Contact", "<sip:room12@192.0.2.11>");
        dialog.refresh_target(other.headers.contacts().ok());
        assert_eq!(dialog.next_hop().to_string(), "sip:room12@192.0.2.11");
    }
}
