//! GELU and its derivative.

use std::f32::consts::FRAC_1_SQRT_2;

use super::math::{exp, fma, polynomial};
use crate::nn::ops::Gelu;

/// gelu(x + bias) into y, and gelu'(x + bias) into x, where the backward pass finds it.
pub(crate) fn with_derivative(kind: Gelu, x: &mut [f32], bias: &[f32], y: &mut [f32]) {
    match kind {
        Gelu::Tanh => tanh_with_derivative(x, bias, y),
        Gelu::Erf => erf_with_derivative(x, bias, y),
    }
}

/// x = gelu(x).
pub(crate) fn in_place(kind: Gelu, x: &mut [f32]) {
    match kind {
        Gelu::Tanh => tanh_in_place(x),
        Gelu::Erf => erf_in_place(x),
    }
}

dispatch! {
    fn tanh_with_derivative(x: &mut [f32], bias: &[f32], y: &mut [f32]) {
        for (x, y) in x.chunks_exact_mut(bias.len()).zip(y.chunks_exact_mut(bias.len())) {
            for i in 0..bias.len() {
                (y[i], x[i]) = tanh_gelu::<FMA>(x[i] + bias[i]);
            }
        }
    }

    fn erf_with_derivative(x: &mut [f32], bias: &[f32], y: &mut [f32]) {
        for (x, y) in x.chunks_exact_mut(bias.len()).zip(y.chunks_exact_mut(bias.len())) {
            for i in 0..bias.len() {
                (y[i], x[i]) = erf_gelu::<FMA>(x[i] + bias[i]);
            }
        }
    }

    fn tanh_in_place(x: &mut [f32]) {
        x.iter_mut().for_each(|x| *x = tanh_gelu::<FMA>(*x).0);
    }

    fn erf_in_place(x: &mut [f32]) {
        x.iter_mut().for_each(|x| *x = erf_gelu::<FMA>(*x).0);
    }

    /// dy *= derivative, and its column sums are added to `sums`.
    pub(crate) fn backward(dy: &mut [f32], derivative: &[f32], sums: &mut [f32]) {
        for (dy, derivative) in dy.chunks_exact_mut(sums.len()).zip(derivative.chunks_exact(sums.len())) {
            for i in 0..sums.len() {
                let d = dy[i] * derivative[i];
                dy[i] = d;
                sums[i] += d;
            }
        }
    }
}

/// The tanh form and its derivative. With σ the logistic function, (1 + tanh u) / 2 = σ(2u).
#[inline(always)]
fn tanh_gelu<const FMA: bool>(x: f32) -> (f32, f32) {
    const SCALE: f32 = 1.595_769; // 2 √(2/π)
    const CUBIC: f32 = 0.044_715;
    let square = x * x;
    let twice_u = SCALE * x * fma::<FMA>(CUBIC, square, 1.0);
    let e = exp::<FMA>(-twice_u);
    let gate = 1.0 / (1.0 + e);
    let slope = SCALE * fma::<FMA>(3.0 * CUBIC, square, 1.0);
    (x * gate, fma::<FMA>(x * slope * gate, e * gate, gate))
}

/// The erf form and its derivative.
///
/// erfc(a) is taken as t · P(t) · exp(−a²) with t = 1 / (1 + 0.3 a), as Hastings (1955) does
/// with fewer terms; P is a minimax fit of relative error 1.5e-8 for a up to 6.6.
#[inline(always)]
fn erf_gelu<const FMA: bool>(x: f32) -> (f32, f32) {
    const HALF_P: [f32; 9] = [
        -0.06263778,
        0.2313821,
        -0.22982894,
        0.23979203,
        -0.020282775,
        0.09400062,
        0.078270726,
        0.08465911,
        0.084644906,
    ];
    const DENSITY: f32 = 0.398_942_3; // 1 / √(2π)
    let a = x.abs() * FRAC_1_SQRT_2;
    let t = 1.0 / fma::<FMA>(0.3, a, 1.0);
    let e = exp::<FMA>(-0.5 * x * x);
    let tail = polynomial::<FMA, 9>(t, HALF_P) * t * e;
    let gate = if x < 0.0 { tail } else { 1.0 - tail };
    (x * gate, fma::<FMA>(x * DENSITY, e, gate))
}

#[cfg(test)]
mod tests {
    use super::super::{at_level, levels};
    use super::*;

    /// erf by its Maclaurin series, or 1 − erfc by a continued fraction.
    fn erf(x: f64) -> f64 {
        if x.abs() < 3.0 {
            let (mut term, mut sum) = (x, x);
            for n in 1..100 {
                term *= -x * x / n as f64;
                sum += term / (2 * n + 1) as f64;
            }
            sum * 2.0 / std::f64::consts::PI.sqrt()
        } else {
            let a = x.abs();
            let fraction = (1..100).rev().fold(0.0, |s, k| k as f64 / 2.0 / (a + s));
            (1.0 - (-a * a).exp() / (std::f64::consts::PI.sqrt() * (a + fraction))).copysign(x)
        }
    }

    fn exact(kind: Gelu, x: f64) -> (f64, f64) {
        match kind {
            Gelu::Erf => {
                let gate = 0.5 * (1.0 + erf(x / 2f64.sqrt()));
                let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
                (x * gate, gate + x * density)
            }
            Gelu::Tanh => {
                let scale = (2.0 / std::f64::consts::PI).sqrt();
                let tanh = (scale * (x + 0.044715 * x.powi(3))).tanh();
                let slope = scale * (1.0 + 3.0 * 0.044715 * x * x);
                (
                    0.5 * x * (1.0 + tanh),
                    0.5 * (1.0 + tanh) + 0.5 * x * (1.0 - tanh * tanh) * slope,
                )
            }
        }
    }

    #[test]
    fn values_and_derivatives_are_exact_to_f32() {
        let inputs: Vec<f32> = (-12_000..=12_000).map(|i| i as f32 * 1e-3).collect();
        for kind in [Gelu::Tanh, Gelu::Erf] {
            for level in levels() {
                let (mut x, mut y) = (inputs.clone(), vec![0.0; inputs.len()]);
                let bias = vec![0.0; inputs.len()];
                at_level(level, || with_derivative(kind, &mut x, &bias, &mut y));
                for (i, &input) in inputs.iter().enumerate() {
                    let (value, derivative) = exact(kind, f64::from(input));
                    assert!(
                        (f64::from(y[i]) - value).abs() < 2e-7 * value.abs().max(1.0),
                        "{kind:?} of {input}: {} not {value}",
                        y[i]
                    );
                    assert!(
                        (f64::from(x[i]) - derivative).abs() < 4e-7,
                        "{kind:?}' of {input}: {} not {derivative}",
                        x[i]
                    );
                }
                let mut z = inputs.clone();
                at_level(level, || in_place(kind, &mut z));
                assert_eq!(z, y);
            }
        }
    }

    #[test]
    fn far_out_it_is_zero_or_the_identity() {
        for kind in [Gelu::Tanh, Gelu::Erf] {
            let mut x = [-1e4, -50.0, 50.0, 1e4, f32::NAN];
            in_place(kind, &mut x);
            assert_eq!(
                x[..2].iter().filter(|v| v.abs() < 1e-30).count(),
                2,
                "{x:?}"
            );
            assert_eq!(x[2..4], [50.0, 1e4]);
            assert!(x[4].is_nan());
        }
    }
}
