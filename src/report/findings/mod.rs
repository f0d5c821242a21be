//! What the numbers say, in sentences computed from them, and what must be read before them.

mod inside;

use std::collections::{BTreeMap, BTreeSet};

use super::ReportData;
use super::contrasts::between;
use crate::data::LEAKAGE;
use crate::results::contrast::Contrast;
use crate::results::table::paper::paper;
use crate::results::table::{Measure, PAPER_METRICS, Row, RowKind, Shown};
use crate::results::table::{metric_heading, write_number};
use crate::stats::paired::LEVEL;

/// What must be read before any number: leakage, the cells' warnings, unfinished cells, rows that cannot be compared.
pub fn warnings(data: &ReportData) -> Vec<String> {
    let mut warnings = Vec::new();
    for run in &data.runs {
        let prefix = if data.is_comparison() {
            format!("{}: ", run.stamp.name)
        } else {
            String::new()
        };
        // What was seen in training is no test.
        let leaks = run
            .stamp
            .notes
            .iter()
            .filter(|note| note.starts_with(LEAKAGE));
        warnings.extend(leaks.map(|leak| format!("{prefix}{leak}.")));
        for cell in &run.cells {
            let of_cell = |w: &String| format!("{prefix}{}: {w}", cell.result.label);
            warnings.extend(cell.result.warnings.iter().map(of_cell));
        }
        if !run.unfinished.is_empty() {
            let names = run.unfinished.join(", ");
            warnings.push(format!(
                "{prefix}not finished, and therefore in no table: {names}."
            ));
        }
    }
    let distinct = |of: fn(&super::RunData) -> &str| -> bool {
        data.runs.iter().map(of).collect::<BTreeSet<_>>().len() > 1
    };
    if distinct(|run| &run.stamp.data_fingerprint) {
        warnings.push(
            "The runs were scored on different data: their rows cannot be compared.".to_owned(),
        );
    }
    for (key, signatures) in signatures(data) {
        if signatures.len() > 1 {
            warnings.push(format!(
                "{} has {} different signatures over the rows, which therefore cannot be compared \
                 under it.",
                metric_heading(&key),
                signatures.len()
            ));
        }
    }
    warnings
}

/// The signatures that each metric was computed under, over all cells.
pub fn signatures(data: &ReportData) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, result) in data.results() {
        for (key, score) in &result.metrics {
            all.entry(key.clone())
                .or_default()
                .insert(score.signature.clone());
        }
    }
    all
}

/// Whether each model beats the floors, what became of the paper's claim, and what is inside the models.
pub fn findings(rows: &[Row], contrasts: &[Contrast]) -> Vec<String> {
    let mut sentences = Vec::new();
    let models = || (0..rows.len()).filter(|&row| rows[row].kind == RowKind::Model);
    let name = |row: usize| rows[row].name(rows);
    for row in models() {
        let said = against_floors(row, rows, contrasts);
        sentences.extend(said.map(|said| format!("{} {said}", name(row))));
    }
    for ours in models().filter(|&row| rows[row].variant == "vae-cl") {
        let is_base = |row: &usize| {
            rows[*row].variant == "encoder-decoder" && rows[*row].run == rows[ours].run
        };
        let base = models().find(is_base);
        let claim = base.and_then(|base| against_baseline(ours, base, rows, contrasts));
        sentences.extend(claim.map(|said| format!("{} {said}", name(ours))));
    }
    sentences.extend(inside::sentences(rows));
    sentences
}

/// How a model stands against the floors of its run; `None` without floors.
fn against_floors(row: usize, rows: &[Row], contrasts: &[Contrast]) -> Option<String> {
    let mut compared = 0;
    let mut below = Vec::new();
    let mut unsure = Vec::new();
    let is_floor = |r: &usize| rows[*r].kind == RowKind::Floor && rows[*r].run == rows[row].run;
    for key in PAPER_METRICS {
        let Some(score) = rows[row].score(key) else {
            continue;
        };
        let floors = (0..rows.len()).filter(is_floor);
        let floors: Vec<(usize, Measure)> = floors
            .filter_map(|floor| Some((floor, rows[floor].score(key)?)))
            .collect();
        compared += floors.len();
        let sure = |floor: usize| {
            let found = between(contrasts, floor, row, key);
            found.is_some_and(|(_, [low, _], p)| p.map_or(low > 0.0, |p| p <= LEVEL))
        };
        if floors.iter().any(|(_, floor)| score.mean <= floor.mean) {
            below.push(metric_heading(key));
        } else if !floors.iter().all(|&(floor, _)| sure(floor)) {
            unsure.push(metric_heading(key));
        }
    }
    if compared == 0 {
        return None;
    }
    Some(match (&below[..], &unsure[..]) {
        ([], []) => "is above every floor on every metric, each time surely.".to_owned(),
        ([], unsure) => format!(
            "is above every floor, but in {} this test set cannot tell it from chance.",
            list(unsure)
        ),
        (below, _) => format!("is not above every floor in {}.", list(below)),
    })
}

/// The paper's claim (VAE+CL beats the baseline) against ours.
fn against_baseline(
    ours: usize,
    base: usize,
    rows: &[Row],
    contrasts: &[Contrast],
) -> Option<String> {
    let paper = paper();
    let theirs = [base, ours].map(|row| paper.row(&rows[row]));
    let points = |difference| write_number(difference, Shown::Difference);
    let mut parts = Vec::new();
    for (i, column) in paper.columns.iter().enumerate() {
        let [a, b] = [ours, base].map(|row| rows[row].score(&column.key));
        let (Some(a), Some(b)) = (a, b) else {
            continue;
        };
        let tested = between(contrasts, base, ours, &column.key);
        let tested = tested.map_or(String::new(), |(_, [low, high], p)| {
            let p = p.map_or(String::new(), |p| {
                format!(", p {} by Holm", write_number(p, Shown::Chance))
            });
            format!(" [{}, {}]{p}", points(low), points(high))
        });
        let theirs = match theirs {
            [Some(base), Some(ours)] => {
                format!(" (paper {})", points(ours.points[i] - base.points[i]))
            }
            _ => String::new(),
        };
        parts.push(format!(
            "{} {}{tested}{theirs}",
            column.heading,
            points(a.mean - b.mean),
        ));
    }
    (!parts.is_empty()).then(|| format!("minus the baseline, in points: {}.", parts.join("; ")))
}

fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_english() {
        assert_eq!(
            list(&["BLEU", "METEOR", "ROUGE-L"]),
            "BLEU, METEOR and ROUGE-L"
        );
    }
}
