//! The verdicts of a gate, and how it ends.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, Result};

/// The verdict on one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Not below the baseline, by the gate's rule.
    Pass,
    /// Above the baseline, by the gate's rule.
    Improved,
    /// Far below the baseline, and this test set cannot tell whether that is chance.
    Unconfirmed,
    /// Below the baseline, by the gate's rule.
    Regression,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Improved => "improved",
            Self::Unconfirmed => "unconfirmed",
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
    /// The test of the difference, where both sides have statistics of every caption.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
    /// Points it may fall.
    pub max_drop: f64,
    /// The verdict.
    pub verdict: Verdict,
    /// The signature of both.
    pub signature: String,
}

/// What a paired bootstrap over captions says of a difference, in points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Test {
    /// The 95 % interval of the difference.
    pub difference_ci95: [f64; 2],
    /// The one-sided p-value of a fall.
    pub p_fall: f64,
    /// The same by Holm's correction over all scores that the gate compares.
    pub p_fall_adjusted: f64,
    /// The one-sided p-value of a rise, corrected in the same way.
    pub p_rise_adjusted: f64,
    /// The smallest fall that this test set would confirm with a power of 80 %, were it the first to be corrected;
    /// `None` where no caption differs.
    pub detectable: Option<f64>,
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
    /// Rows of the baseline that are not there now; with any, the gate does not pass.
    pub missing: Vec<String>,
    /// Whether falls that are not confirmed fail, too.
    pub strict: bool,
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

    /// The checks that fail the gate, the deepest fall first.
    pub fn failures(&self) -> Vec<&Check> {
        let fails = |check: &&Check| self.fails(check.verdict);
        let mut failures: Vec<&Check> = self.checks.iter().filter(fails).collect();
        failures.sort_by(|a, b| a.difference.total_cmp(&b.difference));
        failures
    }

    /// Whether a verdict fails the gate.
    pub fn fails(&self, verdict: Verdict) -> bool {
        verdict == Verdict::Regression || (self.strict && verdict == Verdict::Unconfirmed)
    }

    /// How the gate ends, in a word.
    pub fn end(&self) -> End {
        if !self.problems.is_empty() {
            End::NotComparable
        } else if self.checks.iter().any(|check| self.fails(check.verdict)) {
            End::Regression
        } else if !self.missing.is_empty() {
            End::Incomplete
        } else {
            End::Pass
        }
    }

    /// One sentence over all.
    pub fn summary(&self) -> String {
        let (of, name) = (self.checks.len(), &self.name);
        match self.end() {
            End::NotComparable => format!(
                "not comparable with the baseline {name:?}: {}",
                first(&self.problems)
            ),
            End::Regression => {
                let failures = self.failures();
                let worst = failures.first().map_or(String::new(), |check| {
                    format!(
                        ", worst {} of {} by {:.2} points",
                        check.metric, check.label, -check.difference
                    )
                });
                format!(
                    "{} of {of} scores fell below the baseline {name:?}{worst}",
                    failures.len()
                )
            }
            End::Incomplete => format!(
                "cells of the baseline {name:?} are missing: {}",
                first(&self.missing)
            ),
            End::Pass => {
                let count = |verdict| self.with(verdict).count();
                let gains = match count(Verdict::Improved) {
                    0 => String::new(),
                    n => format!(
                        "; {n} improved (`bench baseline accept {name} --reason \"…\"` makes that the new baseline)"
                    ),
                };
                let held = match count(Verdict::Unconfirmed) {
                    0 => format!("all {of} scores hold against the baseline {name:?}"),
                    n => format!(
                        "{n} of {of} scores fell far below the baseline {name:?}, but this test set cannot tell \
                         whether by chance"
                    ),
                };
                format!("{held}{gains}")
            }
        }
    }

    /// What `bench gate --json` writes: the verdict over all in a word and a sentence, then everything.
    pub fn document(&self) -> impl Serialize {
        Document {
            verdict: self.end(),
            summary: self.summary(),
            outcome: self,
        }
    }

    /// The gate's end: nothing, or the error with its exit code.
    ///
    /// # Errors
    /// [`Error::NotComparable`] if anything could not be compared, else [`Error::Regression`] if a score fell, else
    /// [`Error::Incomplete`] if a row is missing.
    pub fn into_result(self) -> Result<()> {
        let summary = self.summary();
        match self.end() {
            End::Pass => Ok(()),
            End::NotComparable => Err(Error::NotComparable(summary)),
            End::Regression => Err(Error::Regression(summary)),
            End::Incomplete => Err(Error::Incomplete(summary)),
        }
    }
}

/// How a gate ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Nothing fell.
    Pass,
    /// Something could not be compared.
    NotComparable,
    /// A score fell.
    Regression,
    /// A row is missing.
    Incomplete,
}

/// The first of several, and how many more there are.
fn first(lines: &[String]) -> String {
    match lines {
        [] => String::new(),
        [only] => only.clone(),
        [first, others @ ..] => format!("{first} (and {} more)", others.len()),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    verdict: End,
    summary: String,
    #[serde(flatten)]
    outcome: &'a Outcome,
}
