//! Pictures: planar YCbCr 4:2:0 with 8 bits a sample ("I420"), BT.601 limited range unless a stream says otherwise.

use std::fmt;

use crate::CodecError;

/// The longest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 3840;
/// The most pixels of a picture: 3840x2160, upright or not.
pub const MAX_PIXELS: u32 = 3840 * 2160;

/// A rectangle on a picture, in luma pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PixelRect {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

impl PixelRect {
    /// The part of this rectangle that lies on a picture of this size, with edges moved outwards to even pixels, so
    /// that luma and chroma cover the same.
    #[must_use]
    pub fn even_within(self, width: u32, height: u32) -> Self {
        let x = (self.x & !1).min(width);
        let y = (self.y & !1).min(height);
        let right = (self.x.saturating_add(self.width).saturating_add(1) & !1).min(width);
        let bottom = (self.y.saturating_add(self.height).saturating_add(1) & !1).min(height);
        Self { x, y, width: right.saturating_sub(x), height: bottom.saturating_sub(y) }
    }
}

/// A colour. Limited range: black is y 16, white is y 235, grey is u and v 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Yuv {
    /// Luma.
    pub y: u8,
    /// Blue difference (Cb).
    pub u: u8,
    /// Red difference (Cr).
    pub v: u8,
}

impl Yuv {
    /// Black in limited range.
    pub const BLACK: Self = Self { y: 16, u: 128, v: 128 };
    /// White in limited range.
    pub const WHITE: Self = Self { y: 235, u: 128, v: 128 };

    /// From full-range RGB, by BT.601 limited range.
    #[must_use]
    pub const fn from_rgb(r: u8, g: u8, b: u8) -> Self {
        let (r, g, b) = (r as i32, g as i32, b as i32);
        let y = 16 + ((66 * r + 129 * g + 25 * b + 128) >> 8);
        let u = 128 + ((-38 * r - 74 * g + 112 * b + 128) >> 8);
        let v = 128 + ((112 * r - 94 * g - 18 * b + 128) >> 8);
        Self { y: y as u8, u: u as u8, v: v as u8 }
    }
}

/// An I420 picture, its three planes tightly packed. Width and height are even and bounded ([`MAX_SIDE`],
/// [`MAX_PIXELS`]).
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    data: Vec<u8>,
}

impl Picture {
    /// A black picture. Both sides must be even, not 0 and within the bounds.
    pub fn new(width: u32, height: u32) -> Result<Self, CodecError> {
        if !Self::possible(width, height) {
            return Err(CodecError::Size { width, height });
        }
        let pixels = width as usize * height as usize;
        let mut data = vec![128; pixels + pixels / 2];
        data[..pixels].fill(Yuv::BLACK.y);
        Ok(Self { width, height, data })
    }

    /// A black picture of the size nearest to what is asked for: odd sides grow by one pixel, sides out of bounds are
    /// brought within.
    #[must_use]
    pub fn black(width: u32, height: u32) -> Self {
        let even = |side: u32| (side.clamp(1, MAX_SIDE) + 1) & !1;
        let width = even(width);
        let height = even(height).min((MAX_PIXELS / width) & !1);
        let pixels = width as usize * height as usize;
        let mut data = vec![128; pixels + pixels / 2];
        data[..pixels].fill(Yuv::BLACK.y);
        Self { width, height, data }
    }

    /// Copies planes whose lines stand `strides` (luma, chroma) bytes apart. None if a plane is too short or the size is
    /// impossible.
    #[must_use]
    pub fn from_planes(
        (width, height): (u32, u32),
        (y, u, v): (&[u8], &[u8], &[u8]),
        strides: (usize, usize),
    ) -> Option<Self> {
        if !Self::possible(width, height) {
            return None;
        }
        let (width_px, height_px) = (width as usize, height as usize);
        let mut data = Vec::with_capacity(width_px * height_px * 3 / 2);
        for (plane, stride, line, lines) in [
            (y, strides.0, width_px, height_px),
            (u, strides.1, width_px / 2, height_px / 2),
            (v, strides.1, width_px / 2, height_px / 2),
        ] {
            for row in 0..lines {
                data.extend_from_slice(plane.get(row * stride..row * stride + line)?);
            }
        }
        Some(Self { width, height, data })
    }

    /// Whether a picture can have this size.
    #[must_use]
    pub const fn possible(width: u32, height: u32) -> bool {
        width > 0
            && height > 0
            && width.is_multiple_of(2)
            && height.is_multiple_of(2)
            && width <= MAX_SIDE
            && height <= MAX_SIDE
            && width * height <= MAX_PIXELS
    }

    /// In pixels.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// In pixels.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Luma, `width` bytes a line.
    #[must_use]
    pub fn y(&self) -> &[u8] {
        &self.data[..self.pixels()]
    }

    /// Cb, `width / 2` bytes a line, `height / 2` lines.
    #[must_use]
    pub fn u(&self) -> &[u8] {
        let pixels = self.pixels();
        &self.data[pixels..pixels + pixels / 4]
    }

    /// Cr, as [`Self::u`].
    #[must_use]
    pub fn v(&self) -> &[u8] {
        let pixels = self.pixels();
        &self.data[pixels + pixels / 4..]
    }

