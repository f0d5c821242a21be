//! Is what was measured now as good as the baseline?

use std::fmt;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::gate::baseline::Baseline;
use crate::gate::paired;
use crate::gate::snapshot::{Row, Snapshot};
use crate::gate::tolerance::Tolerances;
use crate::metrics::StatsTable;
use crate::results::schema::{SCHEMA, Score};

/// The seed of the paired bootstrap: the same files give the same interval.
const SEED: u64 = 0;

/// The verdict on one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Not below the baseline by more than the tolerance.
    Pass,
    /// Above the baseline by more than the tolerance.
    Improved,
    /// Below the baseline by more than the tolerance.
    Regression,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Improved => "improved",
            Self::Regression => "REGRESSION",
        })
    }
}

/// One score against its baseline. Higher is better in every metric there is so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The row's name: its cell's.
    pub row: String,
    /// The row's label.
    pub label: String,
    /// The metric's key.
    pub metric: String,
    /// Points of the baseline.
    pub baseline: f64,
    /// Points now.
    pub now: f64,
    /// Points now − points of the baseline.
    pub difference: f64,
    /// The 95 % interval of the difference by paired bootstrap over captions, in points, where both sides have
    /// statistics of every caption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference_ci95: Option<[f64; 2]>,
    /// Points it may fall.
    pub tolerance: f64,
    /// The verdict.
    pub verdict: Verdict,
    /// The signature of both.
    pub signature: String,
}

/// All verdicts of a gate. Serialized, it is what `bench gate --json` writes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The baseline's name.
    pub name: String,
    /// The data as the baseline names it.
    pub data: String,
    /// Scores compared, by row and metric in the baseline's order.
    pub checks: Vec<Check>,
    /// Why something could not be compared; with any, the gate does not pass.
    pub problems: Vec<String>,
    /// What is worth knowing beside it.
    pub notes: Vec<String>,
}

impl Outcome {
    /// The checks of one verdict.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(move |check| check.verdict == verdict)
    }

    /// One sentence over all.
    pub fn summary(&self) -> String {
        let count = |verdict| self.with(verdict).count();
        let (regressed, improved) = (count(Verdict::Regression), count(Verdict::Improved));
        let of = self.checks.len();
        if !self.problems.is_empty() {
            return format!(
                "not comparable with the baseline {:?}: {}",
                self.name,
                self.problems.join("; ")
            );
        }
        if regressed > 0 {
            let worst = self
                .with(Verdict::Regression)
                .min_by(|a, b| a.difference.total_cmp(&b.difference));
            let worst = worst.map_or(String::new(), |check| {
                format!(
                    ", worst {} of {} by {:.2} points",
                    check.metric, check.label, -check.difference
                )
            });
            return format!(
                "{regressed} of {of} scores fell below the baseline {:?}{worst}",
                self.name
            );
        }
        let gains = match improved {
            0 => String::new(),
            n => format!("; {n} improved (`bench baseline accept` makes that the new baseline)"),
        };
        format!(
            "all {of} scores hold against the baseline {:?}{gains}",
            self.name
        )
    }

    /// The gate's end: nothing, or the error with its exit code.
    ///
    /// # Errors
    /// [`Error::NotComparable`] if anything could not be compared, [`Error::Regression`] if a score fell too far.
    pub fn into_result(self) -> Result<()> {
        if !self.problems.is_empty() {
            return Err(Error::NotComparable(self.summary()));
        }
        if self.with(Verdict::Regression).next().is_some() {
            return Err(Error::Regression(self.summary()));
        }
        Ok(())
    }
}

/// The score of summed statistics, in points, by metric key; `None` for a metric this version does not know.
pub type Scorer<'a> = &'a dyn Fn(&str) -> Option<Box<dyn Fn(&[f64]) -> f64>>;

