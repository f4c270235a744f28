//! Words as masks, blended into pictures. DejaVu Sans: all of Latin, Greek and Cyrillic, left to right, no shaping.
//! What the font lacks is drawn as a box: text never fails.

use std::borrow::Cow;

use ab_glyph::{Font as _, FontRef, Glyph, PxScale, ScaleFont, point};

use crate::picture::{Picture, Yuv, mix};

/// Text beyond this many characters is not drawn.
pub const MAX_CHARS: usize = 300;
/// Sizes of text in pixels are brought within these.
const SIZES: (f32, f32) = (6.0, 400.0);
/// The widest mask, in pixels.
const MAX_WIDTH: f32 = 4096.0;

/// A typeface.
#[derive(Clone)]
pub struct Font {
    face: FontRef<'static>,
}

/// How much of each pixel a text covers: `width * height` bytes, 255 is all. The height is that of a line, whatever the
/// text, so that masks of one size stand on one base line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Line by line.
    pub alpha: Vec<u8>,
}

impl Font {
    /// DejaVu Sans.
    #[must_use]
    pub fn sans() -> Self {
        Self::load(dejavu::sans::regular())
    }

    /// DejaVu Sans Bold.
    #[must_use]
    pub fn bold() -> Self {
        Self::load(dejavu::sans::bold())
    }

    fn load(bytes: &'static [u8]) -> Self {
        Self { face: FontRef::try_from_slice(bytes).expect("the embedded font is whole: a test loads it") }
    }

    /// The width of `text` in pixels, its size being `px` pixels from ascender to descender.
    #[must_use]
    pub fn width(&self, text: &str, px: f32) -> f32 {
        self.line(text, px).1
    }

    /// The height of a line in pixels, whatever stands in it.
    #[must_use]
    pub fn line_height(&self, px: f32) -> u32 {
        let px = clamp(px);
        let face = self.face.as_scaled(PxScale::from(px));
        face.height().ceil() as u32
    }

    /// The largest size, `largest` at most, at which `text` is no wider than `width` pixels; 6 if none is.
    #[must_use]
    pub fn fit(&self, text: &str, largest: f32, width: f32) -> f32 {
        let largest = clamp(largest);
        let taken = self.width(text, largest);
        if taken <= width {
            return largest;
        }
        // widths grow in proportion to the size, but for rounding
        let mut px = clamp(largest * width / taken);
        while px > SIZES.0 && self.width(text, px) > width {
            px -= 0.25;
        }
        px.max(SIZES.0)
    }

    /// `text`, or its beginning with `…` after it, so that it is no wider than `width` pixels.
    #[must_use]
    pub fn ellipsise<'a>(&self, text: &'a str, px: f32, width: f32) -> Cow<'a, str> {
        if self.width(text, px) <= width && text.chars().count() <= MAX_CHARS {
            return Cow::Borrowed(text);
        }
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).take(MAX_CHARS).collect();
        let shortened = |end: usize| format!("{}…", text[..end].trim_end());
        // the first end that is too wide
        let too_wide = ends.partition_point(|&end| self.width(&shortened(end), px) <= width);
        match too_wide.checked_sub(1).and_then(|index| ends.get(index)) {
            Some(&end) => Cow::Owned(shortened(end)),
            None => Cow::Borrowed(""),
        }
    }

    /// Breaks `text` at spaces into lines no wider than `width` pixels. A word that is wider has a line to itself.
    #[must_use]
    pub fn wrap(&self, text: &str, px: f32, width: f32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if self.width(&format!("{line} {word}"), px) <= width => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines
    }

    /// Draws `text` once, for [`blend`].
    #[must_use]
    pub fn mask(&self, text: &str, px: f32) -> Mask {
        let px = clamp(px);
        let (glyphs, width) = self.line(text, px);
        let face = self.face.as_scaled(PxScale::from(px));
        let mut mask = Mask::empty(width.ceil() as u32 + 1, self.line_height(px));
        for placed in glyphs {
            match placed {
                Placed::Glyph(glyph) => {
                    if let Some(outline) = self.face.outline_glyph(glyph) {
                        let bounds = outline.px_bounds();
                        outline.draw(|x, y, covered| {
                            let (x, y) = (bounds.min.x as i32 + x as i32, bounds.min.y as i32 + y as i32);
                            mask.cover(x, y, covered);
                        });
                    }
                }
                Placed::Missing { left, width } => mask.frame(left, width, face.ascent(), px),
            }
        }
        mask
    }

    /// Where each character goes, and the width of all.
    fn line(&self, text: &str, px: f32) -> (Vec<Placed>, f32) {
        let scale = PxScale::from(clamp(px));
        let face = self.face.as_scaled(scale);
        let mut placed = Vec::new();
        let mut at = 0.0;
        let mut previous = None;
        for character in text.chars().take(MAX_CHARS) {
            let character = if character.is_whitespace() { ' ' } else { character };
            if character.is_control() || is_invisible(character) {
                continue;
            }
            let id = self.face.glyph_id(character);
            if id.0 == 0 {
                let width = face.height() * 0.5;
                placed.push(Placed::Missing { left: at, width });
                at += width * 1.15;
                previous = None;
            } else {
                if let Some(previous) = previous.replace(id) {
                    at += face.kern(previous, id);
                }
                placed.push(Placed::Glyph(Glyph { id, scale, position: point(at, face.ascent()) }));
                at += face.h_advance(id);
            }
            if at > MAX_WIDTH {
                at = MAX_WIDTH;
                break;
            }
        }
        (placed, at)
    }
}

