//! One browser.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use str0m::{
    Event, Input, Output, Rtc,
    format::{Codec, PayloadParams},
    media::{KeyframeRequestKind, Mid, Pt},
    rtp::{RtpPacket, RtpWrite, Ssrc},
};

use super::{
    BrowsersOutput,
    lines::{self, Lines},
};
use crate::ids::LegId;

/// From the offer until media can flow. A person may have to answer a question about the camera first, but then the
/// offer is not made yet.
const MAX_CONNECT: Duration = Duration::from_secs(30);
/// Browsers ask by STUN whether we are still here at least every 5 s (RFC 7675 §5.1).
const MAX_SILENCE: Duration = Duration::from_secs(20);
/// Addresses from which one browser may send.
const MAX_ROUTES: usize = 8;
/// Senders that one browser may have.
const MAX_SOURCES: usize = 16;
/// A larger step in the numbers of a slot than loss or disorder make: somebody counts anew.
const MAX_STEP: u64 = 3000;
/// str0m's timers that are due at once are not run more often.
const MIN_WAIT: Duration = Duration::from_millis(1);

/// The peer is to be forgotten.
#[derive(Debug)]
pub(super) struct Gone;

pub(super) struct Peer {
    pub(super) rtc: Rtc,
    /// The user name fragment that we gave out.
    pub(super) ufrag: String,
    routes: VecDeque<SocketAddr>,
    audio: Option<Line>,
    camera: Option<Mid>,
    slots: Vec<Line>,
    /// What the senders seen so far carry.
    sources: Vec<(Ssrc, Source)>,
    connected: bool,
    closed: bool,
    unsent: bool,
    /// When the offer was taken, then when the last datagram came.
    heard: Instant,
    next: Instant,
}

/// A line on which we send.
struct Line {
    mid: Mid,
    payload_type: Option<Pt>,
    /// The number of the next packet; never wraps, and begins below 65 536: the far side takes the first rollover
    /// counter of SRTP as 0.
    next: u64,
    /// Where the caller's count stands when ours is `next`.
    expected: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Audio,
    Camera,
    Other,
}

impl Peer {
    pub(super) fn new(rtc: Rtc, now: Instant) -> Self {
        Self {
            rtc,
            ufrag: String::new(),
            routes: VecDeque::new(),
            audio: None,
            camera: None,
            slots: Vec::new(),
            sources: Vec::new(),
            connected: false,
            closed: false,
            unsent: false,
            heard: now,
            next: now,
        }
    }

    /// Takes over what an offer that was applied says, or tells people what is missing.
    pub(super) fn agree(&mut self, lines: &Lines) -> Result<(), String> {
        let opus = |params: &PayloadParams| params.spec().codec == Codec::Opus;
        let audio = lines.audio.map(|mid| self.line(mid, self.audio.as_ref(), opus));
        if audio.as_ref().is_some_and(|line| line.payload_type.is_none()) {
            return Err("This browser does not offer Opus, so that nobody would be heard.".to_owned());
        }
        let slots: Vec<Line> = lines
            .slots
            .iter()
            .map(|&mid| self.line(mid, self.slots.iter().find(|line| line.mid == mid), lines::is_mode_1))
            .collect();
        let camera = lines.camera.map(|mid| self.line(mid, None, lines::is_mode_1));
        if slots.iter().chain(&camera).any(|line| line.payload_type.is_none()) {
            return Err(
                "This browser does not offer H.264 (Constrained Baseline, packetization-mode 1), so that \
                nobody would be seen. Another browser may do, or its H.264 plugin is not installed yet."
                    .to_owned(),
            );
        }
        self.audio = audio;
        self.slots = slots;
        self.camera = lines.camera;
        self.sources.clear();
        self.ufrag = self.rtc.direct_api().local_ice_credentials().ufrag;
        Ok(())
    }

    fn line(&self, mid: Mid, before: Option<&Line>, fits: impl Fn(&PayloadParams) -> bool) -> Line {
        let payload_type = self.rtc.media(mid).and_then(|media| {
            let agreed = |params: &&PayloadParams| fits(params) && media.remote_pts().contains(&params.pt());
            self.rtc.codec_config().params().iter().find(agreed).map(PayloadParams::pt)
        });
        let (next, expected) =
            before.filter(|line| line.mid == mid).map_or((0, None), |line| (line.next, line.expected));
        Line { mid, payload_type, next, expected }
    }

