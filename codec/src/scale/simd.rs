//! The inner loops, compiled twice: for any processor, and for those with AVX2, chosen at run time. The code is the
//! same; the compiler makes vectors of it.
#![expect(unsafe_code, reason = "calls of functions compiled for AVX2")]

/// Each target pixel is the mean of four: `columns` x `rows` of them. Strides are in bytes.
pub(super) fn halve_rows(
    source: &[u8],
    source_stride: usize,
    target: &mut [u8],
    target_stride: usize,
    columns: usize,
    rows: usize,
) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: this processor has AVX2, the function's one requirement.
        return unsafe { halve_rows_avx2(source, source_stride, target, target_stride, columns, rows) };
    }
    halve_rows_any(source, source_stride, target, target_stride, columns, rows);
}

/// `weight`/256 of `below` on the rest of `above`.
pub(super) fn blend_rows(above: &[u8], below: &[u8], weight: u16, out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: this processor has AVX2, the function's one requirement.
        return unsafe { blend_rows_avx2(above, below, weight, out) };
    }
    blend_rows_any(above, below, weight, out);
}

/// Each target pixel is blended of two neighbours on `line`: the left one's index, and `weight`/256 of the right one.
pub(super) fn blend_columns(line: &[u8], columns: &[(u32, u32)], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: this processor has AVX2, the function's one requirement.
        return unsafe { blend_columns_avx2(line, columns, out) };
    }
    blend_columns_any(line, columns, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn halve_rows_avx2(
    source: &[u8],
    source_stride: usize,
    target: &mut [u8],
    target_stride: usize,
    columns: usize,
    rows: usize,
) {
    halve_rows_any(source, source_stride, target, target_stride, columns, rows);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn blend_rows_avx2(above: &[u8], below: &[u8], weight: u16, out: &mut [u8]) {
    blend_rows_any(above, below, weight, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn blend_columns_avx2(line: &[u8], columns: &[(u32, u32)], out: &mut [u8]) {
    blend_columns_any(line, columns, out);
}

#[inline(always)]
fn halve_rows_any(
    source: &[u8],
    source_stride: usize,
    target: &mut [u8],
    target_stride: usize,
    columns: usize,
    rows: usize,
) {
    for (row, out) in target.chunks_mut(target_stride).take(rows).enumerate() {
        let upper = &source[2 * row * source_stride..][..2 * columns];
        let lower = &source[(2 * row + 1) * source_stride..][..2 * columns];
        for ((out, a), b) in out[..columns].iter_mut().zip(upper.chunks_exact(2)).zip(lower.chunks_exact(2)) {
            let sum = u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]);
            *out = ((sum + 2) >> 2) as u8;
        }
    }
}

#[inline(always)]
fn blend_rows_any(above: &[u8], below: &[u8], weight: u16, out: &mut [u8]) {
    for ((out, &a), &b) in out.iter_mut().zip(above).zip(below) {
        // at most 255 * 256 + 128: fits
        *out = ((u16::from(a) * (256 - weight) + u16::from(b) * weight + 128) >> 8) as u8;
    }
}

#[inline(always)]
fn blend_columns_any(line: &[u8], columns: &[(u32, u32)], out: &mut [u8]) {
    for (out, &(left, weight)) in out.iter_mut().zip(columns) {
        let left = left as usize;
        if let Some(&[a, b]) = line.get(left..left + 2) {
            *out = ((u32::from(a) * (256 - weight) + u32::from(b) * weight + 128) >> 8) as u8;
        }
    }
}
