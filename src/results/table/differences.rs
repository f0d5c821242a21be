//! The differences between rows, tested as the pairs they are.

use super::{Column, Measure, Row, RowKind, Sheet, Shown, Table, metric_heading};
use crate::error::Result;
use crate::results::contrast::{Contrast, FEW_DIFFERING};
use crate::results::points::ATTRIBUTES;

/// A line for each pair of rows that has a contrast; `None` if none has.
///
/// # Errors
///
/// `Failed` if polars refuses the frame.
pub fn differences(rows: &[Row], contrasts: &[Contrast]) -> Result<Option<Table>> {
    let mut pairs: Vec<[usize; 2]> = contrasts.iter().map(|c| c.pair).collect();
    pairs.dedup();
    let kind = |pair: &[usize; 2]| match pair.iter().all(|&row| rows[row].kind == RowKind::Model) {
        true => RowKind::Model,
        false => RowKind::Floor,
    };
    pairs.sort_by_key(|pair| kind(pair) == RowKind::Floor);
    if pairs.is_empty() {
        return Ok(None);
    }
    let mut metrics: Vec<&str> = Vec::new();
    for contrast in contrasts {
        if !metrics.contains(&contrast.metric.as_str()) {
            metrics.push(&contrast.metric);
        }
    }
    let name = |row: usize| rows[row].name(rows);
    let mut sheet = Sheet::default();
    sheet.text(
        "label",
        pairs
            .iter()
            .map(|&[first, second]| Some(format!("{} − {}", name(second), name(first)))),
    );
    // As the label has it: a line is `row` minus `minus`.
    sheet.text("row", pairs.iter().map(|pair| Some(name(pair[1]))));
    sheet.text("minus", pairs.iter().map(|pair| Some(name(pair[0]))));
    let mut columns = vec![Column::new("label", "Difference", Shown::Text)];
    for metric in metrics {
        let of = |pair: &[usize; 2]| {
            contrasts
                .iter()
                .find(|c| c.pair == *pair && c.metric == metric)
        };
        let found: Vec<Option<&Contrast>> = pairs.iter().map(of).collect();
        let measures: Vec<Option<Measure>> = found
            .iter()
            .map(|found| {
                found.map(|contrast| Measure {
                    mean: contrast.found.difference,
                    interval: Some(contrast.found.interval),
                    sd: contrast.seed_sd,
                })
            })
            .collect();
        sheet.measure(metric, &measures);
        let mut number = |suffix: &str, of: &dyn Fn(&Contrast) -> Option<f64>| {
            let name = format!("{metric}_{suffix}");
            sheet.number(&name, found.iter().map(|found| found.and_then(of)));
        };
        number("p", &|c| c.found.p);
        number("p_holm", &|c| c.p_adjusted);
        number("detectable", &|c| c.found.detectable);
        let heading = match metric {
            ATTRIBUTES => "Attributes",
            _ => metric_heading(metric),
        };
        columns.push(Column::new(metric, heading, Shown::Difference));
    }
    let kinds = pairs.iter().map(kind).collect();
    let title = "Differences, tested as pairs";
    let mut table = Table::new("differences", title, kinds, sheet, columns)?;
    table.notes = vec![
        "Points of the first named minus those of the second, with the 95 % interval of a paired bootstrap over images. \
         p: approximate randomization, two-sided, by Holm's correction over this table."
            .to_owned(),
        "From: the true difference from which on this test set would show it at 5 %, uncorrected, four times out of \
         five."
            .to_owned(),
    ];
    let few = |c: &&Contrast| (1..FEW_DIFFERING).contains(&c.differing);
    if let Some(contrast) = contrasts.iter().find(few) {
        let [first, second] = contrast.pair;
        table.notes.push(format!(
            "Where fewer than {FEW_DIFFERING} captions differ, the interval is too narrow: {} − {}, {} of them.",
            name(second),
            name(first),
            contrast.differing
        ));
    }
    if rows.iter().any(|row| row.seeds.len() > 1) {
        table.notes.push(
            "± is the standard deviation of the difference from seed to seed, and no part of the interval. Without the \
             same number of seeds there is no p."
                .to_owned(),
        );
    }
    Ok(Some(table))
}
