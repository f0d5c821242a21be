//! The gradients: c += a b, where rows of b and c are vectors and values of a are spread over them.
//!
//! For the input's gradient b are the weights, read once, a band that the second cache holds at a time; for the
//! weights' gradient c are, also once. Each next band is asked for ahead, since lines that lie rows apart
//! are not foreseen by the processor.

use crate::nn::kernels::dispatch::{Level, level};
use crate::nn::kernels::matmul::f32_product;

/// Bytes of the weights in a band.
const BAND: usize = 256 << 10;

/// dx (rows, inputs) = or += dy w, with dy (rows, outputs) and w (outputs, inputs).
pub(crate) fn input_gradient(
    dy: &[f32],
    w: &[f32],
    dx: &mut [f32],
    inputs: usize,
    outputs: usize,
    accumulate: bool,
) {
    let rows = dx.len() / inputs;
    assert!(
        dx.len() == rows * inputs && w.len() == outputs * inputs && dy.len() == rows * outputs,
        "{rows} rows of {inputs} inputs and {outputs} outputs"
    );
    if level() < Level::Avx2 {
        let operands = [(dy, [outputs, 1]), (w, [inputs, 1])];
        f32_product(
            [rows, inputs, outputs],
            dx,
            operands[0],
            operands[1],
            accumulate,
        );
        return;
    }
    if rows == 0 || outputs == 0 {
        if !accumulate {
            dx.fill(0.0);
        }
        return;
    }
    let band = (BAND / 4 / inputs).clamp(32, 128);
    for first in (0..outputs).step_by(band) {
        let depth = (outputs - first).min(band);
        let ahead = first + band + depth <= outputs;
        let product = Product {
            a: dy[first..].as_ptr(),
            a_strides: [outputs, 1],
            b: w[first * inputs..].as_ptr(),
            c: dx.as_mut_ptr(),
            rows,
            columns: inputs,
            depth,
            order: Order::Down(if ahead { band * inputs } else { 0 }),
            accumulate: accumulate || first > 0,
        };
        // SAFETY: by the assertion, the three matrices and the band ahead lie inside of their slices; `level`
        // has found the instructions.
        unsafe { product.run() };
    }
}

/// dw (outputs, inputs) = or += dyᵀ x, with dy (rows, outputs) and x (rows, inputs).
pub(crate) fn weight_gradient(
    dy: &[f32],
    x: &[f32],
    dw: &mut [f32],
    inputs: usize,
    outputs: usize,
    accumulate: bool,
) {
    let rows = x.len() / inputs;
    assert!(
        x.len() == rows * inputs && dw.len() == outputs * inputs && dy.len() == rows * outputs,
        "{rows} rows of {inputs} inputs and {outputs} outputs"
    );
    if level() < Level::Avx2 {
        let operands = [(dy, [1, outputs]), (x, [inputs, 1])];
        f32_product(
            [outputs, inputs, rows],
            dw,
            operands[0],
            operands[1],
            accumulate,
        );
        return;
    }
    let product = Product {
        a: dy.as_ptr(),
        a_strides: [1, outputs],
        b: x.as_ptr(),
        c: dw.as_mut_ptr(),
        rows: outputs,
        columns: inputs,
        depth: rows,
        order: Order::Along,
        accumulate,
    };
    // SAFETY: by the assertion, the three matrices lie inside of their slices; `level` has found the
    // instructions.
    unsafe { product.run() };
}

/// c (rows, columns) = or += a (rows, depth) b (depth, columns); b and c are contiguous.
#[derive(Clone, Copy)]
struct Product {
    a: *const f32,
    /// From row to row, and along the sum.
    a_strides: [usize; 2],
    b: *const f32,
    c: *mut f32,
    rows: usize,
    columns: usize,
    depth: usize,
    order: Order,
    accumulate: bool,
}

/// Which way tiles go through c, and what is asked for ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Down a panel of columns, whose part of b stays in the first cache; so many floats behind each of b's lies
    /// one that is wanted soon, if any.
    Down(usize),
    /// Along the rows, each asked for a tile ahead.
    Along,
}

