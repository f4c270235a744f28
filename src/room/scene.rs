//! What one participant sees and hears, as immutable values. `room` makes them, `plane` renders them.

use std::sync::Arc;

use crate::{
    ids::{LegId, ParticipantId, TrackId},
    ivr::Slate,
    signalling::Face,
};

/// A picture to be shown: a full-canvas slate, or tiles. Two equal scenes look the same and share an encoder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scene {
    pub layout: Layout,
    pub tiles: Vec<Tile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Words on the whole canvas; no tiles.
    Slate(Arc<Slate>),
    /// One source on the whole canvas. Without overlay: may be forwarded.
    Solo,
    /// Equal tiles.
    Grid,
}

/// One participant's place in a scene.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Stable for as long as the participant is in the viewer's scene: the index of a page's video slot.
    pub slot: u8,
    pub area: Area,
    pub participant: ParticipantId,
    pub face: Face,
    /// The stream shown; none while the camera is off: then the name stands alone.
    pub source: Option<TrackId>,
    pub name: Arc<str>,
    /// Whether the name is drawn on the picture.
    pub show_name: bool,
}

/// A rectangle on the canvas, in units of 1/10000 of its width and height.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Area {
    pub x: u16,
    pub y: u16,
    pub width: u16,
    pub height: u16,
}

impl Area {
    pub const WHOLE: Self = Self { x: 0, y: 0, width: 10_000, height: 10_000 };
}

/// What one leg sees and whom it hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub scene: Arc<Scene>,
    /// The legs whose sound is mixed for this one: never itself.
    pub hears: Arc<[LegId]>,
}
