//! Free bits: a latent dimension pays for its KL divergence only beyond a floor (Kingma et al. 2016,
//! "Improved Variational Inference with Inverse Autoregressive Flow", appendix C.8).
//!
//! The charge is Σ max(λ, KL of dimension j), where a dimension's divergence is its mean over the pictures
//! and latent tokens of the whole batch. Below λ a dimension feels no pull towards the prior, so that
//! carrying a little information costs nothing, and a decoder has no reason to ignore it.

/// What a batch pays for its posteriors' divergence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FreeBits {
    /// The charge summed over all elements, in nats.
    pub sum: f64,
    /// Whether a dimension is charged, and so pulled towards the prior.
    charged: Vec<bool>,
}

impl FreeBits {
    /// The charge for `vectors` latent vectors, of whose mean divergence by dimension `floor` nats are free.
    pub fn new(floor: f64, kl_per_dimension: &[f64], vectors: usize) -> Self {
        let charge: f64 = kl_per_dimension.iter().map(|kl| kl.max(floor)).sum();
        Self {
            sum: charge * vectors as f64,
            charged: kl_per_dimension.iter().map(|&kl| kl > floor).collect(),
        }
    }

    /// The gradients by mean and log variance, (vectors × dimensions) each, where `weight` is the
    /// derivative of the total loss by one element's charge.
    pub fn gradients(&self, mean: &[f32], log_variance: &[f32], weight: f32) -> [Vec<f32>; 2] {
        let by_dimension = |values: &[f32], slope: fn(f32) -> f32| {
            let elements = values.iter().zip(self.charged.iter().cycle());
            let gradient = |(&value, &charged)| match charged {
                true => weight * slope(value),
                false => 0.0,
            };
            elements.map(gradient).collect()
        };
        [
            by_dimension(mean, |m| m),
            by_dimension(log_variance, |v| v.exp_m1() / 2.0),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PyTorch's autograd of the formula, by fixtures/make/free_bits.py.
    #[test]
    fn equals_pytorch() {
        let golden = include_str!("../../fixtures/models/free_bits.json");
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        let floats = |value: &serde_json::Value| -> Vec<f64> {
            let values = value.as_array().unwrap();
            values.iter().map(|v| v.as_f64().unwrap()).collect()
        };
        let narrow = |values: Vec<f64>| -> Vec<f32> { values.iter().map(|&v| v as f32).collect() };
        let mean = narrow(floats(&golden["mean"]));
        let log_variance = narrow(floats(&golden["log_variance"]));
        let dimensions = golden["dimensions"].as_u64().unwrap() as usize;
        let vectors = mean.len() / dimensions;
        let mut per_dimension = vec![0.0; dimensions];
        for (i, (&m, &v)) in mean.iter().zip(&log_variance).enumerate() {
            let (m, v) = (f64::from(m), f64::from(v));
            per_dimension[i % dimensions] += (m * m + v.exp_m1() - v) / 2.0 / vectors as f64;
        }
        let close =
            |found: f64, expected: f64| (found - expected).abs() <= 1e-6 * expected.abs().max(1e-2);
        for case in golden["cases"].as_array().unwrap() {
            let floor = case["floor"].as_f64().unwrap();
            let weight = 1.0 / mean.len() as f64;
            let free = FreeBits::new(floor, &per_dimension, vectors);
            let loss = case["loss"].as_f64().unwrap();
            assert!(
                close(free.sum * weight, loss),
                "{floor}: {}",
                free.sum * weight
            );
            let found = free.gradients(&mean, &log_variance, weight as f32);
            for (found, name) in found.iter().zip(["d_mean", "d_log_variance"]) {
                for (found, expected) in found.iter().zip(floats(&case[name])) {
                    assert!(
                        close(f64::from(*found), expected),
                        "{floor} {name}: {found} {expected}"
                    );
                }
            }
        }
    }
}
