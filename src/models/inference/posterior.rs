//! What a bottleneck makes of pictures.

use super::Inference;
use crate::error::{Error, Result};
use crate::models::batch::Pictures;

/// What a bottleneck makes of some pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// The posterior's means, (pictures, `tokens`, `size`).
    pub means: Vec<f32>,
    /// The logarithms of its variances, (pictures, `tokens`, `size`).
    pub log_variances: Vec<f32>,
    /// Latent vectors a picture.
    pub tokens: usize,
    /// Latent dimensions.
    pub size: usize,
    /// KL divergence from the prior of each dimension: the mean over pictures and latent tokens, in nats.
    pub kl_per_dimension: Vec<f64>,
}

impl Inference<'_> {
    /// What the bottleneck makes of `count` pictures.
    ///
    /// # Errors
    /// [`Error::Input`] if the model has no bottleneck; [`Error::Failed`] if a device fails.
    pub fn posterior(&mut self, count: usize, pictures: Pictures) -> Result<Posterior> {
        let model = self.model;
        let captioner = model.captioner()?;
        let none = || Error::input(format!("{} has no bottleneck", model.config.variant));
        let size = model.config.vae.map(|vae| vae.size).ok_or_else(none)?;
        let chunks = self.pictures(count, pictures, |graph, pixels, _| {
            let posterior = captioner.posterior(graph, pixels);
            posterior.map(|p| ([p.mean, p.log_variance].map(|var| graph.value(var)), p.kl))
        })?;
        let tokens = model.config.memory_tokens();
        let mut kl_per_dimension = vec![0.0; size];
        let mut means = Vec::with_capacity(count * tokens * size);
        let mut log_variances = Vec::with_capacity(count * tokens * size);
        for ([chunk_means, chunk_variances], kl) in chunks.into_iter().flatten() {
            means.extend(chunk_means);
            log_variances.extend(chunk_variances);
            for (sum, part) in kl_per_dimension.iter_mut().zip(kl.per_dimension) {
                *sum += part / (count * tokens) as f64;
            }
        }
        Ok(Posterior {
            means,
            log_variances,
            tokens,
            size,
            kl_per_dimension,
        })
    }
}
