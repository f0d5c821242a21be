//! What a trained model looks like from inside.

mod embeddings;
mod latent;

use std::collections::BTreeMap;

use super::architecture::initial_weights;
use crate::models::{Inference, TextPass};
use crate::nn::Compute;
use crate::recipe::Cell;
use crate::results::schema::LatentUnit;
use crate::train::{SplitData, Trained};
use crate::{Result, decode};
use embeddings::Embedder;
use latent::Latent;

/// Numbers by name.
type Probes = BTreeMap<String, f64>;

/// What was found of a model.
#[derive(Default)]
pub struct Found {
    /// Single numbers.
    pub probes: Probes,
    /// What each latent dimension carries, of a bottleneck.
    pub units: Vec<LatentUnit>,
    /// Sentences that follow.
    pub warnings: Vec<String>,
}

/// Probes of the best weights, which `inference` looks into, and the warnings that follow from them: of the test split,
/// under `validation.` how the embeddings lie on the validation split, and under `initial.` how those of the test split
/// lay before training.
///
/// # Errors
/// Those of the forward passes.
pub fn measure(
    inference: &mut Inference,
    [validation, test]: [&SplitData; 2],
    cell: &Cell,
    trained: &Trained,
    compute: &Compute,
) -> Result<Found> {
    let (model, workers) = (inference.model(), inference.workers());
    let mut found = Found::default();
    let probes = &mut found.probes;
    if let Some((step, value)) = trained.progress.best {
        probes.insert("best_step".into(), step as f64);
        probes.insert("best_validation".into(), value);
    }
    if cell.variant.generates() {
        let forced = decode::teacher_forced(inference, test, &test.first_captions())?;
        let tokens: usize = forced.iter().map(|row| row.tokens).sum();
        let sum: f64 = forced
            .iter()
            .map(|row| row.lm_loss * row.tokens as f64)
            .sum();
        probes.insert("lm_loss".into(), sum / tokens as f64);
    }
    if let Some(slot) = model.sigma_slot() {
        probes.insert("temperature".into(), trained.best.slice(slot)[0].into());
    }
    if cell.variant.has_bottleneck() {
        let latent = Latent::measure(inference, test)?;
        probes.extend(latent.probes);
        found.units = latent.units;
        found.warnings.extend(latent.warning);
    }
    if cell.variant.generates() && cell.variant.is_contrastive() {
        let split = test;
        let (more, shortcut) = Embedder { inference, split }.shortcut()?;
        probes.extend(more);
        if model.text_pass() == TextPass::Fused {
            let warning = shortcut.and_then(|shortcut| shortcut.warning());
            found.warnings.extend(warning);
        }
    }
    let mut lie = |prefix: &str, inference: &mut Inference, split| -> Result<()> {
        let found = Embedder { inference, split }.lie()?.into_iter();
        probes.extend(found.map(|(name, value)| (format!("{prefix}{name}"), value)));
        Ok(())
    };
    lie("", inference, test)?;
    lie("validation.", inference, validation)?;
    let initial = initial_weights(&cell.recipe, model, cell.seed)?;
    let mut before = Inference::on(compute, model, &initial, workers);
    lie("initial.", &mut before, test)?;
    Ok(found)
}
