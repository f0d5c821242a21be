//! Operands as tiles of bf16, rounded while they are laid out.
//!
//! A [`Tile`] holds 16 rows or columns of an operand with 32 elements to be summed over. Those of the left
//! operand have a line for each row; those of the right one a line for each pair of elements, with one
//! such pair a column. Whichever way the operand lies in memory, 16 lines are read along it, and turned where
//! the other order is wanted.

use std::arch::x86_64::*;

use crate::nn::kernels::operand::Operand;

/// Rows or columns of a tile.
pub(super) const EXTENT: usize = 16;
/// Elements to be summed over in a tile.
pub(super) const DEPTH: usize = 32;

/// 16 lines of 32 bf16 values.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Tile([u16; EXTENT * DEPTH]);

impl Tile {
    pub const ZERO: Self = Self([0; EXTENT * DEPTH]);
}

/// Which operand a tile is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// A line for each row.
    Left,
    /// A line for each pair of elements to be summed.
    Right,
}

/// Lays out elements from (`first`, `start`) on as the tile of 16 rows or columns by 32 elements that begins
/// there. What lies beyond the operand is 0.
///
/// # Safety
/// The processor has AVX-512 F, BW and BF16.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
pub(super) unsafe fn pack(
    operand: &Operand<'_>,
    side: Side,
    first: usize,
    start: usize,
    tile: &mut Tile,
) {
    let extent = operand.extent.saturating_sub(first).min(EXTENT);
    let depth = operand.depth.saturating_sub(start).min(DEPTH);
    if extent == 0 || depth == 0 {
        *tile = Tile::ZERO;
        return;
    }
    let corner = &operand.data[first * operand.across + start * operand.along..];
    assert!(
        corner.len() > (extent - 1) * operand.across + (depth - 1) * operand.along,
        "an operand of {} × {}",
        operand.extent,
        operand.depth
    );
    let corner = Corner {
        at: corner.as_ptr(),
        stride: operand.across.max(operand.along),
        extent,
        depth,
    };
    let whole = [extent, depth] == [EXTENT, DEPTH];
    // SAFETY: the assertion holds the last element inside of the slice, the strides are not negative and one
    // of them is 1, so each line reads inside of it too.
    unsafe {
        match (operand.along, whole) {
            (1, true) => laid_out(corner.lines_along::<true>(), side == Side::Right, tile),
            (1, false) => laid_out(corner.lines_along::<false>(), side == Side::Right, tile),
            (_, true) => laid_out(corner.lines_across::<true>(), side == Side::Left, tile),
            (_, false) => laid_out(corner.lines_across::<false>(), side == Side::Left, tile),
        }
    }
}

/// Writes lines into a tile, `turn`ed or as they are.
#[target_feature(enable = "avx512f")]
#[inline]
fn laid_out(lines: [__m512i; EXTENT], turn: bool, tile: &mut Tile) {
    let lines = if turn { turned(lines) } else { lines };
    for (line, out) in lines.iter().zip(tile.0.chunks_exact_mut(DEPTH)) {
        // SAFETY: `out` has 32 values of two bytes.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), *line) };
    }
}

/// Where a tile's elements begin in memory.
struct Corner {
    at: *const f32,
    /// From line to line.
    stride: usize,
    extent: usize,
    depth: usize,
}

impl Corner {
    /// A line for each of the rows, whose elements are contiguous; of a `WHOLE` tile, without masks.
    ///
    /// # Safety
    /// As [`pack`]; the rows can be read.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    #[inline]
    unsafe fn lines_along<const WHOLE: bool>(&self) -> [__m512i; EXTENT] {
        let mut lines = [_mm512_setzero_si512(); EXTENT];
        for (i, line) in lines.iter_mut().enumerate() {
            let depth = if i < self.extent { self.depth } else { 0 };
            let row = self.at.wrapping_add(i * self.stride);
            // SAFETY: masked lanes are not read, the others are elements of the row.
            *line = unsafe {
                rounded(
                    read::<WHOLE>(row, depth),
                    read::<WHOLE>(row.wrapping_add(16), depth.saturating_sub(16)),
                )
            };
        }
        lines
    }

