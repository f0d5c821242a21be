//! Losses on the validation split: each picture with its first caption, no noise, no dropout.

use std::collections::BTreeMap;

use super::engine::Engine;
use super::{Job, State};
use crate::Result;
use crate::models::{LatentNoise, Objective};

/// The validation losses by name: `loss`, and of `lm`, `kl`, `cl` those that the variant has.
///
/// `lm` is the mean over all tokens of the split; the others are means over pictures. The last batch
/// is left out of `cl` where it is smaller than the others, as the loss depends on the batch's size.
/// `loss` has the divergence as it is and with its whole weight, so that epochs compare whatever the
/// recipe anneals or has for free.
///
/// # Errors
/// Those of the forward pass.
pub(super) fn validate(
    job: &Job,
    state: &State,
    engine: &mut dyn Engine,
) -> Result<BTreeMap<String, f64>> {
    let recipe = &job.recipe.train;
    let objective = Objective {
        latent: LatentNoise::Mean,
        dropout: None,
        ..job.objective(0, 1.0)
    };
    let mut lm = Mean::default();
    let mut kl = Mean::default();
    let mut cl = Mean::default();
    let mut pairs = job.validation.first_captions();
    pairs.truncate(recipe.validation_pictures);
    for (number, pairs) in pairs.chunks(recipe.batch).enumerate() {
        let losses = job.validation.with_batch(job.model, pairs, |batch| {
            engine.losses(state, batch, &objective)
        })?;
        lm.add(losses.lm, losses.tokens);
        kl.add(losses.kl, pairs.len());
        if number == 0 || pairs.len() == recipe.batch {
            cl.add(losses.cl, pairs.len());
        }
    }
    let parts = [
        ("lm", lm.get(), objective.alpha),
        ("kl", kl.get(), objective.beta),
        ("cl", cl.get(), objective.gamma),
    ];
    let mut values = BTreeMap::new();
    let mut loss = 0.0;
    for (name, value, weight) in parts {
        if let Some(value) = value {
            loss += weight * value;
            values.insert(name.to_string(), value);
        }
    }
    values.insert("loss".into(), loss);
    Ok(values)
}

#[derive(Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>, weight: usize) {
        if let Some(value) = value {
            self.sum += value * weight as f64;
            self.weight += weight as f64;
        }
    }

    fn get(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}
