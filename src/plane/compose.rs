//! Draws a [`Scene`] into a [`Picture`]. Pure: the same scene and sources give the same picture.

mod slate;

use std::{collections::HashMap, sync::Arc};

use roomgate_codec::{
    picture::{Picture, PixelRect, Yuv},
    scale::{Fit, Scaler},
    text::{Font, Mask, blend},
};

use crate::{
    ids::TrackId,
    room::scene::{Area, Layout, Scene, Tile},
};

/// Behind everything: dark and calm, so that words stand out and a dark room is not lit up.
const BACKGROUND: Yuv = Yuv::from_rgb(15, 23, 38);
/// Behind the name of somebody without a camera.
const CARD: Yuv = Yuv::from_rgb(32, 44, 64);
/// Behind a name on a picture, by [`STRIP_ALPHA`].
const STRIP: Yuv = Yuv::from_rgb(8, 12, 20);
const STRIP_ALPHA: u8 = 170;
/// Discs behind initials: distinct, all with enough contrast to white.
const DISCS: [Yuv; 6] = [
    Yuv::from_rgb(37, 99, 168),
    Yuv::from_rgb(22, 120, 96),
    Yuv::from_rgb(124, 74, 160),
    Yuv::from_rgb(168, 74, 74),
    Yuv::from_rgb(140, 96, 28),
    Yuv::from_rgb(72, 92, 120),
];
/// A source whose shape differs from its tile by less than this is cut to fill it; thin bars only distract.
const NEARLY: f32 = 0.06;
/// Names held ready; beyond this all are forgotten and drawn anew as needed.
const MAX_LABELS: usize = 200;

/// Draws scenes. Keeps words drawn before and the scaler's memory; may serve any number of views of any size.
#[derive(Debug)]
pub struct Renderer {
    faces: Faces,
    scaler: Scaler,
    labels: HashMap<Label, Arc<Mask>>,
    slates: slate::Slates,
}

#[derive(Debug)]
struct Faces {
    regular: Font,
    bold: Font,
}

/// One line of words at one size, cut to a width.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Label {
    text: Arc<str>,
    /// In whole pixels.
    px: u32,
    width: u32,
}

impl Default for Renderer {
    fn default() -> Self {
        Self::new()
    }
}

impl Renderer {
    pub fn new() -> Self {
        Self {
            faces: Faces { regular: Font::sans(), bold: Font::bold() },
            scaler: Scaler::new(),
            labels: HashMap::new(),
            slates: slate::Slates::default(),
        }
    }

    /// Draws `scene` over the whole of `canvas`. `pictures` holds the newest picture of each track shown; a track without
    /// one is drawn as if its camera were off.
    pub fn render(&mut self, scene: &Scene, pictures: &HashMap<TrackId, Arc<Picture>>, canvas: &mut Picture) {
        if let Layout::Slate(slate) = &scene.layout {
            self.slates.draw(slate, &self.faces, canvas);
            return;
        }
        if !covered(scene, canvas) {
            canvas.fill(canvas.bounds(), BACKGROUND);
        }
        for tile in &scene.tiles {
            let area = pixels(tile.area, canvas);
            if area.width < 2 || area.height < 2 {
                continue;
            }
            match tile.source.and_then(|track| pictures.get(&track)) {
                Some(picture) => {
                    self.scaler.scale_into(picture, canvas, area, fit(picture, area));
                    if tile.show_name {
                        self.name_strip(tile, area, canvas);
                    }
                }
                None => self.name_card(tile, area, canvas),
            }
        }
    }

    /// The name in the lower left corner, on a darkened strip.
    fn name_strip(&mut self, tile: &Tile, area: PixelRect, canvas: &mut Picture) {
        let px = ((area.height as f32 * 0.1) as u32).clamp(14, 44);
        let (margin, padding) = (px / 2, px / 2);
        let Some(room) = area.width.checked_sub(2 * (margin + padding)) else { return };
        let mask = self.label(&tile.name, px, room);
        if mask.width <= 1 || mask.height + 2 * margin > area.height {
            return;
        }
        let strip = PixelRect {
            x: area.x + margin,
            y: area.y + area.height - margin - mask.height,
            width: mask.width + 2 * padding,
            height: mask.height,
        };
        canvas.tint(strip, STRIP, STRIP_ALPHA);
        blend(canvas, (strip.x + padding) as i32, strip.y as i32, &mask, Yuv::WHITE);
    }