    /// The datagram was found to be from this browser.
    pub(super) fn received(&mut self, now: Instant, input: Input<'_>) -> Result<(), Gone> {
        self.heard = now;
        match self.rtc.handle_input(input) {
            Ok(()) => Ok(()),
            // Once keys are agreed nothing that fails to be read can be the browser's: somebody else sent it.
            Err(error) if self.connected => {
                tracing::debug!(%error, "dropped a datagram");
                Ok(())
            }
            Err(error) => {
                tracing::debug!(%error, "no connection to the browser");
                Err(Gone)
            }
        }
    }

    /// Lets time pass, then takes everything out. str0m repairs no loss unless this follows each of its inputs.
    pub(super) fn advance(
        &mut self,
        now: Instant,
        leg: LegId,
        out: &mut VecDeque<BrowsersOutput>,
    ) -> Result<(), Gone> {
        self.unsent = false;
        if now >= self.deadline() {
            tracing::debug!(%leg, connected = self.connected, "nothing came from the browser");
            return Err(Gone);
        }
        // the second time for what the first has made due
        for _ in 0..2 {
            self.rtc.handle_input(Input::Timeout(now)).map_err(|error| {
                tracing::debug!(%leg, %error, "the browser's session failed");
                Gone
            })?;
            self.next = self.drain(leg, out)?;
            if self.next > now {
                break;
            }
        }
        self.next = self.next.max(now + MIN_WAIT);
        if self.closed || !self.rtc.is_alive() { Err(Gone) } else { Ok(()) }
    }

