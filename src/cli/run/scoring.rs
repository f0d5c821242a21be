//! From captions to the scores, statistics and records of a cell.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::prepare::Prepared;
use crate::Result;
use crate::data::{Example, Picture, scenes};
use crate::metrics::{self, Case, StatsTable};
use crate::recipe::{Recipe, References};
use crate::results::points::ATTRIBUTES;
use crate::results::schema::{AttributeAccuracy, CaptionRecord, Scores};
use crate::results::scores::scores;
use crate::results::stats_file::CaptionStats;
use crate::stats::bootstrap;

/// The bootstrap's own seed: intervals do not move with the training's.
const BOOTSTRAP_SEED: u64 = 0;

/// Everything that one list of captions is worth.
pub struct Scored {
    /// Scores by metric key.
    pub metrics: Scores,
    /// The statistics behind them, per caption.
    pub stats: CaptionStats,
    /// On scenes, how many attributes are right.
    pub attributes: Option<AttributeAccuracy>,
}

/// The references of a test picture under the recipe.
pub fn references<'a>(example: &'a Example, recipe: &Recipe) -> impl Iterator<Item = &'a str> {
    let take = match recipe.score.references {
        References::All => example.captions.len(),
        References::Single => 1,
    };
    let texts = example.captions.iter().take(take);
    texts.map(|caption| caption.text.as_str())
}

/// Scores one caption for every test picture against the recipe's references.
///
/// # Errors
/// An unknown suite.
pub fn score(prepared: &Prepared, recipe: &Recipe, captions: &[String]) -> Result<Scored> {
    let test = &prepared.dataset.test;
    let cases: Vec<Case> = test
        .iter()
        .zip(captions)
        .map(|(example, caption)| Case {
            id: example.image_id.to_string().into(),
            hypothesis: caption.into(),
            references: references(example, recipe).map(Cow::Borrowed).collect(),
        })
        .collect();
    let (metrics, mut tables) = score_cases(&cases, &recipe.score.suite, prepared.threads)?;
    let attributes = attributes(test, captions).map(|table| {
        let accuracy = accuracy(&table, prepared.threads);
        tables.insert(ATTRIBUTES.into(), totals(&table));
        accuracy
    });
    Ok(Scored {
        metrics,
        stats: CaptionStats {
            ids: test.iter().map(|example| example.image_id).collect(),
            tables,
        },
        attributes,
    })
}

/// Scores any cases with a suite.
///
/// # Errors
/// An unknown suite.
pub fn score_cases(
    cases: &[Case],
    suite: &str,
    threads: usize,
) -> Result<(Scores, BTreeMap<String, StatsTable>)> {
    let suite = metrics::suite(suite)?;
    let evaluation = metrics::evaluate(&suite, cases, threads, BOOTSTRAP_SEED);
    let scores = scores(&suite, &evaluation);
    Ok((scores, evaluation.tables))
}

/// Right and total of shapes, colours and relations, per caption; `None` where there is no truth.
fn attributes(test: &[Example], captions: &[String]) -> Option<StatsTable> {
    let mut rows = Vec::with_capacity(test.len() * 6);
    for (example, caption) in test.iter().zip(captions) {
        let Picture::Scene(scene) = &example.image else {
            return None;
        };
        let found = scenes::attributes(scene, caption);
        for (right, total) in [found.shapes, found.colours, found.relations] {
            rows.extend([right as f64, total as f64]);
        }
    }
    Some(StatsTable { width: 6, rows })
}

fn accuracy(table: &StatsTable, threads: usize) -> AttributeAccuracy {
    fn share(right: f64, total: f64) -> f64 {
        if total > 0.0 { right / total } else { 0.0 }
    }
    let all = |s: &[f64]| share(s[0] + s[2] + s[4], s[1] + s[3] + s[5]);
    let sums = table.sums();
    let value = all(&sums);
    let interval =
        bootstrap::interval95(table, &all, bootstrap::RESAMPLES, BOOTSTRAP_SEED, threads);
    AttributeAccuracy {
        all: value,
        ci95: interval.unwrap_or([value, value]),
        shapes: share(sums[0], sums[1]),
        colours: share(sums[2], sums[3]),
        relations: share(sums[4], sums[5]),
    }
}

/// Right and total over all attributes, per caption: what the gate compares.
fn totals(table: &StatsTable) -> StatsTable {
    let rows = table.rows.chunks_exact(6);
    StatsTable {
        width: 2,
        rows: rows
            .flat_map(|r| [r[0] + r[2] + r[4], r[1] + r[3] + r[5]])
            .collect(),
    }
}

/// The lines of `captions.jsonl`.
pub fn records(
    prepared: &Prepared,
    recipe: &Recipe,
    captions: &[String],
    diagnostics: &BTreeMap<String, Vec<String>>,
) -> Vec<CaptionRecord> {
    let test = prepared.dataset.test.iter().zip(captions).enumerate();
    test.map(|(index, (example, caption))| CaptionRecord {
        image_id: example.image_id,
        caption: caption.clone(),
        references: references(example, recipe).map(str::to_owned).collect(),
        diagnostics: diagnostics
            .iter()
            .map(|(name, captions)| (name.clone(), captions[index].clone()))
            .collect(),
    })
    .collect()
}
