//! Is what was measured now as good as the baseline?

use crate::gate::baseline::Baseline;
use crate::gate::snapshot::{Row, Snapshot};
use crate::gate::tolerance::Tolerances;
use crate::gate::verdict::{Check, Outcome, Verdict};
use crate::gate::{paired, scorer};
use crate::results::schema::{SCHEMA, Score};
use crate::results::store::short_hash;

/// The seed of the paired bootstrap: the same files give the same interval.
const SEED: u64 = 0;

/// Compares every score of the baseline with the same one now.
///
/// Nothing is compared if source, recipe or data are others, no row whose captions are others, and no score of
/// another signature: the reasons then stand in [`Outcome::problems`].
pub fn compare(baseline: &Baseline, now: &Snapshot, tolerances: &Tolerances) -> Outcome {
    let before = &baseline.snapshot;
    let mut outcome = Outcome {
        schema: SCHEMA,
        name: baseline.name.clone(),
        data: before.data.clone(),
        checks: Vec::new(),
        problems: other_conditions(before, now),
        notes: notes(baseline, now),
    };
    if !outcome.problems.is_empty() {
        return outcome;
    }
    for old in &before.rows {
        match now.row(&old.row).ok_or_else(|| missing(old, now)) {
            Ok(new) => compare_row(old, new, tolerances, &mut outcome),
            Err(problem) => outcome.problems.push(problem),
        }
    }
    outcome
}

fn missing(old: &Row, now: &Snapshot) -> String {
    let why = if now.unfinished.contains(&old.row) {
        "is not finished"
    } else {
        "is missing"
    };
    format!("row {} ({}) {why}", old.row, old.label)
}

/// What is not the same about the two as a whole.
fn other_conditions(before: &Snapshot, now: &Snapshot) -> Vec<String> {
    if before.source != now.source {
        let problem = format!("it is of {}, and this is {}", before.source, now.source);
        return vec![problem];
    }
    let recipes = [before, now].map(|s| s.recipe_hash.as_deref().unwrap_or("none"));
    let data = [before, now].map(|s| s.data_fingerprint.as_str());
    [("recipe", recipes), ("data", data)]
        .into_iter()
        .filter(|(_, [old, new])| old != new)
        .map(|(what, hashes)| {
            let [old, new] = hashes.map(short_hash);
            format!("other {what} ({old} then, {new} now)")
        })
        .collect()
}

/// What is not the same about the captions of a row.
fn other_captions(old: &Row, new: &Row) -> Option<String> {
    if old.n != new.n {
        return Some(format!("had {} captions then, {} now", old.n, new.n));
    }
    match (&old.ids, &new.ids) {
        (Some(then), Some(now)) if then != now => Some("is of other pictures".into()),
        _ => None,
    }
}

fn compare_row(old: &Row, new: &Row, tolerances: &Tolerances, outcome: &mut Outcome) {
    if let Some(problem) = other_captions(old, new) {
        let problem = format!("row {} ({}) {problem}", old.row, old.label);
        outcome.problems.push(problem);
        return;
    }
    for (metric, then) in &old.metrics {
        let problem = match new.metrics.get(metric) {
            Some(now) if now.signature == then.signature => {
                let mut check = judge(old, metric, [then, now], tolerances);
                check.difference_ci95 = difference_ci95(metric, old, new);
                outcome.checks.push(check);
                continue;
            }
            Some(now) => format!(
                "other signature ({} then, {} now)",
                then.signature, now.signature
            ),
            None => "was not measured now".into(),
        };
        let problem = format!("{metric} of row {}: {problem}", old.row);
        outcome.problems.push(problem);
    }
}

fn judge(row: &Row, metric: &str, scores: [&Score; 2], tolerances: &Tolerances) -> Check {
    let [baseline, now] = scores.map(|score| score.points);
    let difference = now - baseline;
    let verdict = if !tolerances.allows(metric, difference) {
        Verdict::Regression
    } else if tolerances.is_gain(metric, difference) {
        Verdict::Improved
    } else {
        Verdict::Pass
    };
    Check {
        row: row.row.clone(),
        label: row.label.clone(),
        metric: metric.to_string(),
        baseline,
        now,
        difference,
        difference_ci95: None,
        tolerance: tolerances.of(metric),
        verdict,
        signature: scores[0].signature.clone(),
    }
}

fn difference_ci95(metric: &str, old: &Row, new: &Row) -> Option<[f64; 2]> {
    let points = scorer::points(metric)?;
    let (then, now) = (old.table(metric)?, new.table(metric)?);
    paired::interval95(&then, &now, &*points, paired::RESAMPLES, SEED)
}

fn notes(baseline: &Baseline, now: &Snapshot) -> Vec<String> {
    let before = &baseline.snapshot;
    let mut notes = baseline.notes.clone();
    if before.version != now.version {
        notes.push(format!(
            "The baseline was scored by version {}, this by {}.",
            before.version, now.version
        ));
    }
    for row in &now.rows {
        let Some(old) = before.row(&row.row) else {
            notes.push(format!(
                "Row {} ({}) is not in the baseline.",
                row.row, row.label
            ));
            continue;
        };
        let new = row
            .metrics
            .keys()
            .filter(|key| !old.metrics.contains_key(*key));
        notes.extend(new.map(|key| format!("{key} of row {} is not in the baseline.", row.row)));
    }
    notes
}