impl std::fmt::Debug for Font {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Font")
    }
}

enum Placed {
    Glyph(Glyph),
    /// A box instead of a character that the font lacks.
    Missing {
        left: f32,
        width: f32,
    },
}

impl Mask {
    /// Covers nothing.
    #[must_use]
    pub fn empty(width: u32, height: u32) -> Self {
        Self { width, height, alpha: vec![0; width as usize * height as usize] }
    }

    /// A filled circle, or a ring if `hole` (the radius of what is left out) is not 0, touching its sides.
    #[must_use]
    pub fn circle(diameter: u32, hole: f32) -> Self {
        let diameter = diameter.clamp(1, MAX_WIDTH as u32);
        let mut mask = Self::empty(diameter, diameter);
        let radius = diameter as f32 / 2.0;
        for (at, alpha) in mask.alpha.iter_mut().enumerate() {
            let x = (at as u32 % diameter) as f32 + 0.5 - radius;
            let y = (at as u32 / diameter) as f32 + 0.5 - radius;
            let distance = x.hypot(y);
            let inside = (radius - distance + 0.5).clamp(0.0, 1.0);
            let outside = (distance - hole + 0.5).clamp(0.0, 1.0);
            *alpha = (255.0 * if hole > 0.0 { inside.min(outside) } else { inside }) as u8;
        }
        mask
    }

    fn cover(&mut self, x: i32, y: i32, covered: f32) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x < self.width && y < self.height {
            let alpha = &mut self.alpha[(y * self.width + x) as usize];
            *alpha = alpha.saturating_add((covered * 255.0) as u8);
        }
    }

    fn frame(&mut self, left: f32, width: f32, ascent: f32, px: f32) {
        let stroke = (px / 16.0).round().max(1.0) as i32;
        let (left, right) = (left as i32 + 1, (left + width) as i32);
        let (top, bottom) = ((ascent * 0.2) as i32, ascent as i32);
        for y in top..bottom {
            for x in left..right {
                if x < left + stroke || x >= right - stroke || y < top + stroke || y >= bottom - stroke {
                    self.cover(x, y, 1.0);
                }
            }
        }
    }
}

