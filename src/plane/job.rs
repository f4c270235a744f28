//! Work for the pool: decoding, composing and encoding. A job owns all that it needs and brings it back.

use std::{collections::HashMap, sync::Arc, time::Duration};

use roomgate_codec::{
    h264::{Decoder, Encoded, Encoder, EncoderConfig},
    picture::Picture,
};

use crate::{ids::TrackId, plane::compose::Renderer, room::scene::Scene};

/// Work that takes milliseconds. [`Job::run`] may be called on any thread.
#[derive(Debug)]
pub struct Job {
    id: JobId,
    work: Work,
}

/// Which job: small, so that whoever runs it can say that it was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobId {
    pub(super) lane: Lane,
    /// Of this plane; a job of a lane that has since begun anew is known by it.
    pub(super) serial: u64,
}

/// What works on one thing after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    Decoder(TrackId),
    Encoder(u64),
}

#[derive(Debug)]
enum Work {
    Decode { decoder: Option<Box<Decoder>>, units: Vec<Unit> },
    Paint { painter: Option<Box<Painter>>, task: Task },
}

/// One access unit of a source, as a byte stream with start codes.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) annex_b: Vec<u8>,
    pub(super) idr: bool,
}

/// Draws and encodes one view.
#[derive(Debug)]
pub(super) struct Painter {
    renderer: Renderer,
    canvas: Picture,
    encoder: Encoder,
}

/// One picture to draw and encode.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) config: EncoderConfig,
    pub(super) scene: Arc<Scene>,
    pub(super) pictures: HashMap<TrackId, Arc<Picture>>,
    /// Since the plane began.
    pub(super) at: Duration,
    pub(super) force_idr: bool,
}

/// A finished job.
#[derive(Debug)]
pub struct JobDone {
    pub(super) id: JobId,
    pub(super) result: Done,
}

#[derive(Debug)]
pub(super) enum Done {
    /// `picture` is the newest; `failed` if something could not be decoded and an IDR is wanted.
    Decoded {
        decoder: Option<Box<Decoder>>,
        picture: Option<Arc<Picture>>,
        failed: bool,
    },
    /// `encoded` is none when the picture was left out to keep the bitrate, or failed.
    Painted {
        painter: Option<Box<Painter>>,
        encoded: Option<Encoded>,
    },
    Lost,
}

impl Job {
    pub(super) fn decode(id: JobId, decoder: Option<Box<Decoder>>, units: Vec<Unit>) -> Self {
        Self { id, work: Work::Decode { decoder, units } }
    }

    pub(super) fn paint(id: JobId, painter: Option<Box<Painter>>, task: Task) -> Self {
        Self { id, work: Work::Paint { painter, task } }
    }

    /// To be kept by whoever runs the job, for [`JobDone::lost`].
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Does the work.
    pub fn run(self) -> JobDone {
        let result = match self.work {
            Work::Decode { decoder, units } => decode(decoder, &units),
            Work::Paint { painter, task } => {
                let painter = painter
                    .filter(|painter| painter.fits(&task.config))
                    .or_else(|| Painter::new(task.config).map(Box::new));
                match painter {
                    Some(painter) => paint(painter, &task),
                    None => Done::Painted { painter: None, encoded: None },
                }
            }
        };
        JobDone { id: self.id, result }
    }
}

impl JobDone {
    /// The job did not come back: the plane begins anew with a fresh decoder or encoder.
    pub const fn lost(id: JobId) -> Self {
        Self { id, result: Done::Lost }
    }
}

/// Decodes all units; only the newest picture counts, as late ones are never shown.
fn decode(decoder: Option<Box<Decoder>>, units: &[Unit]) -> Done {
    let Some(mut decoder) = decoder.or_else(|| Decoder::new().ok().map(Box::new)) else {
        return Done::Decoded { decoder: None, picture: None, failed: true };
    };
    let (mut picture, mut failed) = (None, false);
    for unit in units {
        if failed && !unit.idr {
            continue;
        }
        match decoder.decode(&unit.annex_b) {
            Ok(Some(newer)) => (picture, failed) = (Some(Arc::new(newer)), false),
            Ok(None) => {}
            Err(_) => failed = true,
        }
    }
    Done::Decoded { decoder: Some(decoder), picture, failed }
}

fn paint(mut painter: Box<Painter>, task: &Task) -> Done {
    let Painter { renderer, canvas, encoder } = &mut *painter;
    renderer.render(&task.scene, &task.pictures, canvas);
    match encoder.encode(canvas, task.at, task.force_idr) {
        Ok(encoded) => Done::Painted { painter: Some(painter), encoded },
        Err(_) => Done::Painted { painter: None, encoded: None },
    }
}

impl Painter {
    fn new(config: EncoderConfig) -> Option<Self> {
        let canvas = Picture::new(config.width, config.height).ok()?;
        Some(Self { renderer: Renderer::new(), canvas, encoder: Encoder::new(config).ok()? })
    }

    fn fits(&self, config: &EncoderConfig) -> bool {
        (self.canvas.width(), self.canvas.height()) == (config.width, config.height)
    }
}

/// Jobs travel between threads.
const _: () = {
    const fn sendable<T: Send>() {}
    sendable::<Job>();
    sendable::<JobDone>();
};
