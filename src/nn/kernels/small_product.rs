//! Products of matrices that fit the nearest caches, as attention has for every head.
//!
//! c = scale · a b, where b and c have unit column stride and a has any strides, so that a
//! transposed a costs nothing. A tile of c stays in registers while k runs; nothing is packed
//! and a call costs next to nothing, which is where it beats a general product.

use super::dispatch::{Level, level};

/// A matrix within a slice: `data[i * row + j * col]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strided<'a> {
    pub data: &'a [f32],
    pub row: usize,
    pub col: usize,
}

/// What happens to a product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Store {
    /// It is multiplied with this,
    pub scale: f32,
    /// and added to what is there.
    pub accumulate: bool,
}

/// The pointers of one product.
#[derive(Clone, Copy)]
struct Operands {
    a: *const f32,
    a_row: usize,
    a_col: usize,
    b: *const f32,
    b_row: usize,
    c: *mut f32,
    c_row: usize,
}

/// c (m, n) = scale · a (m, k) · b (k, n), or += that.
///
/// The rows of b and c are contiguous, `b.row` and `c_row` floats apart.
pub(crate) fn small_product(
    [m, n, k]: [usize; 3],
    a: Strided<'_>,
    b: Strided<'_>,
    c: &mut [f32],
    c_row: usize,
    store: Store,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(
        k > 0 && b.col == 1 && c_row >= n,
        "a product of contiguous rows"
    );
    assert!(
        a.data.len() > (m - 1) * a.row + (k - 1) * a.col,
        "a has {m} × {k} elements"
    );
    assert!(
        b.data.len() >= (k - 1) * b.row + n,
        "b has {k} × {n} elements"
    );
    assert!(c.len() >= (m - 1) * c_row + n, "c has {m} × {n} elements");
    let operands = Operands {
        a: a.data.as_ptr(),
        a_row: a.row,
        a_col: a.col,
        b: b.data.as_ptr(),
        b_row: b.row,
        c: c.as_mut_ptr(),
        c_row,
    };
    match level() {
        // SAFETY: the assertions hold every element of the three matrices inside of its
        // slice, and `level` has found the instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512::product([m, n, k], operands, store) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::product([m, n, k], operands, store) },
        _ => portable([m, n, k], a, b, c, c_row, store),
    }
}

/// The same without intrinsics.
fn portable(
    [m, n, k]: [usize; 3],
    a: Strided<'_>,
    b: Strided<'_>,
    c: &mut [f32],
    c_row: usize,
    store: Store,
) {
    for i in 0..m {
        let c = &mut c[i * c_row..][..n];
        if !store.accumulate {
            c.fill(0.0);
        }
        for p in 0..k {
            let x = store.scale * a.data[i * a.row + p * a.col];
            for (c, b) in c.iter_mut().zip(&b.data[p * b.row..][..n]) {
                *c += x * b;
            }
        }
    }
}

