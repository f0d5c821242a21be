//! How long a run will take on this machine, said before it starts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use super::super::plan::RunPlan;
use super::super::timing::Bench;
use super::model_config;
use super::prepare::Prepared;
use crate::Result;
use crate::decode::GROUP;
use crate::models::{Model, Variant};
use crate::nn::Workers;
use crate::recipe::Cell;
use crate::train;

/// A step of at most this much is measured with the recipe's own batch, and several times.
const SHORT: f64 = 0.5;
/// What a validation pair costs of a training pair: the forward pass of three.
const FORWARD: f64 = 1.0 / 3.0;

/// Seconds of training, validation and captioning for `cells`, measured with one model of each
/// variant, that with the largest latent.
pub fn seconds(cells: &[&Cell], prepared: &Prepared, workers: &Workers) -> Result<f64> {
    let mut pace: BTreeMap<&str, Pace> = BTreeMap::new();
    let mut total = 0.0;
    for cell in cells {
        let pace = match pace.entry(cell.variant.as_str()) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let same = cells.iter().filter(|other| other.variant == cell.variant);
                let largest = same.max_by_key(|other| other.recipe.latent.size);
                *entry.insert(Pace::measure(largest.unwrap_or(cell), prepared, workers)?)
            }
        };
        total += pace.seconds(cell, prepared);
    }
    Ok(total)
}

/// What this machine needs for a pair of training and for a caption, in seconds.
#[derive(Clone, Copy)]
struct Pace {
    pair: f64,
    caption: f64,
}

impl Pace {
    fn measure(cell: &Cell, prepared: &Prepared, workers: &Workers) -> Result<Self> {
        let recipe = &cell.recipe;
        let texts = prepared.texts(cell.variant);
        let vocab = texts.tokenizer.vocab_size();
        let model = Model::new(model_config(recipe, cell.variant, vocab)?)?;
        let captions = texts.splits[0].iter().flatten();
        let (words, count) =
            captions.fold((0, 0), |(words, n), caption| (words + caption.len(), n + 1));
        let words = (words / count.max(1)).clamp(1, recipe.tokenizer.max_tokens);
        let shards = recipe.train.shards;
        let mut pairs = recipe.train.batch.min(2 * shards);
        let mut bench = Bench::new(&model, workers, pairs, shards, words, vocab);
        bench.step()?;
        let mut step = bench.step()?.0;
        if step * recipe.train.batch as f64 / (pairs as f64) < SHORT {
            pairs = recipe.train.batch;
            bench = Bench::new(&model, workers, pairs, shards, words, vocab);
            bench.step()?;
            let mut steps = [0.0; 5];
            for seconds in &mut steps {
                *seconds = bench.step()?.0;
            }
            steps.sort_by(f64::total_cmp);
            step = steps[steps.len() / 2];
        }
        let caption = match cell.variant.generates() {
            true => {
                // Full groups where that is quick: a picture alone costs more.
                let alone = bench.caption(workers.threads(), words)?;
                let full = GROUP * workers.threads();
                match alone * (full as f64) < SHORT {
                    true => bench.caption(full, words)?,
                    false => alone,
                }
            }
            false => 0.0,
        };
        Ok(Self {
            pair: step / pairs as f64,
            caption,
        })
    }

    fn seconds(self, cell: &Cell, prepared: &Prepared) -> f64 {
        let recipe = &cell.recipe.train;
        let [training, validation, test] = &prepared.texts(cell.variant).splits;
        let counts: Vec<usize> = training.iter().map(Vec::len).collect();
        let steps = recipe.epochs * train::steps_per_epoch(&counts, recipe.captions, recipe.batch);
        let validated = recipe.epochs * validation.len().min(recipe.validation_pictures);
        // A caption is written, and predicted once more from the true words.
        let captions = test.len() as f64 * (self.caption + FORWARD * self.pair);
        let pairs = (steps * recipe.batch) as f64 + FORWARD * validated as f64;
        pairs * self.pair + captions
    }
}

/// Says on the standard error what will be trained and how long that takes.
///
/// # Errors
/// Those of the models.
pub fn announce(
    plan: &RunPlan,
    left: &[&Cell],
    prepared: &Prepared,
    workers: &Workers,
) -> Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let mut seconds = seconds(left, prepared, workers)?;
    if let Some(limit) = plan.limit {
        seconds = seconds.min(limit.as_secs_f64());
    }
    let variants: Vec<&str> = Variant::ALL
        .iter()
        .filter(|variant| left.iter().any(|cell| cell.variant == **variant))
        .map(|variant| variant.as_str())
        .collect();
    eprintln!(
        "{} {} to train ({}): about {} on this machine",
        left.len(),
        if left.len() == 1 { "cell" } else { "cells" },
        variants.join(", "),
        words(Duration::from_secs_f64(seconds))
    );
    Ok(())
}

/// A time as a person says it, in one unit.
fn words(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (count, unit) = match seconds {
        ..90.0 => (seconds, "seconds"),
        ..5400.0 => (seconds / 60.0, "minutes"),
        ..172_800.0 => (seconds / 3600.0, "hours"),
        _ => (seconds / 86_400.0, "days"),
    };
    format!("{count:.0} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_one_unit() {
        let said =
            [20, 89, 90, 3600, 5400, 90_000, 3_000_000].map(|s| words(Duration::from_secs(s)));
        assert_eq!(
            said,
            [
                "20 seconds",
                "89 seconds",
                "2 minutes",
                "60 minutes",
                "2 hours",
                "25 hours",
                "35 days"
            ]
        );
    }
}
