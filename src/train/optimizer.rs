//! Adam and AdamW over the flat parameter buffer.

use crate::models::Workspace;
use crate::nn::adamw::{self, AdamW, Moments};
use crate::nn::{Params, Workers};
use crate::recipe::{self, TrainRecipe};

/// The optimizer: its settings, and both moments of every parameter.
pub struct Optimizer {
    settings: AdamW,
    /// The norm that gradients are scaled down to; 0 leaves them.
    pub clip: f32,
    /// First and second moments, and the updates made.
    pub moments: Moments,
}

/// Whether moments can hold gradients of this norm: whether their squares are finite.
pub(super) fn holds(norm: f64) -> bool {
    ((norm * norm) as f32).is_finite()
}

impl Optimizer {
    /// Moments of zero for a flat buffer of `length` values.
    pub fn new(recipe: &TrainRecipe, length: usize) -> Self {
        let settings = AdamW {
            lr: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: recipe.weight_decay as f32,
            decoupled: recipe.optimizer == recipe::Optimizer::Adamw,
        };
        Self {
            clip: recipe.clip,
            ..Self::with(settings, length)
        }
    }

    /// The same of given settings, without clipping; the rate is each update's own.
    pub fn with(settings: AdamW, length: usize) -> Self {
        Self {
            settings,
            clip: 0.0,
            moments: Moments::new(length),
        }
    }

    /// What gradients of this finite norm are multiplied with.
    pub fn clip_scale(&self, norm: f64) -> f32 {
        match self.clip {
            0.0 => 1.0,
            clip => (f64::from(clip) / norm.max(f64::MIN_POSITIVE)).min(1.0) as f32,
        }
    }

    /// The settings of an update at this learning rate.
    pub fn settings(&self, rate: f64) -> AdamW {
        AdamW {
            lr: rate as f32,
            ..self.settings
        }
    }

    /// One update from the workspace's gradients of this norm, which it leaves zero.
    pub fn update(
        &mut self,
        params: &mut Params,
        workspace: &mut Workspace,
        rate: f64,
        norm: f64,
        workers: &Workers,
    ) {
        let scale = self.clip_scale(norm);
        let settings = self.settings(rate);
        adamw::update(
            params,
            workspace.gradients(),
            &mut self.moments,
            &settings,
            scale,
            workers,
        );
    }
}
