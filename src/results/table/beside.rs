//! What stands beside the main table: diagnostics, attributes, further metrics, probes, cost.

use std::collections::BTreeSet;

use super::paper::Paper;
use super::{Column, Measure, PAPER_METRICS, Row, RowKind, Sheet, Shown, Table};
use super::{attribute_accuracy, identity_columns, metric_heading};
use crate::error::Result;
use crate::results::schema::{AttributeAccuracy, CellResult};

/// A part of the attribute accuracy.
type Share = fn(&AttributeAccuracy) -> f64;
/// A number that a cell cost.
type Quantity = fn(&CellResult) -> f64;

/// Diagnostics, each labelled, with the paper's row of the same variant beside it; `None` if there is none.
///
/// # Errors
///
/// `Failed` if polars refuses the frame.
pub fn diagnostics(paper: &Paper, rows: &[Row]) -> Result<Option<Table>> {
    let mut lines: Vec<(&Row, &str, &str)> = Vec::new();
    for row in rows {
        for cell in &row.cells {
            for (name, diagnostic) in &cell.diagnostics {
                if !lines
                    .iter()
                    .any(|(r, n, _)| std::ptr::eq(*r, row) && n == name)
                {
                    lines.push((row, name, &diagnostic.label));
                }
            }
        }
    }
    if lines.is_empty() {
        return Ok(None);
    }
    let of: Vec<&Row> = lines.iter().map(|l| l.0).collect();
    let mut sheet = Sheet::default();
    sheet.identity(&of);
    sheet.text("diagnostic", lines.iter().map(|l| Some(l.1.to_owned())));
    let mut columns = identity_columns(&of);
    columns.push(Column::new("diagnostic", "Diagnostic", Shown::Text));
    // The paper may have forced its words or retrieved from an oracle's bank, but it never touched a z.
    let theirs: Vec<Option<[f64; 4]>> = lines
        .iter()
        .map(|(row, name, _)| match name.starts_with("z-") {
            true => None,
            false => paper.row(row).map(|found| found.points),
        })
        .collect();
    for (i, metric) in paper.columns.iter().enumerate() {
        let name = format!("paper.{}", metric.heading);
        sheet.number(&name, theirs.iter().map(|p| p.map(|points| points[i])));
        let ours: Vec<_> = lines
            .iter()
            .map(|l| l.0.diagnostic(l.1, &metric.key))
            .collect();
        sheet.measure(&metric.key, &ours);
        columns.push(Column::new(name, "paper", Shown::Paper).grouped(&metric.heading));
        columns.push(Column::new(&metric.key, "here", Shown::Points).grouped(&metric.heading));
    }
    let kinds = vec![RowKind::Diagnostic; lines.len()];
    let mut table = Table::new(
        "diagnostics",
        "Diagnostics: not results",
        kinds,
        sheet,
        columns,
    )?;
    let named: BTreeSet<(&str, &str)> = lines.iter().map(|l| (l.1, l.2)).collect();
    table.notes = named
        .iter()
        .map(|(name, label)| format!("{name}: {label}"))
        .collect();
    table.notes.push(
        "These rows answer what the paper leaves open (how it decoded, which bank it retrieved \
         from, what z carries); they are never ranked with the results."
            .to_owned(),
    );
    Ok(Some(table))
}

/// Attribute accuracy by kind of attribute; `None` where it was not measured.
///
/// # Errors
///
/// `Failed` if polars refuses the frame.
pub fn attributes(rows: &[Row]) -> Result<Option<Table>> {
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|r| attribute_accuracy(r).is_some())
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let mut sheet = Sheet::default();
    sheet.identity(&rows);
    let mut columns = identity_columns(&rows);
    let all: Vec<Option<Measure>> = rows.iter().map(|r| attribute_accuracy(r)).collect();
    sheet.measure("all", &all);
    columns.push(Column::new("all", "All", Shown::Points).ranked());
    let parts: [(&str, &str, Share); 3] = [
        ("shapes", "Shapes", |a| a.shapes),
        ("colours", "Colours", |a| a.colours),
        ("relations", "Relations", |a| a.relations),
    ];
    for (name, heading, of) in parts {
        let share = |c: &CellResult| c.attribute_accuracy.map(|a| (100.0 * of(&a), None));
        let values: Vec<Option<Measure>> = rows.iter().map(|r| r.over(share)).collect();
        sheet.measure(name, &values);
        columns.push(Column::new(name, heading, Shown::Points).ranked());
    }
    let kinds = rows.iter().map(|r| r.kind).collect();
    let mut table = Table::new("attributes", "Attribute accuracy", kinds, sheet, columns)?;
    table.notes = vec![
        "The share (0 to 100) of the scene's shapes, colours and relations that captions get right."
            .to_owned(),
    ];
    Ok(Some(table))
}

/// Every metric that the main table does not show; `None` if there is none.
///
/// # Errors
///
/// `Failed` if polars refuses the frame.
pub fn other_metrics(rows: &[Row]) -> Result<Option<Table>> {
    let keys: BTreeSet<&str> = rows
        .iter()
        .flat_map(|r| r.metric_keys())
        .filter(|key| !PAPER_METRICS.contains(key))
        .collect();
    if keys.is_empty() {
        return Ok(None);
    }
    let rows: Vec<&Row> = rows.iter().collect();
    let mut sheet = Sheet::default();
    sheet.identity(&rows);
    let mut columns = identity_columns(&rows);
    for key in keys {
        sheet.measure(key, &rows.iter().map(|r| r.score(key)).collect::<Vec<_>>());
        columns.push(Column::new(key, metric_heading(key), Shown::Points).ranked());
    }
    let kinds = rows.iter().map(|r| r.kind).collect();
    Table::new("metrics", "Further metrics", kinds, sheet, columns).map(Some)
}

/// What the models cost; `None` if there is no model.
///
/// # Errors
///
/// `Failed` if polars refuses the frame.
pub fn cost(rows: &[Row]) -> Result<Option<Table>> {
    let rows: Vec<&Row> = rows.iter().filter(|r| r.kind == RowKind::Model).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let mut sheet = Sheet::default();
    sheet.identity(&rows);
    let mut columns = identity_columns(&rows);
    let parts: [(&str, &str, Shown, Quantity); 5] = [
        ("parameters", "Parameters", Shown::Count, |c| {
            c.cost.parameters as f64
        }),
        ("steps", "Steps", Shown::Count, |c| c.cost.steps as f64),
        ("train_seconds", "Training", Shown::Seconds, |c| {
            c.cost.train_seconds
        }),
        ("images_per_s", "Pictures/s", Shown::Quantity, |c| {
            c.cost.images_per_s
        }),
        ("caption_seconds", "Captioning", Shown::Seconds, |c| {
            c.cost.caption_seconds
        }),
    ];
    for (name, heading, shown, of) in parts {
        let mean = |row: &&Row| row.over(|c| Some((of(c), None))).map(|m| m.mean);
        sheet.number(name, rows.iter().map(mean));
        columns.push(Column::new(name, heading, shown));
    }
    let kinds = rows.iter().map(|r| r.kind).collect();
    let mut table = Table::new("cost", "Cost", kinds, sheet, columns)?;
    if rows.iter().any(|r| r.seeds.len() > 1) {
        table.notes.push("Means over seeds.".to_owned());
    }
    Ok(Some(table))
}
