//! Adam and AdamW over flat memory.
//!
//! Kingma and Ba 2015, algorithm 1, and Loshchilov and Hutter 2019, algorithm 2, as
//! `torch.optim.Adam` and `AdamW` compute them: weight decay applies to every parameter.

use super::buffer::Buffer;
use super::workers::Workers;

/// The optimizer's settings for one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// The learning rate of this step.
    pub lr: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Weight decay.
    pub weight_decay: f32,
    /// Whether the decay acts on the weights (AdamW) or is added to the gradient (Adam).
    pub decoupled: bool,
}

impl Default for AdamW {
    /// PyTorch's defaults for AdamW.
    fn default() -> Self {
        Self {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.01,
            decoupled: true,
        }
    }
}

/// The optimizer's memory, as long as the parameters.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Decaying mean of the gradients.
    pub first: Buffer,
    /// Decaying mean of their squares.
    pub second: Buffer,
    /// Updates made so far.
    pub step: u64,
}

impl Moments {
    /// Zeros, before the first update of `len` parameters.
    pub fn new(len: usize) -> Self {
        Self {
            first: Buffer::zeros(len),
            second: Buffer::zeros(len),
            step: 0,
        }
    }
}

/// Adds up the shards' gradients, in their order, scales them by `clip_scale`, and updates
/// parameters and moments, all in one pass. Leaves the gradients at zero, for the next step.
pub fn update(
    params: &mut [f32],
    shard_gradients: &mut [&mut [f32]],
    moments: &mut Moments,
    settings: &AdamW,
    clip_scale: f32,
    workers: &Workers,
) {
    let _ = (
        params,
        shard_gradients,
        moments,
        settings,
        clip_scale,
        workers,
    );
    unimplemented!()
}

/// The Euclidean norm of the sum of the shards' gradients, for clipping.
pub fn gradient_norm(shard_gradients: &[&[f32]], workers: &Workers) -> f64 {
    let _ = (shard_gradients, workers);
    unimplemented!()
}
