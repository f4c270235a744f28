//! Composed views: which sources are decoded, which views are drawn and encoded, and when. The work itself are [`Job`]s;
//! late pictures are dropped, never queued.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use roomgate_codec::{
    h264::{Decoder, Encoded, EncoderConfig},
    picture::Picture,
};

use crate::{
    ids::TrackId,
    plane::job::{Done, Job, JobDone, JobId, Lane, Painter, Task, Unit},
    room::scene::{Layout, Scene},
    signalling::VideoLimits,
};

/// All decoders and encoders of a plane.
#[derive(Debug)]
pub(super) struct Studio {
    start: Instant,
    decoders: BTreeMap<TrackId, DecoderLane>,
    encoders: BTreeMap<u64, EncoderLane>,
    serial: u64,
    jobs: VecDeque<Job>,
}

/// How a view is encoded. Legs with the same scene and the same of this share an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) fps: u32,
    /// Bits a second.
    pub(super) bitrate: u32,
    /// For receivers that take one NAL unit a packet (RFC 6184 §6.2).
    pub(super) single_nal: bool,
}

/// What came back from the workers.
#[derive(Debug)]
pub(super) enum Work {
    /// A picture of an encoder, drawn at `at`.
    Frame {
        encoder: u64,
        at: Instant,
        encoded: Encoded,
    },
    /// A source cannot be decoded until a key frame comes.
    KeyframeWanted(TrackId),
    Nothing,
}

#[derive(Debug)]
struct DecoderLane {
    decoder: Option<Box<Decoder>>,
    in_flight: Option<u64>,
    queue: VecDeque<Unit>,
    /// Nothing is decoded before the next IDR.
    waiting: bool,
    picture: Option<Arc<Picture>>,
}

#[derive(Debug)]
struct EncoderLane {
    scene: Arc<Scene>,
    spec: Spec,
    users: usize,
    painter: Option<Box<Painter>>,
    in_flight: Option<(u64, Instant)>,
    force_idr: bool,
    changed: bool,
    painted: Option<Instant>,
    last_idr: Option<Instant>,
}

