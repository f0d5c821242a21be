//! The loss of a batch, L = α·LM + β·KL + γ·contrastive (paper, formula 5), and its gradients.

mod on_cpu;
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
mod on_device;
mod plan;

pub use on_cpu::{loss_and_gradients, losses_only};
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
pub use on_device::{Cut, loss_and_gradients_on_device, losses_on_device};

use crate::nn::Precision;

/// How a step weighs its losses, and what is random in it.
#[derive(Debug, Clone, Copy)]
pub struct Objective<'a> {
    /// Weight α of the language-model loss.
    pub alpha: f64,
    /// Weight β of the KL loss.
    pub beta: f64,
    /// Weight γ of the contrastive loss. The dual encoder has no other loss and weighs it with 1.
    pub gamma: f64,
    /// Divergence in nats that every latent dimension has for free; 0 charges all of it.
    pub free_bits: f64,
    /// What the bottleneck draws.
    pub latent: LatentNoise<'a>,
    /// The seed of this step's dropout masks; `None` switches dropout off.
    pub dropout: Option<u64>,
    /// What linear maps are multiplied in.
    pub precision: Precision,
}

/// The ε of z = μ + σ·ε for a whole batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LatentNoise<'a> {
    /// None: z is the mean.
    Mean,
    /// Standard normal; another seed draws other numbers, so give each step its own.
    Sample {
        /// The seed.
        seed: u64,
    },
    /// These numbers, (batch, latent tokens, latent size).
    Given(&'a [f32]),
}

/// The losses of a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Losses {
    /// The weighted sum, in which free bits are charged as if they were used.
    pub loss: f64,
    /// Language-model loss: the mean over caption tokens and end tokens, in nats.
    pub lm: Option<f64>,
    /// KL divergence as the configuration reduces it, in nats.
    pub kl: Option<f64>,
    /// Contrastive loss, both directions added.
    pub cl: Option<f64>,
    /// Caption tokens and end tokens in the batch.
    pub tokens: usize,
    /// KL divergence of each latent dimension: the mean over pictures and latent tokens, in nats.
    pub kl_per_dimension: Vec<f64>,
}
