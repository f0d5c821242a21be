//! Is what was measured now as good as the baseline?

use crate::gate::baseline::Baseline;
use crate::gate::conditions::{other_captions, other_conditions};
use crate::gate::rule::{Policy, Rule};
use crate::gate::snapshot::{Row, Snapshot};
use crate::gate::verdict::{Check, Outcome, Test, Verdict};
use crate::metrics::StatsTable;
use crate::results::points::{Points, points, width};
use crate::results::schema::{SCHEMA, Score};
use crate::stats::holm;
use crate::stats::paired::{Difference, MOST, Measured, Settings, differences, resamples};

/// Compares every score of the baseline with the same one now.
///
/// Nothing is compared if source, recipe or data are others, no row whose captions are others, and no score of
/// another signature: the reasons then stand in [`Outcome::problems`]. Rows that are not there now stand in
/// [`Outcome::missing`].
pub fn compare(baseline: &Baseline, now: &Snapshot, policy: &Policy) -> Outcome {
    let before = &baseline.snapshot;
    let mut outcome = Outcome {
        schema: SCHEMA,
        name: baseline.name.clone(),
        data: before.data.clone(),
        checks: Vec::new(),
        problems: other_conditions(before, now),
        missing: Vec::new(),
        strict: policy.strict,
        notes: notes(baseline, now),
    };
    if !outcome.problems.is_empty() {
        return outcome;
    }
    let mut compared = Vec::new();
    for old in &before.rows {
        match now.row(&old.row) {
            Some(new) => compared.extend(comparable(old, new, &mut outcome.problems)),
            None => outcome.missing.push(missing(old, now)),
        }
    }
    let differences = tests(&compared, policy);
    let untested = differences.iter().filter(|d| d.is_none()).count();
    if untested > 0 {
        let what = format!(
            "{untested} of {} scores have no statistics of every caption on both sides, or one caption alone: there \
             is no test of these",
            compared.len()
        );
        match policy.rule {
            Rule::Stat => outcome.problems.push(what),
            Rule::Both | Rule::Tolerance => outcome
                .notes
                .push(format!("{what}, and --max-drop alone decides.")),
        }
    }
    outcome.checks = judge(&compared, &differences, policy);
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

/// One score of the baseline and the same now.
struct Compared<'a> {
    metric: &'a str,
    rows: [&'a Row; 2],
    scores: [&'a Score; 2],
}

impl<'a> Compared<'a> {
    /// What it takes to test the difference: the statistics of both, and the score of their sums.
    fn testable(&self) -> Option<([&'a StatsTable; 2], Points)> {
        let [then, now] = self.rows.map(|row| row.table(self.metric));
        let tables = [then?, now?];
        let fit = |table: &StatsTable| Some(table.width) == width(self.metric);
        let alike = tables[0].len() == tables[1].len() && tables.into_iter().all(fit);
        Some((tables, points(self.metric).filter(|_| alike)?))
    }
}

/// The scores of a row that can be compared; why others cannot is added to `problems`.
fn comparable<'a>(old: &'a Row, new: &'a Row, problems: &mut Vec<String>) -> Vec<Compared<'a>> {
    if let Some(problem) = other_captions(old, new) {
        problems.push(format!("row {} ({}) {problem}", old.row, old.label));
        return Vec::new();
    }
    let mut compared = Vec::new();
    for (metric, then) in &old.metrics {
        let problem = match new.metrics.get(metric) {
            Some(now) if now.signature == then.signature => {
                compared.push(Compared {
                    metric,
                    rows: [old, new],
                    scores: [then, now],
                });
                continue;
            }
            Some(now) => format!(
                "other signature ({} then, {} now)",
                then.signature, now.signature
            ),
            None => "was not measured now".into(),
        };
        problems.push(format!("{metric} of row {}: {problem}", old.row));
    }
    compared
}

/// The paired test of each score, the scores of a row over the same resamples.
fn tests(compared: &[Compared], policy: &Policy) -> Vec<Option<Difference>> {
    let mut found = vec![None; compared.len()];
    let testable: Vec<_> = compared
        .iter()
        .enumerate()
        .filter_map(|(at, score)| Some((at, score.testable()?)))
        .collect();
    let settings = Settings {
        // One-sided, and as the first of all is corrected.
        level: (2.0 * policy.alpha / testable.len().max(1) as f64).min(1.0),
        resamples: resamples(testable.len(), policy.alpha).unwrap_or(MOST),
        ..Settings::new(policy.threads)
    };
    for of_row in
        testable.chunk_by(|a, b| std::ptr::eq(compared[a.0].rows[0], compared[b.0].rows[0]))
    {
        let measured = of_row.iter().map(|(_, (tables, points))| Measured {
            score: points.as_ref(),
            systems: tables.iter().map(|table| vec![*table]).collect(),
        });
        let measured: Vec<Measured> = measured.collect();
        let tested = differences(&measured, &[[0, 1]], &settings);
        for ((at, _), tested) in of_row.iter().zip(tested) {
            found[*at] = tested[0];
        }
    }
    found
}

/// The verdict on every score, its p-values corrected over all that were tested.
fn judge(compared: &[Compared], differences: &[Option<Difference>], policy: &Policy) -> Vec<Check> {
    let tested = || differences.iter().flatten();
    let falls = holm(&tested().map(|d| d.p_fall).collect::<Vec<_>>());
    let rises = holm(&tested().map(|d| d.p_rise).collect::<Vec<_>>());
    let mut adjusted = falls.into_iter().zip(rises);
    let checks = compared.iter().zip(differences).map(|(score, found)| {
        let test = found.and_then(|found| {
            let (p_fall_adjusted, p_rise_adjusted) = adjusted.next()?;
            Some(Test {
                difference_ci95: found.interval,
                p_fall: found.p_fall,
                p_fall_adjusted,
                p_rise_adjusted,
                detectable: found.detectable,
            })
        });
        check(score, test, policy)
    });
    checks.collect()
}

fn check(compared: &Compared, test: Option<Test>, policy: &Policy) -> Check {
    let [row, _] = compared.rows;
    let [baseline, now] = compared.scores.map(|score| score.points);
    let difference = now - baseline;
    let p = test.map(|test| [test.p_fall_adjusted, test.p_rise_adjusted]);
    let verdict: Verdict = policy.judge(compared.metric, difference, p);
    Check {
        row: row.row.clone(),
        label: row.label.clone(),
        metric: compared.metric.to_owned(),
        baseline,
        now,
        difference,
        test,
        max_drop: policy.max_drop.of(compared.metric),
        verdict,
        signature: compared.scores[0].signature.clone(),
    }
}

fn notes(baseline: &Baseline, now: &Snapshot) -> Vec<String> {
    let before = &baseline.snapshot;
    let mut notes = Vec::new();
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