    /// The planes Y, U and V.
    pub fn planes_mut(&mut self) -> (&mut [u8], &mut [u8], &mut [u8]) {
        let pixels = self.pixels();
        let (y, chroma) = self.data.split_at_mut(pixels);
        let (u, v) = chroma.split_at_mut(pixels / 4);
        (y, u, v)
    }

    /// All three planes, one after the other: what raw video files hold.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.data
    }

    /// The whole picture as a rectangle.
    #[must_use]
    pub const fn bounds(&self) -> PixelRect {
        PixelRect { x: 0, y: 0, width: self.width, height: self.height }
    }

    /// Paints a rectangle, widened to even pixels and cut at the picture's edges.
    pub fn fill(&mut self, area: PixelRect, colour: Yuv) {
        let area = area.even_within(self.width, self.height);
        let width = self.width as usize;
        let (y, u, v) = self.planes_mut();
        let (left, top) = (area.x as usize, area.y as usize);
        let (across, down) = (area.width as usize, area.height as usize);
        for line in y.chunks_exact_mut(width).skip(top).take(down) {
            line[left..left + across].fill(colour.y);
        }
        for (plane, value) in [(u, colour.u), (v, colour.v)] {
            for line in plane.chunks_exact_mut(width / 2).skip(top / 2).take(down / 2) {
                line[left / 2..(left + across) / 2].fill(value);
            }
        }
    }

    /// Darkens a rectangle: each pixel goes `alpha`/255 of the way to `colour`. Widened and cut as by [`Self::fill`].
    pub fn tint(&mut self, area: PixelRect, colour: Yuv, alpha: u8) {
        let area = area.even_within(self.width, self.height);
        let width = self.width as usize;
        let (y, u, v) = self.planes_mut();
        let (left, top) = (area.x as usize, area.y as usize);
        let (across, down) = (area.width as usize, area.height as usize);
        for line in y.chunks_exact_mut(width).skip(top).take(down) {
            line[left..left + across].iter_mut().for_each(|sample| *sample = mix(*sample, colour.y, alpha));
        }
        for (plane, value) in [(u, colour.u), (v, colour.v)] {
            for line in plane.chunks_exact_mut(width / 2).skip(top / 2).take(down / 2) {
                line[left / 2..(left + across) / 2]
                    .iter_mut()
                    .for_each(|sample| *sample = mix(*sample, value, alpha));
            }
        }
    }

    const fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

/// `alpha`/255 of `over` on what is left of `under`.
#[inline]
pub(crate) fn mix(under: u8, over: u8, alpha: u8) -> u8 {
    let sum = u32::from(under) * (255 - u32::from(alpha)) + u32::from(over) * u32::from(alpha);
    ((sum + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_even_and_bounded() {
        assert!(matches!(Picture::new(0, 2), Err(CodecError::Size { .. })));
        assert!(Picture::new(3, 2).is_err());
        assert!(Picture::new(3840, 3840).is_err());
        assert!(Picture::new(2160, 3840).is_ok());
        for (width, height) in [(0, 0), (1, 1), (u32::MAX, u32::MAX), (853, 481), (3840, 2160)] {
            let picture = Picture::black(width, height);
            assert!(Picture::possible(picture.width(), picture.height()), "{width}x{height} -> {picture:?}");
        }
        assert_eq!(Picture::black(853, 481).bounds(), PixelRect { x: 0, y: 0, width: 854, height: 482 });
    }

    #[test]
    fn fill_stays_inside_and_covers_chroma() {
        let mut picture = Picture::black(16, 8);
        let red = Yuv::from_rgb(255, 0, 0);
        picture.fill(PixelRect { x: 3, y: 1, width: 4, height: 2 }, red);
        // widened to x 2..8, y 0..4
        for row in 0..8 {
            for column in 0..16 {
                let inside = (2..8).contains(&column) && row < 4;
                assert_eq!(picture.y()[row * 16 + column] == red.y, inside, "at {column},{row}");
                assert_eq!(picture.v()[row / 2 * 8 + column / 2] == red.v, inside, "at {column},{row}");
            }
        }
        picture.fill(PixelRect { x: 14, y: 6, width: u32::MAX, height: u32::MAX }, red);
        picture.fill(PixelRect { x: 99, y: 99, width: 2, height: 2 }, red);
        assert_eq!(picture.y()[7 * 16 + 15], red.y);
        assert_eq!(picture.y()[5 * 16 + 15], 16);
    }

    #[test]
    fn strided_planes_are_packed() {
        let y: Vec<u8> = (0..40).collect();
        let chroma: Vec<u8> = (100..120).collect();
        let picture =
            Picture::from_planes((4, 4), (&y, &chroma, &chroma), (10, 5)).expect("planes are long enough");
        assert_eq!(picture.y(), [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33]);
        assert_eq!(picture.u(), [100, 101, 105, 106]);
        assert!(Picture::from_planes((4, 4), (&y[..33], &chroma, &chroma), (10, 5)).is_none());
    }

    #[test]
    fn colours_are_the_standards() {
        assert_eq!(Yuv::from_rgb(0, 0, 0), Yuv::BLACK);
        assert_eq!(Yuv::from_rgb(255, 255, 255), Yuv::WHITE);
        assert_eq!(Yuv::from_rgb(255, 0, 0), Yuv { y: 82, u: 90, v: 240 });
        assert_eq!((mix(10, 250, 0), mix(10, 250, 255), mix(0, 255, 128)), (10, 250, 128));
    }
}
