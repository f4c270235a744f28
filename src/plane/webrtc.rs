//! All browsers of one media thread, on one socket: ICE-lite, DTLS-SRTP and RTP by `str0m`, which repairs loss in both
//! directions (NACK, RFC 4588 retransmission). What passes in and out of here is RTP payload, untouched.
//!
//! A browser offers one line for sound, one for its camera and any number that only receive video: the k-th of these is
//! slot k. H.264 is Constrained Baseline with packetization-mode 1, which every browser has that has H.264 at all.

mod lines;
mod peer;
mod stun;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    net::{IpAddr, SocketAddr},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use str0m::{
    Candidate, Input, Rtc,
    change::SdpOffer,
    crypto::{CryptoProvider, dtls::DtlsCert},
    net::{Protocol, Receive},
};

use self::{
    lines::Lines,
    peer::{Gone, Peer},
};
use crate::{ids::LegId, plane::PlaneConfig};

/// Browsers of one thread. A room's thread is full long before.
const MAX_PEERS: usize = 1000;

/// What comes out of [`Browsers`].
#[derive(Debug)]
pub enum BrowsersOutput {
    /// One datagram.
    Transmit { to: SocketAddr, bytes: Bytes },
    /// One RTP packet of a camera, as it came: perhaps late, perhaps repaired.
    Video { leg: LegId, sequence: u16, timestamp: u32, marker: bool, payload: Bytes },
    /// One RTP packet of a microphone: Opus, in 48 kHz.
    Audio { leg: LegId, sequence: u16, timestamp: u32, payload: Bytes },
    /// The browser cannot go on decoding what this slot sends.
    KeyframeWanted { leg: LegId, slot: u8 },
    /// From now on media flows.
    Connected { leg: LegId },
    /// The browser left, or never came. The leg is closed already.
    Lost { leg: LegId },
    /// Nothing more to say until then.
    Timeout(Option<Instant>),
}

/// Sans-IO: handle one input, then drain [`Self::poll_output`] to [`BrowsersOutput::Timeout`].
pub struct Browsers {
    crypto: Arc<CryptoProvider>,
    /// One certificate for all: to make one for each browser would cost more than the rest of its handshake.
    certificate: Option<DtlsCert>,
    candidates: Vec<SocketAddr>,
    peers: BTreeMap<LegId, Peer>,
    /// By the user name fragment that we gave out: STUN requests are told apart by it (RFC 8445 §7.2.2).
    ufrags: HashMap<String, LegId>,
    /// By the addresses from which valid STUN requests came: everything else is told apart by it.
    routes: HashMap<SocketAddr, LegId>,
    /// To these something was written since they were drained.
    unsent: Vec<LegId>,
    /// Not later than any peer's.
    due: Option<Instant>,
    now: Instant,
    out: VecDeque<BrowsersOutput>,
}

impl fmt::Debug for Browsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browsers").field("peers", &self.peers.len()).finish_non_exhaustive()
    }
}

impl Browsers {
    pub fn new(config: &PlaneConfig, now: Instant) -> Self {
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let certificate = crypto.dtls_provider.generate_certificate();
        let mut candidates: Vec<SocketAddr> = Vec::new();
        for &address in [config.browsers].iter().chain(&config.more_browsers) {
            if !address.ip().is_unspecified() && address.port() != 0 && !candidates.contains(&address) {
                candidates.push(address);
            }
        }
        Self {
            crypto,
            certificate,
            candidates,
            peers: BTreeMap::new(),
            ufrags: HashMap::new(),
            routes: HashMap::new(),
            unsent: Vec::new(),
            due: None,
            now,
            out: VecDeque::new(),
        }
    }

    /// Takes a browser's offer and gives the answer, or a reason for people. A leg that is known already changes its
    /// session; if that fails it is lost.
    pub fn accept(&mut self, now: Instant, leg: LegId, offer: &str) -> Result<String, String> {
        self.now = now;
        let lines = Lines::read(offer)?;
        let known = self.peers.remove(&leg);
        let was_known = known.is_some();
        if let Some(peer) = &known {
            self.ufrags.remove(&peer.ufrag);
        }
        let agreed = match known {
            Some(peer) => Ok(peer),
            None => self.new_peer(now),
        }
        .and_then(|peer| negotiate(peer, &lines, offer));
        match agreed {
            Ok((peer, answer)) => {
                self.ufrags.insert(peer.ufrag.clone(), leg);
                self.peers.insert(leg, peer);
                self.advance(leg);
                Ok(answer)
            }
            Err(reason) => {
                if was_known {
                    self.routes.retain(|_, routed| *routed != leg);
                    self.out.push_back(BrowsersOutput::Lost { leg });
                }
                Err(reason)
            }
        }
    }

    /// Says goodbye to the browser and forgets it. No [`BrowsersOutput::Lost`] follows.
    pub fn close(&mut self, now: Instant, leg: LegId) {
        self.now = now;
        if let Some(peer) = self.peers.get_mut(&leg) {
            peer.close(now, leg, &mut self.out);
            self.forget(leg);
        }
    }

    /// One datagram of the browsers' socket. What belongs to nobody is dropped.
    pub fn received(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        self.now = now;
        let fragment = stun::local_fragment(bytes);
        let leg = match fragment {
            Some(fragment) => self.ufrags.get(fragment),
            None => self.routes.get(&from),
        };
        let (Some(&leg), Some(to)) = (leg, self.destination(from)) else { return };
        let Some(peer) = self.peers.get_mut(&leg) else { return };
        let Ok(datagram) = Receive::new(Protocol::Udp, from, to, bytes) else { return };
        let input = Input::Receive(now, datagram);
        // for STUN this proves that the sender knows our password
        if !peer.rtc.accepts(&input) && fragment.is_some() {
            return;
        }
        if fragment.is_some() && self.routes.insert(from, leg) != Some(leg) {
            // the oldest may be another browser's by now
            if let Some(old) = peer.add_route(from)
                && self.routes.get(&old) == Some(&leg)
            {
                self.routes.remove(&old);
            }
        }
        if peer.received(now, input).is_err() {
            self.lose(leg);
            return;
        }
        self.advance(leg);
    }

