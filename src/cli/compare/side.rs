//! One side of a comparison: the rows of a run, a cell, or a file of captions.

use std::path::Path;

use super::{CompareArgs, SUITE};
use crate::cli::score;
use crate::cli::score::input::Files;
use crate::error::{Error, Result};
use crate::gate::snapshot;
use crate::metrics::{self, Case, Metric};
use crate::results::cell::CellDir;
use crate::results::contrast::System;
use crate::results::schema::{CellResult, Scores};
use crate::results::scores::scores;
use crate::results::store::RunDir;
use crate::results::table::{self, RowKind};

/// One of the two that are compared.
pub struct Side {
    /// The path as it was given.
    pub name: String,
    /// The data's fingerprint, where it is known.
    pub fingerprint: Option<String>,
    /// Models, or captions.
    pub rows: Vec<SideRow>,
}

/// One system, of one seed or several.
pub struct SideRow {
    pub label: String,
    cells: Vec<snapshot::Row>,
    /// The captions of the first seed, with their first reference, in the order of the statistics.
    pub texts: Vec<Text>,
}

/// A caption and the first of its references.
pub struct Text {
    pub caption: String,
    pub reference: String,
}

impl SideRow {
    /// The pictures of its captions.
    pub fn ids(&self) -> &[String] {
        &self.cells[0].captions
    }

    /// The number of captions.
    pub fn captions(&self) -> usize {
        self.ids().len()
    }

    /// A caption's own score under a metric; `None` where there are no statistics.
    pub fn caption_score(&self, metric: &dyn Metric, caption: usize) -> Option<f64> {
        let table = self.cells[0].table(metric.key())?;
        if table.width != metric.width() {
            return None;
        }
        Some(metric.caption_score(table.row(caption)))
    }

    /// The row for tests.
    pub fn system(&self) -> System<'_> {
        let seeds = self.cells.iter().map(|cell| (&cell.metrics, &cell.tables));
        System::of_seeds(&seeds.collect::<Vec<_>>())
    }
}

impl Side {
    /// A run's models, or a cell.
    ///
    /// # Errors
    /// [`Error::Input`] if the folder is neither, or a document in it is broken; [`Error::NothingToCompare`] if nothing
    /// in it is finished, or has statistics of its captions.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let cell = CellDir::new(path);
        let (cells, fingerprint) = if cell.is_done() {
            let run = path.parent().and_then(Path::parent).map(RunDir::open);
            let stamp = run
                .and_then(Result::ok)
                .map(|run| run.stamp().data_fingerprint.clone());
            (vec![cell], stamp)
        } else {
            let run = RunDir::open(path)?;
            (run.cells()?, Some(run.stamp().data_fingerprint.clone()))
        };
        let mut finished: Vec<(CellDir, CellResult)> = Vec::new();
        for cell in cells {
            if let Some(result) = cell.result()? {
                finished.push((cell, result));
            }
        }
        let results: Vec<(&str, &CellResult)> = finished.iter().map(|(_, r)| ("", r)).collect();
        let mut rows = table::rows(&results);
        if rows.len() > 1 {
            // Nobody trained a floor: it differs only where the data do.
            rows.retain(|row| row.kind != RowKind::Floor);
        }
        let rows = rows.iter().map(|row| {
            let of_row = finished
                .iter()
                .filter(|(_, r)| row.cells.iter().any(|c| std::ptr::eq(*c, r)));
            read_row(row.label.clone(), of_row)
        });
        let rows: Vec<SideRow> = rows.collect::<Result<_>>()?;
        match rows.is_empty() {
            false => Ok(Self {
                name,
                fingerprint,
                rows,
            }),
            true => Err(Error::NothingToCompare(format!(
                "{name} has no finished cell"
            ))),
        }
    }
}

fn read_row<'a>(
    label: String,
    cells: impl Iterator<Item = &'a (CellDir, CellResult)>,
) -> Result<SideRow> {
    let mut row = SideRow {
        label,
        cells: Vec::new(),
        texts: Vec::new(),
    };
    for (folder, result) in cells {
        let cell = snapshot::Row::of_cell(folder, result)?;
        if cell.captions.is_empty() {
            return Err(Error::NothingToCompare(format!(
                "{} has no statistics of its captions (stats.parquet)",
                folder.path().display()
            )));
        }
        if row.cells.is_empty() && folder.has_captions() {
            let texts = folder.read_captions()?.into_iter().map(|record| Text {
                caption: record.caption,
                reference: record.references.into_iter().next().unwrap_or_default(),
            });
            row.texts = texts.collect();
        }
        row.cells.push(cell);
    }
    if row
        .cells
        .iter()
        .any(|cell| cell.captions != row.cells[0].captions)
    {
        let message = format!("the seeds of {} have captions of other pictures", row.label);
        return Err(Error::NotComparable(message));
    }
    Ok(row)
}

/// Scores two files of captions, of the pictures that both have.
///
/// # Errors
/// [`Error::Input`] for files that are broken or do not fit together, [`Error::NothingToCompare`] if no picture is in
/// both.
pub fn score(
    args: &CompareArgs,
    asked: &[&'static str],
    threads: usize,
    notes: &mut Vec<String>,
) -> Result<[Side; 2]> {
    let files = [&args.first, &args.second].map(|path| Files::read(path, &args.references));
    let [first, second] = files;
    let (first, second) = (first?, second?);
    let mut cases = [
        first.captions(threads)?.cases,
        second.captions(threads)?.cases,
    ];
    let counts = [cases[0].len(), cases[1].len()];
    keep_common(&mut cases);
    let common = cases[0].len();
    if common == 0 {
        return Err(Error::NothingToCompare(
            "no picture has a caption in both files".into(),
        ));
    }
    if counts != [common; 2] {
        notes.push(format!(
            "compared on the {common} pictures that both have (of {} and {})",
            counts[0], counts[1]
        ));
    }
    let keys = metrics::suite("all")?
        .into_iter()
        .filter(|m| asked.contains(&m.key()));
    let metrics: Vec<&dyn Metric> = match asked.is_empty() {
        true => metrics::suite(SUITE)?,
        false => keys.collect(),
    };
    let side = |path: &Path, cases: Vec<Case>| {
        let evaluation = score::evaluate(&metrics, &cases, threads);
        let scores: Scores = scores(&metrics, &evaluation);
        let row = snapshot::Row::of_captions(&cases, scores, evaluation.tables);
        let texts = cases.into_iter().map(|case| Text {
            caption: case.hypothesis.into_owned(),
            reference: case
                .references
                .first()
                .map_or(String::new(), |r| r.to_string()),
        });
        Side {
            name: path.display().to_string(),
            fingerprint: None,
            rows: vec![SideRow {
                label: "captions".into(),
                texts: texts.collect(),
                cells: vec![row],
            }],
        }
    };
    let [first, second] = cases;
    Ok([side(&args.first, first), side(&args.second, second)])
}

/// Keeps the cases whose picture is in both lists, in the order of the first.
fn keep_common(cases: &mut [Vec<Case>; 2]) {
    let [first, second] = cases;
    let place: std::collections::HashMap<_, _> = first
        .iter()
        .enumerate()
        .map(|(at, case)| (case.id.clone(), at))
        .collect();
    second.retain(|case| place.contains_key(&case.id));
    second.sort_by_key(|case| place[&case.id]);
    let kept: std::collections::HashSet<_> = second.iter().map(|case| case.id.clone()).collect();
    first.retain(|case| kept.contains(&case.id));
}
