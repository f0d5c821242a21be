//! From statistics to scores with their intervals and signatures.

use super::schema::{Score, Scores};
use crate::metrics::{Evaluation, Metric, StatsTable};
use crate::stats::bootstrap::{OfSums, RESAMPLES, intervals95};

/// A metric's score as a function of sums alone.
type ScoreOfSums<'a> = Box<dyn Fn(&[f64]) -> f64 + Sync + 'a>;

/// The score of every metric of an evaluation, with its 95 % bootstrap interval over the captions.
///
/// `metrics` are those that the statistics come from, settings included. Seed and threads of the
/// bootstrap are the evaluation's.
pub fn scores(metrics: &[&dyn Metric], evaluation: &Evaluation) -> Scores {
    let known: Vec<(&dyn Metric, &StatsTable)> = metrics
        .iter()
        .filter_map(|metric| Some((*metric, evaluation.tables.get(metric.key())?)))
        .collect();
    let of_sums: Vec<ScoreOfSums> = known
        .iter()
        .map(|&(metric, _)| Box::new(move |sums: &[f64]| metric.score(sums)) as Box<_>)
        .collect();
    let tables: Vec<(&StatsTable, OfSums)> = known
        .iter()
        .zip(&of_sums)
        .map(|((_, table), of_sums)| (*table, of_sums.as_ref() as OfSums))
        .collect();
    let intervals = intervals95(&tables, RESAMPLES, evaluation.seed, evaluation.threads);
    known
        .iter()
        .zip(intervals)
        .map(|((metric, table), interval)| {
            let value = metric.score(&table.sums());
            let factor = metric.points_factor();
            let score = Score {
                value,
                points: factor * value,
                ci95: interval.map(|ends| ends.map(|end| factor * end)),
                signature: metric.signature(evaluation.references),
            };
            (metric.key().to_owned(), score)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::bleu::SacreBleu;
    use crate::metrics::{Case, evaluate, suite};

    #[test]
    fn every_metric_gets_value_points_interval_and_signature() {
        let case = |i: usize| Case {
            id: i.to_string().into(),
            hypothesis: format!("a dog number {i} runs on the grass").into(),
            references: vec![format!("a dog runs on grass {}", i % 3).into()],
        };
        let cases: Vec<Case> = (0..20).map(case).collect();
        let metrics = suite("paper").unwrap();
        let scores = scores(&metrics, &evaluate(&metrics, &cases, 2, 1));
        assert_eq!(scores.len(), 4);
        for (key, score) in scores {
            let [low, high] = score.ci95.unwrap();
            assert!(
                low - 1e-9 <= score.points && score.points <= high + 1e-9,
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
        let metrics = suite("all").unwrap();
        let scores = scores(&metrics, &evaluate(&metrics, &[case], 1, 1));
        assert!(
            scores
                .values()
                .all(|score| score.ci95.is_none() && score.value.is_finite())
        );
    }

    #[test]
    fn a_metric_keeps_its_settings() {
        let case = Case {
            id: "1".into(),
            hypothesis: "A red ball, red".into(),
            references: vec!["a red ball".into()],
        };
        let lower = SacreBleu {
            lowercase: true,
            ..SacreBleu::DEFAULT
        };
        let evaluation = evaluate(&[&lower], std::slice::from_ref(&case), 1, 1);
        let score = &scores(&[&lower], &evaluation)["sacrebleu.bleu"];
        assert!(score.signature.contains("case:lc"), "{score:?}");
        let mixed = evaluate(&[&SacreBleu::DEFAULT], &[case], 1, 1);
        assert!(scores(&[&SacreBleu::DEFAULT], &mixed)["sacrebleu.bleu"].value < score.value);
    }
}
