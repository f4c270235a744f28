//! Slates: words on the whole canvas, for a television three metres away.

use std::sync::Arc;

use roomgate_codec::{
    picture::{Picture, PixelRect, Yuv},
    text::{Font, Mask, blend},
};

use crate::{
    ivr::Slate,
    plane::compose::{BACKGROUND, Faces},
};

const HEADING: Yuv = Yuv::from_rgb(148, 163, 184);
const FIRST: Yuv = Yuv::WHITE;
const FURTHER: Yuv = Yuv::from_rgb(190, 202, 218);
const WARNING: Yuv = Yuv::from_rgb(255, 190, 60);
const FIELD: Yuv = Yuv::from_rgb(100, 140, 190);

/// A text that fits on one line at this part of its size is not broken.
const ONE_LINE: f32 = 0.85;

/// Sizes as parts of the canvas' height.
const MARGIN: f32 = 0.06;
const HEADING_PX: f32 = 0.065;
const FIRST_PX: f32 = 0.135;
const FURTHER_PX: f32 = 0.095;
const FOOTER_PX: f32 = 0.058;
const DOT: f32 = 0.05;
const FIELD_HEIGHT: f32 = 0.12;
/// The field has room for this many dots before it grows and they move together.
const FIELD_DOTS: u32 = 8;
/// More dots than this are not drawn.
const MAX_DOTS: u32 = 20;
/// Words shrink to this part of their size before they are cut.
const LEAST: f32 = 0.4;
/// Laid out slates held ready.
const MAX_SLATES: usize = 12;

/// Slates drawn before, ready to be painted again: one picture is sent many times.
#[derive(Debug, Default)]
pub(super) struct Slates {
    ready: Vec<Ready>,
}

#[derive(Debug)]
struct Ready {
    slate: Arc<Slate>,
    size: (u32, u32),
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Words { x: i32, y: i32, mask: Mask, colour: Yuv },
    Filled { area: PixelRect, colour: Yuv },
}

impl Slates {
    pub(super) fn draw(&mut self, slate: &Arc<Slate>, faces: &Faces, canvas: &mut Picture) {
        let size = (canvas.width(), canvas.height());
        let found = self.ready.iter().position(|ready| ready.size == size && ready.slate == *slate);
        let index = found.unwrap_or_else(|| {
            if self.ready.len() >= MAX_SLATES {
                self.ready.remove(0);
            }
            let parts =
                Page { faces, width: size.0 as f32, height: size.1 as f32, parts: Vec::new() }.lay_out(slate);
            self.ready.push(Ready { slate: Arc::clone(slate), size, parts });
            self.ready.len() - 1
        });
        canvas.fill(canvas.bounds(), BACKGROUND);
        for part in self.ready.get(index).into_iter().flat_map(|ready| &ready.parts) {
            match part {
                Part::Words { x, y, mask, colour } => blend(canvas, *x, *y, mask, *colour),
                Part::Filled { area, colour } => canvas.fill(*area, *colour),
            }
        }
    }
}

/// One line, ready to be placed.
struct Line<'a> {
    text: String,
    font: &'a Font,
    px: f32,
    colour: Yuv,
    /// Empty space above, in pixels.
    above: f32,
}

impl Line<'_> {
    fn height(&self) -> f32 {
        self.above + self.font.line_height(self.px) as f32
    }
}

/// Text of one kind before it is broken into lines.
struct Block<'a> {
    text: &'a str,
    font: &'a Font,
    px: f32,
    colour: Yuv,
}

struct Page<'a> {
    faces: &'a Faces,
    width: f32,
    height: f32,
    parts: Vec<Part>,
}

