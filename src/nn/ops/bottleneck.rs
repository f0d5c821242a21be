//! The variational bottleneck (Kingma and Welling 2014): a sample of a diagonal Gaussian,
//! and its divergence from the standard one.

use crate::nn::tape::{Tape, Var};

/// The ε in z = mean + exp(log_variance / 2) · ε.
#[derive(Debug, Clone, Copy)]
pub enum Noise<'n> {
    /// ε = 0: z is the mean, as in evaluation.
    Mean,
    /// Standard normal, drawn by counter.
    Sample {
        /// The run's seed.
        seed: u64,
        /// A number for this draw, such as the step's.
        stream: u64,
        /// Rows of this matrix in the shards before this one, so that every row of the
        /// whole batch draws the same however the batch is cut.
        first_row: u64,
    },
    /// These values, one for each element.
    Given(&'n [f32]),
}

/// The divergence of the shard's posteriors from the standard normal, in nats.
#[derive(Debug, Clone, PartialEq)]
pub struct Kl {
    /// Sum over all elements of (mean² + e^log_variance − 1 − log_variance) / 2.
    pub sum: f64,
    /// The same, for each column.
    pub per_dimension: Vec<f64>,
}

impl Tape<'_> {
    /// Draws z from the Gaussians of `mean` and `log_variance`, and measures their divergence.
    ///
    /// `kl_weight` is the derivative of the total loss by one element's divergence: the weight
    /// of the term in the loss, over what it is averaged over. The backward pass adds that
    /// term's gradient by itself.
    pub fn gaussian_bottleneck(
        &mut self,
        mean: Var,
        log_variance: Var,
        noise: Noise<'_>,
        kl_weight: f32,
    ) -> (Var, Kl) {
        let _ = (mean, log_variance, noise, kl_weight);
        unimplemented!()
    }
}