    fn drain(&mut self, leg: LegId, out: &mut VecDeque<BrowsersOutput>) -> Result<Instant, Gone> {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => return Ok(at),
                Ok(Output::Transmit(datagram)) => out.push_back(BrowsersOutput::Transmit {
                    to: datagram.destination,
                    bytes: Bytes::from(Vec::from(datagram.contents)),
                }),
                Ok(Output::Event(event)) => out.extend(self.translate(leg, event)),
                Err(error) => {
                    tracing::debug!(%leg, %error, "the browser's session failed");
                    return Err(Gone);
                }
            }
        }
    }

    fn translate(&mut self, leg: LegId, event: Event) -> Option<BrowsersOutput> {
        match event {
            Event::Connected => {
                self.connected = true;
                Some(BrowsersOutput::Connected { leg })
            }
            Event::RtpPacket(packet) => {
                let source = self.source(&packet);
                let RtpPacket { header, payload, .. } = packet;
                let (sequence, timestamp) = (header.sequence_number, header.timestamp);
                let payload = Bytes::from_owner(payload);
                match source {
                    Source::Audio => Some(BrowsersOutput::Audio { leg, sequence, timestamp, payload }),
                    Source::Camera => Some(BrowsersOutput::Video {
                        leg,
                        sequence,
                        timestamp,
                        marker: header.marker,
                        payload,
                    }),
                    Source::Other => None,
                }
            }
            Event::KeyframeRequest(request) => {
                let slot = self.slots.iter().position(|line| line.mid == request.mid)?;
                Some(BrowsersOutput::KeyframeWanted { leg, slot: u8::try_from(slot).ok()? })
            }
            Event::IceConnectionStateChange(state) => {
                tracing::debug!(%leg, ?state, "path to the browser");
                None
            }
            Event::Closed => {
                self.closed = true;
                None
            }
            _ => None,
        }
    }

    fn source(&mut self, packet: &RtpPacket) -> Source {
        let ssrc = packet.header.ssrc;
        if let Some((_, source)) = self.sources.iter().find(|(known, _)| *known == ssrc) {
            return *source;
        }
        let mid = self.rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid());
        let source = if mid.is_none() {
            Source::Other
        } else if mid == self.audio.as_ref().map(|line| line.mid) {
            Source::Audio
        } else if mid == self.camera {
            Source::Camera
        } else {
            Source::Other
        };
        if self.sources.len() >= MAX_SOURCES {
            self.sources.clear();
        }
        self.sources.push((ssrc, source));
        source
    }

    /// Whether there is something new to send.
    pub(super) fn send_video(
        &mut self,
        now: Instant,
        slot: u8,
        sequence: u64,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
    ) -> bool {
        let Some(line) = self.slots.get_mut(usize::from(slot)).filter(|_| self.connected) else {
            return false;
        };
        let Some(payload_type) = line.payload_type else { return false };
        let Some(sequence) = line.number(sequence) else { return false };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(line.mid, None) else { return false };
        let packet = RtpWrite::new(payload_type, sequence.into(), timestamp, now, payload);
        stream.write_rtp(packet.marker(marker).nackable(true));
        self.mark_unsent()
    }

    /// Whether there is something new to send.
    pub(super) fn send_audio(&mut self, now: Instant, timestamp: u32, payload: &[u8]) -> bool {
        let Some(line) = self.audio.as_mut().filter(|_| self.connected) else { return false };
        let Some(payload_type) = line.payload_type else { return false };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(line.mid, None) else { return false };
        stream.write_rtp(RtpWrite::new(payload_type, line.next.into(), timestamp, now, payload));
        line.next += 1;
        self.mark_unsent()
    }

    /// Whether there is something new to send.
    pub(super) fn request_keyframe(&mut self) -> bool {
        let Some(mid) = self.camera.filter(|_| self.connected) else { return false };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_rx_by_mid(mid, None) else { return false };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        self.mark_unsent()
    }

    /// Says goodbye (RTCP BYE, DTLS close_notify).
    pub(super) fn close(&mut self, now: Instant, leg: LegId, out: &mut VecDeque<BrowsersOutput>) {
        let mut farewell = VecDeque::new();
        if self.rtc.close().is_ok() && self.rtc.handle_input(Input::Timeout(now)).is_ok() {
            let _done = self.drain(leg, &mut farewell);
        }
        out.extend(farewell.into_iter().filter(|output| matches!(output, BrowsersOutput::Transmit { .. })));
    }

    /// A new address of this browser. Gives back the one that makes place for it.
    pub(super) fn add_route(&mut self, from: SocketAddr) -> Option<SocketAddr> {
        if !self.routes.contains(&from) {
            self.routes.push_back(from);
        }
        if self.routes.len() > MAX_ROUTES { self.routes.pop_front() } else { None }
    }

    /// When this peer is to be advanced next.
    pub(super) fn due(&self) -> Instant {
        self.next.min(self.deadline())
    }

    /// Whether something was written since it was last advanced.
    pub(super) fn take_unsent(&mut self) -> bool {
        std::mem::take(&mut self.unsent)
    }

    fn deadline(&self) -> Instant {
        self.heard + if self.connected { MAX_SILENCE } else { MAX_CONNECT }
    }

    /// Whether the caller has to remember it.
    fn mark_unsent(&mut self) -> bool {
        !std::mem::replace(&mut self.unsent, true)
    }
}

impl Line {
    /// Ours for the caller's. Keeps its gaps and its disorder, so that the browser asks for what it misses, but not its
    /// jumps.
    fn number(&mut self, theirs: u64) -> Option<u64> {
        let expected = *self.expected.get_or_insert(theirs);
        if theirs >= expected {
            let step = theirs - expected;
            let ours = if step < MAX_STEP { self.next + step } else { self.next };
            (self.next, self.expected) = (ours + 1, Some(theirs.saturating_add(1)));
            return Some(ours);
        }
        let back = expected - theirs;
        if back < MAX_STEP {
            return self.next.checked_sub(back);
        }
        let ours = self.next;
        (self.next, self.expected) = (ours + 1, Some(theirs.saturating_add(1)));
        Some(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_gaps_but_not_jumps() {
        let mut line = Line { mid: "0".into(), payload_type: None, next: 0, expected: None };
        let far = 5_000_000_000;
        let theirs = [far, far + 1, far + 3, far + 2, far + 4, 17, 18, u64::MAX];
        let ours: Vec<_> = theirs.into_iter().map(|number| line.number(number)).collect();
        assert_eq!(ours, [0, 1, 3, 2, 4, 5, 6, 7].map(Some));
        let mut line = Line { mid: "0".into(), payload_type: None, next: 0, expected: None };
        assert_eq!((line.number(100), line.number(99)), (Some(0), None), "older than the first");
    }
}
