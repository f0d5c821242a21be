//! The verdicts of a gate, and how it ends.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, Result};

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

/// All verdicts of a gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The version of this document.
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
        if let Some((first, others)) = self.problems.split_first() {
            let more = match others.len() {
                0 => String::new(),
                n => format!(" (and {n} more)"),
            };
            return format!(
                "not comparable with the baseline {:?}: {first}{more}",
                self.name
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

    /// What `bench gate --json` writes: the verdict over all in a word and a sentence, then everything.
    pub fn document(&self) -> impl Serialize {
        let verdict = if !self.problems.is_empty() {
            "not-comparable"
        } else if self.with(Verdict::Regression).next().is_some() {
            "regression"
        } else {
            "pass"
        };
        Document {
            verdict,
            summary: self.summary(),
            outcome: self,
        }
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

#[derive(Serialize)]
struct Document<'a> {
    verdict: &'static str,
    summary: String,
    #[serde(flatten)]
    outcome: &'a Outcome,
}
