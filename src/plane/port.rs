//! One endpoint's media port: RTP and RTCP (RFC 3550) with feedback (RFC 4585, RFC 5104) and SRTP (RFC 3711), to what was
//! heard and back. Knows where packets may come from and go to (symmetric RTP, RFC 4961).

mod guard;
mod latch;
mod stream;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use roomgate_rtp::{dtmf::EventReceiver, packet::RtpView};

use crate::{
    ids::{LegId, TrackId, TrackKind},
    plane::{PlaneOutput, forward::Outgoing},
    signalling::{AudioCodec, Digit, Feedback, MediaParams, VideoParams},
};
use stream::{Agreed, Clock, Stream};

/// One leg's streams, for as long as the leg lives: what is agreed may change, SSRCs and numbers go on.
#[derive(Debug)]
pub(super) struct Port {
    audio: Stream,
    video: Stream,
    codec: Option<AudioCodec>,
    /// Obeying `limit`.
    video_params: Option<VideoParams>,
    /// What the far side agreed to take of video, in bits a second, and the temporary limit below that.
    agreed_bitrate: u32,
    limit: Option<u64>,
    telephone_event: Option<u8>,
    events: Events,
    voice: Voice,
    /// The last sign of life, counted from when somebody said that he sends.
    alive: Option<Instant>,
    lost: bool,
}

/// What came in.
#[derive(Debug)]
pub(super) enum Heard {
    /// The first packet of a stream.
    Started(TrackKind),
    Audio {
        sequence: u16,
        timestamp: u32,
        payload: Bytes,
    },
    /// `restarted`: with another SSRC than before.
    Video {
        sequence: u16,
        timestamp: u32,
        marker: bool,
        payload: Bytes,
        restarted: bool,
    },
    Digit(Digit),
    /// The far side needs a key frame of what we send.
    KeyframeWanted,
    /// What may be sent to the far side has changed.
    Reachable,
    /// What the far side is to be told at once.
    Reply(PlaneOutput),
}

/// How a key frame can be asked for.
#[derive(Debug)]
pub(super) enum Asked {
    Packet(PlaneOutput),
    /// The far side takes no feedback in RTCP.
    NotByMedia,
    /// No video comes from there.
    Nobody,
}

#[derive(Default)]
struct Events(EventReceiver);

/// The numbers of what we say.
#[derive(Debug)]
struct Voice {
    sequence: u16,
    /// Of the next packet.
    timestamp: u32,
    sent: Option<Instant>,
    /// Hz.
    rate: u32,
}

impl Port {
    /// `entropy`: for SSRCs, numbers and the name in reports.
    pub(super) fn new(leg: LegId, entropy: [u64; 3]) -> Self {
        let [ssrcs, voice, name] = entropy;
        let cname = format!("{name:016x}");
        let (audio_ssrc, video_ssrc) = (ssrcs as u32, (ssrcs >> 32) as u32);
        Self {
            audio: Stream::new(TrackId::audio(leg), audio_ssrc, cname.clone()),
            video: Stream::new(
                TrackId::video(leg),
                if video_ssrc == audio_ssrc { !video_ssrc } else { video_ssrc },
                cname,
            ),
            codec: None,
            video_params: None,
            agreed_bitrate: 0,
            limit: None,
            telephone_event: None,
            events: Events::default(),
            voice: Voice {
                sequence: (voice >> 48) as u16 >> 1,
                timestamp: voice as u32,
                sent: None,
                rate: 8_000,
            },
            alive: None,
            lost: false,
        }
    }

