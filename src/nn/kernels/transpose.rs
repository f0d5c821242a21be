//! Transposition of a small matrix into the nearest cache.

use super::dispatch::{Level, level};

/// out (cols, stride) = xᵀ, where x has `rows` rows of `cols` values, `x_stride` apart. The
/// columns of out from `rows` to `stride` are set to 0.
pub(crate) fn transpose(
    x: &[f32],
    x_stride: usize,
    [rows, cols]: [usize; 2],
    out: &mut [f32],
    stride: usize,
) {
    assert!(cols <= x_stride && rows <= stride);
    assert!(rows == 0 || x.len() >= (rows - 1) * x_stride + cols);
    assert!(out.len() >= cols * stride);
    let mut whole = 0;
    #[cfg(target_arch = "x86_64")]
    if level() >= Level::Avx2 {
        whole = rows / 8 * 8;
        for row in (0..whole).step_by(8) {
            for col in (0..cols / 8 * 8).step_by(8) {
                // SAFETY: AVX2 is there; rows row..row + 8 and columns col..col + 8 are inside
                // of x, and the transposed block inside of out, by the assertions above.
                unsafe {
                    block8(
                        x.as_ptr().add(row * x_stride + col),
                        x_stride,
                        out.as_mut_ptr().add(col * stride + row),
                        stride,
                    );
                }
            }
        }
    }
    for col in 0..cols {
        let out = &mut out[col * stride..][..stride];
        let first = if col < cols / 8 * 8 { whole } else { 0 };
        for row in first..rows {
            out[row] = x[row * x_stride + col];
        }
        out[rows..].fill(0.0);
    }
}

/// Transposes 8 × 8 floats.
///
/// # Safety
/// 8 rows of 8 floats can be read at `x` and written at `out`, so many floats apart.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn block8(x: *const f32, x_stride: usize, out: *mut f32, stride: usize) {
    use std::arch::x86_64::*;
    // SAFETY: the caller's promise.
    let row: [__m256; 8] = std::array::from_fn(|i| unsafe { _mm256_loadu_ps(x.add(i * x_stride)) });
    // Interleave pairs of rows, then pairs of pairs, then swap halves.
    let low = |i: usize| _mm256_unpacklo_ps(row[i], row[i + 1]);
    let high = |i: usize| _mm256_unpackhi_ps(row[i], row[i + 1]);
    let pairs = [
        low(0),
        high(0),
        low(2),
        high(2),
        low(4),
        high(4),
        low(6),
        high(6),
    ];
    let even = |i: usize| _mm256_shuffle_ps::<0x44>(pairs[i], pairs[i + 2]);
    let odd = |i: usize| _mm256_shuffle_ps::<0xEE>(pairs[i], pairs[i + 2]);
    let quads = [
        even(0),
        odd(0),
        even(1),
        odd(1),
        even(4),
        odd(4),
        even(5),
        odd(5),
    ];
    for i in 0..4 {
        // SAFETY: the caller's promise.
        unsafe {
            _mm256_storeu_ps(
                out.add(i * stride),
                _mm256_permute2f128_ps::<0x20>(quads[i], quads[i + 4]),
            );
            _mm256_storeu_ps(
                out.add((i + 4) * stride),
                _mm256_permute2f128_ps::<0x31>(quads[i], quads[i + 4]),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{at_level, levels};
    use super::*;

    #[test]
    fn every_value_lands_in_its_place() {
        for (rows, cols, x_stride, stride) in [
            (1, 1, 3, 16),
            (8, 8, 8, 16),
            (17, 20, 60, 32),
            (65, 32, 96, 80),
        ] {
            let x: Vec<f32> = (0..rows * x_stride).map(|i| i as f32 + 1.0).collect();
            for level in levels() {
                let mut out = vec![f32::NAN; cols * stride];
                at_level(level, || {
                    transpose(&x, x_stride, [rows, cols], &mut out, stride)
                });
                for col in 0..cols {
                    for row in 0..stride {
                        let expected = if row < rows {
                            x[row * x_stride + col]
                        } else {
                            0.0
                        };
                        assert_eq!(
                            out[col * stride + row],
                            expected,
                            "{level:?} {rows} × {cols} at {row}, {col}"
                        );
                    }
                }
            }
        }
    }
}
