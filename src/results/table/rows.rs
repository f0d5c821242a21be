//! From cells to rows: cells that differ in nothing but their seed are one row.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{ChosenRate, RowKind, rates};
use crate::results::schema::{CellKind, CellResult, Scores};

/// A measured number with what it takes to believe it: a bootstrap interval over captions, and over several seeds the
/// standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// The value of one seed, or the mean over seeds; in points (0…100) for scores and shares.
    pub mean: f64,
    /// The 95 % interval over captions; over several seeds of the mean, where it is known.
    pub interval: Option<[f64; 2]>,
    /// The sample standard deviation over seeds; only with several.
    pub sd: Option<f64>,
}

impl Measure {
    /// The measure of one seed, or the mean and standard deviation over several; `None` over none.
    pub fn over_seeds(values: &[(f64, Option<[f64; 2]>)]) -> Option<Self> {
        let n = values.len() as f64;
        match values {
            [] => None,
            [(mean, interval)] => Some(Self {
                mean: *mean,
                interval: *interval,
                sd: None,
            }),
            several => {
                let mean = several.iter().map(|v| v.0).sum::<f64>() / n;
                let squares: f64 = several.iter().map(|v| (v.0 - mean).powi(2)).sum();
                Some(Self {
                    mean,
                    interval: None,
                    sd: Some((squares / (n - 1.0)).sqrt()),
                })
            }
        }
    }
}

/// One row of the results: a variant with its settings, over one seed or several.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// The run's name.
    pub run: String,
    /// The row's label, made unique within its run.
    pub label: String,
    /// Model or floor.
    pub kind: RowKind,
    /// The variant.
    pub variant: String,
    /// `cls` or `patch`.
    pub latent: Option<String>,
    /// Latent dimensions.
    pub latent_size: Option<usize>,
    /// The seeds, ascending.
    pub seeds: Vec<u64>,
    /// The cells behind the row, one a seed.
    pub cells: Vec<&'a CellResult>,
    /// The learning rate, where it was chosen among several.
    pub rate: Option<ChosenRate>,
    /// Of several seeds, by metric the 95 % interval over images of the mean over seeds, where statistics were kept.
    pub over_images: BTreeMap<String, [f64; 2]>,
}

impl Row<'_> {
    /// The row's label among all rows: with its run where there are several.
    pub fn name(&self, all: &[Row]) -> String {
        match all.iter().any(|other| other.run != self.run) {
            true => format!("{} ({})", self.label, self.run),
            false => self.label.clone(),
        }
    }

    /// The row's score under a metric, in points.
    pub fn score(&self, key: &str) -> Option<Measure> {
        let measure = self.over(|cell| cell.metrics.get(key).map(|s| (s.points, s.ci95)))?;
        Some(self.with_interval(measure, key))
    }

    /// The measure of a metric, with its interval over images if it is over several seeds.
    pub fn with_interval(&self, measure: Measure, key: &str) -> Measure {
        let over_images = self.over_images.get(key).copied();
        Measure {
            interval: measure.interval.or(over_images),
            ..measure
        }
    }

    /// The score of a diagnostic of the row, in points.
    pub fn diagnostic(&self, name: &str, key: &str) -> Option<Measure> {
        self.over(|cell| {
            cell.diagnostics
                .get(name)?
                .metrics
                .get(key)
                .map(|s| (s.points, s.ci95))
        })
    }

    /// A number taken from each cell that has it, over the row's seeds.
    pub fn over(
        &self,
        of: impl Fn(&CellResult) -> Option<(f64, Option<[f64; 2]>)>,
    ) -> Option<Measure> {
        Measure::over_seeds(
            &self
                .cells
                .iter()
                .filter_map(|cell| of(cell))
                .collect::<Vec<_>>(),
        )
    }

    /// Every metric key that any of the row's cells was scored with.
    pub fn metric_keys(&self) -> BTreeSet<&str> {
        self.cells.iter().flat_map(|c| keys(&c.metrics)).collect()
    }
}

fn keys(scores: &Scores) -> impl Iterator<Item = &str> {
    scores.keys().map(String::as_str)
}

/// Groups cells, each with its run's name, into rows: models in the order given, then floors. Of cells
/// that were trained with several learning rates, the better one on validation makes the row.
pub fn rows<'a>(cells: &[(&str, &'a CellResult)]) -> Vec<Row<'a>> {
    let mut rows: Vec<(BTreeMap<&str, &Value>, Row<'a>)> = Vec::new();
    for &(run, cell) in cells {
        let settings = settings_but_seed(cell);
        let same = rows.iter_mut().find(|(other, row)| {
            row.run == run
                && row.variant == cell.variant
                && row.latent == cell.latent
                && row.latent_size == cell.latent_size
                && *other == settings
        });
        match same {
            Some((_, row)) => {
                row.cells.push(cell);
                row.seeds.push(cell.seed);
            }
            None => rows.push((settings, row(run, cell))),
        }
    }
    let mut rows = rates::better(rows, |settings| {
        let mut settings = settings.clone();
        settings.remove(rates::RATE);
        settings
    });
    tell_apart(&mut rows);
    let mut rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    for row in &mut rows {
        row.seeds.sort_unstable();
    }
    rows.sort_by_key(|row| row.kind == RowKind::Floor);
    rows
}

fn row<'a>(run: &str, cell: &'a CellResult) -> Row<'a> {
    Row {
        run: run.to_owned(),
        label: cell.label.clone(),
        kind: match cell.kind {
            CellKind::Model => RowKind::Model,
            CellKind::Floor => RowKind::Floor,
        },
        variant: cell.variant.clone(),
        latent: cell.latent.clone(),
        latent_size: cell.latent_size,
        seeds: vec![cell.seed],
        cells: vec![cell],
        rate: None,
        over_images: BTreeMap::new(),
    }
}

/// A cell's recipe without the training seeds. (`data.seed` stays: it makes other data.)
fn settings_but_seed(cell: &CellResult) -> BTreeMap<&str, &Value> {
    let is_seed = |key: &str| matches!(key, "seed" | "seeds");
    let settings = cell.recipe.iter().filter(|(key, _)| !is_seed(key));
    settings.map(|(key, value)| (key.as_str(), value)).collect()
}

/// Rows of one run that share a label get the settings that differ between them put behind it.
fn tell_apart(rows: &mut [(BTreeMap<&str, &Value>, Row)]) {
    let additions: Vec<String> = rows
        .iter()
        .map(|(settings, row)| {
            let twins: Vec<_> = rows
                .iter()
                .filter(|(_, o)| o.run == row.run && o.label == row.label)
                .collect();
            let differing = settings.iter().filter(|(key, value)| {
                twins
                    .iter()
                    .any(|(other, _)| other.get(*key) != Some(value))
            });
            differing
                .map(|(key, value)| format!(", {key}={value}"))
                .collect()
        })
        .collect();
    for ((_, row), addition) in rows.iter_mut().zip(additions) {
        row.label.push_str(&addition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_seeds_are_a_mean_and_a_sample_deviation() {
        let one = Measure::over_seeds(&[(3.0, Some([2.0, 4.0]))]).unwrap();
        assert_eq!(
            (one.mean, one.interval, one.sd),
            (3.0, Some([2.0, 4.0]), None)
        );
        let three =
            Measure::over_seeds(&[(2.0, None), (4.0, Some([1.0, 9.0])), (6.0, None)]).unwrap();
        assert_eq!(
            (three.mean, three.interval, three.sd),
            (4.0, None, Some(2.0))
        );
        assert_eq!(Measure::over_seeds(&[]), None);
    }
}