    /// A line for each of 16 pairs of elements, whose columns are contiguous; of a `WHOLE` tile, without masks.
    ///
    /// # Safety
    /// As [`pack`]; the elements can be read.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    #[inline]
    unsafe fn lines_across<const WHOLE: bool>(&self) -> [__m512i; EXTENT] {
        const WOVEN: [u16; 32] = {
            let mut order = [0; 32];
            let mut i = 0;
            while i < 16 {
                order[2 * i] = i as u16;
                order[2 * i + 1] = 16 + i as u16;
                i += 1;
            }
            order
        };
        // SAFETY: the array has 64 bytes.
        let woven = unsafe { _mm512_loadu_si512(WOVEN.as_ptr().cast()) };
        let mut lines = [_mm512_setzero_si512(); EXTENT];
        for (pair, line) in lines.iter_mut().enumerate() {
            let columns = |place: usize| if place < self.depth { self.extent } else { 0 };
            let row = self.at.wrapping_add(2 * pair * self.stride);
            // SAFETY: masked lanes are not read, the others are elements of the two rows.
            let two = unsafe {
                rounded(
                    read::<WHOLE>(row, columns(2 * pair)),
                    read::<WHOLE>(row.wrapping_add(self.stride), columns(2 * pair + 1)),
                )
            };
            *line = _mm512_permutexvar_epi16(woven, two);
        }
        lines
    }
}

/// 16 floats, or the first `count` of them and zeros.
///
/// # Safety
/// As [`pack`]; these floats can be read.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn read<const WHOLE: bool>(at: *const f32, count: usize) -> __m512 {
    // SAFETY: the caller's promise; masked lanes are not read.
    unsafe {
        if WHOLE {
            _mm512_loadu_ps(at)
        } else {
            let mask = ((1u32 << count.min(16)) - 1) as __mmask16;
            _mm512_maskz_loadu_ps(mask, at)
        }
    }
}

/// 32 values as bf16, those of `low` first.
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
fn rounded(low: __m512, high: __m512) -> __m512i {
    // SAFETY: both are 64 bytes of plain values.
    unsafe { std::mem::transmute(_mm512_cvtne2ps_pbh(high, low)) }
}

/// Lines and columns of 4 bytes exchanged.
#[target_feature(enable = "avx512f")]
#[inline]
fn turned(r: [__m512i; EXTENT]) -> [__m512i; EXTENT] {
    let mut s = [_mm512_setzero_si512(); EXTENT];
    let mut t = s;
    // Within quarters of 16 bytes: pairs of 4 bytes,
    for i in 0..8 {
        s[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
        s[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
    }
    // pairs of 8: now t[4 g + c] has column 4 q + c of lines 4 g to 4 g + 3 in its quarter q.
    for g in 0..4 {
        t[4 * g] = _mm512_unpacklo_epi64(s[4 * g], s[4 * g + 2]);
        t[4 * g + 1] = _mm512_unpackhi_epi64(s[4 * g], s[4 * g + 2]);
        t[4 * g + 2] = _mm512_unpacklo_epi64(s[4 * g + 1], s[4 * g + 3]);
        t[4 * g + 3] = _mm512_unpackhi_epi64(s[4 * g + 1], s[4 * g + 3]);
    }
    // Then the quarters themselves, of four registers each.
    let mut out = s;
    for c in 0..4 {
        let even = _mm512_shuffle_i32x4::<0x88>(t[c], t[4 + c]);
        let odd = _mm512_shuffle_i32x4::<0xdd>(t[c], t[4 + c]);
        let even_high = _mm512_shuffle_i32x4::<0x88>(t[8 + c], t[12 + c]);
        let odd_high = _mm512_shuffle_i32x4::<0xdd>(t[8 + c], t[12 + c]);
        out[c] = _mm512_shuffle_i32x4::<0x88>(even, even_high);
        out[4 + c] = _mm512_shuffle_i32x4::<0x88>(odd, odd_high);
        out[8 + c] = _mm512_shuffle_i32x4::<0xdd>(even, even_high);
        out[12 + c] = _mm512_shuffle_i32x4::<0xdd>(odd, odd_high);
    }
    out
}
