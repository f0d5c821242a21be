//! Normally distributed noise by counter.

use std::f32::consts::{FRAC_PI_2, LN_2};

use super::math::{fma, polynomial};
use crate::nn::random::RowKey;

dispatch! {
    /// Fills a row with standard normal values (Box and Muller 1958).
    pub(crate) fn normal(row: RowKey, out: &mut [f32]) {
        let half = out.len().div_ceil(2);
        let (first, second) = out.split_at_mut(half);
        // A pair of values comes from columns 2 i and 2 i + 1 of the row's bits.
        for (i, first) in first.iter_mut().enumerate() {
            *first = pair::<FMA>(row, i as u32).0;
        }
        for (i, second) in second.iter_mut().enumerate() {
            *second = pair::<FMA>(row, i as u32).1;
        }
    }
}

/// Two independent normal values.
#[inline(always)]
fn pair<const FMA: bool>(row: RowKey, i: u32) -> (f32, f32) {
    // 24 bits, centred in their intervals: neither 0 nor 1, so the logarithm is finite.
    let unit = |bits: u32| ((bits >> 8) as f32 + 0.5) * (1.0 / 16_777_216.0);
    let radius = (-2.0 * ln::<FMA>(unit(row.bits(2 * i)))).sqrt();
    let (sin, cos) = turn::<FMA>(row.bits(2 * i + 1));
    (radius * cos, radius * sin)
}

/// ln x of a normal number, as Cephes' `logf` has it.
#[inline(always)]
fn ln<const FMA: bool>(x: f32) -> f32 {
    // x = 2ᵉ · m with m in [√½, √2).
    let bits = x.to_bits().wrapping_sub(0x3f35_04f3);
    let exponent = (bits as i32 >> 23) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff).wrapping_add(0x3f35_04f3)) - 1.0;
    let p = polynomial::<FMA, 9>(
        m,
        [
            7.037_683_6e-2,
            -1.151_461e-1,
            1.167_699_9e-1,
            -1.242_014_1e-1,
            1.424_932_3e-1,
            -1.666_805_8e-1,
            2.000_071_5e-1,
            -2.499_999_4e-1,
            3.333_333e-1,
        ],
    );
    let square = m * m;
    fma::<FMA>(exponent, LN_2, m + square * fma::<FMA>(m, p, -0.5))
}

/// Sine and cosine of a full turn times bits / 2³².
#[inline(always)]
fn turn<const FMA: bool>(bits: u32) -> (f32, f32) {
    // The nearest quarter, and the angle from there: within ±π/4.
    let quarter = bits.wrapping_add(1 << 29) >> 30;
    let rest = bits.wrapping_sub(quarter << 30) as i32;
    let angle = rest as f32 * (FRAC_PI_2 / 1_073_741_824.0);
    let square = angle * angle;
    let sin = polynomial::<FMA, 4>(
        square,
        [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1, 1.0],
    ) * angle;
    let cos = polynomial::<FMA, 5>(
        square,
        [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2, -0.5, 1.0],
    );
    let (s, c) = if quarter & 1 == 1 {
        (cos, -sin)
    } else {
        (sin, cos)
    };
    if quarter & 2 == 2 { (-s, -c) } else { (s, c) }
}

#[cfg(test)]
mod tests {
    use super::super::{at_level, levels};
    use super::*;
    use crate::nn::random::Stream;

    #[test]
    fn logarithm_and_turn_are_accurate() {
        for i in 1..10_000u32 {
            let x = i as f32 / 10_000.0;
            assert!(
                (f64::from(ln::<true>(x)) - f64::from(x).ln()).abs()
                    < 1e-6 * f64::from(x).ln().abs().max(0.1)
            );
            let bits = i.wrapping_mul(0x9E37_79B9);
            let angle = f64::from(bits) / 4_294_967_296.0 * 2.0 * std::f64::consts::PI;
            let (sin, cos) = turn::<true>(bits);
            assert!((f64::from(sin) - angle.sin()).abs() < 2e-7, "sin {angle}");
            assert!((f64::from(cos) - angle.cos()).abs() < 2e-7, "cos {angle}");
        }
    }

    #[test]
    fn moments_are_those_of_the_normal_distribution() {
        for level in levels() {
            let mut values = vec![0.0; 100_001];
            at_level(level, || normal(Stream::new(3, 4).row(5), &mut values));
            let n = values.len() as f64;
            let moment = |power: i32| {
                values
                    .iter()
                    .map(|&v| f64::from(v).powi(power))
                    .sum::<f64>()
                    / n
            };
            // Standard errors: 0.003, 0.0045, 0.012, 0.031.
            assert!(moment(1).abs() < 0.015, "{}", moment(1));
            assert!((moment(2) - 1.0).abs() < 0.02, "{}", moment(2));
            assert!(moment(3).abs() < 0.06, "{}", moment(3));
            assert!((moment(4) - 3.0).abs() < 0.15, "{}", moment(4));
            let lagged: f64 = values
                .windows(2)
                .map(|w| f64::from(w[0] * w[1]))
                .sum::<f64>()
                / n;
            assert!(lagged.abs() < 0.015, "{lagged}");
        }
    }
}
