//! Video as packets: what a source sends, and the one unbroken line of packets that a receiver gets, whatever it is made
//! of. Payloads pass untouched; sequence numbers and timestamps are ours (RFC 3550 §7.1, as a mixer does it).

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use roomgate_codec::h264::Sps;
use roomgate_rtp::{
    h264::{Inspection, ParameterSets, inspect, refragment},
    sequence,
};

use crate::{
    ids::TrackId,
    plane::studio::MAX_PAYLOAD,
    signalling::{VideoLimits, VideoParams},
};

/// What is known of a video stream that comes in.
#[derive(Debug)]
pub(super) struct Source {
    track: TrackId,
    /// Counts the streams of this track: a new SSRC is another one.
    generation: u32,
    highest: Option<u64>,
    sets: ParameterSets,
    sps: Option<Sps>,
    /// The access unit that last brought parameter sets: its timestamp, and whether both kinds.
    brought: Option<(u32, bool, bool)>,
    load: Load,
}

/// A packet of a source.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    /// Counted on without end.
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload: Bytes,
    pub(super) carries: Inspection,
    /// It starts an IDR picture, and its access unit has brought no parameter sets.
    bare: bool,
    /// The stream's parameter sets are others from here on.
    pub(super) new_sets: bool,
}

/// A packet for a receiver; its SSRC and payload type are the receiver's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload: Bytes,
}

/// One receiver's video: one sequence and one 90 kHz clock from beginning to end.
#[derive(Debug)]
pub(super) struct Line {
    next: u64,
    /// The newest timestamp and when it was sent.
    clock: (u32, Option<Instant>),
    run: Option<Run>,
}

/// A stretch of one source's packets.
#[derive(Debug)]
struct Run {
    source: (TrackId, u32),
    /// What is added to the source's sequence numbers, from which number on.
    offsets: VecDeque<(u64, i64)>,
    /// What is added to the source's timestamps.
    shift: u32,
    highest: u64,
}

/// How much a source sends, over windows of two seconds.
#[derive(Debug, Default)]
struct Load {
    since: Option<Instant>,
    octets: u64,
    pictures: u32,
    timestamp: Option<u32>,
    /// Bits and pictures a second in the last window.
    last: Option<(u32, u32)>,
}

impl Source {
    pub(super) fn new(track: TrackId) -> Self {
        Self {
            track,
            generation: 0,
            highest: None,
            sets: ParameterSets::new(),
            sps: None,
            brought: None,
            load: Load::default(),
        }
    }

    /// Another stream begins: numbers and parameter sets start anew.
    pub(super) fn restart(&mut self) {
        *self = Self { generation: self.generation + 1, ..Self::new(self.track) };
    }

    /// Looks at a packet. None if it is no H.264 payload that we know.
    pub(super) fn take(
        &mut self,
        now: Instant,
        sequence: u16,
        timestamp: u32,
        marker: bool,
        payload: Bytes,
    ) -> Option<Packet> {
        let carries = inspect(&payload);
        if !carries.valid && !payload.is_empty() {
            return None;
        }
        // High enough that late packets of the beginning do not fall below zero.
        let highest = self.highest.unwrap_or_else(|| u64::from(sequence) + 0x1_0000);
        let sequence = sequence::nearest(highest, sequence);
        self.highest = Some(highest.max(sequence));
        self.load.add(now, timestamp, payload.len());
        let mut new_sets = false;
        if carries.has_sps || carries.has_pps {
            new_sets = self.sets.observe(&payload);
            if new_sets {
                self.sps = self.sets.sps().and_then(|nal| Sps::parse(nal).ok());
            }
            let (sps, pps) = match self.brought {
                Some((at, sps, pps)) if at == timestamp => (sps, pps),
                _ => (false, false),
            };
            self.brought = Some((timestamp, sps || carries.has_sps, pps || carries.has_pps));
        }
        let bare = carries.starts_idr && self.brought != Some((timestamp, true, true));
        Some(Packet { sequence, timestamp, marker, payload, carries, bare, new_sets })
    }

    /// Whether a receiver can begin with this packet.
    pub(super) fn begins(&self, packet: &Packet) -> bool {
        packet.carries.starts_idr && self.sets.is_complete()
    }

    /// Whether a receiver takes this stream as it is. What is being forwarded may exceed the receiver's rate for a
    /// moment before that changes.
    pub(super) fn fits(&self, receiver: &VideoParams, forwarding: bool) -> bool {
        let Some(sps) = &self.sps else { return false };
        let VideoLimits { max_fs, max_mbps, max_bitrate, .. } = receiver.limits;
        let (rate, pictures) = self.load.last.unwrap_or_default();
        let percent = if forwarding { 130 } else { 105 };
        let within = |load: u64, limit: u32| load * 100 <= u64::from(limit) * percent;
        receiver.packetization_mode == 1
            && sps.profile_idc == BASELINE
            && sps.frame_mbs_only
            && sps.macroblocks() <= max_fs
            && within(u64::from(sps.macroblocks()) * u64::from(pictures), max_mbps)
            && within(u64::from(rate), max_bitrate)
    }

    fn parameter_sets(&self) -> Vec<Bytes> {
        match self.sets.stap_a() {
            Some(payload) => vec![payload.into()],
            None => self.sets.nals().map(Bytes::copy_from_slice).collect(),
        }
    }
}

impl Line {
    /// A line with its first sequence number and timestamp.
    pub(super) const fn new(sequence: u16, timestamp: u32) -> Self {
        Self { next: sequence as u64, clock: (timestamp, None), run: None }
    }