impl Studio {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            start: now,
            decoders: BTreeMap::new(),
            encoders: BTreeMap::new(),
            serial: 0,
            jobs: VecDeque::new(),
        }
    }

    /// The encoder of this view, shared with whoever has the same; its next picture is an IDR.
    pub(super) fn join(&mut self, scene: &Arc<Scene>, spec: Spec) -> u64 {
        let found = self.encoders.iter().find(|(_, lane)| lane.spec == spec && lane.scene == *scene);
        let id = match found {
            Some((&id, _)) => id,
            None => {
                self.serial += 1;
                self.encoders.insert(self.serial, EncoderLane::new(Arc::clone(scene), spec));
                self.serial
            }
        };
        if let Some(lane) = self.encoders.get_mut(&id) {
            lane.users += 1;
            lane.force_idr = true;
        }
        id
    }

    /// One leg fewer sees this encoder's pictures.
    pub(super) fn leave(&mut self, id: u64) {
        if let Some(lane) = self.encoders.get_mut(&id) {
            lane.users = lane.users.saturating_sub(1);
            if lane.users == 0 {
                self.encoders.remove(&id);
            }
        }
    }

    /// Lets an encoder that only one leg sees go on with another scene, so that no IDR is needed. False if another
    /// encoder has that scene, or more than one leg sees this one.
    pub(super) fn redraw(&mut self, id: u64, scene: &Arc<Scene>, spec: Spec) -> bool {
        let taken = self
            .encoders
            .iter()
            .any(|(&other, lane)| other != id && lane.spec == spec && lane.scene == *scene);
        match self.encoders.get_mut(&id) {
            Some(lane) if lane.users == 1 && lane.spec == spec && !taken => {
                if lane.scene != *scene {
                    lane.scene = Arc::clone(scene);
                    lane.changed = true;
                }
                true
            }
            _ => false,
        }
    }

    pub(super) fn shows(&self, id: u64, scene: &Scene, spec: Spec) -> bool {
        self.encoders.get(&id).is_some_and(|lane| *lane.scene == *scene && lane.spec == spec)
    }

    pub(super) fn spec(&self, id: u64) -> Option<Spec> {
        self.encoders.get(&id).map(|lane| lane.spec)
    }

    /// Somebody who sees this encoder's pictures needs an IDR.
    pub(super) fn want_idr(&mut self, id: u64) {
        if let Some(lane) = self.encoders.get_mut(&id) {
            lane.force_idr = true;
        }
    }

    /// Whether a picture of this source is at hand.
    pub(super) fn has_picture(&self, track: TrackId) -> bool {
        self.decoders.get(&track).is_some_and(|lane| lane.picture.is_some())
    }

    /// Decodes the sources that some view shows, and no others. Gives those that are new: they need a key frame.
    pub(super) fn choose_sources(&mut self) -> Vec<TrackId> {
        let shown: BTreeSet<TrackId> = self.encoders.values().flat_map(|lane| lane.sources()).collect();
        self.decoders.retain(|track, _| shown.contains(track));
        let new: Vec<_> = shown.into_iter().filter(|track| !self.decoders.contains_key(track)).collect();
        for track in &new {
            self.decoders.insert(*track, DecoderLane::new());
        }
        new
    }

    pub(super) fn decodes(&self, track: TrackId) -> bool {
        self.decoders.contains_key(&track)
    }

    /// The source is another stream from now on, or lost something: what comes before its next IDR is of no use.
    pub(super) fn interrupted(&mut self, track: TrackId) {
        if let Some(lane) = self.decoders.get_mut(&track) {
            lane.waiting = true;
        }
    }

    /// An access unit of a source. True if a key frame is wanted.
    pub(super) fn feed(&mut self, track: TrackId, unit: Unit) -> bool {
        let Some(lane) = self.decoders.get_mut(&track) else { return false };
        if unit.idr {
            // Nothing before an IDR is needed any more.
            lane.queue.clear();
            lane.waiting = false;
        }
        if lane.waiting {
            return true;
        }
        if lane.queue.len() >= MAX_QUEUE {
            lane.queue.clear();
            lane.waiting = true;
            return true;
        }
        lane.queue.push_back(unit);
        false
    }

    pub(super) fn done(&mut self, done: JobDone) -> Work {
        let serial = done.id.serial;
        match done.id.lane {
            Lane::Decoder(track) => {
                let Some(lane) = self.decoders.get_mut(&track) else { return Work::Nothing };
                if lane.in_flight != Some(serial) {
                    return Work::Nothing;
                }
                lane.in_flight = None;
                let Done::Decoded { decoder, picture, failed } = done.result else {
                    lane.begin_anew();
                    return Work::KeyframeWanted(track);
                };
                lane.decoder = decoder;
                if failed && !lane.queue.iter().any(|unit| unit.idr) {
                    lane.begin_waiting();
                }
                let waiting = lane.waiting;
                if let Some(picture) = picture {
                    lane.picture = Some(picture);
                    for encoder in self.encoders.values_mut() {
                        let shown = encoder.sources().any(|shown| shown == track);
                        encoder.changed |= shown;
                    }
                }
                if waiting { Work::KeyframeWanted(track) } else { Work::Nothing }
            }
            Lane::Encoder(id) => {
                let Some(lane) = self.encoders.get_mut(&id) else { return Work::Nothing };
                let Some((_, at)) = lane.in_flight.take_if(|(flying, _)| *flying == serial) else {
                    return Work::Nothing;
                };
                let Done::Painted { painter, encoded } = done.result else {
                    lane.painter = None;
                    lane.force_idr = true;
                    return Work::Nothing;
                };
                if painter.is_none() {
                    // A fresh encoder begins with an IDR; whoever watches needs it, as the old references are gone.
                    lane.force_idr = true;
                }
                lane.painter = painter;
                let Some(encoded) = encoded else {
                    // What was left out is still to be shown.
                    lane.changed = true;
                    return Work::Nothing;
                };
                if encoded.idr {
                    lane.force_idr = false;
                    lane.last_idr = Some(at);
                }
                Work::Frame { encoder: id, at, encoded }
            }
        }
    }

    /// Starts whatever is due; then [`Self::poll_job`].
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for (&track, lane) in &mut self.decoders {
            if lane.in_flight.is_none() && !lane.queue.is_empty() {
                self.serial += 1;
                lane.in_flight = Some(self.serial);
                let id = JobId { lane: Lane::Decoder(track), serial: self.serial };
                self.jobs.push_back(Job::decode(id, lane.decoder.take(), lane.queue.drain(..).collect()));
            }
        }
        for (&encoder, lane) in &mut self.encoders {
            if lane.in_flight.is_some() || lane.due().is_some_and(|due| due > now) {
                continue;
            }
            self.serial += 1;
            lane.in_flight = Some((self.serial, now));
            lane.painted = Some(now);
            lane.changed = false;
            let pictures = lane
                .sources()
                .filter_map(|track| Some((track, self.decoders.get(&track)?.picture.clone()?)))
                .collect();
            let task = Task {
                config: lane.spec.config(),
                scene: Arc::clone(&lane.scene),
                pictures,
                at: now.saturating_duration_since(self.start),
                force_idr: lane.force_idr && lane.idr_due().is_none_or(|due| due <= now),
            };
            let id = JobId { lane: Lane::Encoder(encoder), serial: self.serial };
            self.jobs.push_back(Job::paint(id, lane.painter.take(), task));
        }
    }

    pub(super) fn poll_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    /// None while nothing is shown, or workers are busy with all of it. A lane that was never painted is due at once.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.encoders
            .values()
            .filter(|lane| lane.in_flight.is_none())
            .map(|lane| lane.due().unwrap_or(self.start))
            .min()
    }
}

