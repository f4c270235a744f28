//! Pictures into rectangles of other pictures: halved by a 2x2 box while at least twice too large, then bilinear.
//! The box is what makes a sharp picture in a small tile, and it is by far the cheapest way to get there.

mod plane;
mod simd;

use crate::picture::{Picture, PixelRect, Yuv};

/// How a picture goes into a rectangle of another shape. It is never stretched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fit {
    /// The whole picture, with black bars beside it.
    Contain,
    /// The rectangle is filled; what does not fit is cut off on both sides.
    Cover,
}

/// Scales pictures; keeps its working memory for the next.
#[derive(Debug, Default)]
pub struct Scaler {
    scratch: plane::Scratch,
}

impl Scaler {
    /// With no memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws `source` into `area` of `target`. The area is widened to even pixels and cut at the target's edges.
    pub fn scale_into(&mut self, source: &Picture, target: &mut Picture, area: PixelRect, fit: Fit) {
        let area = area.even_within(target.width(), target.height());
        if area.width == 0 || area.height == 0 {
            return;
        }
        let (from, to) = match fit {
            Fit::Contain => (source.bounds(), contained(source, area)),
            Fit::Cover => (cropped(source, area), area),
        };
        for bar in bars(area, to) {
            target.fill(bar, Yuv::BLACK);
        }
        let (source_width, target_width) = (source.width() as usize, target.width() as usize);
        let half = |rect: PixelRect| PixelRect {
            x: rect.x / 2,
            y: rect.y / 2,
            width: rect.width / 2,
            height: rect.height / 2,
        };
        let (y, u, v) = target.planes_mut();
        self.scratch.scale(source.y(), source_width, from, y, target_width, to);
        for (source, target) in [(source.u(), u), (source.v(), v)] {
            self.scratch.scale(source, source_width / 2, half(from), target, target_width / 2, half(to));
        }
    }
}

/// [`Scaler::scale_into`] for once: takes fresh working memory.
pub fn scale_into(source: &Picture, target: &mut Picture, area: PixelRect, fit: Fit) {
    Scaler::new().scale_into(source, target, area, fit);
}

/// Where the whole of a picture lies in `area`, in its own shape and centred: even, and at least two pixels a side.
#[must_use]
pub fn contained(source: &Picture, area: PixelRect) -> PixelRect {
    let (width, height) = shrink((area.width, area.height), (source.width(), source.height()));
    centred(area, width, height)
}

/// The largest part of the picture, around its centre, that has the area's shape.
fn cropped(source: &Picture, area: PixelRect) -> PixelRect {
    let bounds = source.bounds();
    let (width, height) = shrink((bounds.width, bounds.height), (area.width, area.height));
    centred(bounds, width, height)
}

/// The largest even size inside `room` with the shape of `shape`.
fn shrink(room: (u32, u32), shape: (u32, u32)) -> (u32, u32) {
    // products stay below 2^25
    let even = |side: u32, of: u32, limit: u32| {
        // nearest even number to side/of
        (((side + of) / (2 * of)) * 2).clamp(2.min(limit), limit)
    };
    if room.0 * shape.1 > room.1 * shape.0 {
        (even(room.1 * shape.0, shape.1, room.0), room.1)
    } else {
        (room.0, even(room.0 * shape.1, shape.0, room.1))
    }
}

fn centred(area: PixelRect, width: u32, height: u32) -> PixelRect {
    let x = area.x + (((area.width - width) / 2) & !1);
    let y = area.y + (((area.height - height) / 2) & !1);
    PixelRect { x, y, width, height }
}

/// What of `outer` is left, right, above and below of `inner`.
fn bars(outer: PixelRect, inner: PixelRect) -> impl Iterator<Item = PixelRect> {
    let (right, bottom) = (inner.x + inner.width, inner.y + inner.height);
    [
        PixelRect { width: inner.x - outer.x, ..outer },
        PixelRect { x: right, width: outer.x + outer.width - right, ..outer },
        PixelRect { height: inner.y - outer.y, ..outer },
        PixelRect { y: bottom, height: outer.y + outer.height - bottom, ..outer },
    ]
    .into_iter()
    .filter(|bar| bar.width > 0 && bar.height > 0)
}

#[cfg(test)]
mod tests;