    /// The timestamp of what is sampled at `at`; always later than what was sent.
    fn timestamp(&self, at: Instant) -> u32 {
        let (timestamp, sent) = self.clock;
        match sent {
            Some(sent) => timestamp.wrapping_add(ticks(at.saturating_duration_since(sent)).max(1)),
            None => timestamp,
        }
    }

    /// The timestamp that corresponds to `now`, for sender reports; none before the first packet.
    pub(super) fn clock(&self, now: Instant) -> Option<u32> {
        let (timestamp, sent) = self.clock;
        Some(timestamp.wrapping_add(ticks(now.saturating_duration_since(sent?))))
    }

    /// Passes a packet on. The first of a source must be one with which it [begins](Source::begins); until then nothing
    /// is sent, so that the line can stay with another source.
    pub(super) fn forward(
        &mut self,
        now: Instant,
        source: &Source,
        packet: &Packet,
        out: &mut Vec<Outgoing>,
    ) {
        let name = (source.track, source.generation);
        let current = self.run.take().filter(|run| run.source == name);
        let starts = current.is_none();
        let mut run = match current {
            Some(run) => run,
            None if source.begins(packet) => Run {
                source: name,
                offsets: VecDeque::from([(packet.sequence, self.next as i64 - packet.sequence as i64)]),
                shift: self.timestamp(now).wrapping_sub(packet.timestamp),
                highest: packet.sequence.saturating_sub(1),
            },
            None => return,
        };
        let timestamp = packet.timestamp.wrapping_add(run.shift);
        let newest = packet.sequence > run.highest;
        let complete = packet.carries.has_sps && packet.carries.has_pps;
        if newest && (packet.bare || (starts && !complete)) {
            let first = run.map(packet.sequence).unwrap_or(self.next);
            let sets = source.parameter_sets();
            run.insert(packet.sequence, sets.len());
            let numbered = (first..).zip(sets);
            out.extend(numbered.map(|(sequence, payload)| Outgoing {
                sequence,
                timestamp,
                marker: false,
                payload,
            }));
        }
        if let Some(mut sequence) = run.map(packet.sequence) {
            if packet.payload.len() <= MAX_PAYLOAD {
                let Packet { marker, payload, .. } = packet.clone();
                out.push(Outgoing { sequence, timestamp, marker, payload });
                self.next = self.next.max(sequence + 1);
            } else if newest {
                let pieces = refragment(&packet.payload, MAX_PAYLOAD);
                run.insert(packet.sequence + 1, pieces.len().saturating_sub(1));
                let last = pieces.len().saturating_sub(1);
                for (index, payload) in pieces.into_iter().enumerate() {
                    let marker = packet.marker && index == last;
                    out.push(Outgoing { sequence, timestamp, marker, payload: payload.into() });
                    sequence += 1;
                }
                self.next = self.next.max(sequence);
            }
            // A long packet that came late has no numbers left: it stays lost.
        }
        run.highest = run.highest.max(packet.sequence);
        let ahead = timestamp.wrapping_sub(self.clock.0);
        if self.clock.1.is_none() || (ahead != 0 && ahead < 1 << 31) {
            self.clock = (timestamp, Some(now));
        }
        self.run = Some(run);
    }

    /// Sends a picture of our own, drawn at `at`.
    pub(super) fn send(&mut self, at: Instant, payloads: &[(Bytes, bool)], out: &mut Vec<Outgoing>) {
        let timestamp = self.timestamp(at);
        self.clock = (timestamp, Some(at.max(self.clock.1.unwrap_or(at))));
        self.run = None;
        for (payload, marker) in payloads {
            out.push(Outgoing { sequence: self.next, timestamp, marker: *marker, payload: payload.clone() });
            self.next += 1;
        }
    }
}

impl Run {
    /// The receiver's number of a packet; none if it belongs to the time before the run.
    fn map(&self, sequence: u64) -> Option<u64> {
        let (_, offset) = self.offsets.iter().rev().find(|(from, _)| *from <= sequence)?;
        sequence.checked_add_signed(*offset)
    }

    /// Makes room for `count` packets before this one.
    fn insert(&mut self, sequence: u64, count: usize) {
        if count == 0 {
            return;
        }
        let offset = self.offsets.back().map_or(0, |(_, offset)| *offset) + count as i64;
        if self.offsets.len() >= MAX_OFFSETS {
            self.offsets.pop_front();
        }
        self.offsets.push_back((sequence, offset));
    }
}

impl Load {
    fn add(&mut self, now: Instant, timestamp: u32, octets: usize) {
        let since = *self.since.get_or_insert(now);
        let span = now.saturating_duration_since(since);
        if span >= WINDOW {
            let millis = span.as_millis() as u64;
            let per_second = |count: u64| (count * 1000 / millis.max(1)).min(u64::from(u32::MAX)) as u32;
            self.last = Some((per_second(self.octets * 8), per_second(u64::from(self.pictures))));
            (self.since, self.octets, self.pictures) = (Some(now), 0, 0);
        }
        // With the headers below: IPv4, UDP, RTP.
        self.octets += octets as u64 + 40;
        if self.timestamp != Some(timestamp) {
            self.timestamp = Some(timestamp);
            self.pictures += 1;
        }
    }
}

/// A time in units of the 90 kHz clock.
fn ticks(time: Duration) -> u32 {
    (time.as_micros() * 9 / 100) as u32
}

const WINDOW: Duration = Duration::from_secs(2);
/// Baseline and Constrained Baseline.
const BASELINE: u8 = 66;
/// Late packets that are older than so many insertions stay lost.
const MAX_OFFSETS: usize = 64;