    /// Takes what was agreed. True if the audio codec is another than before.
    pub(super) fn configure(&mut self, now: Instant, params: MediaParams) -> bool {
        let MediaParams { audio, video, .. } = params;
        let codec = audio.as_ref().map(|audio| audio.codec);
        let another = codec != self.codec;
        self.codec = codec;
        self.telephone_event = audio.as_ref().and_then(|audio| Some(audio.telephone_event?.0));
        if let Some(codec) = codec {
            self.voice.rate = codec.clock();
        }
        self.audio.agree(
            now,
            audio.map(|audio| Agreed {
                payload_type: audio.payload_type,
                direction: audio.direction,
                transport: audio.transport,
                feedback: Feedback::default(),
            }),
        );
        self.video.agree(
            now,
            video.as_ref().map(|video| Agreed {
                payload_type: video.payload_type,
                direction: video.direction,
                transport: video.transport.clone(),
                feedback: video.feedback,
            }),
        );
        self.agreed_bitrate = video.as_ref().map_or(0, |video| video.limits.max_bitrate);
        self.video_params = video;
        self.apply_limit();
        self.alive = self.expects_media().then_some(now);
        another
    }

    fn apply_limit(&mut self) {
        if let (Some(video), Some(limit)) = (&mut self.video_params, self.limit) {
            let limit = limit.clamp(LEAST_LIMIT, u64::from(u32::MAX)) as u32;
            video.limits.max_bitrate = self.agreed_bitrate.min(limit);
        }
    }

    fn expects_media(&self) -> bool {
        [&self.audio, &self.video].iter().any(|stream| stream.receives())
    }

    /// What the far side takes of our video; none while it takes none, or must not be sent any.
    pub(super) fn video_receiver(&self) -> Option<&VideoParams> {
        self.may_send_video().then_some(self.video_params.as_ref()?)
    }

    /// Video is much: it goes to nobody who might not have asked for it. The address must be that of the signalling, a
    /// proved caller's, or one that packets have come from.
    fn may_send_video(&self) -> bool {
        let Some(agreed) = self.video.agreed() else { return false };
        let Some(to) = self.video.destination() else { return false };
        let proved = [&self.audio, &self.video].iter().any(|stream| stream.latched_at(to.ip()));
        agreed.direction.sends()
            && (agreed.transport.registered
                || stream::same_host(to.ip(), agreed.transport.signalling_source)
                || proved)
    }

    /// A datagram of one of the leg's sockets.
    pub(super) fn received(
        &mut self,
        now: Instant,
        kind: TrackKind,
        control: bool,
        from: SocketAddr,
        bytes: &[u8],
        heard: &mut Vec<Heard>,
    ) {
        let events = self.telephone_event;
        let stream = match kind {
            TrackKind::Audio => &mut self.audio,
            TrackKind::Video => &mut self.video,
        };
        if stream.is_control(control, bytes) {
            let Some(control) = stream.control(now, from, bytes) else { return };
            if self.alive.is_some() {
                self.alive = Some(now);
            }
            if kind == TrackKind::Video {
                if control.keyframe_wanted {
                    heard.push(Heard::KeyframeWanted);
                }
                if let Some(limit) = control.limit {
                    self.limit = Some(limit.bitrate);
                    heard.extend(self.video.limited(limit).map(Heard::Reply));
                    self.apply_limit();
                    heard.push(Heard::Reachable);
                }
            }
            return;
        }
        let events = events.filter(|_| kind == TrackKind::Audio);
        let Some(opened) = stream.open(now, from, bytes, events) else { return };
        let Ok(packet) = RtpView::parse(&opened.bytes) else { return };
        if self.alive.is_some() {
            self.alive = Some(now);
        }
        if opened.latched {
            heard.push(Heard::Reachable);
        }
        if !stream.receives() {
            return;
        }
        if Some(packet.payload_type()) == events && Some(packet.payload_type()) != stream.payload_type() {
            let event = self.events.0.handle(
                packet.sequence(),
                packet.timestamp(),
                packet.marker(),
                packet.payload(),
            );
            heard.extend(event.and_then(digit).map(Heard::Digit));
            return;
        }
        let rate = match kind {
            TrackKind::Audio => self.voice.rate,
            TrackKind::Video => 90_000,
        };
        let arrival = stream.count(now, rate, &packet);
        if arrival.first {
            heard.push(Heard::Started(kind));
        }
        let (sequence, timestamp, marker) = (packet.sequence(), packet.timestamp(), packet.marker());
        let payload = Bytes::copy_from_slice(packet.payload());
        heard.push(match kind {
            TrackKind::Audio => Heard::Audio { sequence, timestamp, payload },
            TrackKind::Video => {
                Heard::Video { sequence, timestamp, marker, payload, restarted: arrival.restarted }
            }
        });
    }