impl Page<'_> {
    fn lay_out(mut self, slate: &Slate) -> Vec<Part> {
        let faces = self.faces;
        let margin = self.height * MARGIN;
        let accent = if slate.warning { WARNING } else { FIELD };
        // a bar across the top tells a warning from afar
        let bar = if slate.warning { self.height * 0.025 } else { self.height * 0.008 };
        self.parts.push(Part::Filled {
            area: PixelRect { x: 0, y: 0, width: self.width as u32, height: (bar as u32).max(2) },
            colour: accent,
        });

        let heading = Block { text: &slate.heading, font: &faces.bold, px: HEADING_PX, colour: HEADING };
        let top = margin + self.place(&self.broken(&[heading], self.height * 0.16), margin);

        let footer: Vec<Block<'_>> = slate
            .footer
            .iter()
            .map(|text| Block { text, font: &faces.regular, px: FOOTER_PX, colour: HEADING })
            .collect();
        let footer = self.broken(&footer, self.height * 0.2);
        let bottom = self.height - margin - footer.iter().map(Line::height).sum::<f32>();
        self.place(&footer, bottom);

        let lines: Vec<Block<'_>> = slate
            .lines
            .iter()
            .enumerate()
            .map(|(index, text)| match index {
                0 => {
                    let colour = if slate.warning { WARNING } else { FIRST };
                    Block { text, font: &faces.bold, px: FIRST_PX, colour }
                }
                _ => Block { text, font: &faces.regular, px: FURTHER_PX, colour: FURTHER },
            })
            .collect();
        let field = slate.dots.map_or(0.0, |_| self.height * (FIELD_HEIGHT + 0.04));
        let gap = self.height * 0.03;
        let room = bottom - top - 2.0 * gap;
        let lines = self.broken(&lines, room - field);
        let taken = lines.iter().map(Line::height).sum::<f32>() + field;
        let begin = top + gap + ((room - taken) / 2.0).max(0.0);
        let used = self.place(&lines, begin);
        if let Some(dots) = slate.dots {
            self.dots(u32::from(dots), begin + used + self.height * 0.04);
        }
        self.parts
    }

    /// Breaks the blocks into lines that fit the page's width and `room` pixels of height: smaller if need be, cut at
    /// last.
    fn broken<'b>(&self, blocks: &[Block<'b>], room: f32) -> Vec<Line<'b>> {
        let width = self.width - 2.0 * self.height * MARGIN;
        let mut scale = 1.0;
        loop {
            let mut lines = Vec::new();
            for (index, block) in blocks.iter().enumerate() {
                let px = block.px * self.height * scale;
                // a little smaller rather than a last word, or a lone #, on a line of its own
                let whole = block.font.fit(block.text, px, width);
                let px = if whole >= px * ONE_LINE { whole } else { px };
                for (part, text) in block.font.wrap(block.text, px, width).into_iter().enumerate() {
                    let above = if index > 0 && part == 0 { px * 0.35 } else { 0.0 };
                    lines.push(Line { text, font: block.font, px, colour: block.colour, above });
                }
            }
            let fits = lines.iter().all(|line| line.font.width(&line.text, line.px) <= width)
                && lines.iter().map(Line::height).sum::<f32>() <= room;
            if fits {
                return lines;
            }
            if scale <= LEAST {
                let mut left = room;
                lines.retain_mut(|line| {
                    line.text = line.font.ellipsise(&line.text, line.px, width).into_owned();
                    left -= line.height();
                    left >= 0.0
                });
                return lines;
            }
            scale -= 0.05;
        }
    }

    /// Centres the lines below `top`; gives the height taken.
    fn place(&mut self, lines: &[Line<'_>], top: f32) -> f32 {
        let mut y = top;
        for line in lines {
            let mask = line.font.mask(&line.text, line.px);
            let x = (self.width - mask.width as f32) / 2.0;
            y += line.above;
            let height = mask.height as f32;
            self.parts.push(Part::Words { x: x as i32, y: y as i32, mask, colour: line.colour });
            y += height;
        }
        y - top
    }

    /// The field for keyed digits: a frame, and a filled dot for each.
    fn dots(&mut self, dots: u32, top: f32) {
        let dots = dots.min(MAX_DOTS);
        let diameter = ((self.height * DOT) as u32).max(4);
        let height = (self.height * FIELD_HEIGHT) as u32;
        let stroke = ((self.height * 0.006) as u32).max(2) & !1;
        let step = if dots > FIELD_DOTS { diameter * 3 / 2 } else { diameter * 2 };
        let width = (FIELD_DOTS * 2 + 1) * diameter;
        let width = width.max(dots * step + 2 * diameter).min(self.width as u32) & !1;
        let (left, top) = (((self.width as u32).saturating_sub(width) / 2) & !1, top as u32 & !1);
        let whole = PixelRect { x: left, y: top, width, height };
        let inside = PixelRect {
            x: left + stroke,
            y: top + stroke,
            width: width.saturating_sub(2 * stroke),
            height: height.saturating_sub(2 * stroke),
        };
        self.parts.push(Part::Filled { area: whole, colour: FIELD });
        self.parts.push(Part::Filled { area: inside, colour: BACKGROUND });
        let row = dots.saturating_sub(1) * step + diameter;
        let mut x = left + width.saturating_sub(row) / 2;
        let y = top + height.saturating_sub(diameter) / 2;
        for _ in 0..dots {
            let mask = Mask::circle(diameter, 0.0);
            self.parts.push(Part::Words { x: x as i32, y: y as i32, mask, colour: FIRST });
            x += step;
        }
    }
}
