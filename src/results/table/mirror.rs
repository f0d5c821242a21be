//! The paper's four tables, with its numbers beside ours.

use super::paper::{Paper, PaperRow, PaperTable};
use super::{Column, Measure, Row, RowKind, Sheet, Shown, Table};
use crate::error::Result;

/// A line of a mirrored table: what the paper has, what we have, or both.
struct Line<'a> {
    label: String,
    paper: Option<&'a PaperRow>,
    ours: Option<&'a Row<'a>>,
    diagnostic: Option<&'a str>,
}

impl Line<'_> {
    fn kind(&self) -> RowKind {
        match (self.ours, self.diagnostic) {
            (_, Some(_)) => RowKind::Diagnostic,
            (Some(_), None) => RowKind::Model,
            (None, None) => RowKind::NotRun,
        }
    }

    fn measure(&self, key: &str) -> Option<Measure> {
        match self.diagnostic {
            Some(name) => self.ours?.diagnostic(name, key),
            None => self.ours?.score(key),
        }
    }
}

/// One table of the paper, row by row, with our scores beside the paper's; `data` names what ours
/// were trained and scored on.
///
/// A row that was not run has empty cells, and a note that names it. Latent sizes that the paper
/// does not have follow its rows. Tables 1 and 4 take the paper's own latent where it was run, and
/// otherwise whatever latent was. Where the dual encoder was also captioned from the test bank, that
/// oracle stands in Table 4 as a labelled diagnostic: the paper does not say which bank it used.
///
/// # Errors
///
/// `Failed` if polars refuses the frame.
pub fn mirror(paper: &Paper, table: &PaperTable, rows: &[Row], data: &str) -> Result<Table> {
    let lines = lines(table, rows);
    let mut sheet = Sheet::default();
    sheet.text("label", lines.iter().map(|l| Some(l.label.clone())));
    sheet.text("run", lines.iter().map(|l| l.ours.map(|r| r.run.clone())));
    sheet.text(
        "variant",
        lines.iter().map(|l| l.paper.map(|p| p.variant.clone())),
    );
    let latent = |l: &Line| match l.ours {
        Some(row) => row.latent.clone(),
        None => l.paper.and_then(|p| p.latent.clone()),
    };
    sheet.text("latent", lines.iter().map(latent));
    let size = |l: &Line| match l.ours {
        Some(row) => row.latent_size,
        None => l.paper.and_then(|p| p.latent_size),
    };
    sheet.number(
        "latent_size",
        lines.iter().map(|l| size(l).map(|s| s as f64)),
    );
    let mut columns = vec![Column::new("label", "Model", Shown::Text)];
    if rows.iter().any(|r| r.run != rows[0].run) {
        columns.push(Column::new("run", "Run", Shown::Text));
    }
    for (i, metric) in paper.columns.iter().enumerate() {
        let theirs = format!("paper.{}", metric.heading);
        sheet.number(&theirs, lines.iter().map(|l| l.paper.map(|p| p.points[i])));
        let ours: Vec<Option<Measure>> = lines.iter().map(|l| l.measure(&metric.key)).collect();
        sheet.measure(&metric.key, &ours);
        columns.push(Column::new(theirs, "paper", Shown::Paper).grouped(&metric.heading));
        columns.push(Column::new(&metric.key, "ours", Shown::Points).grouped(&metric.heading));
    }
    let kinds = lines.iter().map(Line::kind).collect();
    let title = format!("Table {}: {}", table.number, table.title);
    let mut mirrored = Table::new(
        &format!("paper_table{}", table.number),
        title,
        kinds,
        sheet,
        columns,
    )?;
    mirrored.notes = notes(&lines, paper, data);
    Ok(mirrored)
}

fn lines<'a>(table: &'a PaperTable, rows: &'a [Row<'a>]) -> Vec<Line<'a>> {
    let by_latent = matches!(table.number, 2 | 3);
    let mut lines = Vec::new();
    for theirs in &table.rows {
        let found = matching(theirs, rows, by_latent);
        if found.is_empty() {
            let label = theirs.label.clone();
            lines.push(Line {
                label,
                paper: Some(theirs),
                ours: None,
                diagnostic: None,
            });
        }
        for row in found {
            let label = row.label.clone();
            lines.push(Line {
                label,
                paper: Some(theirs),
                ours: Some(row),
                diagnostic: None,
            });
            let oracle = row.cells.iter().flat_map(|c| c.diagnostics.keys());
            if let Some(name) = oracle.into_iter().find(|k| k.contains("oracle")) {
                let label = format!("{} from the test bank (oracle)", row.label);
                lines.push(Line {
                    label,
                    paper: Some(theirs),
                    ours: Some(row),
                    diagnostic: Some(name),
                });
            }
        }
    }
    if by_latent {
        let variant = table.rows.first().map(|r| r.variant.as_str());
        let known = |row: &&Row| {
            lines
                .iter()
                .any(|l| l.ours.is_some_and(|o| std::ptr::eq(o, *row)))
        };
        let extra: Vec<&Row> = rows
            .iter()
            .filter(|row| variant == Some(row.variant.as_str()) && !known(row))
            .collect();
        lines.extend(extra.into_iter().map(|row| Line {
            label: row.label.clone(),
            paper: None,
            ours: Some(row),
            diagnostic: None,
        }));
    }
    lines
}

/// Our rows for a row of the paper: those with its latent, or (if allowed) all of its variant.
fn matching<'a>(theirs: &PaperRow, rows: &'a [Row<'a>], exact: bool) -> Vec<&'a Row<'a>> {
    let same: Vec<&Row> = rows
        .iter()
        .filter(|r| r.variant == theirs.variant)
        .collect();
    let exactly: Vec<&Row> = same
        .iter()
        .filter(|r| r.latent == theirs.latent && r.latent_size == theirs.latent_size)
        .copied()
        .collect();
    if exactly.is_empty() && !exact {
        same
    } else {
        exactly
    }
}

fn notes(lines: &[Line], paper: &Paper, data: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let absent: Vec<&str> = lines
        .iter()
        .filter(|l| l.ours.is_none())
        .map(|l| l.label.as_str())
        .collect();
    if !absent.is_empty() {
        notes.push(format!("Not run: {}.", absent.join("; ")));
    }
    let other_latent = |l: &&Line| {
        let (Some(theirs), Some(row), None) = (l.paper, l.ours, l.diagnostic) else {
            return false;
        };
        (&theirs.latent, theirs.latent_size) != (&row.latent, row.latent_size)
    };
    for line in lines.iter().filter(other_latent) {
        let Some(theirs) = line.paper else { continue };
        if let (Some(latent), Some(size)) = (&theirs.latent, theirs.latent_size) {
            notes.push(format!(
                "{}: the paper's row has latent type {latent}, size {size}.",
                line.label
            ));
        }
    }
    if lines.iter().any(|l| l.diagnostic.is_some()) {
        notes.push(
            "The oracle retrieves from a bank that holds the test captions themselves. It is a \
             diagnostic; the paper does not say which bank its Dual-Encoder had."
                .to_owned(),
        );
    }
    if lines.iter().any(|l| l.ours.is_some()) {
        notes.push(format!(
            "The paper: {}. Here: {data}. Where these differ, compare the order of rows, not the \
             values.",
            paper.setting
        ));
    }
    notes
}
