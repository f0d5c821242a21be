//! How long a run will take on this machine, said before it starts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use super::super::plan::RunPlan;
use super::super::timing::Bench;
use super::model_config;
use super::prepare::Prepared;
use super::scoring;
use crate::Result;
use crate::decode::GROUP;
use crate::models::{Model, Variant};
use crate::nn::{Compute, Workers};
use crate::recipe::{Cell, Recipe};
use crate::train::{self, TokenizedCaptions};

/// What takes at most these seconds is measured with the recipe's own batch or with full groups, and
/// several times.
const SHORT: f64 = 0.5;
/// Seconds of measurements that are enough for a median.
const ENOUGH: f64 = 0.1;
/// Captions that are embedded for the pace of a bank.
const BANK: usize = 128;
/// Seconds for tables, charts and pages: what they take on two cores with AVX2.
const REPORT: f64 = 1.5;

/// Seconds until the report is there: training, validation, captions, probes and scores of `cells`. Measured
/// with one model of each variant, that with the largest latent. `scoring` is what scoring the test
/// captions once took, if that is known.
///
/// # Errors
/// Those of the models and of scoring.
pub fn seconds(
    cells: &[&Cell],
    prepared: &Prepared,
    workers: &Workers,
    scoring: Option<f64>,
) -> Result<f64> {
    let mut pace: BTreeMap<&str, Pace> = BTreeMap::new();
    let mut total = REPORT;
    let Some(first) = cells.first() else {
        return Ok(total);
    };
    let scoring = match scoring {
        Some(seconds) => seconds,
        None => time_scoring(&first.recipe, prepared)?,
    };
    for cell in cells {
        let pace = match pace.entry(cell.variant.as_str()) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let same = cells.iter().filter(|other| other.variant == cell.variant);
                let largest = same.max_by_key(|other| other.recipe.latent.size);
                *entry.insert(Pace::measure(largest.unwrap_or(cell), prepared, workers)?)
            }
        };
        // The captions of a cell and those of its diagnostics.
        let scored = if cell.variant.has_bottleneck() {
            4.0
        } else {
            2.0
        };
        total += pace.seconds(cell, prepared) + scored * scoring;
    }
    Ok(total)
}

/// Seconds for scoring every test picture's first reference as its caption.
pub fn time_scoring(recipe: &Recipe, prepared: &Prepared) -> Result<f64> {
    let test = prepared.dataset.test.iter();
    let captions = test.map(|example| {
        let first = example.captions.first();
        first.map_or_else(String::new, |caption| caption.text.clone())
    });
    let captions: Vec<String> = captions.collect();
    let started = Instant::now();
    scoring::score(prepared, recipe, &captions)?;
    Ok(started.elapsed().as_secs_f64())
}

/// What this machine needs, in seconds.
#[derive(Clone, Copy)]
struct Pace {
    /// A pair of training.
    pair: f64,
    /// A pair whose losses alone are asked for.
    forward: f64,
    /// A caption that is written.
    caption: f64,
    /// A caption that is embedded.
    embedded: f64,
}

impl Pace {
    fn measure(cell: &Cell, prepared: &Prepared, workers: &Workers) -> Result<Self> {
        let recipe = &cell.recipe;
        let texts = prepared.texts(cell.variant);
        let vocab = texts.tokenizer.vocab_size();
        let model = Model::new(model_config(recipe, cell.variant, vocab)?)?;
        let bench = |pairs: usize| {
            let captions = spread(texts.splits[0].iter().flatten(), pairs);
            let mut bench = Bench::new(&model, workers, captions, recipe.train.shards);
            bench.training(true, recipe.train.clip, recipe.train.precision);
            bench
        };
        let batch = recipe.train.batch;
        let mut pairs = batch.min(2 * recipe.train.shards);
        let mut timed = bench(pairs);
        timed.step()?;
        let mut step = timed.step()?.0;
        if step * batch as f64 / (pairs as f64) < SHORT {
            pairs = batch;
            timed = bench(pairs);
            timed.step()?;
            step = median(|| Ok(timed.step()?.0))?;
        }
        timed.losses()?;
        let forward = match step < SHORT {
            true => median(|| timed.losses())?,
            false => timed.losses()?,
        };
        let (mut caption, mut embedded) = (0.0, 0.0);
        if cell.variant.generates() {
            let captions = texts.splits[0].iter().flatten();
            let (words, count) = captions.fold((0, 0), |(words, n), c| (words + c.len(), n + 1));
            let words = (words / count.max(1)).clamp(1, recipe.decode.max_tokens.max(1));
            caption = timed.caption(workers.threads(), words)?;
            // Full groups where that is quick: a picture alone costs more.
            let full = GROUP * workers.threads();
            if caption * (full as f64) < SHORT {
                caption = median(|| timed.caption(full, words))?;
            }
        } else {
            let captions = spread(texts.splits[0].iter().flatten(), BANK);
            embedded = timed.embed(&captions)? / captions.len() as f64;
        }
        Ok(Self {
            pair: step / pairs as f64,
            forward: forward / pairs as f64,
            caption,
            embedded,
        })
    }