impl Product {
    /// # Safety
    /// The level is AVX2 or above, and the matrices lie in memory that may be read, c's written.
    unsafe fn run(self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller's promise.
        unsafe {
            match level() {
                Level::Avx512 => avx512::product(self),
                _ => avx2::product(self),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        unreachable!("no such level");
    }
}

/// A module with the product for one instruction set: `lanes` floats a vector, tiles of up to `rows` rows by
/// `vectors` vectors.
#[cfg(target_arch = "x86_64")]
macro_rules! spread {
    (
        mod $module:ident, features: $features:literal, vector: $vector:ty, lanes: $lanes:literal,
        tile: [$($rows:literal)+] x $vectors:literal,
        mask: $make_mask:expr,
        $zero:ident $load:ident $store:ident $set:ident $add:ident $fma:ident
        masked: $masked_load:expr, $masked_store:expr,
    ) => {
        mod $module {
            use std::arch::x86_64::*;

            use super::{Order, Product};

            const ROWS: usize = [$($rows),+].len();
            const COLUMNS: usize = $lanes * $vectors;

            /// # Safety
            /// The instructions are there; see [`Product::run`].
            #[target_feature(enable = $features)]
            pub(super) unsafe fn product(product: Product) {
                let panels = (product.columns / COLUMNS) * COLUMNS;
                let step = |column: usize| if column < panels { COLUMNS } else { $lanes };
                let mut column = 0;
                let mut row = 0;
                while row < product.rows && column < product.columns {
                    // SAFETY: the tile starts inside of c; the caller's promise.
                    unsafe { place(product, row, column, column < panels) };
                    match product.order {
                        Order::Down(_) => {
                            row += ROWS;
                            if row >= product.rows {
                                (row, column) = (0, column + step(column));
                            }
                        }
                        Order::Along => {
                            column += step(column);
                            if column >= product.columns {
                                (row, column) = (row + ROWS, 0);
                            }
                        }
                    }
                }
            }

            /// # Safety
            /// As [`product`]; the tile starts inside of c.
            #[target_feature(enable = $features)]
            #[inline]
            unsafe fn place(product: Product, row: usize, column: usize, whole: bool) {
                // SAFETY: the caller's promise.
                unsafe {
                    match ((product.rows - row).min(ROWS), whole) {
                        $(
                            ($rows, true) => tile::<$rows, $vectors, true>(product, row, column),
                            ($rows, false) => tile::<$rows, 1, false>(product, row, column),
                        )+
                        _ => unreachable!("a tile is at most as high as the highest"),
                    }
                }
            }

            /// # Safety
            /// As [`product`]; the tile is inside of c, or with `WHOLE` false its first columns are.
            #[target_feature(enable = $features)]
            unsafe fn tile<const M: usize, const V: usize, const WHOLE: bool>(
                product: Product,
                row: usize,
                column: usize,
            ) {
                let Product { a_strides: [down, along], columns, depth, .. } = product;
                let mask = $make_mask((columns - column).min($lanes));
                // SAFETY: the caller's promise; masked lanes are not touched, and what is asked for ahead is
                // not read.
                unsafe {
                    let c = product.c.add(row * columns + column);
                    let mut a = product.a.add(row * down);
                    let mut b = product.b.add(column);
                    let mut sums: [[$vector; V]; M] = [[$zero(); V]; M];
                    if product.order == Order::Along {
                        for i in 0..M {
                            for v in 0..V {
                                let next = c.wrapping_add(i * columns + V * $lanes + v * $lanes);
                                _mm_prefetch::<_MM_HINT_ET0>(next.cast());
                            }
                        }
                    }
                    // Every tile of the panel asks for its share of a line ahead.
                    let (ahead, share) = match product.order {
                        Order::Down(ahead) if ahead > 0 => {
                            let share = V.div_ceil(product.rows.div_ceil(ROWS));
                            let asked = (row / ROWS * share).min(V);
                            (ahead + asked * $lanes, share.min(V - asked))
                        }
                        _ => (0, 0),
                    };
                    for _ in 0..depth {
                        for v in 0..share {
                            let next = b.wrapping_add(ahead + v * $lanes);
                            _mm_prefetch::<_MM_HINT_T1>(next.cast());
                        }
                        let mut vectors = [$zero(); V];
                        for v in 0..V {
                            vectors[v] = if WHOLE {
                                $load(b.add(v * $lanes))
                            } else {
                                $masked_load(b, mask)
                            };
                        }
                        for i in 0..M {
                            let value = $set(*a.add(i * down));
                            for v in 0..V {
                                sums[i][v] = $fma(value, vectors[v], sums[i][v]);
                            }
                        }
                        a = a.wrapping_add(along);
                        b = b.wrapping_add(columns);
                    }
                    for i in 0..M {
                        for v in 0..V {
                            let c = c.add(i * columns + v * $lanes);
                            let mut sum = sums[i][v];
                            if product.accumulate {
                                let before = if WHOLE { $load(c) } else { $masked_load(c, mask) };
                                sum = $add(before, sum);
                            }
                            if WHOLE {
                                $store(c, sum);
                            } else {
                                $masked_store(c, mask, sum);
                            }
                        }
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
spread! {
    mod avx512, features: "avx512f", vector: __m512, lanes: 16,
    tile: [1 2 3 4 5 6] x 4,
    mask: |columns: usize| ((1u32 << columns) - 1) as u16,
    _mm512_setzero_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_set1_ps _mm512_add_ps _mm512_fmadd_ps
    masked: |p, mask| _mm512_maskz_loadu_ps(mask, p), |p, mask, v| _mm512_mask_storeu_ps(p, mask, v),
}

#[cfg(target_arch = "x86_64")]
spread! {
    mod avx2, features: "avx2,fma", vector: __m256, lanes: 8,
    tile: [1 2 3 4] x 3,
    mask: |columns: usize| _mm256_cmpgt_epi32(
        _mm256_set1_epi32(columns as i32),
        _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
    ),
    _mm256_setzero_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_set1_ps _mm256_add_ps _mm256_fmadd_ps
    masked: |p, mask| _mm256_maskload_ps(p, mask), |p, mask, v| _mm256_maskstore_ps(p, mask, v),
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
    fn gradients_equal_sums_written_out() {
        for [rows, inputs, outputs] in [
            [1, 1, 1],
            [2, 5, 3],
            [7, 16, 40],
            [13, 130, 9],
            [24, 64, 300],
            [48, 203, 97],
            [3, 70, 1],
            [0, 4, 300],
        ] {
            let (x, w) = (values(rows * inputs, 1), values(outputs * inputs, 2));
            let dy = values(rows * outputs, 3);
            for level in levels() {
                let mut dx = vec![f32::NAN; rows * inputs];
                let mut dw = vec![f32::NAN; outputs * inputs];
                at_level(level, || {
                    input_gradient(&dy, &w, &mut dx, inputs, outputs, false);
                    input_gradient(&dy, &w, &mut dx, inputs, outputs, true);
                    weight_gradient(&dy, &x, &mut dw, inputs, outputs, false);
                    weight_gradient(&dy, &x, &mut dw, inputs, outputs, true);
                });
                for (at, dx) in dx.iter().enumerate() {
                    let (r, i) = (at / inputs, at % inputs);
                    let sum: f32 = (0..outputs)
                        .map(|o| dy[r * outputs + o] * w[o * inputs + i])
                        .sum();
                    assert_eq!(
                        *dx,
                        2.0 * sum,
                        "{level:?} {rows} × {inputs} × {outputs} at {at}"
                    );
                }
                for (at, dw) in dw.iter().enumerate() {
                    let (o, i) = (at / inputs, at % inputs);
                    let sum: f32 = (0..rows)
                        .map(|r| dy[r * outputs + o] * x[r * inputs + i])
                        .sum();
                    assert_eq!(
                        *dw,
                        2.0 * sum,
                        "{level:?} {rows} × {inputs} × {outputs} at {at}"
                    );
                }
            }
        }
    }
}
