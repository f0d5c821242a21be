//! Scalar functions and sums that vectorise, inlined into the kernels.
//!
//! Comparisons stand where `clamp` or `max` would swallow a NaN: a diverging run has to
//! show. Sums keep explicit lanes, since the compiler may not reorder an addition.

use std::f32::consts::LOG2_E;

/// Partial sums that a reduction keeps: two of the widest vectors.
pub(super) const LANES: usize = 32;

/// a · b + c, in one rounding where the machine can.
#[inline(always)]
pub(super) fn fma<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// A polynomial, coefficients from the highest power down.
#[inline(always)]
pub(super) fn polynomial<const FMA: bool, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut y = coefficients[0];
    for &c in &coefficients[1..] {
        y = fma::<FMA>(y, x, c);
    }
    y
}

/// Adding this rounds a float of moderate size to an integer in its lowest bits.
const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³

/// eˣ with a relative error near 1e-7, held to the normal numbers; NaN stays NaN.
///
/// The reduction and the polynomial are those of Cephes' `expf`.
#[inline(always)]
pub(super) fn exp<const FMA: bool>(x: f32) -> f32 {
    let x = if x < -87.3 { -87.3 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = fma::<FMA>(x, LOG2_E, ROUND);
    let k = shifted - ROUND;
    let r = fma::<FMA>(k, -355.0 / 512.0, x);
    let r = fma::<FMA>(k, 2.121_944_4e-4, r);
    let p = polynomial::<FMA, 6>(
        r,
        [
            1.987_569_1e-4,
            1.398_2e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            0.166_666_65,
            0.5,
        ],
    );
    let y = fma::<FMA>(p, r * r, r) + 1.0;
    // The integer k sits in the lowest bits of `shifted`; add it to the exponent.
    f32::from_bits(y.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// eˣ of a value that lies x below the largest of a softmax; 0 from x = −40 down.
///
/// There it is 4e-18 beside a sum of at least 1, ten orders under that sum's rounding. Kept, it would turn
/// products with it into subnormal numbers, over which processors take a hundred times longer: attention
/// that has learned to look at one token made whole trainings half as fast.
#[inline(always)]
pub(super) fn weight<const FMA: bool>(x: f32) -> f32 {
    // A NaN is not below, and stays one.
    if x < -40.0 { 0.0 } else { exp::<FMA>(x) }
}

/// Σ f(x, y) over two slices of one length.
#[inline(always)]
pub(super) fn sum_of(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let split = x.len() / LANES * LANES;
    let (x, x_rest) = x.split_at(split);
    let (y, y_rest) = y.split_at(split);
    for (x, y) in x.chunks_exact(LANES).zip(y.chunks_exact(LANES)) {
        for i in 0..LANES {
            lanes[i] += f(x[i], y[i]);
        }
    }
    let rest: f32 = x_rest.iter().zip(y_rest).map(|(&x, &y)| f(x, y)).sum();
    total(lanes) + rest
}

/// Σ x.
#[inline(always)]
pub(super) fn sum(x: &[f32]) -> f32 {
    sum_of(x, x, |x, _| x)
}

/// Adds up the lanes, pairwise.
#[inline(always)]
pub(super) fn total(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The largest value; −∞ of an empty slice.
#[inline(always)]
pub(super) fn largest(x: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let mut chunks = x.chunks_exact(LANES);
    for chunk in &mut chunks {
        for i in 0..LANES {
            lanes[i] = larger(lanes[i], chunk[i]);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = larger(*lane, x);
    }
    // In halves, as sums are: one lane after the other would be a chain of 32.
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = larger(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_accurate_and_keeps_nan() {
        let mut worst = 0.0f64;
        for i in -87_000..88_000 {
            let x = i as f32 * 1e-3;
            let exact = f64::from(x).exp();
            for y in [exp::<false>(x), exp::<true>(x)] {
                worst = worst.max((f64::from(y) / exact - 1.0).abs());
            }
        }
        assert!(worst < 2e-7, "relative error {worst:e}");
        assert!(exp::<true>(f32::NAN).is_nan());
        assert_eq!(exp::<true>(0.0), 1.0);
        assert!(exp::<true>(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn a_weight_is_never_so_small_that_products_with_it_are_subnormal() {
        for i in -2_000..=0 {
            let x = i as f32 * 0.1;
            let w = weight::<true>(x);
            assert!(w == 0.0 || (w * 1e-9 * 1e-9).is_normal(), "{w:e} for {x}");
            assert!((w - x.exp()).abs() < 1e-6 * x.exp() + 5e-18);
        }
        assert_eq!(weight::<true>(0.0), 1.0);
        assert_eq!(weight::<true>(f32::NEG_INFINITY), 0.0);
        assert!(weight::<true>(f32::NAN).is_nan());
    }

    #[test]
    fn reductions_see_every_element() {
        for len in [0, 1, 31, 32, 33, 100] {
            let x: Vec<f32> = (0..len).map(|i| ((i * 37) % 101) as f32).collect();
            assert_eq!(sum(&x), x.iter().sum::<f32>());
            assert_eq!(
                largest(&x),
                x.iter().copied().fold(f32::NEG_INFINITY, f32::max)
            );
        }
    }
}
