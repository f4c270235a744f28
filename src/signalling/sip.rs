//! SIP to and from [`LegEvent`] and [`LegCommand`], over `roomgate_sip`'s endpoint and offer/answer.

mod dial;
mod info;
mod keys;
mod params;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use roomgate_sip::{
    auth::Algorithm,
    endpoint::{
        Accounts, CommandError, Endpoint, EndpointConfig, Event, Input, InvitationId, Output, Path,
        StoredBinding,
    },
    message::Request,
    sdp::{Agreement, Local, LocalAudio, LocalVideo, OfferAnswer, SdpError, Session},
};

use super::{Caller, DigitPath, Face, LegCommand, LegEvent, LocalMedia, MediaParams, Offer};
use crate::{
    call::release::Release,
    ids::{LegId, LegIds, TrackKind},
    profile::{DigestAlgorithm, Profile, Profiles},
};
use info::Info;
use keys::Keys;
use params::Peer;

/// No sender is asked for key frames by INFO more often (some devices then stop listening for a while).
const BETWEEN_UPDATES: Duration = Duration::from_millis(500);
const MAX_NAME: usize = 64;
const MAX_ADDRESS: usize = 256;

/// What the SIP side is told at its start.
#[derive(Clone, Debug)]
pub struct SipSideConfig {
    pub endpoint: EndpointConfig,
    /// Shared with the other protocols.
    pub ids: LegIds,
}

/// What comes out of the SIP side. Drain until [`SipOutput::Timeout`].
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "few at a time, and moved once")]
pub enum SipOutput {
    Transmit {
        path: Path,
        bytes: Bytes,
    },
    Leg(LegId, LegEvent),
    /// An account's bindings have changed; none means that it is not registered.
    Registered {
        account: String,
        bindings: Vec<StoredBinding>,
    },
    /// Something to count.
    Counter(&'static str),
    Timeout(Option<Instant>),
}

/// All SIP signalling. Sans-IO: hand it one input or command, then drain [`SipSide::poll_output`] to its timeout.
pub struct SipSide {
    endpoint: Endpoint,
    endpoint_timeout: Option<Instant>,
    ids: LegIds,
    profiles: &'static Profiles,
    calls: HashMap<InvitationId, Call>,
    legs: HashMap<LegId, InvitationId>,
    /// Wishes for key frames that wait for their time, by leg.
    updates: HashMap<LegId, Instant>,
    out: VecDeque<SipOutput>,
}

struct Call {
    leg: LegId,
    peer: Peer,
    profile: Arc<Profile>,
    /// The caller's first offer, until it is answered.
    offer: Option<Session>,
    media: Option<Media>,
    connected: bool,
    last_update: Option<Instant>,
}

/// The media of an answered call.
struct Media {
    keys: Keys,
    negotiation: OfferAnswer,
    agreed: Option<MediaParams>,
}

impl SipSide {
    pub fn new(mut config: SipSideConfig, accounts: Arc<dyn Accounts>) -> Self {
        config.endpoint.algorithms = Arc::new(|user_agent| {
            let named = |digest: &DigestAlgorithm| match digest {
                DigestAlgorithm::Md5 => Algorithm::Md5,
                DigestAlgorithm::Sha256 => Algorithm::Sha256,
            };
            Profiles::embedded().find(user_agent, None).digests.iter().map(named).collect()
        });
        Self {
            endpoint: Endpoint::new(config.endpoint, accounts),
            endpoint_timeout: None,
            ids: config.ids,
            profiles: Profiles::embedded(),
            calls: HashMap::new(),
            legs: HashMap::new(),
            updates: HashMap::new(),
            out: VecDeque::new(),
        }
    }

    /// Replaces the accounts. Calls and bindings that stand are not touched.
    pub fn set_accounts(&mut self, accounts: Arc<dyn Accounts>) {
        self.endpoint.set_accounts(accounts);
    }

    /// One datagram, or one message cut from a stream.
    pub fn handle_received(&mut self, now: Instant, via: &Path, bytes: &Bytes) {
        self.endpoint.handle_input(now, Input::Received { via, bytes });
        self.pump(now);
    }

    /// A TCP or TLS connection is no more, or could not be opened.
    pub fn handle_closed(&mut self, now: Instant, connection: u64) {
        self.endpoint.handle_input(now, Input::Closed { connection });
        self.pump(now);
    }