/// Paints `colour` through `mask`, its upper left corner at (`x`, `y`), which may lie outside. Luma by the pixel, chroma
/// by the mean of each 2x2.
pub fn blend(target: &mut Picture, x: i32, y: i32, mask: &Mask, colour: Yuv) {
    let (width, height) = (target.width() as i32, target.height() as i32);
    let left = x.max(0);
    let right = x.saturating_add(mask.width as i32).min(width);
    let top = y.max(0);
    let bottom = y.saturating_add(mask.height as i32).min(height);
    if left >= right || top >= bottom {
        return;
    }
    let (luma, cb, cr) = target.planes_mut();
    for row in top..bottom {
        let covered =
            &mask.alpha[((row - y) * mask.width as i32 + left - x) as usize..][..(right - left) as usize];
        let line = &mut luma[(row * width + left) as usize..][..covered.len()];
        for (sample, &alpha) in line.iter_mut().zip(covered) {
            if alpha != 0 {
                *sample = mix(*sample, colour.y, alpha);
            }
        }
    }
    // A line of the mask, empty if it has none there; beside it nothing is covered.
    let line = |row: i32| -> &[u8] {
        match usize::try_from(row - y) {
            Ok(row) if row < mask.height as usize => {
                &mask.alpha[row * mask.width as usize..][..mask.width as usize]
            }
            _ => &[],
        }
    };
    let covered = |line: &[u8], column: i32| -> u32 {
        usize::try_from(column).ok().and_then(|column| line.get(column)).copied().unwrap_or(0).into()
    };
    for row in top / 2..(bottom + 1) / 2 {
        let (upper, lower) = (line(row * 2), line(row * 2 + 1));
        for column in left / 2..(right + 1) / 2 {
            let (a, b) = (column * 2 - x, column * 2 - x + 1);
            let sum = covered(upper, a) + covered(upper, b) + covered(lower, a) + covered(lower, b);
            if sum == 0 {
                continue;
            }
            let alpha = ((sum + 2) / 4) as u8;
            let at = (row * (width / 2) + column) as usize;
            cb[at] = mix(cb[at], colour.u, alpha);
            cr[at] = mix(cr[at], colour.v, alpha);
        }
    }
}

fn clamp(px: f32) -> f32 {
    if px.is_finite() { px.clamp(SIZES.0, SIZES.1) } else { SIZES.0 }
}