/// A module with the product for one instruction set: `lanes` floats a vector, tiles of up to
/// `rows` × `vectors`, the last vector of a row masked where n is no multiple of the lanes.
#[cfg(target_arch = "x86_64")]
macro_rules! tiles {
    (
        $(#[$attribute:meta])*
        mod $module:ident, features: $features:literal, vector: $vector:ty, lanes: $lanes:literal,
        tile: $rows:literal x [$($vectors:literal)+],
        mask: $mask:ty = $make_mask:expr,
        $zero:ident $splat:ident $load:ident $store:ident $fma:ident $mul:ident $add:ident
        masked: $masked_load:expr, $masked_store:expr,
    ) => {
        $(#[$attribute])*
        mod $module {
            use std::arch::x86_64::*;

            use super::{Operands, Store};

            /// # Safety
            /// The instructions are there, and all elements of the operands lie in memory
            /// that may be read, those of c written.
            #[target_feature(enable = $features)]
            pub(super) unsafe fn product([m, n, k]: [usize; 3], operands: Operands, store: Store) {
                let whole = n / $lanes;
                let mut vector = 0;
                while vector < whole {
                    let wide = widest(whole - vector);
                    // SAFETY: the columns are inside of the matrices; the caller's promise.
                    unsafe {
                        let operands = operands.at_column(vector * $lanes);
                        match wide {
                            $($vectors => column::<$vectors, false>(m, k, operands, store, 0),)+
                            _ => unreachable!("a tile is at most as wide as the widest"),
                        }
                    }
                    vector += wide;
                }
                if n % $lanes != 0 {
                    // SAFETY: as above; the mask ends with the last column.
                    unsafe { column::<1, true>(m, k, operands.at_column(whole * $lanes), store, n % $lanes) };
                }
            }

            /// How many of `left` vectors the next tile takes.
            fn widest(left: usize) -> usize {
                left.min([$($vectors),+].len())
            }

            /// All rows of `NV` vectors of columns.
            ///
            /// # Safety
            /// As [`product`].
            #[target_feature(enable = $features)]
            unsafe fn column<const NV: usize, const TAIL: bool>(
                m: usize,
                k: usize,
                mut operands: Operands,
                store: Store,
                tail: usize,
            ) {
                let mut left = m;
                while left > 0 {
                    let rows = left.min(if NV > 4 { $rows - 1 } else { $rows });
                    // SAFETY: the rows are inside of the matrices; the caller's promise.
                    unsafe {
                        match rows {
                            1 => tile::<1, NV, TAIL>(k, operands, store, tail),
                            2 => tile::<2, NV, TAIL>(k, operands, store, tail),
                            3 => tile::<3, NV, TAIL>(k, operands, store, tail),
                            4 => tile::<4, NV, TAIL>(k, operands, store, tail),
                            5 => tile::<5, NV, TAIL>(k, operands, store, tail),
                            _ => tile::<6, NV, TAIL>(k, operands, store, tail),
                        }
                        operands = operands.after_rows(rows);
                    }
                    left -= rows;
                }
            }

            /// `MR` rows of `NV` vectors, of which the last is cut to `tail` lanes if `TAIL`.
            ///
            /// # Safety
            /// As [`product`].
            #[target_feature(enable = $features)]
            unsafe fn tile<const MR: usize, const NV: usize, const TAIL: bool>(
                k: usize,
                operands: Operands,
                store: Store,
                tail: usize,
            ) {
                let mask: $mask = $make_mask(tail);
                let Operands { mut a, a_row, a_col, mut b, b_row, c, c_row } = operands;
                let mut sums: [[$vector; NV]; MR] = [[$zero(); NV]; MR];
                for _ in 0..k {
                    let mut columns = [$zero(); NV];
                    for j in 0..NV {
                        // SAFETY: the caller's promise; masked lanes are not touched.
                        columns[j] = unsafe {
                            if TAIL { $masked_load(b, mask) } else { $load(b.add($lanes * j)) }
                        };
                    }
                    for i in 0..MR {
                        // SAFETY: the caller's promise.
                        let x = $splat(unsafe { *a.add(i * a_row) });
                        for j in 0..NV {
                            sums[i][j] = $fma(x, columns[j], sums[i][j]);
                        }
                    }
                    a = a.wrapping_add(a_col);
                    b = b.wrapping_add(b_row);
                }
                let scale = $splat(store.scale);
                for i in 0..MR {
                    for j in 0..NV {
                        // SAFETY: the caller's promise; masked lanes are not touched.
                        unsafe {
                            let c = c.add(i * c_row + $lanes * j);
                            let mut sum = $mul(scale, sums[i][j]);
                            if store.accumulate {
                                let before = if TAIL { $masked_load(c, mask) } else { $load(c) };
                                sum = $add(before, sum);
                            }
                            if TAIL { $masked_store(c, mask, sum) } else { $store(c, sum) }
                        }
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
tiles! {
    /// 32 registers of 16 floats.
    mod avx512, features: "avx512f", vector: __m512, lanes: 16,
    tile: 6 x [1 2 3 4 5],
    mask: __mmask16 = |tail: usize| (1u16 << tail) - 1,
    _mm512_setzero_ps _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps _mm512_mul_ps _mm512_add_ps
    masked: |p, mask| _mm512_maskz_loadu_ps(mask, p), |p, mask, v| _mm512_mask_storeu_ps(p, mask, v),
}

#[cfg(target_arch = "x86_64")]
tiles! {
    /// 16 registers of 8 floats.
    mod avx2, features: "avx2,fma", vector: __m256, lanes: 8,
    tile: 6 x [1 2],
    mask: __m256i = |tail: usize| _mm256_cmpgt_epi32(
        _mm256_set1_epi32(tail as i32),
        _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
    ),
    _mm256_setzero_ps _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_mul_ps _mm256_add_ps
    masked: |p, mask| _mm256_maskload_ps(p, mask), |p, mask, v| _mm256_maskstore_ps(p, mask, v),
}

impl Operands {
    /// The operands of the columns from `column` on.
    ///
    /// # Safety
    /// b and c have that column.
    unsafe fn at_column(self, column: usize) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            Self {
                b: self.b.add(column),
                c: self.c.add(column),
                ..self
            }
        }
    }

    /// The operands of the rows after the first `rows`, of which there may be none.
    fn after_rows(self, rows: usize) -> Self {
        Self {
            a: self.a.wrapping_add(rows * self.a_row),
            c: self.c.wrapping_add(rows * self.c_row),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{at_level, levels};
    use super::*;

    #[test]
    fn products_equal_sums_written_out() {
        for (m, n, k) in [
            (1, 1, 1),
            (7, 8, 5),
            (6, 16, 3),
            (13, 80, 32),
            (65, 33, 20),
            (4, 100, 9),
        ] {
            let value = |i: usize| ((i * 29) % 17) as f32 - 8.0;
            let a: Vec<f32> = (0..m * k).map(value).collect();
            let b: Vec<f32> = (0..k * (n + 3)).map(|i| value(i + 5)).collect();
            for transposed in [false, true] {
                let (row, col) = if transposed { (1, m) } else { (k, 1) };
                let a = Strided { data: &a, row, col };
                let b = Strided {
                    data: &b,
                    row: n + 3,
                    col: 1,
                };
                for (level, accumulate) in levels().flat_map(|l| [(l, false), (l, true)]) {
                    let mut c = vec![1.0; m * (n + 2)];
                    let store = Store {
                        scale: 0.5,
                        accumulate,
                    };
                    at_level(level, || {
                        small_product([m, n, k], a, b, &mut c, n + 2, store)
                    });
                    for i in 0..m {
                        for j in 0..n + 2 {
                            let before = if accumulate || j >= n { 1.0 } else { 0.0 };
                            let sum: f32 = (0..k)
                                .map(|p| a.data[i * row + p * col] * b.data[p * (n + 3) + j])
                                .sum();
                            let sum = if j < n { 0.5 * sum } else { 0.0 };
                            if i + 1 < m || j < n {
                                assert_eq!(
                                    c[i * (n + 2) + j],
                                    before + sum,
                                    "{level:?} {m} × {n} × {k} at {i}, {j}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}
