//! One plane scaled into a rectangle of another.

use crate::{
    picture::PixelRect,
    scale::simd::{blend_columns, blend_rows, halve_rows},
};

/// Working memory.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Two planes in turn: the source after each halving.
    halves: [Vec<u8>; 2],
    /// One line, blended of two.
    line: Vec<u8>,
    /// For each column of the target: the left source column and the weight of its right neighbour.
    columns: Vec<(u32, u32)>,
}

/// A source on its way down: the rectangle of interest, whose sides in its pixels need not be whole.
#[derive(Clone, Copy)]
struct Extent {
    stride: usize,
    columns: usize,
    rows: usize,
    width: f64,
    height: f64,
}

impl Scratch {
    /// Scales the rectangle `from` of a plane with lines of `source_stride` bytes. Both rectangles lie on their planes.
    pub(super) fn scale(
        &mut self,
        source: &[u8],
        source_stride: usize,
        from: PixelRect,
        target: &mut [u8],
        target_stride: usize,
        to: PixelRect,
    ) {
        let (wide, high) = (to.width as usize, to.height as usize);
        if wide == 0 || high == 0 || from.width == 0 || from.height == 0 {
            return;
        }
        let begin = from.y as usize * source_stride + from.x as usize;
        let target = &mut target[to.y as usize * target_stride + to.x as usize..];
        let mut extent = Extent {
            stride: source_stride,
            columns: from.width as usize,
            rows: from.height as usize,
            width: f64::from(from.width),
            height: f64::from(from.height),
        };
        let [mut spare, mut held] = std::mem::take(&mut self.halves);
        let mut halved = false;
        while extent.columns >= 2 * wide && extent.rows >= 2 * high {
            let input = if halved { &held[..] } else { &source[begin..] };
            let (columns, rows) = (extent.columns / 2, extent.rows / 2);
            if extent.columns == 2 * wide && extent.rows == 2 * high {
                halve_rows(input, extent.stride, target, target_stride, columns, rows);
                self.halves = [spare, held];
                return;
            }
            spare.resize(columns * rows, 0);
            halve_rows(input, extent.stride, &mut spare, columns, columns, rows);
            std::mem::swap(&mut spare, &mut held);
            halved = true;
            // an odd last column is not in the halved plane, but still belongs to the extent
            extent = Extent {
                stride: columns,
                columns,
                rows,
                width: extent.width / 2.0,
                height: extent.height / 2.0,
            };
        }
        let input = if halved { &held[..] } else { &source[begin..] };
        if extent.columns == wide && extent.rows == high {
            for (row, line) in target.chunks_mut(target_stride).take(high).enumerate() {
                line[..wide].copy_from_slice(&input[row * extent.stride..][..wide]);
            }
        } else {
            self.bilinear(input, extent, target, target_stride, (wide, high));
        }
        self.halves = [spare, held];
    }

    fn bilinear(
        &mut self,
        input: &[u8],
        extent: Extent,
        target: &mut [u8],
        target_stride: usize,
        (wide, high): (usize, usize),
    ) {
        let ratio = extent.width / wide as f64;
        self.columns.clear();
        self.columns.extend((0..wide).map(|column| {
            let (left, weight) = position(column, ratio, extent.columns);
            (left as u32, u32::from(weight))
        }));
        // one more than the source has, so that the right neighbour of the last column is there
        self.line.resize(extent.columns + 1, 0);
        let ratio = extent.height / high as f64;
        for (row, out) in target.chunks_mut(target_stride).take(high).enumerate() {
            let (upper, weight) = position(row, ratio, extent.rows);
            let lower = (upper + 1).min(extent.rows - 1);
            let above = &input[upper * extent.stride..][..extent.columns];
            let below = &input[lower * extent.stride..][..extent.columns];
            let line = &mut self.line[..];
            blend_rows(above, below, weight, &mut line[..extent.columns]);
            line[extent.columns] = line[extent.columns - 1];
            blend_columns(line, &self.columns, out);
        }
    }
}

/// Between which two source pixels the centre of a target pixel lies: the first, and the second's weight of 256.
fn position(target: usize, ratio: f64, limit: usize) -> (usize, u16) {
    let centre = ((target as f64 + 0.5) * ratio - 0.5).clamp(0.0, (limit - 1) as f64);
    let first = centre as usize;
    (first, ((centre - first as f64) * 256.0).round() as u16)
}
