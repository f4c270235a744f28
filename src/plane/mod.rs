//! The media plane: one leg's RTP to frames and back, forwarding, composing and mixing. Sans-IO: `wire` owns the
//! sockets, the clock and the worker threads. Knows scenes, not rooms' rules; no packet passes an earlier stage.

pub mod compose;
mod egress;
mod forward;
pub mod job;
mod keyframe;
mod media_plane;
pub mod mixer;
mod port;
mod reorder;
mod studio;
pub mod webrtc;

use std::{net::SocketAddr, sync::Arc, time::Instant};

use bytes::Bytes;

use crate::{
    ids::{LegId, TrackId, TrackKind},
    ivr::Clip,
    room::scene::View,
    signalling::{Digit, DigitPath, Language, MediaParams},
};
pub use job::{Job, JobDone, JobId};
pub use media_plane::MediaPlane;

/// A socket of the media plane. `wire` opens and owns them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SocketId {
    /// RTP of one leg's stream.
    Rtp(TrackId),
    /// RTCP of one leg's stream, one port above.
    Rtcp(TrackId),
    /// The one socket of all browsers of this thread.
    Browsers,
}

/// How a leg's media port begins.
#[derive(Debug)]
pub enum PortSpec {
    /// Plain sockets, opened by `wire` already: [`SocketId::Rtp`] and [`SocketId::Rtcp`] of this leg.
    Rtp,
    /// A browser's session description (SDP offer). Answered by [`PlaneEvent::Described`].
    Session { offer: String },
}

/// What the control side asks of a media plane.
#[derive(Debug)]
pub enum PlaneCommand {
    Open {
        leg: LegId,
        spec: PortSpec,
    },
    /// Media was agreed, for the first time or anew.
    Configure {
        leg: LegId,
        params: Box<MediaParams>,
    },
    /// What this leg sees and hears from now on.
    View {
        leg: LegId,
        view: View,
    },
    /// Speaks these clips, one after the other, instead of whatever is being spoken. Ends with [`PlaneEvent::Spoken`].
    Speak {
        leg: LegId,
        id: u64,
        clips: Vec<(Clip, Language)>,
    },
    /// Quiet music while nothing is spoken.
    Music {
        leg: LegId,
        on: bool,
    },
    /// Stops speech.
    Hush {
        leg: LegId,
    },
    /// The far side asked for a key frame by signalling.
    KeyframeWanted {
        leg: LegId,
        kind: TrackKind,
    },
    Close {
        leg: LegId,
    },
}

/// What a media plane tells the control side.
#[derive(Debug)]
pub enum PlaneEvent {
    /// The answer to a browser's session description, or why there is none.
    Described {
        leg: LegId,
        answer: Result<String, String>,
    },
    /// The first packet of this stream has come.
    Started {
        leg: LegId,
        kind: TrackKind,
    },
    Digit {
        leg: LegId,
        digit: Digit,
        path: DigitPath,
    },
    /// A key frame is wanted from this leg and it gave no way to ask in RTCP.
    WantKeyframe {
        leg: LegId,
        kind: TrackKind,
    },
    /// What [`PlaneCommand::Speak`] asked for has been heard.
    Spoken {
        leg: LegId,
        id: u64,
    },
    /// The transport is gone: the browser's connection failed, or nothing came for 20 s.
    Lost {
        leg: LegId,
    },
}

/// Everything that can reach a media plane. Handle one, then drain [`MediaPlane::poll_output`] to `Timeout`.
#[derive(Debug)]
pub enum PlaneInput<'a> {
    Command(PlaneCommand),
    Received {
        socket: SocketId,
        from: SocketAddr,
        bytes: &'a [u8],
    },
    /// A job came back from the workers.
    Done(JobDone),
    /// An extra one is harmless.
    Timeout,
}

/// What comes out of a media plane.
#[derive(Debug)]
pub enum PlaneOutput {
    /// Packets for one destination; all but the last have the same size where that was possible.
    Transmit {
        socket: SocketId,
        to: SocketAddr,
        bytes: Bytes,
    },
    /// Work for the pool: it owns what it needs and comes back as [`PlaneInput::Done`].
    Work(Job),
    Event(PlaneEvent),
    /// Nothing more to say until then.
    Timeout(Option<Instant>),
}

/// What a media plane needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct PlaneConfig {
    /// The candidate address told to browsers, with the port of [`SocketId::Browsers`].
    pub browsers: SocketAddr,
    /// Further addresses of the same socket.
    pub more_browsers: Vec<SocketAddr>,
    /// Sound of the prompts.
    pub voices: Arc<crate::ivr::prompt::Voices>,
    /// Entropy for SSRCs, sequence numbers and the like.
    pub seed: u64,
}