/// Compares every score of the baseline with the same one now.
///
/// Nothing is compared if source, recipe or data are others, and no row whose captions are others: the reasons then
/// stand in [`Outcome::problems`].
pub fn compare(
    baseline: &Baseline,
    now: &Snapshot,
    tolerances: &Tolerances,
    scorer: Scorer,
) -> Outcome {
    let before = &baseline.snapshot;
    let mut outcome = Outcome {
        schema: SCHEMA,
        name: baseline.name.clone(),
        data: before.data.clone(),
        checks: Vec::new(),
        problems: differences(before, now),
        notes: notes(baseline, now),
    };
    if !outcome.problems.is_empty() {
        return outcome;
    }
    for old in &before.rows {
        match now.rows.iter().find(|row| row.row == old.row) {
            None => outcome.problems.push(missing(old, now)),
            Some(new) => match other_captions(old, new) {
                Some(problem) => outcome.problems.push(problem),
                None => check_row(old, new, tolerances, scorer, &mut outcome),
            },
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
fn differences(before: &Snapshot, now: &Snapshot) -> Vec<String> {
    if before.source != now.source {
        return vec![format!(
            "it is of {}, and this is {}",
            before.source, now.source
        )];
    }
    let mut problems = Vec::new();
    let recipes =
        [&before.recipe_hash, &now.recipe_hash].map(|hash| hash.as_deref().unwrap_or("none"));
    let data = [&before.data_fingerprint, &now.data_fingerprint].map(String::as_str);
    for (what, [old, new]) in [("recipe", recipes), ("data", data)] {
        if old != new {
            problems.push(format!(
                "other {what} ({} then, {} now)",
                short(old),
                short(new)
            ));
        }
    }
    problems
}

fn other_captions(old: &Row, new: &Row) -> Option<String> {
    if old.n != new.n {
        return Some(format!(
            "row {}: {} captions then, {} now",
            old.row, old.n, new.n
        ));
    }
    match (&old.ids, &new.ids) {
        (Some(then), Some(now)) if then != now => {
            Some(format!("row {}: captions of other pictures", old.row))
        }
        _ => None,
    }
}

fn check_row(old: &Row, new: &Row, tolerances: &Tolerances, scorer: Scorer, outcome: &mut Outcome) {
    for (metric, then) in &old.metrics {
        let problem = match new.metrics.get(metric) {
            None => "was not measured now".to_string(),
            Some(now) if now.signature != then.signature => {
                format!(
                    "other signature ({} then, {} now)",
                    then.signature, now.signature
                )
            }
            Some(now) => {
                let interval =
                    difference_ci95(old.table(metric), new.table(metric), scorer(metric));
                let check = check(old, metric, then, now, tolerances, interval);
                outcome.checks.push(check);
                continue;
            }
        };
        outcome
            .problems
            .push(format!("row {}, {metric}: {problem}", old.row));
    }
}

fn check(
    row: &Row,
    metric: &str,
    then: &Score,
    now: &Score,
    tolerances: &Tolerances,
    difference_ci95: Option<[f64; 2]>,
) -> Check {
    let difference = now.points - then.points;
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
        baseline: then.points,
        now: now.points,
        difference,
        difference_ci95,
        tolerance: tolerances.of(metric),
        verdict,
        signature: then.signature.clone(),
    }
}

fn difference_ci95(
    then: Option<StatsTable>,
    now: Option<StatsTable>,
    score: Option<Box<dyn Fn(&[f64]) -> f64>>,
) -> Option<[f64; 2]> {
    paired::interval95(&then?, &now?, &*score?, paired::RESAMPLES, SEED)
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
        match before.rows.iter().find(|old| old.row == row.row) {
            None => notes.push(format!(
                "Row {} ({}) is not in the baseline.",
                row.row, row.label
            )),
            Some(old) => {
                let new = row
                    .metrics
                    .keys()
                    .filter(|key| !old.metrics.contains_key(*key));
                notes.extend(
                    new.map(|key| format!("{key} of row {} is not in the baseline.", row.row)),
                );
            }
        }
    }
    notes
}

/// The beginning of a hash, enough to tell two apart by eye.
pub(crate) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
