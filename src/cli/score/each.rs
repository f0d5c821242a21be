//! The scores of every caption, as JSON lines or as Parquet.

use std::collections::BTreeMap;
use std::path::Path;

use polars::prelude::{Column, DataFrame, NamedFrom, ParquetWriter, Series};
use serde::Serialize;

use super::output;
use crate::error::{Error, Result};
use crate::metrics::{Case, Evaluation, Metric};

/// The scores of one caption.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    scores: BTreeMap<&'static str, f64>,
}

/// Writes the scores of every caption, in the order of the cases: as Parquet if the file's name says
/// so, else as one JSON document a line.
///
/// # Errors
/// [`Error::Failed`] if the file cannot be written.
pub fn write(
    path: &Path,
    metrics: &[&dyn Metric],
    cases: &[Case],
    evaluation: &Evaluation,
) -> Result<()> {
    let mut columns: Vec<(&'static str, Vec<f64>)> = Vec::with_capacity(metrics.len());
    for metric in metrics {
        if let Some(table) = evaluation.tables.get(metric.key()) {
            let score = |i| metric.caption_score(table.row(i));
            columns.push((metric.key(), (0..cases.len()).map(score).collect()));
        }
    }
    let named = path.extension();
    let bytes = if named.is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")) {
        parquet(cases, columns).map_err(|error| Error::writing(path, error))?
    } else {
        lines(cases, &columns).map_err(|error| Error::writing(path, error))?
    };
    output::write(path, &bytes)
}

fn lines(cases: &[Case], columns: &[(&'static str, Vec<f64>)]) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (i, case) in cases.iter().enumerate() {
        let scores = columns.iter().map(|(key, scores)| (*key, scores[i]));
        let line = Line {
            id: &case.id,
            scores: scores.collect(),
        };
        serde_json::to_writer(&mut bytes, &line)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// A column `id` of text, then one of 64-bit floats for each metric.
fn parquet(
    cases: &[Case],
    columns: Vec<(&'static str, Vec<f64>)>,
) -> polars::error::PolarsResult<Vec<u8>> {
    let ids: Vec<&str> = cases.iter().map(|case| &*case.id).collect();
    let mut all = vec![Column::new("id".into(), ids)];
    all.extend(
        columns
            .into_iter()
            .map(|(key, scores)| Series::new(key.into(), scores).into()),
    );
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut DataFrame::new(cases.len(), all)?)?;
    Ok(bytes)
}
