//! The forward product y = x wᵀ, both matrices row by row.
//!
//! A tile of outputs is a set of dot products whose vectors of sums stay in registers; a block of weight rows
//! stays in the nearest cache while all rows of x pass by.
//!
//! Each output is summed in one order, whatever the number of rows and wherever its own lies: what a
//! row gives does not depend on its neighbours.

use crate::nn::kernels::dispatch::{Level, level};

/// The pointers of one product; rows of x and w are `inputs` floats apart, those of y `outputs`.
#[derive(Clone, Copy)]
struct Operands {
    x: *const f32,
    w: *const f32,
    y: *mut f32,
    rows: usize,
    inputs: usize,
    outputs: usize,
}

/// y (rows, outputs) = x wᵀ, with x (rows, inputs) and w (outputs, inputs).
pub(crate) fn forward(x: &[f32], w: &[f32], y: &mut [f32], inputs: usize, outputs: usize) {
    let rows = x.len() / inputs;
    assert!(
        x.len() == rows * inputs && w.len() == outputs * inputs && y.len() == rows * outputs,
        "{rows} rows of {inputs} inputs and {outputs} outputs"
    );
    let operands = Operands {
        x: x.as_ptr(),
        w: w.as_ptr(),
        y: y.as_mut_ptr(),
        rows,
        inputs,
        outputs,
    };
    match level() {
        // SAFETY: the assertion holds every element of the three matrices inside of its slice,
        // and `level` has found the instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512::product(operands) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::product(operands) },
        _ => portable(x, w, y, inputs, outputs),
    }
}

/// The same without intrinsics: sums of 16 lanes.
fn portable(x: &[f32], w: &[f32], y: &mut [f32], inputs: usize, outputs: usize) {
    for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(outputs)) {
        for (w, y) in w.chunks_exact(inputs).zip(y) {
            let mut sums = [0.0; 16];
            let ((x, x_rest), (w, w_rest)) = (x.as_chunks::<16>(), w.as_chunks::<16>());
            for (x, w) in x.iter().zip(w) {
                for lane in 0..16 {
                    sums[lane] += x[lane] * w[lane];
                }
            }
            let rest: f32 = x_rest.iter().zip(w_rest).map(|(x, w)| x * w).sum();
            *y = sums.iter().sum::<f32>() + rest;
        }
    }
}

/// Inputs that are summed before the next columns' turn: so many of a tile's weights fit the nearest cache.
const SUMMED: usize = 1024;

