//! "This run": every variant and both floors under the paper's metrics.

use super::{Column, Measure, PAPER_METRICS, Row, RowKind, Sheet, Shown, Table, rates};
use super::{identity_columns, metric_heading};
use crate::error::Result;
use crate::results::points::ATTRIBUTES;

/// Captions below which intervals hold the true score a little less often than they say (`examples/coverage`).
const FEW: usize = 200;

/// The main table: points and 95 % intervals per metric, and attribute accuracy where it was measured.
///
/// # Errors
///
/// `Failed` if polars refuses the frame.
pub fn results(rows: &[Row]) -> Result<Table> {
    let rows: Vec<&Row> = rows.iter().collect();
    let mut sheet = Sheet::default();
    sheet.identity(&rows);
    sheet.number(
        "captions",
        rows.iter().map(|r| r.cells.first().map(|c| c.n as f64)),
    );
    let mut columns = identity_columns(&rows);
    for key in PAPER_METRICS {
        let scores: Vec<Option<Measure>> = rows.iter().map(|r| r.score(key)).collect();
        if scores.iter().any(Option::is_some) {
            sheet.measure(key, &scores);
            columns.push(Column::new(key, metric_heading(key), Shown::Points).ranked());
        }
    }
    let attributes: Vec<Option<Measure>> = rows.iter().map(|r| attribute_accuracy(r)).collect();
    if attributes.iter().any(Option::is_some) {
        sheet.measure(ATTRIBUTES, &attributes);
        columns.push(Column::new(ATTRIBUTES, "Attributes", Shown::Points).ranked());
    }
    let kinds: Vec<RowKind> = rows.iter().map(|r| r.kind).collect();
    let mut table = Table::new("results", "Results of this run", kinds, sheet, columns)?;
    table.notes = notes(&rows);
    Ok(table)
}

/// Attribute accuracy over all attributes, in points.
pub fn attribute_accuracy(row: &Row) -> Option<Measure> {
    let measure = row.over(|cell| {
        cell.attribute_accuracy
            .map(|a| (100.0 * a.all, Some(a.ci95.map(|bound| 100.0 * bound))))
    })?;
    Some(row.with_interval(measure, ATTRIBUTES))
}

fn notes(rows: &[&Row]) -> Vec<String> {
    let mut notes = vec![
        "Points (0 to 100, higher is better). Brackets are 95 % bootstrap intervals over captions."
            .to_owned(),
    ];
    if rows.iter().flat_map(|r| &r.cells).any(|c| c.n < FEW) {
        notes.push(format!(
            "Of fewer than {FEW} captions, intervals are a little too narrow: of 100 captions they hold the true \
             score in 92 to 95 of 100 cases."
        ));
    }
    if rows.iter().any(|r| r.seeds.len() > 1) {
        notes.push(
            "Rows over several seeds show the mean, in brackets its interval over captions, and ± the sample \
             standard deviation over seeds: two things that are never mixed."
                .to_owned(),
        );
    }
    notes.extend(rates::note(rows.iter().copied()));
    if rows.iter().any(|r| attribute_accuracy(r).is_some()) {
        notes.push(
            "Attributes: the share of shapes, colours and relations that a caption gets right."
                .to_owned(),
        );
    }
    if rows.iter().any(|r| r.kind == RowKind::Floor) {
        notes.push(
            "Floors are captions written without looking at the picture; a model that does not \
             beat them has learnt nothing about pictures."
                .to_owned(),
        );
    }
    notes
}