    /// One audio frame, `ticks` long.
    pub(super) fn send_audio(&mut self, now: Instant, ticks: u32, payload: &[u8]) -> Option<PlaneOutput> {
        let (timestamp, marker) = self.voice.next(now, ticks);
        if !self.audio.sends() {
            return None;
        }
        let sequence = self.voice.sequence;
        self.voice.sequence = sequence.wrapping_add(1);
        self.audio.send(sequence, timestamp, marker, payload)
    }

    /// One video packet.
    pub(super) fn send_video(&mut self, packet: &Outgoing) -> Option<PlaneOutput> {
        let Outgoing { sequence, timestamp, marker, payload } = packet;
        self.may_send_video().then_some(())?;
        self.video.send(*sequence as u16, *timestamp, *marker, payload)
    }

    /// Sends the reports that are due. `video_clock`: the video's RTP timestamp of now. True if the far side is lost.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        unix_ms: u64,
        video_clock: Option<u32>,
        out: &mut VecDeque<PlaneOutput>,
    ) -> bool {
        out.extend(self.audio.report(now, unix_ms, self.voice.clock(now)));
        let video_clock = video_clock.filter(|_| self.may_send_video());
        out.extend(self.video.report(now, unix_ms, video_clock));
        let silent = self.alive.is_some_and(|alive| now.saturating_duration_since(alive) >= SILENCE);
        silent && !std::mem::replace(&mut self.lost, true)
    }

    /// Asks for a key frame of the far side's video.
    pub(super) fn ask_keyframe(&mut self) -> Asked {
        if !self.video.receives() {
            return Asked::Nobody;
        }
        self.video.ask_keyframe()
    }

    /// The leg is closed: says so to the far side.
    pub(super) fn goodbye(&mut self, out: &mut VecDeque<PlaneOutput>) {
        out.extend(self.audio.goodbye());
        out.extend(self.video.goodbye());
    }
}

impl Voice {
    /// Timestamp and marker of the frame that is sent now. After a pause the clock has gone on and the marker is set
    /// (RFC 3551 §4.1).
    fn next(&mut self, now: Instant, ticks: u32) -> (u32, bool) {
        let frame = Duration::from_millis(20);
        let late = self.sent.map(|sent| now.saturating_duration_since(sent).saturating_sub(frame));
        let pause = late.filter(|late| *late >= PAUSE);
        if let Some(pause) = pause {
            self.timestamp = self.timestamp.wrapping_add(clock_ticks(pause, self.rate));
        }
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(ticks);
        let first = self.sent.replace(now).is_none();
        (timestamp, first || pause.is_some())
    }

    /// The timestamp that corresponds to `now`.
    fn clock(&self, now: Instant) -> Option<Clock> {
        // Frames are handed over when they begin, so the newest has this time.
        let frame = self.rate / 50;
        let passed = clock_ticks(now.saturating_duration_since(self.sent?), self.rate);
        Some(self.timestamp.wrapping_sub(frame).wrapping_add(passed))
    }
}

impl std::fmt::Debug for Events {
    /// Keys are never shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events(_)")
    }
}

fn clock_ticks(time: Duration, rate: u32) -> u32 {
    (time.as_micros() * u128::from(rate) / 1_000_000) as u32
}

/// A key by its event (RFC 4733 §3.2).
fn digit(event: u8) -> Option<Digit> {
    match event {
        0..=9 => Some(Digit::Number(event)),
        10 => Some(Digit::Star),
        11 => Some(Digit::Pound),
        12..=15 => Some(Digit::Letter(event - 12)),
        _ => None,
    }
}

/// A far side that says it sends and is silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(20);
/// Less video than this is none, in bits a second.
const LEAST_LIMIT: u64 = 64_000;
/// Sound that comes so late was paused.
const PAUSE: Duration = Duration::from_millis(60);