    /// An extra one is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        let due: Vec<LegId> =
            self.peers.iter().filter(|(_, peer)| peer.due() <= now).map(|(leg, _)| *leg).collect();
        for leg in due {
            self.advance(leg);
        }
        self.due = self.peers.values().map(Peer::due).min();
    }

    /// Sends one packet in `slot`. `sequence` counts this slot's packets without wrapping; where it jumps, the browser
    /// sees no gap. Nothing is sent before the browser is connected.
    #[expect(clippy::too_many_arguments, reason = "an RTP packet and where it goes")]
    pub fn send_video(
        &mut self,
        now: Instant,
        leg: LegId,
        slot: u8,
        sequence: u64,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
    ) {
        self.now = now;
        let Some(peer) = self.peers.get_mut(&leg) else { return };
        if peer.send_video(now, slot, sequence, timestamp, marker, payload) {
            self.unsent.push(leg);
        }
    }

    /// Sends 20 ms of Opus. Nothing is sent before the browser is connected.
    pub fn send_audio(&mut self, now: Instant, leg: LegId, timestamp: u32, payload: &[u8]) {
        self.now = now;
        let Some(peer) = self.peers.get_mut(&leg) else { return };
        if peer.send_audio(now, timestamp, payload) {
            self.unsent.push(leg);
        }
    }

    /// Asks the browser's camera for a key frame (PLI, RFC 4585 §6.3.1).
    pub fn request_keyframe(&mut self, now: Instant, leg: LegId) {
        self.now = now;
        let Some(peer) = self.peers.get_mut(&leg) else { return };
        if peer.request_keyframe() {
            self.unsent.push(leg);
        }
    }

    pub fn poll_output(&mut self) -> BrowsersOutput {
        if self.out.is_empty() {
            // packets written since are sealed together, so that those of one frame leave in one burst
            for leg in std::mem::take(&mut self.unsent) {
                if self.peers.get_mut(&leg).is_some_and(Peer::take_unsent) {
                    self.advance(leg);
                }
            }
        }
        self.out.pop_front().unwrap_or(BrowsersOutput::Timeout(self.due))
    }

    fn new_peer(&self, now: Instant) -> Result<Peer, String> {
        if self.peers.len() >= MAX_PEERS {
            return Err("This server has no room for more browsers.".to_owned());
        }
        let mut config = Rtc::builder()
            .set_crypto_provider(Arc::clone(&self.crypto))
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false);
        lines::add_h264(config.codec_config());
        if let Some(certificate) = &self.certificate {
            config = config.set_dtls_cert(certificate.clone());
        }
        let mut rtc = config.build(now);
        let mut reachable = false;
        for &address in &self.candidates {
            if let Ok(candidate) = Candidate::host(address, "udp") {
                reachable |= rtc.add_local_candidate(candidate).is_some();
            }
        }
        if !reachable {
            return Err("This server has no address to tell to browsers.".to_owned());
        }
        Ok(Peer::new(rtc, now))
    }

    /// Lets time pass for one peer and takes out what it has to say.
    fn advance(&mut self, leg: LegId) {
        let Some(peer) = self.peers.get_mut(&leg) else { return };
        match peer.advance(self.now, leg, &mut self.out) {
            Ok(()) => {
                let due = peer.due();
                self.due = Some(self.due.map_or(due, |earliest| earliest.min(due)));
            }
            Err(Gone) => self.lose(leg),
        }
    }

    fn lose(&mut self, leg: LegId) {
        self.forget(leg);
        self.out.push_back(BrowsersOutput::Lost { leg });
    }

    fn forget(&mut self, leg: LegId) {
        if let Some(peer) = self.peers.remove(&leg) {
            self.ufrags.remove(&peer.ufrag);
            self.routes.retain(|_, routed| *routed != leg);
        }
    }

    /// The candidate at which a datagram of `from` most likely came in. The socket does not tell, and ICE drops what
    /// comes to none of the candidates. It is the same each time, so that one path stays one candidate pair.
    fn destination(&self, from: SocketAddr) -> Option<SocketAddr> {
        let mut best: Option<(u32, SocketAddr)> = None;
        for &candidate in &self.candidates {
            let common = match (candidate.ip(), from.ip()) {
                (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() + 1,
                (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() + 1,
                _ => 0,
            };
            if best.is_none_or(|(most, _)| common > most) {
                best = Some((common, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }
}

/// Reads the offer and applies it.
fn negotiate(mut peer: Peer, lines: &Lines, offer: &str) -> Result<(Peer, String), String> {
    // str0m asserts where an offer gives one payload type two meanings. An offer comes from anybody, before any PIN.
    let applied = catch_unwind(AssertUnwindSafe(|| {
        let offer =
            SdpOffer::from_sdp_string(offer).map_err(|error| lines::unreadable(&error.to_string()))?;
        peer.rtc.sdp_api().accept_offer(offer).map_err(|error| lines::unreadable(&error.to_string()))
    }));
    let answer =
        applied.unwrap_or_else(|_| Err(lines::unreadable("its payload types contradict each other")))?;
    peer.agree(lines)?;
    Ok((peer, answer.to_sdp_string()))
}

#[cfg(test)]
mod tests;
