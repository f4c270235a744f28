//! One stream of a port, both ways: protection, numbers, reports.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use roomgate_rtp::{
    demux::{Kind, classify},
    packet::{RtpHeader, RtpView},
    report::{self, ReceiveStats},
    rtcp::{self, Item, Limit, SenderInfo},
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
    /// How the far side's stream arrives.
    incoming: Option<ReceiveStats>,
    fir: u8,
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

/// What RTCP said.
#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) keyframe_wanted: bool,
    /// We shall send less (RFC 5104 §4.2.1).
    pub(super) limit: Option<Limit>,
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
            fir: 0,
            sent_packets: 0,
            sent_octets: 0,
            report_due: None,
        }
    }

    pub(super) fn agree(&mut self, now: Instant, agreed: Option<Agreed>) {
        if let Some(agreed) = &agreed {
            self.latch.agree(now, &agreed.transport);
            self.guard.agree(agreed.transport.srtp.as_ref());
            self.report_due.get_or_insert(now + SOON);
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

    /// RTCP came in. None if it is not to be trusted.
    pub(super) fn control(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Option<Control> {
        if self.agreed.is_none() || !self.latch.admits_control(now, from) {
            return None;
        }
        let bytes = self.guard.unprotect_rtcp(bytes)?;
        let items = rtcp::parse(&bytes).ok()?;
        self.latch.fix_control(from);
        let mut control = Control::default();
        for item in items {
            match item {
                Item::Pli { .. } | Item::Fir { .. } => control.keyframe_wanted = true,
                Item::SenderReport { info, .. } => {
                    if let Some(incoming) = &mut self.incoming {
                        incoming.sender_report(now, &info);
                    }
                }
                Item::Tmmbr { limits, .. } => {
                    control.limit =
                        limits.into_iter().find(|limit| limit.ssrc == self.ssrc).or(control.limit);
                }
                _ => {}
            }
        }
        Some(control)
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

    /// Counts a packet of the stream, whose clock has `rate` Hz, for reports.
    pub(super) fn count(&mut self, now: Instant, rate: u32, packet: &RtpView<'_>) -> Arrival {
        let ssrc = packet.ssrc();
        let incoming = self.incoming.get_or_insert_with(|| ReceiveStats::new(rate));
        let before = incoming.ssrc();
        incoming.received(now, ssrc, packet.sequence(), packet.timestamp());
        Arrival { first: before.is_none(), restarted: before.is_some_and(|before| before != ssrc) }
    }

    pub(super) fn send(
        &mut self,
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
        Some(PlaneOutput::Transmit { socket: SocketId::Rtp(self.track), to, bytes: bytes.into() })
    }

    /// The report that is due. `clock`: the RTP timestamp of now in what we send, if we send.
    pub(super) fn report(&mut self, now: Instant, unix_ms: u64, clock: Option<Clock>) -> Option<PlaneOutput> {
        self.report_due.filter(|due| *due <= now)?;
        // Not all at the same time (RFC 3550 §6.2).
        self.report_due = Some(now + EVERY + Duration::from_millis(u64::from(self.ssrc % 500)));
        let blocks: Vec<_> =
            self.incoming.iter_mut().filter_map(|incoming| incoming.report_block(now)).collect();
        let sending = self.sends() && self.sent_packets > 0;
        let report = match clock.filter(|_| sending) {
            Some(rtp_timestamp) => {
                let info = SenderInfo {
                    ssrc: self.ssrc,
                    ntp: report::ntp(unix_ms),
                    rtp_timestamp,
                    packets: self.sent_packets,
                    octets: self.sent_octets,
                };
                rtcp::sender_report(&info, &blocks, &self.cname)
            }
            None => rtcp::receiver_report(self.ssrc, &blocks, &self.cname),
        };
        self.send_control(report)
    }

    pub(super) fn ask_keyframe(&mut self) -> Asked {
        let Some(agreed) = &self.agreed else { return Asked::Nobody };
        let Some(media) = self.incoming.as_ref().and_then(ReceiveStats::ssrc) else { return Asked::Nobody };
        let Feedback { pli, fir, .. } = agreed.feedback;
        let request = if pli {
            rtcp::pli(self.ssrc, media, &self.cname)
        } else if fir {
            // Each is a new request: the answer to the one before may have been lost.
            self.fir = self.fir.wrapping_add(1);
            rtcp::fir(self.ssrc, media, self.fir, &self.cname)
        } else {
            return Asked::NotByMedia;
        };
        self.send_control(request).map_or(Asked::Nobody, Asked::Packet)
    }

    /// Says which limit is obeyed from now on (RFC 5104 §4.2.2).
    pub(super) fn limited(&mut self, limit: Limit) -> Option<PlaneOutput> {
        let owner = self.incoming.as_ref().and_then(ReceiveStats::ssrc).unwrap_or_default();
        let limit = Limit { ssrc: owner, ..limit };
        self.send_control(rtcp::tmmbn(self.ssrc, &[limit], &self.cname))
    }

    pub(super) fn goodbye(&mut self) -> Option<PlaneOutput> {
        (self.sent_packets > 0).then_some(())?;
        self.send_control(rtcp::bye(self.ssrc, &self.cname))
    }

    /// RTCP goes to where it comes from, else beside where RTP comes from, else to what was agreed.
    fn send_control(&mut self, mut bytes: Vec<u8>) -> Option<PlaneOutput> {
        let rtp = self.destination()?;
        let TransportParams { rtp: negotiated, rtcp, rtcp_mux, .. } = self.agreed.as_ref()?.transport;
        let (socket, to) = if rtcp_mux {
            (SocketId::Rtp(self.track), rtp)
        } else {
            let beside = || match rtp == canonical(negotiated) {
                true => canonical(rtcp),
                false => SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1)),
            };
            (SocketId::Rtcp(self.track), self.latch.rtcp().unwrap_or_else(beside))
        };
        self.guard.protect_rtcp(&mut bytes)?;
        Some(PlaneOutput::Transmit { socket, to, bytes: bytes.into() })
    }
}

pub(super) fn same_host(a: IpAddr, b: IpAddr) -> bool {
    a.to_canonical() == b.to_canonical()
}

/// For header and authentication tag.
const ROOM: usize = 12 + 32;
/// The first report comes so soon, as players wait for it to bring sound and picture together.
const SOON: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_millis(2800);
