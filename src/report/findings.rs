//! What the numbers say, in sentences computed from them, and what must be read before them.

use std::collections::{BTreeMap, BTreeSet};

use super::ReportData;
use crate::results::table::paper::paper;
use crate::results::table::{Measure, PAPER_METRICS, Row, RowKind, metric_heading};

/// What must be read before any number: the cells' warnings, unfinished cells, rows that cannot be compared.
pub fn warnings(data: &ReportData) -> Vec<String> {
    let mut warnings = Vec::new();
    for run in &data.runs {
        let prefix = if data.is_comparison() {
            format!("{}: ", run.stamp.name)
        } else {
            String::new()
        };
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

/// Whether each model beats the floors, and what became of the paper's claim.
pub fn findings(rows: &[Row]) -> Vec<String> {
    let mut sentences = Vec::new();
    let models = || rows.iter().filter(|r| r.kind == RowKind::Model);
    let name = |row: &Row| {
        let several = rows.iter().any(|r| r.run != row.run);
        if several {
            format!("{} ({})", row.label, row.run)
        } else {
            row.label.clone()
        }
    };
    for row in models() {
        sentences.extend(against_floors(row, rows).map(|said| format!("{} {said}", name(row))));
    }
    for ours in models().filter(|r| r.variant == "vae-cl") {
        let base = models().find(|r| r.variant == "encoder-decoder" && r.run == ours.run);
        let claim = base.and_then(|base| against_baseline(ours, base));
        sentences.extend(claim.map(|said| format!("{} {said}", name(ours))));
    }
    sentences
}

/// How a model stands against the floors of its run; `None` without floors.
fn against_floors(row: &Row, rows: &[Row]) -> Option<String> {
    let mut compared = 0;
    let mut below = Vec::new();
    let mut touching = Vec::new();
    for key in PAPER_METRICS {
        let Some(score) = row.score(key) else {
            continue;
        };
        let floors = rows
            .iter()
            .filter(|r| r.kind == RowKind::Floor && r.run == row.run);
        let floors: Vec<Measure> = floors.filter_map(|f| f.score(key)).collect();
        compared += floors.len();
        let heading = metric_heading(key);
        if floors.iter().any(|f| score.mean <= f.mean) {
            below.push(heading);
        } else if floors.iter().any(|f| !apart(&score, f)) {
            touching.push(heading);
        }
    }
    if compared == 0 {
        return None;
    }
    Some(match (&below[..], &touching[..]) {
        ([], []) => "is above every floor on every metric, with 95 % intervals apart.".to_owned(),
        ([], touching) => format!(
            "is above every floor, but its 95 % interval is not apart from a floor's in {}.",
            list(touching)
        ),
        (below, _) => format!("is not above every floor in {}.", list(below)),
    })
}

/// The paper's claim (VAE+CL beats the baseline) against ours.
fn against_baseline(ours: &Row, base: &Row) -> Option<String> {
    let paper = paper();
    let of = |variant: &str| paper.tables[0].rows.iter().find(|r| r.variant == variant);
    let (theirs, their_base) = (of("vae-cl")?, of("encoder-decoder")?);
    let mut parts = Vec::new();
    for (i, column) in paper.columns.iter().enumerate() {
        let (Some(a), Some(b)) = (ours.score(&column.key), base.score(&column.key)) else {
            continue;
        };
        parts.push(format!(
            "{} {:+.1} (paper {:+.1}; intervals {})",
            column.heading,
            a.mean - b.mean,
            theirs.points[i] - their_base.points[i],
            if apart(&a, &b) { "apart" } else { "overlap" }
        ));
    }
    (!parts.is_empty()).then(|| format!("minus the baseline, in points: {}.", parts.join(", ")))
}

/// Whether two measures' intervals (or twice their deviation either side) do not meet. Without any, they meet.
fn apart(a: &Measure, b: &Measure) -> bool {
    let ends = |m: &Measure| match (m.interval, m.sd) {
        (Some(interval), _) => Some(interval),
        (None, Some(sd)) => Some([m.mean - 2.0 * sd, m.mean + 2.0 * sd]),
        (None, None) => None,
    };
    match (ends(a), ends(b)) {
        (Some([a_low, a_high]), Some([b_low, b_high])) => a_low > b_high || b_low > a_high,
        _ => false,
    }
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
    fn intervals_that_meet_are_not_apart() {
        let of = |low, high| Measure {
            mean: (low + high) / 2.0,
            interval: Some([low, high]),
            sd: None,
        };
        assert!(apart(&of(1.0, 2.0), &of(2.1, 3.0)) && apart(&of(2.1, 3.0), &of(1.0, 2.0)));
        assert!(!apart(&of(1.0, 2.0), &of(2.0, 3.0)));
        let alone = Measure {
            mean: 9.0,
            interval: None,
            sd: None,
        };
        assert!(!apart(&alone, &of(1.0, 2.0)));
    }

    #[test]
    fn lists_read_as_english() {
        assert_eq!(
            list(&["BLEU", "METEOR", "ROUGE-L"]),
            "BLEU, METEOR and ROUGE-L"
        );
    }
}
