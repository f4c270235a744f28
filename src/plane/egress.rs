//! What one receiver's video is made of, and how that changes without a break: the old picture goes on until the new one
//! can begin with a key frame.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    ids::TrackId,
    plane::{
        forward::{Line, Outgoing, Packet, Source},
        keyframe::Keyframes,
        studio::{Spec, Studio},
    },
    room::scene::{Area, Layout, Scene},
};

/// What a receiver is to see.
#[derive(Clone, Debug)]
pub(super) enum Aim {
    Nothing,
    Forward(TrackId),
    Compose(Arc<Scene>, Spec),
}

/// One receiver's video: an endpoint's, or one slot of a browser.
#[derive(Debug)]
pub(super) struct Egress {
    line: Line,
    showing: Showing,
    coming: Option<Coming>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Showing {
    Nothing,
    Forward(TrackId),
    Compose(u64),
}

/// What is shown as soon as its key frame is there.
#[derive(Clone, Copy, Debug)]
enum Coming {
    Forward(TrackId),
    /// `after`: the source that is being forwarded must be in the picture, or this time be past.
    Compose {
        encoder: u64,
        after: Option<(TrackId, Instant)>,
    },
}

impl Egress {
    pub(super) const fn new(line: Line) -> Self {
        Self { line, showing: Showing::Nothing, coming: None }
    }

    pub(super) const fn line(&self) -> &Line {
        &self.line
    }

    /// Sets what is to be seen. Harmless if nothing changes.
    pub(super) fn aim(&mut self, now: Instant, aim: &Aim, studio: &mut Studio, keyframes: &mut Keyframes) {
        match aim {
            Aim::Nothing => self.stop(studio),
            Aim::Forward(track) => {
                if self.showing == Showing::Forward(*track) {
                    self.cancel(studio);
                } else if !matches!(self.coming, Some(Coming::Forward(coming)) if coming == *track) {
                    self.cancel(studio);
                    self.coming = Some(Coming::Forward(*track));
                    keyframes.want(now, *track);
                }
            }
            Aim::Compose(scene, spec) => {
                if let Showing::Compose(encoder) = self.showing
                    && (studio.shows(encoder, scene, *spec) || studio.redraw(encoder, scene, *spec))
                {
                    self.cancel(studio);
                    return;
                }
                if let Some(Coming::Compose { encoder, .. }) = self.coming
                    && (studio.shows(encoder, scene, *spec) || studio.redraw(encoder, scene, *spec))
                {
                    return;
                }
                self.cancel(studio);
                let after = match self.showing {
                    Showing::Forward(track) if shows(scene, track) => Some((track, now + PATIENCE)),
                    _ => None,
                };
                self.coming = Some(Coming::Compose { encoder: studio.join(scene, *spec), after });
            }
        }
    }

    /// Nothing is seen from now on.
    pub(super) fn stop(&mut self, studio: &mut Studio) {
        self.cancel(studio);
        self.show(Showing::Nothing, studio);
    }

    fn cancel(&mut self, studio: &mut Studio) {
        if let Some(Coming::Compose { encoder, .. }) = self.coming.take() {
            studio.leave(encoder);
        }
    }

    fn show(&mut self, showing: Showing, studio: &mut Studio) {
        if let Showing::Compose(encoder) = std::mem::replace(&mut self.showing, showing) {
            studio.leave(encoder);
        }
    }

    /// The sources whose packets are wanted.
    pub(super) fn sources(&self) -> impl Iterator<Item = TrackId> + use<> {
        let showing = match self.showing {
            Showing::Forward(track) => Some(track),
            _ => None,
        };
        let coming = match self.coming {
            Some(Coming::Forward(track)) => Some(track),
            _ => None,
        };
        showing.into_iter().chain(coming)
    }

    /// The source that is forwarded right now.
    pub(super) fn forwards(&self, track: TrackId) -> bool {
        self.showing == Showing::Forward(track)
    }

    /// A packet of a source. True if that ended what was shown before.
    pub(super) fn packet(
        &mut self,
        now: Instant,
        track: TrackId,
        source: &Source,
        packet: &Packet,
        studio: &mut Studio,
        out: &mut Vec<Outgoing>,
    ) -> bool {
        let arrives = matches!(self.coming, Some(Coming::Forward(coming)) if coming == track);
        let switches = arrives && source.begins(packet);
        if switches {
            self.coming = None;
            self.show(Showing::Forward(track), studio);
        }
        if self.showing == Showing::Forward(track) {
            self.line.forward(now, source, packet, out);
        }
        switches
    }

    /// A picture of an encoder, drawn at `at` and cut into payloads. True if that ended what was shown before.
    pub(super) fn frame(
        &mut self,
        now: Instant,
        frame: &Frame<'_>,
        studio: &mut Studio,
        out: &mut Vec<Outgoing>,
    ) -> bool {
        let mut switches = false;
        if let Some(Coming::Compose { encoder, after }) = self.coming
            && encoder == frame.encoder
            && frame.idr
        {
            if after.is_none_or(|(track, until)| now >= until || studio.has_picture(track)) {
                self.coming = None;
                self.show(Showing::Compose(encoder), studio);
                switches = true;
            } else {
                studio.want_idr(encoder);
            }
        }
        if self.showing == Showing::Compose(frame.encoder) {
            self.line.send(frame.at, frame.payloads, out);
        }
        switches
    }

    /// The receiver cannot go on without a key frame.
    pub(super) fn keyframe_wanted(&self, now: Instant, studio: &mut Studio, keyframes: &mut Keyframes) {
        match self.showing {
            Showing::Nothing => {}
            Showing::Forward(track) => keyframes.want(now, track),
            Showing::Compose(encoder) => studio.want_idr(encoder),
        }
    }
}

/// A picture of an encoder, as payloads with their marker bits.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) encoder: u64,
    pub(super) at: Instant,
    pub(super) idr: bool,
    pub(super) payloads: &'a [(Bytes, bool)],
}

/// The one source that fills this scene and has nothing drawn over it: it can be forwarded if it fits.
pub(super) fn forwardable(scene: &Scene) -> Option<TrackId> {
    match (&scene.layout, scene.tiles.as_slice()) {
        (Layout::Solo, [tile]) if tile.area == Area::WHOLE && !tile.show_name => tile.source,
        _ => None,
    }
}

fn shows(scene: &Scene, track: TrackId) -> bool {
    scene.tiles.iter().any(|tile| tile.source == Some(track))
}

/// So long a forwarded source goes on until the composer has its picture.
const PATIENCE: Duration = Duration::from_secs(2);