    /// An extra one is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_input(now, Input::Timeout);
        let due: Vec<LegId> =
            self.updates.iter().filter(|(_, at)| **at <= now).map(|(leg, _)| *leg).collect();
        for leg in due {
            self.updates.remove(&leg);
            self.send_update(now, leg);
        }
        self.pump(now);
    }

    /// Whether this leg is a SIP call.
    pub fn has(&self, leg: LegId) -> bool {
        self.legs.contains_key(&leg)
    }

    /// Calls that are not over.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Puts back an account's bindings at start.
    pub fn restore(&mut self, now: Instant, account: &str, bindings: Vec<StoredBinding>) {
        self.endpoint.restore(now, account, bindings);
        self.pump(now);
    }

    /// Does what the gateway asks of a leg. A leg that is no more does nothing.
    pub fn command(&mut self, now: Instant, leg: LegId, command: LegCommand) {
        let Some(&id) = self.legs.get(&leg) else { return };
        match command {
            LegCommand::Ring => {
                if let Err(error) = self.endpoint.ring(now, id) {
                    tracing::debug!(%leg, %error, "no ringing");
                }
            }
            LegCommand::Answer(LocalMedia::Ports { address, audio, video, entropy }) => {
                let local = |prefer_mode, session_id| Local {
                    session_id,
                    address,
                    audio: (audio != 0).then_some(LocalAudio { port: audio }),
                    video: (video != 0).then(|| LocalVideo { prefer_mode, ..LocalVideo::hd(video) }),
                };
                self.answer(now, id, &entropy, local);
            }
            LegCommand::Answer(LocalMedia::Session(_)) => {
                tracing::error!(%leg, "a browser's description is no answer to a SIP call");
                self.end(now, id, Release::Fault);
            }
            LegCommand::Refuse(release) | LegCommand::Release(release) => self.end(now, id, release),
            LegCommand::WantKeyframe(TrackKind::Video) => self.want_keyframe(now, id),
            // Sound has no key frames; what a person is shown is drawn into the picture.
            LegCommand::WantKeyframe(TrackKind::Audio) | LegCommand::Show(_) => {}
        }
        self.pump(now);
    }

    /// What should happen. Call until it returns [`SipOutput::Timeout`].
    pub fn poll_output(&mut self) -> SipOutput {
        self.out.pop_front().unwrap_or_else(|| {
            let updates = self.updates.values().min().copied();
            SipOutput::Timeout([self.endpoint_timeout, updates].into_iter().flatten().min())
        })
    }

    /// Moves everything from the endpoint to our output.
    fn pump(&mut self, now: Instant) {
        loop {
            match self.endpoint.poll_output() {
                Output::Transmit { path, bytes } => self.out.push_back(SipOutput::Transmit { path, bytes }),
                Output::Event(event) => self.handle_event(now, event),
                Output::Timeout(timeout) => {
                    self.endpoint_timeout = timeout;
                    return;
                }
            }
        }
    }

