//! One stream of a port, both ways: protection, numbers, reports.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use roomgate_rtp::{
    demux::{Kind, classify},
    packet::{RtpHeader, RtpView},
};

use super::{
    Asked,
    guard::Guard,
    latch::{Latch, canonical},
};
use crate::{
    ids::TrackId,
    plane::{PlaneOutput, SocketId},
    signalling::{Direction, Feedback, TransportParams},
};

/// An RTP timestamp.
pub(super) type Clock = u32;

#[derive(Debug)]
pub(super) struct Stream {
    track: TrackId,
    ssrc: u32,
    cname: String,
    agreed: Option<Agreed>,
    latch: Latch,
    guard: Guard,
    incoming: Option<Incoming>,
    sent_packets: u32,
    sent_octets: u32,
    report_due: Option<Instant>,
}

/// What was agreed for one stream.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) payload_type: u8,
    pub(super) direction: Direction,
    pub(super) transport: TransportParams,
    pub(super) feedback: Feedback,
}

/// The far side's stream.
#[derive(Debug)]
struct Incoming {
    ssrc: u32,
}

/// A good packet, in the clear.
pub(super) struct Opened<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// It decided where the far side is.
    pub(super) latched: bool,
}

pub(super) struct Arrival {
    pub(super) first: bool,
    /// With another SSRC than before.
    pub(super) restarted: bool,
}

impl Stream {
    pub(super) fn new(track: TrackId, ssrc: u32, cname: String) -> Self {
        Self {
            track,
            ssrc,
            cname,
            agreed: None,
            latch: Latch::default(),
            guard: Guard::default(),
            incoming: None,
            sent_packets: 0,
            sent_octets: 0,
            report_due: None,
        }
    }

    pub(super) fn agree(&mut self, now: Instant, agreed: Option<Agreed>) {
        if let Some(agreed) = &agreed {
            self.latch.agree(now, &agreed.transport);
            self.guard.agree(agreed.transport.srtp.as_ref());
        }
        self.agreed = agreed;
    }

    pub(super) fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }

    pub(super) fn payload_type(&self) -> Option<u8> {
        Some(self.agreed.as_ref()?.payload_type)
    }

    pub(super) fn receives(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.direction.receives())
    }

    pub(super) fn sends(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.direction.sends())
    }

    pub(super) fn latched_at(&self, host: IpAddr) -> bool {
        self.latch.rtp().is_some_and(|latched| same_host(latched.ip(), host))
    }

    /// Where packets go: to where they come from, else to what was agreed. None on hold in the old way (`0.0.0.0`).
    pub(super) fn destination(&self) -> Option<SocketAddr> {
        let negotiated = self.agreed.as_ref()?.transport.rtp;
        let to = canonical(self.latch.rtp().unwrap_or(negotiated));
        let real = |address: SocketAddr| !address.ip().is_unspecified() && address.port() != 0;
        (real(negotiated) && real(to)).then_some(to)
    }

    pub(super) fn is_control(&self, socket: bool, bytes: &[u8]) -> bool {
        socket
            || (classify(bytes) == Kind::Rtcp
                && self.agreed.as_ref().is_some_and(|agreed| agreed.transport.rtcp_mux))
    }

    /// RTCP came in. None if it is not to be trusted; else whether a key frame is wanted.
    pub(super) fn control(&mut self, now: Instant, from: SocketAddr, _bytes: &[u8]) -> Option<bool> {
        self.latch.admits_control(now, from).then_some(())?;
        None
    }

    /// RTP came in: checks where from, by whom and what.
    pub(super) fn open<'a>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &'a [u8],
        events: Option<u8>,
    ) -> Option<Opened<'a>> {
        let agreed = self.agreed.as_ref()?;
        if classify(bytes) != Kind::Rtp || !self.latch.admits(now, from) {
            return None;
        }
        let bytes = self.guard.unprotect_rtp(bytes)?;
        let packet = RtpView::parse(&bytes).ok()?;
        let known = packet.payload_type() == agreed.payload_type || Some(packet.payload_type()) == events;
        if !known || packet.ssrc() == self.ssrc {
            return None;
        }
        let latched = self.latch.fix(from);
        Some(Opened { bytes, latched })
    }

    /// Counts a packet of the stream for reports.
    pub(super) fn count(&mut self, _now: Instant, _rate: u32, packet: &RtpView<'_>) -> Arrival {
        let ssrc = packet.ssrc();
        let before = self.incoming.replace(Incoming { ssrc });
        Arrival { first: before.is_none(), restarted: before.is_some_and(|before| before.ssrc != ssrc) }
    }

    pub(super) fn send(
        &mut self,
        now: Instant,
        sequence: u16,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
    ) -> Option<PlaneOutput> {
        let to = self.destination()?;
        let agreed = self.agreed.as_ref()?;
        let header =
            RtpHeader { payload_type: agreed.payload_type, marker, sequence, timestamp, ssrc: self.ssrc };
        let mut bytes = Vec::with_capacity(payload.len() + ROOM);
        header.write(payload, &mut bytes);
        self.guard.protect_rtp(&mut bytes)?;
        self.sent_packets = self.sent_packets.wrapping_add(1);
        self.sent_octets = self.sent_octets.wrapping_add(payload.len() as u32);
        self.report_due.get_or_insert(now + SOON);
        Some(PlaneOutput::Transmit { socket: SocketId::Rtp(self.track), to, bytes: bytes.into() })
    }

    pub(super) fn report(
        &mut self,
        _now: Instant,
        _unix_ms: u64,
        _clock: Option<Clock>,
    ) -> Option<PlaneOutput> {
        None
    }

    pub(super) fn ask_keyframe(&mut self, _now: Instant) -> Asked {
        Asked::NotByMedia
    }

    pub(super) fn goodbye(&mut self) -> Option<PlaneOutput> {
        None
    }
}

pub(super) fn same_host(a: IpAddr, b: IpAddr) -> bool {
    a.to_canonical() == b.to_canonical()
}

/// For header and authentication tag.
const ROOM: usize = 12 + 32;
/// The first report comes so soon, as players wait for it to bring sound and picture together.
const SOON: Duration = Duration::from_millis(500);
