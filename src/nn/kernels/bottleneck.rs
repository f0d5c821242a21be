//! The Gaussian bottleneck's element-wise part.

use super::math::{exp, fma, polynomial};

dispatch! {
    /// z = mean + exp(log_variance / 2) · noise, where z comes in as the noise.
    pub(crate) fn sample(mean: &[f32], log_variance: &[f32], z: &mut [f32]) {
        let (mean, log_variance) = (&mean[..z.len()], &log_variance[..z.len()]);
        for i in 0..z.len() {
            z[i] = fma::<FMA>(exp::<FMA>(0.5 * log_variance[i]), z[i], mean[i]);
        }
    }

    /// The divergence of each element from the standard normal, in nats.
    pub(crate) fn divergence(mean: &[f32], log_variance: &[f32], out: &mut [f32]) {
        let (mean, log_variance) = (&mean[..out.len()], &log_variance[..out.len()]);
        for i in 0..out.len() {
            out[i] = 0.5 * fma::<FMA>(mean[i], mean[i], excess::<FMA>(log_variance[i]));
        }
    }

    /// Turns noise into the gradient of the log-variance, and dz into that of the mean:
    /// dm = dz + k · mean, dv = dz · noise · exp(v / 2) / 2 + k · (exp(v) − 1) / 2.
    pub(crate) fn sample_backward(
        mean: &[f32],
        log_variance: &[f32],
        kl_weight: f32,
        noise: &mut [f32],
        dz: &mut [f32],
    ) {
        let n = dz.len();
        let (mean, log_variance, noise) = (&mean[..n], &log_variance[..n], &mut noise[..n]);
        for i in 0..n {
            let v = log_variance[i];
            let slope = 0.5 * dz[i] * noise[i] * exp::<FMA>(0.5 * v);
            noise[i] = fma::<FMA>(0.5 * kl_weight, excess::<FMA>(v) + v, slope);
            dz[i] = fma::<FMA>(kl_weight, mean[i], dz[i]);
        }
    }
}

/// eˣ − 1 − x, without the cancellation near 0.
#[inline(always)]
fn excess<const FMA: bool>(x: f32) -> f32 {
    let series = x
        * x
        * polynomial::<FMA, 8>(
            x,
            [
                1.0 / 362_880.0,
                1.0 / 40_320.0,
                1.0 / 5040.0,
                1.0 / 720.0,
                1.0 / 120.0,
                1.0 / 24.0,
                1.0 / 6.0,
                0.5,
            ],
        );
    let direct = exp::<FMA>(x) - 1.0 - x;
    if x.abs() < 1.0 { series } else { direct }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excess_is_accurate_everywhere() {
        for i in -20_000..20_000 {
            let x = i as f32 * 1e-3;
            let exact = f64::from(x).exp_m1() - f64::from(x);
            let y = f64::from(excess::<true>(x));
            assert!(
                (y - exact).abs() <= 2e-6 * exact + 1e-12,
                "{x}: {y} not {exact}"
            );
        }
    }
}