    /// Somebody without a picture: initials on a disc, the name below.
    fn name_card(&mut self, tile: &Tile, area: PixelRect, canvas: &mut Picture) {
        canvas.fill(area, CARD);
        let side = area.height.min(area.width);
        let disc = Mask::circle(side * 2 / 5, 0.0);
        let px = (side / 9).clamp(8, 80);
        let room = area.width * 9 / 10;
        let name = self.label(&tile.name, px, room);
        let gap = px / 2;
        let top = area.y + (area.height.saturating_sub(disc.height + gap + name.height)) / 2;
        let middle = area.x + area.width / 2;
        let colour = DISCS[tile.name.bytes().map(usize::from).sum::<usize>() % DISCS.len()];
        blend(canvas, (middle - disc.width / 2) as i32, top as i32, &disc, colour);
        let initials = self.label(&initials(&tile.name).into(), (disc.height / 2).max(8), disc.width);
        let (x, y) =
            (middle - initials.width / 2, top + (disc.height - initials.height.min(disc.height)) / 2);
        blend(canvas, x as i32, y as i32, &initials, Yuv::WHITE);
        let (x, y) = (middle - name.width / 2, top + disc.height + gap);
        blend(canvas, x as i32, y as i32, &name, Yuv::WHITE);
    }

    fn label(&mut self, text: &Arc<str>, px: u32, width: u32) -> Arc<Mask> {
        let label = Label { text: Arc::clone(text), px, width };
        if let Some(mask) = self.labels.get(&label) {
            return Arc::clone(mask);
        }
        let size = px as f32;
        // a little smaller is better than cut
        let size = self.faces.bold.fit(text, size, width as f32).max(size * 0.85);
        let cut = self.faces.bold.ellipsise(text, size, width as f32);
        let mask = Arc::new(self.faces.bold.mask(&cut, size));
        if self.labels.len() >= MAX_LABELS {
            self.labels.clear();
        }
        self.labels.insert(label, Arc::clone(&mask));
        mask
    }
}

/// The place of an area on a canvas: neighbours share their edge, and edges are even.
pub fn pixels(area: Area, canvas: &Picture) -> PixelRect {
    let edge = |at: u32, side: u32| {
        let at = u64::from(at.min(10_000));
        (((at * u64::from(side) + 10_000) / 20_000) * 2).min(u64::from(side)) as u32
    };
    let (x, y) = (u32::from(area.x), u32::from(area.y));
    let (left, top) = (edge(x, canvas.width()), edge(y, canvas.height()));
    let right = edge(x + u32::from(area.width), canvas.width());
    let bottom = edge(y + u32::from(area.height), canvas.height());
    PixelRect { x: left, y: top, width: right.saturating_sub(left), height: bottom.saturating_sub(top) }
}

/// Upright and 4:3 pictures are shown whole; what nearly has the tile's shape fills it.
fn fit(picture: &Picture, area: PixelRect) -> Fit {
    let source = picture.width() as f32 / picture.height() as f32;
    let tile = area.width as f32 / area.height as f32;
    if (source / tile - 1.0).abs() < NEARLY { Fit::Cover } else { Fit::Contain }
}

/// Whether the tiles leave nothing of the canvas: they never overlap, so their sizes tell.
fn covered(scene: &Scene, canvas: &Picture) -> bool {
    let tiled: u64 = scene
        .tiles
        .iter()
        .map(|tile| pixels(tile.area, canvas))
        .map(|area| u64::from(area.width) * u64::from(area.height))
        .sum();
    tiled >= u64::from(canvas.width()) * u64::from(canvas.height())
}

/// The first letters of the first and the last word.
fn initials(name: &str) -> String {
    let mut letters = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = letters.next();
    let last = letters.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests;
