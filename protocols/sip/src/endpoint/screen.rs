//! The checks that a request passes before anything is done for it (RFC 3261 §8.2).

use super::{
    Endpoint, Path,
    compose::{ACCEPT, code},
};
use crate::message::{Host, Method, Request, Response};

/// Methods that we handle.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, INFO, OPTIONS, REGISTER";
/// Extensions that we handle.
pub(super) const SUPPORTED: &str = "timer";
/// The shortest session that we grant, in seconds (RFC 4028 §4).
const MIN_SE: u32 = 90;
/// What an INFO may say.
const INFO_BODIES: &[&str] = &["application/dtmf-relay", "application/dtmf", "application/media_control+xml"];

impl Endpoint {
    /// The refusal of a request by rule, or none.
    pub(super) fn screen(&self, request: &Request) -> Option<Response> {
        if self.is_loop(request) {
            return Some(request.response(code(482)));
        }
        match &request.method {
            Method::Invite
            | Method::Ack
            | Method::Cancel
            | Method::Bye
            | Method::Info
            | Method::Options
            | Method::Register => {}
            Method::Other(_) => return Some(request.response(code(501)).with("Allow", ALLOW)),
            _ => return Some(request.response(code(405)).with("Allow", ALLOW)),
        }
        if !request.uri.is_sip() {
            return Some(request.response(code(416)));
        }
        if request.method == Method::Cancel {
            // §8.2.2.3: Require in a CANCEL is nothing to us.
            return None;
        }
        let unsupported: Vec<String> = request
            .headers
            .require()
            .into_iter()
            .filter(|tag| !SUPPORTED.split(", ").any(|known| known.eq_ignore_ascii_case(tag)))
            .collect();
        if !unsupported.is_empty() {
            return Some(request.response(code(420)).with("Unsupported", unsupported.join(", ")));
        }
        screen_session_timer(request).or_else(|| screen_accept(request)).or_else(|| screen_content(request))
    }

    /// Whether a Request-URI's host is ours.
    pub(super) fn is_ours(&self, path: &Path, host: &Host) -> bool {
        let name = host.to_string().to_ascii_lowercase();
        if self.config.domains.iter().any(|d| d.eq_ignore_ascii_case(&name))
            || self.config.public_host.as_ref().is_some_and(|p| p.eq_ignore_ascii_case(&name))
        {
            return true;
        }
        let local = path.local.ip().to_canonical();
        match host.ip().map(|ip| ip.to_canonical()) {
            Some(ip) => ip == local || local.is_unspecified() || self.config.addresses.contains(&ip),
            None => name == "localhost" && path.remote.ip().to_canonical().is_loopback(),
        }
    }

    /// One of its Vias is ours: it has come back.
    fn is_loop(&self, request: &Request) -> bool {
        let Ok(vias) = request.headers.vias() else { return false };
        vias.iter().filter_map(|via| via.branch()).any(|branch| branch.contains(&self.instance))
    }
}

/// RFC 4028 §6: a session that wants to be refreshed too often.
fn screen_session_timer(request: &Request) -> Option<Response> {
    let wanted = request.headers.session_expires().ok()??;
    let short = request.method == Method::Invite && wanted.delta_seconds < MIN_SE;
    let knows =
        request.headers.has_token("Supported", "timer") || request.headers.has_token("Require", "timer");
    (short && knows).then(|| request.response(code(422)).with("Min-SE", MIN_SE))
}

/// §21.4.7: a caller that says what it reads, and does not read SDP.
fn screen_accept(request: &Request) -> Option<Response> {
    let accept = request.headers.accept();
    let reads_sdp = ["application/sdp", "application/*", "*/*"].iter().any(|r| accept.iter().any(|a| a == r));
    let refused = request.method == Method::Invite && !accept.is_empty() && !reads_sdp;
    refused.then(|| request.response(code(406)))
}

/// §8.2.3: bodies that we cannot read.
fn screen_content(request: &Request) -> Option<Response> {
    if request.body.is_empty() {
        return None;
    }
    let encoding = request.headers.get("Content-Encoding").unwrap_or("identity").trim();
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        return Some(request.response(code(415)).with("Accept-Encoding", "identity"));
    }
    let Ok(content_type) = request.headers.content_type() else {
        return Some(request.response(code(400)).with_reason("Malformed Content-Type"));
    };
    let Some(content_type) = content_type else {
        // RFC 3261 §20.15 wants one; devices that forget it mean SDP.
        return None;
    };
    let readable = match request.method {
        Method::Invite => {
            content_type.is("application/sdp") || content_type.essence.starts_with("multipart/")
        }
        Method::Info => INFO_BODIES.contains(&content_type.essence.as_str()),
        // What comes along with the others is not needed to answer them.
        _ => true,
    };
    let accept = if request.method == Method::Info { INFO_BODIES.join(", ") } else { ACCEPT.to_owned() };
    (!readable).then(|| request.response(code(415)).with("Accept", accept))
}