/// A module with the product for one instruction set: `lanes` floats a vector, tiles of up to
/// `rows` rows of x by `columns` rows of w.
#[cfg(target_arch = "x86_64")]
macro_rules! dots {
    (
        $(#[$attribute:meta])*
        mod $module:ident, features: $features:literal, vector: $vector:ty, lanes: $lanes:literal,
        tile: [$($rows:literal)+] x $columns:literal,
        mask: $make_mask:expr,
        $zero:ident $load:ident $fma:ident
        masked: $masked_load:expr, sum: $sum:expr,
    ) => {
        $(#[$attribute])*
        mod $module {
            use std::arch::x86_64::*;

            use super::{Operands, SUMMED};

            /// # Safety
            /// The instructions are there, and all elements of the operands lie in memory that may be
            /// read, those of y written.
            #[target_feature(enable = $features)]
            pub(super) unsafe fn product(operands: Operands) {
                let mut column = 0;
                while column < operands.outputs {
                    // SAFETY: the columns are inside of the matrices; the caller's promise.
                    unsafe {
                        if operands.outputs - column >= $columns {
                            block::<$columns>(operands, column);
                            column += $columns;
                        } else {
                            block::<1>(operands, column);
                            column += 1;
                        }
                    }
                }
            }

            /// All rows of `NW` columns of y.
            ///
            /// # Safety
            /// As [`product`].
            #[target_feature(enable = $features)]
            unsafe fn block<const NW: usize>(operands: Operands, column: usize) {
                const MOST: usize = [$($rows),+].len();
                let Operands { w, rows, inputs, .. } = operands;
                // The weights that come next are asked for meanwhile, a share of their rows with each tile; a
                // single tile reads as fast as they come.
                let tiles = rows.div_ceil(MOST);
                let share = if tiles > 1 { NW.div_ceil(tiles) } else { 0 };
                for first in (0..inputs).step_by(SUMMED) {
                    let last = (first + SUMMED).min(inputs);
                    let mut next = match last == inputs {
                        true => w.wrapping_add((column + NW) * inputs),
                        false => w.wrapping_add(column * inputs + last),
                    };
                    for row in (0..rows).step_by(MOST) {
                        // SAFETY: rows and inputs are inside of the matrices; the caller's promise.
                        unsafe {
                            match (rows - row).min(MOST) {
                                $($rows => {
                                    tile::<$rows, NW>(operands, [row, column], [first, last], (next, share));
                                })+
                                _ => unreachable!("a tile is at most as high as the highest"),
                            }
                        }
                        next = next.wrapping_add(share * inputs);
                    }
                }
            }

            /// `ahead`: rows of weights that are wanted soon, and how many.
            ///
            /// # Safety
            /// As [`product`].
            #[target_feature(enable = $features)]
            unsafe fn tile<const MX: usize, const NW: usize>(
                operands: Operands,
                [row, column]: [usize; 2],
                [first, last]: [usize; 2],
                ahead: (*const f32, usize),
            ) {
                let Operands { inputs, outputs, .. } = operands;
                let summed = last - first;
                let whole = summed / $lanes * $lanes;
                let mut sums: [[$vector; NW]; MX] = [[$zero(); NW]; MX];
                // SAFETY: the caller's promise; masked lanes are not touched.
                unsafe {
                    let x = operands.x.add(row * inputs + first);
                    let w = operands.w.add(column * inputs + first);
                    let mut k = 0;
                    while k < whole {
                        for j in 0..ahead.1 {
                            let next = ahead.0.wrapping_add(j * inputs + k);
                            _mm_prefetch::<_MM_HINT_T0>(next.cast());
                        }
                        let mut weights = [$zero(); NW];
                        for j in 0..NW {
                            weights[j] = $load(w.add(j * inputs + k));
                        }
                        for i in 0..MX {
                            let x = $load(x.add(i * inputs + k));
                            for j in 0..NW {
                                sums[i][j] = $fma(x, weights[j], sums[i][j]);
                            }
                        }
                        k += $lanes;
                    }
                    if whole < summed {
                        let mask = $make_mask(summed - whole);
                        for i in 0..MX {
                            let x = $masked_load(x.add(i * inputs + whole), mask);
                            for j in 0..NW {
                                let w = $masked_load(w.add(j * inputs + whole), mask);
                                sums[i][j] = $fma(x, w, sums[i][j]);
                            }
                        }
                    }
                    for i in 0..MX {
                        for j in 0..NW {
                            let y = operands.y.add((row + i) * outputs + column + j);
                            let before = if first > 0 { *y } else { 0.0 };
                            *y = before + $sum(sums[i][j]);
                        }
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
dots! {
    /// 32 registers of 16 floats.
    mod avx512, features: "avx512f", vector: __m512, lanes: 16,
    tile: [1 2 3 4] x 6,
    mask: |tail: usize| (1u16 << tail) - 1,
    _mm512_setzero_ps _mm512_loadu_ps _mm512_fmadd_ps
    masked: |p, mask| _mm512_maskz_loadu_ps(mask, p), sum: |v| _mm512_reduce_add_ps(v),
}

#[cfg(target_arch = "x86_64")]
dots! {
    /// 16 registers of 8 floats.
    mod avx2, features: "avx2,fma", vector: __m256, lanes: 8,
    tile: [1 2] x 4,
    mask: |tail: usize| _mm256_cmpgt_epi32(
        _mm256_set1_epi32(tail as i32),
        _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
    ),
    _mm256_setzero_ps _mm256_loadu_ps _mm256_fmadd_ps
    masked: |p, mask| _mm256_maskload_ps(p, mask), sum: |v| {
        let halves = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
        let quarters = _mm_add_ps(halves, _mm_movehl_ps(halves, halves));
        _mm_cvtss_f32(_mm_add_ss(quarters, _mm_movehdup_ps(quarters)))
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::kernels::{at_level, levels};

    fn values(len: usize, seed: usize) -> Vec<f32> {
        (0..len)
            .map(|i| ((i * 29 + seed) % 17) as f32 - 8.0)
            .collect()
    }

    #[test]
    fn products_equal_sums_written_out() {
        for (rows, inputs, outputs) in [
            (1, 1, 1),
            (2, 5, 3),
            (7, 16, 4),
            (13, 47, 9),
            (4, 64, 6),
            (9, 1030, 13),
            (1, 2048, 6),
        ] {
            let (x, w) = (values(rows * inputs, 1), values(outputs * inputs, 2));
            for level in levels() {
                let mut y = vec![f32::NAN; rows * outputs];
                at_level(level, || forward(&x, &w, &mut y, inputs, outputs));
                for (i, y) in y.iter().enumerate() {
                    let (row, output) = (i / outputs, i % outputs);
                    let pairs = x[row * inputs..][..inputs]
                        .iter()
                        .zip(&w[output * inputs..]);
                    let sum: f32 = pairs.map(|(x, w)| x * w).sum();
                    assert_eq!(*y, sum, "{level:?} {rows} × {inputs} × {outputs} at {i}");
                }
            }
        }
    }

    #[test]
    fn a_row_gives_the_same_bits_among_any_neighbours() {
        let (inputs, outputs) = (83, 11);
        let noise = |len: usize| -> Vec<f32> { (0..len).map(|i| (i as f32 * 0.7).sin()).collect() };
        let (x, w) = (noise(17 * inputs), noise(outputs * inputs));
        for level in levels() {
            at_level(level, || {
                let mut all = vec![0.0; 17 * outputs];
                forward(&x, &w, &mut all, inputs, outputs);
                for (first, rows) in [(0, 1), (3, 1), (5, 2), (2, 7), (16, 1), (9, 8)] {
                    let mut some = vec![0.0; rows * outputs];
                    forward(
                        &x[first * inputs..][..rows * inputs],
                        &w,
                        &mut some,
                        inputs,
                        outputs,
                    );
                    assert_eq!(some, all[first * outputs..][..rows * outputs], "{level:?}");
                }
            });
        }
    }
}