/// Joiners, marks of direction and variation selectors: no ink of their own.
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' |
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Columns and rows that have ink.
    fn ink(mask: &Mask) -> (Vec<usize>, Vec<usize>) {
        let width = mask.width as usize;
        let inked = |at: &usize| mask.alpha[*at] > 60;
        let mut columns: Vec<usize> = (0..mask.alpha.len()).filter(inked).map(|at| at % width).collect();
        let mut rows: Vec<usize> = (0..mask.alpha.len()).filter(inked).map(|at| at / width).collect();
        columns.sort_unstable();
        columns.dedup();
        rows.sort_unstable();
        rows.dedup();
        (columns, rows)
    }

    #[test]
    fn norwegian_letters_are_in_both_faces_and_are_not_their_plain_ones() {
        for font in [Font::sans(), Font::bold()] {
            for (letter, plain) in [("Å", "A"), ("å", "a"), ("Ø", "O"), ("ø", "o"), ("Æ", "E"), ("æ", "e")]
            {
                let (mask, other) = (font.mask(letter, 40.0), font.mask(plain, 40.0));
                assert!(mask.alpha.contains(&255), "{letter}");
                assert_ne!(mask.alpha, other.alpha, "{letter}");
                assert_ne!(mask.alpha, font.mask("\u{10ffff}", 40.0).alpha, "{letter} is a box");
            }
            // the ring stands above the letter, inside of the line
            let (_, ring) = ink(&font.mask("Å", 40.0));
            let (_, plain) = ink(&font.mask("A", 40.0));
            assert!(ring[0] + 3 < plain[0], "ring at {}, letter at {}", ring[0], plain[0]);
            assert_eq!(ring.last(), plain.last());
        }
    }

    #[test]
    fn what_the_font_lacks_is_a_box() {
        let font = Font::sans();
        let mask = font.mask("\u{10ffff}", 40.0);
        let (columns, rows) = ink(&mask);
        assert!(columns.len() > 12 && rows.len() > 20, "{}x{}", columns.len(), rows.len());
        let centre =
            mask.alpha[(mask.height / 2 * mask.width + (columns[0] + columns.len() / 2) as u32) as usize];
        assert_eq!(centre, 0, "a box is hollow");
        assert!(font.width("李明", 40.0) > 30.0);
        assert_eq!(ink(&font.mask("\u{200b}\u{fe0f}\n", 40.0)).0.len(), 0);
    }

    #[test]
    fn kerning_moves_letters_together() {
        let font = Font::sans();
        let apart = font.width("A", 100.0) + font.width("V", 100.0);
        assert!(font.width("AV", 100.0) < apart - 2.0);
    }

    #[test]
    fn sizes_are_fitted_and_words_cut_or_broken() {
        let font = Font::sans();
        let text = "Møterom Ålesund – første etasje";
        let px = font.fit(text, 60.0, 400.0);
        assert!(px < 60.0 && font.width(text, px) <= 400.0);
        assert!(font.width(text, px + 1.5) > 400.0, "{px} is smaller than needed");
        assert_eq!(font.fit("Å", 60.0, 400.0), 60.0);
        let cut = font.ellipsise(text, 40.0, 300.0);
        assert!(cut.ends_with('…') && cut.starts_with("Møterom") && font.width(&cut, 40.0) <= 300.0, "{cut}");
        assert_eq!(font.ellipsise("Rom", 40.0, 300.0), "Rom");
        assert_eq!(font.ellipsise(text, 40.0, 1.0), "");
        let long = "å".repeat(10_000);
        assert!(font.width(&font.ellipsise(&long, 12.0, 300.0), 12.0) <= 300.0);
        let lines = font.wrap(text, 40.0, 300.0);
        assert!(lines.len() > 1 && lines.iter().all(|line| font.width(line, 40.0) <= 300.0), "{lines:?}");
        assert_eq!(lines.join(" "), text);
    }

    #[test]
    fn blending_paints_luma_and_chroma_and_stays_inside() {
        let mask = Mask { width: 4, height: 2, alpha: vec![255; 8] };
        let red = Yuv::from_rgb(255, 0, 0);
        let mut picture = Picture::black(8, 8);
        blend(&mut picture, 2, 2, &mask, red);
        for (at, &sample) in picture.y().iter().enumerate() {
            let inside = (2..6).contains(&(at % 8)) && (2..4).contains(&(at / 8));
            assert_eq!(sample, if inside { red.y } else { 16 }, "{at}");
        }
        assert_eq!(picture.v()[4 + 1], red.v);
        assert_eq!(picture.v()[4 + 3], 128);
        // half of a 2x2 covered: half the colour
        let mut picture = Picture::black(8, 8);
        blend(&mut picture, 3, 2, &mask, red);
        assert_eq!(picture.v()[4 + 1], mix(128, red.v, 128));
        for (x, y) in [(-3, -1), (7, 7), (-100, 0), (100, 100), (i32::MIN, i32::MIN), (i32::MAX, i32::MAX)] {
            blend(&mut picture, x, y, &mask, red);
        }
        assert_eq!(picture.y()[0], red.y);
        assert_eq!(picture.y()[63], red.y);
    }

    #[test]
    fn circles_are_round() {
        let (columns, rows) = ink(&Mask::circle(31, 0.0));
        assert_eq!((columns.len(), rows.len()), (31, 31));
        let ring = Mask::circle(31, 12.0);
        assert_eq!(ring.alpha[15 * 31 + 15], 0);
        assert!(ring.alpha[15 * 31 + 1] > 200);
    }

    proptest! {
            #[test]
            fn any_text_is_drawn(text in any::<String>(), px in any::<f32>(), width in 0f32..2000.0) {
                let font = Font::sans();
                let mask = font.mask(&text, px);
                prop_assert_eq!(mask.alpha.len(), (mask.width * mask.height) as usize);
                prop_assert!(mask.width <= 4200 && mask.height <= 600);
                prop_assert!(font.width(&font.ellipsise(&text, px, width), px) <= width);
                prop_assert!(font.fit(&text, px, width) >= SIZES.0);
    let solid = |text: &str| text.split_whitespace().collect::<String>();
                prop_assert_eq!(solid(&font.wrap(&text, px, width).concat()), solid(&text));
            }
        }
}
