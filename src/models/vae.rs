//! The variational bottleneck: of a picture's states, only what a few Gaussian dimensions carry
//! reaches the decoder (paper, section 3.1, formulas 1 and 3).

use crate::nn::{Graph, Kl, LayoutBuilder, Linear, Noise, Var};

use super::blocks::initial_std;
use super::config::{KlReduction, VaeConfig};
use super::gpt2::MemoryVar;

/// Maps from the encoder's states to a posterior and from its sample to what the decoder reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bottleneck {
    pub config: VaeConfig,
    /// (size × encoder width): μ.
    pub mean: Linear,
    /// (size × encoder width): log σ².
    pub log_variance: Linear,
    /// (decoder width × size): from z to what cross-attention reads.
    pub up: Linear,
}

/// The Gaussians that z is drawn from.
#[derive(Debug)]
pub(super) struct Gaussians {
    /// (batch × latent tokens, size).
    pub mean: Var,
    /// (batch × latent tokens, size).
    pub log_variance: Var,
    /// Their divergence from the prior.
    pub kl: Kl,
}

impl Bottleneck {
    pub fn new(
        builder: &mut LayoutBuilder,
        name: &str,
        config: VaeConfig,
        encoder_width: usize,
        decoder_width: usize,
    ) -> Self {
        let (size, std) = (config.size, initial_std(encoder_width));
        let mut down =
            |part: &str| builder.linear(&format!("{name}.{part}"), encoder_width, size, true, std);
        let mean = down("mean");
        let log_variance = down("log_variance");
        let up = builder.linear(
            &format!("{name}.up"),
            size,
            decoder_width,
            true,
            initial_std(size),
        );
        Self {
            config,
            mean,
            log_variance,
            up,
        }
    }

    /// Draws z = μ + σ·ε for `tokens` states a picture, those of its latent type (all, or `[CLS]`), and
    /// maps it to the decoder's width.
    ///
    /// `kl_weight` is the derivative of the total loss by the KL divergence of one element.
    pub fn forward(
        &self,
        graph: &mut dyn Graph,
        states: Var,
        tokens: usize,
        noise: Noise,
        kl_weight: f32,
    ) -> (MemoryVar, Gaussians) {
        let (z, posterior) = self.draw(graph, states, tokens, noise, kl_weight);
        let states = graph.linear(z.states, self.up);
        (MemoryVar { states, ..z }, posterior)
    }

    /// As [`Bottleneck::forward`], before z is mapped to the decoder's width; with
    /// [`Noise::Mean`] that is μ.
    pub fn draw(
        &self,
        graph: &mut dyn Graph,
        states: Var,
        tokens: usize,
        noise: Noise,
        kl_weight: f32,
    ) -> (MemoryVar, Gaussians) {
        let mean = graph.linear(states, self.mean);
        let log_variance = graph.linear(states, self.log_variance);
        let (states, kl) = graph.gaussian_bottleneck(mean, log_variance, noise, kl_weight);
        let posterior = Gaussians {
            mean,
            log_variance,
            kl,
        };
        (MemoryVar { states, tokens }, posterior)
    }
}

/// The weight of one element's KL divergence, (μ² + σ² − 1 − log σ²) / 2, in the reduced value of
/// a batch: an element is one dimension of one of `tokens` latent vectors of one picture.
pub(super) fn kl_element_weight(config: VaeConfig, batch: usize, tokens: usize) -> f64 {
    match config.kl_reduction {
        KlReduction::Mean => 1.0 / (batch * tokens * config.size) as f64,
        KlReduction::Sum => 1.0 / batch as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::LatentType;
    use super::*;

    #[test]
    fn kl_weights_follow_the_reduction() {
        let config = |kl_reduction| VaeConfig {
            latent: LatentType::Patch,
            size: 8,
            kl_reduction,
        };
        let mean = kl_element_weight(config(KlReduction::Mean), 4, 17);
        assert_eq!(mean, 1.0 / 544.0);
        let sum = kl_element_weight(config(KlReduction::Sum), 4, 17);
        assert_eq!(sum, 0.25);
    }
}
