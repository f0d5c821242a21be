//! From statistics to scores with their intervals and signatures.

use super::schema::{Score, Scores};
use crate::metrics::{self, Evaluation, Metric, StatsTable};
use crate::stats::bootstrap::{RESAMPLES, interval95};

/// The score of every metric of an evaluation, with its 95 % bootstrap interval over the captions.
///
/// Seed and threads of the bootstrap are the evaluation's. Tables under a key that no metric has are
/// left out.
pub fn scores(evaluation: &Evaluation) -> Scores {
    let score = |metric: &dyn Metric, table: &StatsTable| {
        let value = metric.score(&table.sums());
        let factor = metric.points_factor();
        let of_sums = |sums: &[f64]| metric.score(sums);
        let interval = interval95(
            table,
            &of_sums,
            RESAMPLES,
            evaluation.seed,
            evaluation.threads,
        );
        Score {
            value,
            points: factor * value,
            ci95: interval.map(|ends| ends.map(|end| factor * end)),
            signature: metric.signature(evaluation.references),
        }
    };
    let tables = evaluation.tables.iter();
    tables
        .filter_map(|(key, table)| Some((key.clone(), score(metrics::metric(key)?, table))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Case, evaluate, suite};

    #[test]
    fn every_metric_gets_value_points_interval_and_signature() {
        let case = |i: usize| Case {
            id: i.to_string(),
            hypothesis: format!("a dog number {i} runs on the grass"),
            references: vec![format!("a dog runs on grass {}", i % 3)],
        };
        let cases: Vec<Case> = (0..20).map(case).collect();
        let scores = scores(&evaluate(&suite("paper").unwrap(), &cases, 2, 1));
        assert_eq!(scores.len(), 4);
        for (key, score) in scores {
            let [low, high] = score.ci95.unwrap();
            assert!(
                low <= score.points && score.points <= high,
                "{key}: {score:?}"
            );
            assert!((score.points - 100.0 * score.value).abs() < 1e-12, "{key}");
            assert!(score.signature.starts_with("nrefs:1|"), "{key}");
        }
    }

    #[test]
    fn a_single_caption_has_no_interval() {
        let case = Case {
            id: "1".into(),
            hypothesis: "a".into(),
            references: vec!["a".into()],
        };
        let scores = scores(&evaluate(&suite("all").unwrap(), &[case], 1, 1));
        assert!(
            scores
                .values()
                .all(|score| score.ci95.is_none() && score.value.is_finite())
        );
    }
}