    fn handle_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Invite { id, request, offer, path, account } => {
                self.handle_invite(now, id, &request, offer, &path, account);
            }
            Event::Acked { id, body } => self.handle_acked(now, id, body.as_deref()),
            Event::Reinvite { id, body } => self.handle_reinvite(now, id, body.as_deref()),
            Event::Info { id, content_type, body } => self.handle_info(id, &content_type, &body),
            Event::Cancelled { id } => self.released(id, Release::Cancelled),
            Event::Bye { id, .. } => self.released(id, Release::HungUp),
            Event::Gone { id } | Event::Failed { id, .. } => self.released(id, Release::Lost),
            Event::Registered { account, bindings } => {
                self.out.push_back(SipOutput::Registered { account, bindings });
            }
            Event::Counter(name) => self.out.push_back(SipOutput::Counter(name)),
            // We call nobody and never ask to change a session, so nobody answers.
            Event::Ringing { .. } | Event::Answered { .. } | Event::ReinviteFailed { .. } => {}
        }
    }

    fn handle_invite(
        &mut self,
        now: Instant,
        id: InvitationId,
        request: &Request,
        offer: Option<Bytes>,
        path: &Path,
        account: Option<String>,
    ) {
        let offer = match offer.map(|offer| Session::parse(&offer)).transpose() {
            Ok(offer) => offer,
            Err(error) => {
                tracing::debug!(%error, "an offer cannot be read");
                self.out.push_back(SipOutput::Counter("sdp-malformed"));
                let _ = self.endpoint.reject(now, id, 400, Some("Bad Session Description"));
                return;
            }
        };
        let leg = self.ids.next_leg();
        let peer = Peer {
            source: path.remote.ip().to_canonical(),
            transport: path.transport,
            registered: account.is_some(),
        };
        let user_agent = request.headers.get("User-Agent");
        let profile =
            self.profiles.find(user_agent, offer.as_ref().map(|offer| offer.origin.username.as_str()));
        let from = request.headers.from().ok();
        let caller = Caller {
            name: from
                .as_ref()
                .and_then(|from| from.display.as_deref())
                .map(|name| tidy(name, MAX_NAME))
                .filter(|name| !name.is_empty()),
            address: from
                .and_then(|from| from.uri.aor())
                .map(|aor| tidy(&format!("sip:{aor}"), MAX_ADDRESS))
                .unwrap_or_default(),
            account,
            trace: Arc::from(tidy(request.headers.call_id().unwrap_or_default(), MAX_ADDRESS)),
            face: Face::Endpoint,
            language: None,
            profile: profile.clone(),
            ..Caller::unknown(peer.source)
        };
        let offered =
            offer.as_ref().map_or(Offer::Delayed, |offer| Offer::Capabilities(params::capabilities(offer)));
        self.calls
            .insert(id, Call { leg, peer, profile, offer, media: None, connected: false, last_update: None });
        self.legs.insert(leg, id);
        let dialled = dial::dialled(&request.uri);
        self.event(leg, LegEvent::Incoming { caller, dialled, offer: offered });
    }

    fn answer(
        &mut self,
        now: Instant,
        id: InvitationId,
        entropy: &[u8; 64],
        local: impl FnOnce(u8, u64) -> Local,
    ) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.media.is_some() {
            return tracing::debug!(leg = %call.leg, "answered already");
        }
        let keys = Keys::new(entropy, call.peer.transport == roomgate_sip::endpoint::Transport::Tls);
        let local = local(call.profile.prefer_h264_mode, keys.session_id());
        let mut media = Media { keys, negotiation: OfferAnswer::new(local), agreed: None };
        let (text, agreed) = match call.offer.take() {
            Some(offer) => match media.answer(&offer, call.peer) {
                Ok((text, params)) => (text, Some(params)),
                Err(error) => {
                    tracing::debug!(leg = %call.leg, %error, "an offer cannot be answered");
                    return self.end(now, id, Release::Incompatible);
                }
            },
            None => (media.negotiation.offer(&media.keys), None),
        };
        call.media = Some(media);
        let leg = call.leg;
        if let Err(error) = self.endpoint.answer(now, id, Some(Bytes::from(text))) {
            tracing::debug!(%leg, %error, "no answer");
            return self.released(id, Release::Lost);
        }
        if let Some(params) = agreed {
            self.event(leg, LegEvent::Answered(params));
        }
    }

    fn handle_acked(&mut self, now: Instant, id: InvitationId, body: Option<&[u8]>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(media) = &mut call.media else { return };
        let leg = call.leg;
        let first = !std::mem::replace(&mut call.connected, true);
        if !media.negotiation.is_offering() {
            if first {
                self.event(leg, LegEvent::Connected);
            }
            return;
        }
        let before = media.agreed.clone();
        match media.handle_answer(body, call.peer) {
            Ok(params) if before.is_none() => {
                self.event(leg, LegEvent::Answered(params));
                if first {
                    self.event(leg, LegEvent::Connected);
                }
            }
            Ok(params) if before.as_ref() != Some(&params) => self.event(leg, LegEvent::Changed(params)),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%leg, %error, "an answer cannot be used");
                self.end(now, id, Release::Incompatible);
            }
        }
    }

    /// Answered at once: nothing about a change of media has to be decided elsewhere.
    fn handle_reinvite(&mut self, now: Instant, id: InvitationId, body: Option<&[u8]>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(media) = &mut call.media else { return };
        let (leg, before) = (call.leg, media.agreed.clone());
        let answer = match body {
            None => Ok((media.negotiation.offer(&media.keys), None)),
            Some(body) => Session::parse(body)
                .and_then(|offer| media.answer(&offer, call.peer))
                .map(|(text, params)| (text, Some(params))),
        };
        match answer {
            Ok((text, params)) => {
                if let Err(error) = self.endpoint.answer_reinvite(now, id, Some(Bytes::from(text))) {
                    return tracing::debug!(%leg, %error, "no answer to a re-INVITE");
                }
                if let Some(params) = params.filter(|params| before.as_ref() != Some(params)) {
                    self.event(leg, LegEvent::Changed(params));
                }
            }
            Err(error) => {
                tracing::debug!(%leg, %error, "a new offer cannot be answered");
                let status = if matches!(error, SdpError::NothingInCommon(_)) { 488 } else { 400 };
                let _ = self.endpoint.reject_reinvite(now, id, status);
            }
        }
    }

    fn handle_info(&mut self, id: InvitationId, content_type: &str, body: &[u8]) {
        let Some(leg) = self.calls.get(&id).map(|call| call.leg) else { return };
        match info::parse(content_type, body) {
            Some(Info::Digit(digit)) => {
                self.event(leg, LegEvent::Digit { digit, path: DigitPath::Message });
            }
            Some(Info::PictureFastUpdate) => self.event(leg, LegEvent::KeyframeWanted(TrackKind::Video)),
            None => self.out.push_back(SipOutput::Counter("info-unknown")),
        }
    }

    /// Asks by INFO, now or when it may be asked again; wishes in between are one.
    fn want_keyframe(&mut self, now: Instant, id: InvitationId) {
        let Some(call) = self.calls.get(&id) else { return };
        if !call.profile.keyframe_info {
            return;
        }
        match call.last_update.map(|last| last + BETWEEN_UPDATES).filter(|next| *next > now) {
            Some(next) => {
                self.updates.insert(call.leg, next);
            }
            None => self.send_update(now, call.leg),
        }
    }

    fn send_update(&mut self, now: Instant, leg: LegId) {
        let Some(&id) = self.legs.get(&leg) else { return };
        let body = Bytes::from_static(info::PICTURE_FAST_UPDATE.as_bytes());
        match self.endpoint.info(now, id, info::MEDIA_CONTROL, body) {
            Ok(()) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.last_update = Some(now);
                }
            }
            Err(error) => tracing::debug!(%leg, %error, "no INFO"),
        }
    }

    /// Ends a call in whatever state it is.
    fn end(&mut self, now: Instant, id: InvitationId, release: Release) {
        let answered = self.calls.get(&id).is_some_and(|call| call.media.is_some());
        let reason = format!("Q.850;cause={};text=\"{}\"", release.q850_cause(), release.as_str());
        // While it rings our status says why; a call that is gone already needs no word.
        let told = if answered {
            Err(CommandError::WrongState)
        } else {
            self.endpoint.reject(now, id, release.sip_status(), None)
        };
        if told.is_err()
            && let Err(error) = self.endpoint.bye(now, id, Some(&reason))
        {
            tracing::debug!(call = id.number(), %error, "nobody to tell of the end");
        }
        self.released(id, release);
    }

    fn released(&mut self, id: InvitationId, release: Release) {
        let Some(call) = self.calls.remove(&id) else { return };
        self.legs.remove(&call.leg);
        self.updates.remove(&call.leg);
        self.event(call.leg, LegEvent::Released(release));
    }

    fn event(&mut self, leg: LegId, event: LegEvent) {
        self.out.push_back(SipOutput::Leg(leg, event));
    }
}

impl Media {
    fn answer(&mut self, offer: &Session, peer: Peer) -> Result<(String, MediaParams), SdpError> {
        let (text, agreement) = self.negotiation.answer(offer, &self.keys)?;
        Ok((text, self.keep(&agreement, peer)))
    }

    fn handle_answer(&mut self, body: Option<&[u8]>, peer: Peer) -> Result<MediaParams, SdpError> {
        let answer = Session::parse(body.ok_or(SdpError::NothingInCommon("no answer came"))?)?;
        let agreement = self.negotiation.handle_answer(&answer, &self.keys)?;
        Ok(self.keep(&agreement, peer))
    }

    fn keep(&mut self, agreement: &Agreement, peer: Peer) -> MediaParams {
        let params = params::media_params(agreement, peer, self.agreed.as_ref());
        self.agreed = Some(params.clone());
        params
    }
}

/// A line of text that a stranger wrote: no control characters, no more than `max` characters.
fn tidy(text: &str, max: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(max).collect();
    line.trim().to_owned()
}