impl DecoderLane {
    fn new() -> Self {
        Self { decoder: None, in_flight: None, queue: VecDeque::new(), waiting: true, picture: None }
    }

    /// Keeps the last picture in view.
    fn begin_waiting(&mut self) {
        self.queue.clear();
        self.waiting = true;
    }

    fn begin_anew(&mut self) {
        self.begin_waiting();
        self.decoder = None;
    }
}

impl EncoderLane {
    fn new(scene: Arc<Scene>, spec: Spec) -> Self {
        Self {
            scene,
            spec,
            users: 0,
            painter: None,
            in_flight: None,
            force_idr: true,
            changed: true,
            painted: None,
            last_idr: None,
        }
    }

    fn sources(&self) -> impl Iterator<Item = TrackId> + use<'_> {
        let tiles = match self.scene.layout {
            Layout::Slate(_) => &[][..],
            Layout::Solo | Layout::Grid => &self.scene.tiles,
        };
        tiles.iter().filter_map(|tile| tile.source)
    }

    /// When the next picture is to be drawn; none: it has waited long enough.
    fn due(&self) -> Option<Instant> {
        let painted = self.painted?;
        let interval = Duration::from_secs(1) / self.spec.fps.max(1);
        let soonest = painted + interval;
        let mut due = if self.changed { soonest } else { painted + AT_REST.max(interval) };
        if self.force_idr {
            due = due.min(self.idr_due().map_or(soonest, |idr| idr.max(soonest)));
        }
        Some(due)
    }

    /// The soonest time of the next IDR; none: at once.
    fn idr_due(&self) -> Option<Instant> {
        self.last_idr.map(|last| last + IDR_SPACING)
    }
}

impl Spec {
    /// The largest picture that the receiver takes with a fair rate and enough bits.
    pub(super) fn for_receiver(limits: &VideoLimits, single_nal: bool) -> Self {
        // Headers take a part of what the receiver allows.
        let allowed = (u64::from(limits.max_bitrate) * 19 / 20).min(u64::from(u32::MAX)) as u32;
        let fits = |size: &&Size| {
            let macroblocks = size.macroblocks();
            macroblocks <= limits.max_fs
                && limits.max_mbps / macroblocks >= FAIR_FPS.min(limits.max_fps.max(1))
                && allowed >= size.bitrate / 2
        };
        let [.., smallest] = &SIZES;
        let size = SIZES.iter().find(fits).unwrap_or(smallest);
        let fps = FPS.min(limits.max_fps).min(limits.max_mbps / size.macroblocks()).max(1);
        let bitrate = size.bitrate.min(allowed);
        Self {
            width: size.width,
            height: size.height,
            fps,
            // In steps, so that legs that are nearly alike share an encoder.
            bitrate: (bitrate - bitrate % BITRATE_STEP).max(BITRATE_STEP),
            single_nal,
        }
    }

    fn config(&self) -> EncoderConfig {
        EncoderConfig {
            width: self.width,
            height: self.height,
            fps: self.fps as f32,
            bitrate: self.bitrate,
            max_slice_len: self.single_nal.then_some(MAX_PAYLOAD as u32),
        }
    }
}

struct Size {
    width: u32,
    height: u32,
    bitrate: u32,
}

impl Size {
    const fn macroblocks(&self) -> u32 {
        self.width.div_ceil(16) * self.height.div_ceil(16)
    }
}

/// What views are encoded at, best first, with the bits a second that make them good.
const SIZES: [Size; 6] = [
    Size { width: 1280, height: 720, bitrate: 1_500_000 },
    Size { width: 960, height: 540, bitrate: 900_000 },
    Size { width: 640, height: 360, bitrate: 600_000 },
    Size { width: 480, height: 270, bitrate: 400_000 },
    Size { width: 320, height: 180, bitrate: 250_000 },
    Size { width: 160, height: 90, bitrate: 96_000 },
];
const FPS: u32 = 25;
/// Fewer pictures a second look broken: a smaller picture is better.
const FAIR_FPS: u32 = 15;
const BITRATE_STEP: u32 = 32_000;
/// RTP payloads are no longer: so they pass tunnels.
pub(super) const MAX_PAYLOAD: usize = 1200;
/// A second of pictures: a decoder that is further behind skips to the next IDR.
const MAX_QUEUE: usize = 30;
/// Between pictures of a view in which nothing changes.
const AT_REST: Duration = Duration::from_millis(200);
const IDR_SPACING: Duration = Duration::from_millis(500);
