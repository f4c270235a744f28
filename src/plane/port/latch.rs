//! Where a stream's packets may come from: the first good one within some seconds decides, until something else is agreed.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use crate::signalling::TransportParams;

/// Behind NAT the agreed address is not the real one; so what is sent follows what came (symmetric RTP, RFC 4961).
#[derive(Debug, Default)]
pub(super) struct Latch {
    negotiated: Option<SocketAddr>,
    signalling: Option<IpAddr>,
    anywhere: bool,
    until: Option<Instant>,
    rtp: Option<SocketAddr>,
    rtcp: Option<SocketAddr>,
}

impl Latch {
    /// Begins anew if the agreed address is another than before.
    pub(super) fn agree(&mut self, now: Instant, transport: &TransportParams) {
        let negotiated = Some(canonical(transport.rtp));
        if self.negotiated != negotiated {
            *self = Self { negotiated, until: Some(now + OPEN), ..Self::default() };
        }
        self.signalling = Some(transport.signalling_source.to_canonical());
        self.anywhere = transport.registered;
    }

    /// Whether RTP from there is worth a look.
    pub(super) fn admits(&self, now: Instant, from: SocketAddr) -> bool {
        let from = canonical(from);
        match self.rtp {
            Some(fixed) => fixed == from,
            None => self.candidate(now, from),
        }
    }

    /// RTCP comes from another port of the same host.
    pub(super) fn admits_control(&self, now: Instant, from: SocketAddr) -> bool {
        let from = canonical(from);
        match self.rtp.or(self.rtcp) {
            Some(fixed) => fixed.ip() == from.ip(),
            None => self.candidate(now, from),
        }
    }

    fn candidate(&self, now: Instant, from: SocketAddr) -> bool {
        if self.negotiated.is_some_and(|negotiated| negotiated.ip() == from.ip()) {
            return true;
        }
        let open = self.until.is_some_and(|until| now < until);
        open && (self.anywhere || self.signalling == Some(from.ip()))
    }

    /// A good RTP packet has come from there. True if that decided it.
    pub(super) fn fix(&mut self, from: SocketAddr) -> bool {
        let first = self.rtp.is_none();
        if first {
            self.rtp = Some(canonical(from));
            // What RTCP came from elsewhere meanwhile was somebody else.
            self.rtcp = self.rtcp.filter(|rtcp| rtcp.ip() == canonical(from).ip());
        }
        first
    }

    /// A good RTCP packet has come from there.
    pub(super) fn fix_control(&mut self, from: SocketAddr) {
        self.rtcp.get_or_insert_with(|| canonical(from));
    }

    pub(super) fn rtp(&self) -> Option<SocketAddr> {
        self.rtp
    }

    pub(super) fn rtcp(&self) -> Option<SocketAddr> {
        self.rtcp
    }
}

/// IPv4 in the clothes of IPv6 is IPv4.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// So long the first packet may come from elsewhere.
const OPEN: Duration = Duration::from_secs(10);
