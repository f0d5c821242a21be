//! How much the latent tells of the picture: their mutual information under the encoder.
//!
//! With q(z) the mean of all posteriors, `I(x; z) = mean over x of E log q(z | x) − log q(z)` (Hoffman & Johnson: ELBO
//! surgery, 2016). The expectation is one draw a picture. Of n pictures the estimate cannot exceed `ln n`, what it takes
//! to tell them apart; a healthy bottleneck reaches that, a collapsed one stays at 0.

use crate::metrics::parallel::in_chunks;
use crate::nn::kernels::noise::normal;
use crate::nn::random::{RowKey, Stream};

/// Terms of a sum over pairs of pictures and latent dimensions that are spent at most.
const TERMS: usize = 1_000_000_000;

/// Pictures that are looked at, at most.
const PICTURES: usize = 512;

/// Pictures that one thread draws a latent of, one after the other.
const PICTURES_A_THREAD: usize = 8;

/// How many pictures of `dimensions` latent numbers each an estimate looks at, where there are `count`.
pub fn pictures(count: usize, dimensions: usize) -> usize {
    let affordable = (TERMS as f64 / dimensions.max(1) as f64).sqrt() as usize;
    count.min(PICTURES).min(affordable.max(2))
}

/// The mutual information in nats, of diagonal Gaussian posteriors with these means and log variances, both
/// `(pictures, dimensions)` row-major; `None` for fewer than two pictures, and for what is not finite. The result is the
/// same on any number of threads.
///
/// # Panics
/// If the two are not of one length, or not whole rows.
pub fn mutual_information(
    means: &[f32],
    log_variances: &[f32],
    dimensions: usize,
    threads: usize,
) -> Option<f64> {
    assert_eq!(means.len(), log_variances.len(), "a variance for each mean");
    assert_eq!(
        means.len() % dimensions.max(1),
        0,
        "whole rows of {dimensions}"
    );
    let n = means.len() / dimensions.max(1);
    if n < 2 {
        return None;
    }
    let row = |values: &'_ [f32], i: usize| values[i * dimensions..(i + 1) * dimensions].to_vec();
    let posteriors: Vec<Gaussian> = (0..n)
        .map(|i| Gaussian::new(row(means, i), &row(log_variances, i)))
        .collect();
    let noise = Stream::named(0, "mutual information");
    let told = in_chunks(n, PICTURES_A_THREAD, threads, |pictures| {
        let told = |i: usize| {
            let z = posteriors[i].draw(noise.row(i as u64));
            let densities: Vec<f64> = posteriors.iter().map(|p| p.log_density(&z)).collect();
            densities[i] - log_mean_exp(&densities)
        };
        pictures.map(told).sum::<f64>()
    });
    let sum: f64 = told.into_iter().sum();
    let found = sum / n as f64;
    found.is_finite().then_some(found)
}

/// A posterior of independent dimensions.
struct Gaussian {
    mean: Vec<f32>,
    /// 1 / σ.
    precision: Vec<f32>,
    /// −Σ log σ, what densities have in common with no other posterior.
    log_scale: f64,
}

impl Gaussian {
    fn new(mean: Vec<f32>, log_variance: &[f32]) -> Self {
        Self {
            mean,
            precision: log_variance.iter().map(|v| (-0.5 * v).exp()).collect(),
            log_scale: -0.5 * log_variance.iter().map(|&v| f64::from(v)).sum::<f64>(),
        }
    }

    /// A draw.
    fn draw(&self, noise: RowKey) -> Vec<f32> {
        let mut z = vec![0.0; self.mean.len()];
        normal(noise, &mut z);
        for ((z, mean), precision) in z.iter_mut().zip(&self.mean).zip(&self.precision) {
            *z = mean + *z / precision;
        }
        z
    }

    /// The logarithm of the density, but for a constant that all have.
    fn log_density(&self, z: &[f32]) -> f64 {
        let dimensions = z.iter().zip(&self.mean).zip(&self.precision);
        let distance: f64 = dimensions
            .map(|((z, mean), p)| f64::from((z - mean) * p).powi(2))
            .sum();
        self.log_scale - 0.5 * distance
    }
}

/// ln mean exp.
fn log_mean_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = values.iter().map(|value| (value - largest).exp()).sum();
    largest + (sum / values.len() as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posteriors_that_are_all_the_prior_tell_nothing() {
        let found = mutual_information(&[0.0; 60], &[0.0; 60], 3, 1).unwrap();
        assert!(found.abs() < 1e-9, "{found}");
    }

    #[test]
    fn posteriors_far_apart_tell_which_picture_it_is() {
        let means: Vec<f32> = (0..40).map(|i| 10.0 * i as f32).collect();
        let found = mutual_information(&means, &[-2.0; 40], 1, 1).unwrap();
        assert!((found - 40f64.ln()).abs() < 1e-6, "{found}");
    }

    /// Two Gaussians of unit variance at ±1.5, each as likely: the entropy of their mixture, integrated numerically,
    /// less that of one.
    #[test]
    fn between_the_two_it_is_what_integration_gives() {
        let means: Vec<f32> = (0..2000)
            .map(|i| if i % 2 == 0 { 1.5 } else { -1.5 })
            .collect();
        let found = mutual_information(&means, &[0.0; 2000], 1, 2).unwrap();
        assert!((found - 0.5268).abs() < 0.02, "{found}");
    }

    #[test]
    fn what_is_looked_at_is_bounded() {
        assert_eq!(pictures(100, 64), 100);
        assert_eq!(pictures(10_000, 64), PICTURES);
        let wide = pictures(10_000, 151_296);
        assert!(wide * wide * 151_296 <= TERMS && wide > 50, "{wide}");
        assert_eq!(mutual_information(&[0.0], &[0.0], 1, 1), None);
        assert_eq!(mutual_information(&[f32::NAN; 4], &[0.0; 4], 2, 1), None);
    }
}
