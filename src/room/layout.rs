//! Who stands where in a viewer's picture. People do not jump: a place is kept while its owner is there, and moved
//! only when fewer places make larger pictures.

use std::sync::Arc;

use crate::{
    ids::{ParticipantId, TrackId},
    room::{
        participant::Participant,
        scene::{Area, Layout, Scene, Tile},
    },
};

/// The places in one viewer's picture. The index is the tile's slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats(Vec<Option<ParticipantId>>);

impl Seats {
    /// Keeps whom it can where they are, and gives the newcomers the free places, in their order.
    fn arrange(&mut self, others: &[&Participant], limit: usize, compact: bool) {
        for seat in &mut self.0 {
            *seat = seat.filter(|id| others.iter().any(|other| other.id == *id));
        }
        for other in others {
            if self.0.contains(&Some(other.id)) {
                continue;
            }
            match self.0.iter().position(Option::is_none) {
                Some(free) => self.0[free] = Some(other.id),
                None if self.0.len() < limit => self.0.push(Some(other.id)),
                None => break,
            }
        }
        if compact {
            let (columns, rows) = shape(self.0.iter().flatten().count());
            let outside: Vec<_> = self.0.iter_mut().skip(columns * rows).filter_map(Option::take).collect();
            for id in outside {
                // There is one: no more are seated than the shape has places.
                if let Some(free) = self.0.iter_mut().find(|seat| seat.is_none()) {
                    *free = Some(id);
                }
            }
        }
        while self.0.last().is_some_and(Option::is_none) {
            self.0.pop();
        }
    }
}

/// What somebody at an endpoint sees: one composed picture. None when nobody else is here.
pub(crate) fn endpoint_scene(seats: &mut Seats, others: &[&Participant]) -> Option<Scene> {
    seats.arrange(others, ENDPOINT_TILES, true);
    match others {
        [] => None,
        [other] if other.video => {
            let tile = tile(0, Area::WHOLE, other, false);
            Some(Scene { layout: Layout::Solo, tiles: vec![tile] })
        }
        _ => Some(grid(seats, others, true)),
    }
}

/// What a page gets: each of the others as a stream of its own, in a slot that stays.
pub(crate) fn browser_scene(seats: &mut Seats, others: &[&Participant]) -> Scene {
    seats.arrange(others, BROWSER_TILES, false);
    grid(seats, others, false)
}

fn grid(seats: &Seats, others: &[&Participant], show_name: bool) -> Scene {
    let areas = areas(seats.0.len());
    let placed = seats.0.iter().zip(areas).enumerate();
    let tiles = placed.filter_map(|(slot, (seat, area))| {
        let other = others.iter().find(|other| Some(other.id) == *seat)?;
        Some(tile(u8::try_from(slot).ok()?, area, other, show_name))
    });
    Scene { layout: Layout::Grid, tiles: tiles.collect() }
}

fn tile(slot: u8, area: Area, other: &Participant, show_name: bool) -> Tile {
    Tile {
        slot,
        area,
        participant: other.id,
        face: other.face,
        source: other.video.then(|| TrackId::video(other.leg)),
        name: Arc::clone(&other.name),
        show_name,
    }
}

/// Columns and rows for so many.
const fn shape(count: usize) -> (usize, usize) {
    match count {
        0..=1 => (1, 1),
        2 => (2, 1),
        3..=4 => (2, 2),
        5..=6 => (3, 2),
        7..=9 => (3, 3),
        10..=12 => (4, 3),
        _ => (4, 4),
    }
}

/// Places for so many: equal, of the canvas's shape, row by row, in the middle of its height.
fn areas(count: usize) -> impl Iterator<Item = Area> {
    let (columns, rows) = shape(count);
    // As many rows as columns would fill the canvas; thirds are rounded down, so that nothing overlaps.
    let side = 10_000 / columns;
    let top = (10_000 - side * rows) / 2;
    (0..columns * rows).map(move |place| Area {
        x: (place % columns * side) as u16,
        y: (top + place / columns * side) as u16,
        width: side as u16,
        height: side as u16,
    })
}

/// The most faces in one composed picture that can still be told apart.
const ENDPOINT_TILES: usize = 16;

/// Video lines on a page.
const BROWSER_TILES: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_never_overlap_and_stay_on_the_canvas() {
        for count in 1..=ENDPOINT_TILES {
            let areas: Vec<_> = areas(count).collect();
            assert!(areas.len() >= count);
            for (index, a) in areas.iter().enumerate() {
                assert!(a.x + a.width <= 10_000 && a.y + a.height <= 10_000);
                assert_eq!(a.width, a.height, "the canvas's shape");
                for b in &areas[..index] {
                    let beside = b.x + b.width <= a.x || a.x + a.width <= b.x;
                    let below = b.y + b.height <= a.y || a.y + a.height <= b.y;
                    assert!(beside || below, "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn two_stand_side_by_side_in_the_middle() {
        let half = |x| Area { x, y: 2_500, width: 5_000, height: 5_000 };
        assert_eq!(areas(2).collect::<Vec<_>>(), [half(0), half(5_000)]);
    }
}
