//! How far a score may fall before it is a regression.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};

/// Points that a score may fall below its baseline unless the caller says otherwise.
///
/// On the CPU a run repeats to the last bit, and chance over captions is the tests' affair: this is for changes that
/// are meant to leave quality as it is (another summation order, another library version).
pub const DEFAULT_POINTS: f64 = 0.5;

/// Rounding of decimal fractions: 3.9 − 4.4 is a little below −0.5.
const ROUNDING: f64 = 1e-9;

/// Tolerances in points (0…100), one for all metrics and others for some.
#[derive(Debug, Clone, PartialEq)]
pub struct Tolerances {
    general: f64,
    by_metric: BTreeMap<String, f64>,
}

impl Tolerances {
    /// One tolerance for all metrics, but those that `by_metric` names as `KEY=POINTS`.
    ///
    /// # Errors
    /// [`Error::Input`] for a tolerance that is negative or no number, a metric given twice, or a
    /// text that is not `KEY=POINTS`.
    pub fn parse(general: f64, by_metric: &[String]) -> Result<Self> {
        let general = checked("--max-drop", general)?;
        let mut tolerances = BTreeMap::new();
        for text in by_metric {
            let (key, points) = text.split_once('=').ok_or_else(|| {
                Error::input(format!(
                    "--metric {text}: expected KEY=POINTS, such as hf.meteor=0.2"
                ))
            })?;
            let points = points.trim().parse().map_err(|_| {
                Error::input(format!(
                    "--metric {text}: {points:?} is no number of points"
                ))
            })?;
            let points = checked(&format!("--metric {text}"), points)?;
            if tolerances.insert(key.trim().to_string(), points).is_some() {
                return Err(Error::input(format!("--metric {key} is given twice")));
            }
        }
        Ok(Self {
            general,
            by_metric: tolerances,
        })
    }

    /// Refuses tolerances for metrics that are not compared at all: a typing error would open the gate.
    ///
    /// # Errors
    /// [`Error::Input`] with the metric and the nearest known one.
    pub fn check_keys(&self, known: &BTreeSet<&str>) -> Result<()> {
        let unknown = self
            .by_metric
            .keys()
            .find(|key| !known.contains(key.as_str()));
        let Some(key) = unknown else {
            return Ok(());
        };
        let similarity = |candidate: &&&str| strsim::jaro_winkler(key, candidate);
        let nearest = known
            .iter()
            .max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
        let hint = nearest.map_or(String::new(), |near| format!("; did you mean {near}?"));
        Err(Error::input(format!(
            "--metric {key}: the baseline has no such metric{hint}"
        )))
    }

    /// The tolerance of one metric, in points.
    pub fn of(&self, metric: &str) -> f64 {
        self.by_metric.get(metric).copied().unwrap_or(self.general)
    }

    /// Whether a difference (now − before, in points) is within the tolerance; every improvement is.
    pub fn allows(&self, metric: &str, difference: f64) -> bool {
        difference >= -self.of(metric) - ROUNDING
    }

    /// Whether a difference is a gain by more than the tolerance.
    pub fn is_gain(&self, metric: &str, difference: f64) -> bool {
        difference > self.of(metric) + ROUNDING
    }
}

impl Default for Tolerances {
    fn default() -> Self {
        Self {
            general: DEFAULT_POINTS,
            by_metric: BTreeMap::new(),
        }
    }
}

fn checked(flag: &str, points: f64) -> Result<f64> {
    if points.is_finite() && points >= 0.0 {
        return Ok(points);
    }
    Err(Error::input(format!(
        "{flag}: a tolerance is a number of points from 0 up, not {points}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(general: f64, by_metric: &[&str]) -> Result<Tolerances> {
        let by_metric: Vec<_> = by_metric.iter().map(|s| s.to_string()).collect();
        Tolerances::parse(general, &by_metric)
    }

    #[test]
    fn a_metric_may_have_its_own() {
        let tolerances = parse(0.5, &["hf.meteor=2", "hf.bleu = 0"]).unwrap();
        assert_eq!(tolerances.of("hf.meteor"), 2.0);
        assert_eq!(tolerances.of("hf.bleu"), 0.0);
        assert_eq!(tolerances.of("hf.rouge1"), 0.5);
    }

    #[test]
    fn the_edge_is_allowed_in_decimal_fractions() {
        let tolerances = Tolerances::default();
        let fall = 3.9 - 4.4;
        assert!(fall < -0.5, "the case that rounding is for");
        assert!(tolerances.allows("m", fall));
        assert!(!tolerances.allows("m", -0.501));
        assert!(!tolerances.allows("m", f64::NAN));
        assert!(!tolerances.is_gain("m", 0.5));
        assert!(tolerances.is_gain("m", 0.501));
    }

    #[test]
    fn zero_allows_equality_only() {
        let exact = parse(0.0, &[]).unwrap();
        assert!(exact.allows("m", 0.0));
        assert!(!exact.allows("m", -0.0001));
    }

    #[test]
    fn nonsense_is_refused() {
        for general in [-0.1, f64::NAN, f64::INFINITY] {
            assert_eq!(parse(general, &[]).unwrap_err().exit_code(), 2);
        }
        for text in ["hf.bleu", "hf.bleu=", "hf.bleu=two", "hf.bleu=-1"] {
            assert_eq!(parse(0.5, &[text]).unwrap_err().exit_code(), 2, "{text}");
        }
        let twice = parse(0.5, &["hf.bleu=1", "hf.bleu=2"]).unwrap_err();
        assert!(twice.message().contains("twice"), "{twice}");
    }

    #[test]
    fn a_mistyped_metric_is_named_with_the_nearest() {
        let tolerances = parse(0.5, &["hf.metor=5"]).unwrap();
        let known = BTreeSet::from(["hf.bleu", "hf.meteor", "hf.rouge1"]);
        let error = tolerances.check_keys(&known).unwrap_err();
        assert!(
            error.message().contains("did you mean hf.meteor?"),
            "{error}"
        );
    }
}
