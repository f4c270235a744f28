//! The header fields that we write.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Endpoint, Path, Transport,
    screen::{ALLOW, SUPPORTED},
};
use crate::message::{Host, NameAddr, Refresher, Request, Response, SessionExpires, StatusCode, Uri, Via};

/// Bodies that an INVITE may carry.
pub(super) const ACCEPT: &str = "application/sdp, multipart/mixed";
const SDP: &str = "application/sdp";

/// A status of ours; only numbers from 100 to 699 are ever given.
pub(super) fn code(status: u16) -> StatusCode {
    StatusCode::new(status).unwrap_or_else(|| 500.into())
}

impl Endpoint {
    /// Our Contact towards a far side. `dialled` helps when our socket has no address of its own.
    pub(super) fn contact(&self, path: &Path, dialled: Option<&Uri>) -> NameAddr {
        let local = path.local.ip().to_canonical();
        let host = match &self.config.public_host {
            Some(host) => host_of(host),
            None if local.is_unspecified() => {
                dialled.and_then(Uri::host).cloned().unwrap_or_else(|| ip_host(local))
            }
            None => ip_host(local),
        };
        let port = path.local.port();
        let port = (port != path.transport.default_port()).then_some(port);
        let uri = Uri::sip(None, host, port);
        NameAddr::new(match path.transport {
            Transport::Udp => uri,
            other => uri.with_param("transport", Some(other.as_param())),
        })
    }

    /// A Via with a fresh branch.
    pub(super) fn via(&mut self, path: &Path) -> (Via, String) {
        let branch = format!("z9hG4bK{}{}", self.instance, self.random.word());
        let local = path.local.ip().to_canonical();
        let host = match &self.config.public_host {
            Some(host) => host_of(host),
            None => ip_host(local),
        };
        (Via::new(path.transport.as_str(), host, Some(path.local.port()), &branch), branch)
    }

    /// Completes a response: tag, Server.
    pub(super) fn finish(&self, mut response: Response, local_tag: &str) -> Response {
        if response.status != 100 {
            response.set_to_tag(local_tag);
        }
        response.headers.set("Server", &self.config.user_agent);
        response
    }

    /// A 2xx to an INVITE: Contact, capabilities, the session timer's terms, the description.
    pub(super) fn accept_invite(
        &self,
        request: &Request,
        path: &Path,
        local_tag: &str,
        body: Option<Bytes>,
    ) -> Response {
        let mut response = request.response(code(200));
        response.headers.copy(&request.headers, "Record-Route");
        let mut response = self
            .finish(response, local_tag)
            .with("Contact", self.contact(path, Some(&request.uri)))
            .with("Allow", ALLOW)
            .with("Supported", SUPPORTED);
        if let Some(expires) = session_timer(request) {
            response = response.with("Require", "timer").with("Session-Expires", expires);
        }
        match body {
            Some(body) => response.with_body(SDP, body),
            None => response,
        }
    }

    /// What OPTIONS is answered with (§11.2).
    pub(super) fn capabilities(&self, request: &Request, local_tag: &str) -> Response {
        self.finish(request.response(code(200)), local_tag)
            .with("Allow", ALLOW)
            .with("Accept", ACCEPT)
            .with("Accept-Encoding", "identity")
            .with("Accept-Language", "nb, en")
            .with("Supported", SUPPORTED)
    }

    /// Completes an INVITE of ours.
    pub(super) fn invite_fields(&self, request: Request, path: &Path, body: Option<Bytes>) -> Request {
        let request = request
            .with("Contact", self.contact(path, None))
            .with("User-Agent", &self.config.user_agent)
            .with("Allow", ALLOW)
            .with("Supported", SUPPORTED)
            .with("Accept", ACCEPT);
        match body {
            Some(body) => request.with_body(SDP, body),
            None => request,
        }
    }
}

/// The session timer (RFC 4028 §9) that we grant: the caller's own refreshes. Where the caller wants us to refresh
/// we promise nothing; the session then runs without a timer.
pub(super) fn session_timer(request: &Request) -> Option<SessionExpires> {
    let wanted = request.headers.session_expires().ok()??;
    let knows =
        request.headers.has_token("Supported", "timer") || request.headers.has_token("Require", "timer");
    if !knows || wanted.refresher == Some(Refresher::Uas) {
        return None;
    }
    Some(SessionExpires { delta_seconds: wanted.delta_seconds, refresher: Some(Refresher::Uac) })
}

/// When a session that nobody refreshed is over: a little before its time (RFC 4028 §10).
pub(super) fn session_ends(now: Instant, request: &Request) -> Option<Instant> {
    let seconds = u64::from(session_timer(request)?.delta_seconds);
    now.checked_add(Duration::from_secs(seconds - (seconds / 3).min(32)))
}

pub(super) fn ip_host(ip: IpAddr) -> Host {
    match ip {
        IpAddr::V4(ip) => Host::V4(ip),
        IpAddr::V6(ip) => Host::V6(ip),
    }
}

fn host_of(text: &str) -> Host {
    match text.parse::<IpAddr>() {
        Ok(ip) => ip_host(ip),
        Err(_) => Host::Name(text.to_owned()),
    }
}
