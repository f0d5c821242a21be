//! What makes a fall a regression.

use clap::ValueEnum;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::gate::tolerance::Tolerances;
use crate::gate::verdict::Verdict;
use crate::stats::paired::{LEVEL, MOST, resamples};

/// What a fall must be to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Larger than allowed, and sure.
    #[default]
    Both,
    /// Larger than allowed, sure or not.
    Tolerance,
    /// Sure, however small.
    Stat,
}

/// How scores are judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The points that scores may fall.
    pub max_drop: Tolerances,
    /// The probability with which a gate may fail although nothing fell.
    pub alpha: f64,
    /// What a fall must be to fail.
    pub rule: Rule,
    /// Whether a large fall that is not sure fails, too.
    pub strict: bool,
    /// Threads of the tests; no result depends on them.
    pub threads: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_drop: Tolerances::default(),
            alpha: LEVEL,
            rule: Rule::default(),
            strict: false,
            threads: 1,
        }
    }
}

impl Policy {
    /// # Errors
    /// [`Error::Input`] for a level that is not between 0 and 1, or too small for so many `scores` to be tested.
    pub fn check(&self, scores: usize) -> Result<()> {
        let alpha = self.alpha;
        let wrong = |expected: String| Err(Error::input(format!("--alpha {alpha}: {expected}")));
        if !(alpha > 0.0 && alpha < 1.0) {
            return wrong("expected a level between 0 and 1, such as 0.05".into());
        }
        match resamples(scores, alpha) {
            Some(_) => Ok(()),
            None => {
                let least = 2.0 * scores as f64 / MOST as f64;
                wrong(format!(
                    "too small for {scores} scores, of which none could be said to have fallen; expected {least:.1e} \
                     or more"
                ))
            }
        }
    }

    /// The verdict on a difference (points now − points of the baseline) whose fall and rise have these one-sided
    /// p-values, corrected for all that is judged; `None` where there are no statistics to test.
    pub fn judge(&self, metric: &str, difference: f64, p: Option<[f64; 2]>) -> Verdict {
        let too_far = !self.max_drop.allows(metric, difference);
        let sure = p.map(|p| p.map(|p| p <= self.alpha));
        match (self.rule, sure) {
            (Rule::Tolerance, _) | (Rule::Both, None) if too_far => Verdict::Regression,
            (Rule::Both, Some([true, _])) if too_far => Verdict::Regression,
            (Rule::Stat, Some([true, _])) => Verdict::Regression,
            (Rule::Both | Rule::Stat, _) if too_far => Verdict::Unconfirmed,
            (Rule::Both | Rule::Stat, Some([_, false])) => Verdict::Pass,
            _ if self.max_drop.is_gain(metric, difference) => Verdict::Improved,
            _ => Verdict::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(difference: f64, p: Option<[f64; 2]>) -> [Verdict; 3] {
        [Rule::Both, Rule::Tolerance, Rule::Stat].map(|rule| {
            let policy = Policy {
                rule,
                ..Policy::default()
            };
            policy.judge("m", difference, p)
        })
    }

    #[test]
    fn each_rule_judges_as_it_says() {
        use Verdict::{Improved, Pass, Regression, Unconfirmed};
        let (fall, rise, chance) = (Some([0.01, 1.0]), Some([1.0, 0.01]), Some([0.3, 0.8]));
        assert_eq!(verdicts(-2.0, fall), [Regression; 3]);
        assert_eq!(
            verdicts(-2.0, chance),
            [Unconfirmed, Regression, Unconfirmed]
        );
        assert_eq!(verdicts(-0.1, fall), [Pass, Pass, Regression]);
        assert_eq!(verdicts(-0.1, chance), [Pass; 3]);
        assert_eq!(verdicts(2.0, rise), [Improved; 3]);
        assert_eq!(verdicts(2.0, chance), [Pass, Improved, Pass]);
        assert_eq!(verdicts(-2.0, None), [Regression, Regression, Unconfirmed]);
    }

    #[test]
    fn a_level_is_between_0_and_1() {
        for alpha in [0.0, 1.0, -0.1, f64::NAN] {
            let policy = Policy {
                alpha,
                ..Policy::default()
            };
            assert_eq!(policy.check(4).unwrap_err().exit_code(), 2, "{alpha}");
        }
        let policy = |alpha| Policy {
            alpha,
            ..Policy::default()
        };
        assert!(policy(1e-5).check(4).is_ok());
        let error = policy(1e-6).check(4).unwrap_err();
        assert!(error.message().contains("8.0e-6 or more"), "{error}");
    }
}