    fn seconds(self, cell: &Cell, prepared: &Prepared) -> f64 {
        let recipe = &cell.recipe.train;
        let [training, validation, test] = &prepared.texts(cell.variant).splits;
        let counts: Vec<usize> = training.iter().map(Vec::len).collect();
        let steps = recipe.epochs * train::steps_per_epoch(&counts, recipe.captions, recipe.batch);
        let validated = recipe.epochs * validation.len().min(recipe.validation_pictures);
        // Of a cell that writes: captions, teacher forcing for the diagnostic and for the test loss, embeddings
        // of test and validation and before training, and with a bottleneck a posterior and captions of the
        // prior; with the contrastive loss embeddings of captions read in the other way, and beside other pictures. Of
        // one that retrieves: pictures twice, those embeddings, and both banks.
        let (captioned, passes) = match cell.variant {
            Variant::DualEncoder | Variant::EncoderDecoder => (1.0, 4.0),
            Variant::Vae => (2.0, 5.0),
            Variant::VaeCl => (2.0, 7.0),
        };
        let tested = test.len() as f64 * (captioned * self.caption + passes * self.forward)
            + validation.len() as f64 * self.forward;
        let captions = |split: &TokenizedCaptions| split.iter().map(Vec::len).sum::<usize>();
        let banks = self.embedded * (captions(training) + captions(test)) as f64;
        let trained = (steps * recipe.batch) as f64 * self.pair;
        trained + validated as f64 * self.forward + tested + banks
    }
}

/// `count` captions, evenly from among all, and over again where there are fewer.
fn spread<'c>(captions: impl Iterator<Item = &'c Vec<u32>> + Clone, count: usize) -> Vec<Vec<u32>> {
    let step = (captions.clone().count() / count).max(1);
    let chosen = captions.cloned().step_by(step).take(count);
    let chosen: Vec<Vec<u32>> = chosen.collect();
    let enough = chosen.iter().cycle().take(count);
    enough.cloned().collect()
}

/// The median of at least three measurements, of more if they are short.
fn median(mut measure: impl FnMut() -> Result<f64>) -> Result<f64> {
    let (mut times, mut sum) = (Vec::new(), 0.0);
    while times.len() < 3 || (sum < ENOUGH && times.len() < 25) {
        let seconds = measure()?;
        sum += seconds;
        times.push(seconds);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Says on the standard error what will be trained and how long it takes until the report is there; see
/// [`seconds`].
///
/// # Errors
/// Those of the models.
pub fn announce(
    plan: &RunPlan,
    left: &[&Cell],
    prepared: &Prepared,
    workers: &Workers,
    scoring: Option<f64>,
) -> Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let variants: Vec<&str> = Variant::ALL
        .iter()
        .filter(|variant| left.iter().any(|cell| cell.variant == **variant))
        .map(|variant| variant.as_str())
        .collect();
    let time = match plan.compute {
        Compute::Cpu => {
            let mut seconds = seconds(left, prepared, workers, scoring)?;
            if let Some(limit) = plan.limit {
                seconds = seconds.min(limit.as_secs_f64());
            }
            format!(
                "about {} on this machine",
                words(Duration::from_secs_f64(seconds))
            )
        }
        #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
        Compute::Device(ref device) => format!("on {}", device.name()),
    };
    eprintln!(
        "{} {} to train ({}): {time}",
        left.len(),
        if left.len() == 1 { "cell" } else { "cells" },
        variants.join(", "),
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
    fn captions_come_from_all_over_and_are_enough() {
        let captions: Vec<Vec<u32>> = (0..10).map(|i| vec![i]).collect();
        let firsts = |count| -> Vec<u32> {
            let chosen = spread(captions.iter(), count);
            chosen.iter().map(|caption| caption[0]).collect()
        };
        assert_eq!(firsts(3), [0, 3, 6]);
        assert_eq!(firsts(10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(firsts(12), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    }

    #[test]
    fn a_median_is_of_several_and_of_more_if_they_are_short() {
        let measured = |seconds: f64| {
            let mut count = 0;
            let median = median(|| {
                count += 1;
                Ok(if count % 3 == 0 {
                    10.0 * seconds
                } else {
                    seconds
                })
            });
            (median.unwrap(), count)
        };
        assert_eq!(measured(1.0), (1.0, 3));
        assert_eq!(measured(0.001), (0.001, 25));
    }

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
