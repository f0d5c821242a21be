//! ROUGE-L as pycocoevalcap computes it.
//!
//! Precision and recall are the length of the longest common subsequence over the length of
//! hypothesis and reference. Of several references the largest precision and the largest recall
//! count, even if they are of different ones. F leans to recall: β = 1.2.
//!
//! A text without tokens is split at its spaces into *one empty token*, so two empty texts score 1.

use crate::metrics::prepared::Prepared;
use crate::metrics::signature::signature;
use crate::metrics::{Metric, lcs, mean};

const BETA: f64 = 1.2;

/// The token of an empty text.
const EMPTY: &[u32] = &[u32::MAX];

/// `coco.rougeL`, on a 0…1 scale.
///
/// A caption's statistics: its F, and 1.
pub struct CocoRouge;

impl Metric for CocoRouge {
    fn key(&self) -> &'static str {
        "coco.rougeL"
    }

    fn width(&self) -> usize {
        mean::WIDTH
    }

    fn stats(&self, caption: &Prepared<'_>, row: &mut Vec<f64>) {
        let ptb = caption.corpus().ptb();
        let tokens = |text| match ptb.tokens(text) {
            [] => EMPTY,
            tokens => tokens,
        };
        let hypothesis = tokens(caption.index());
        let (mut precision, mut recall) = (0.0f64, 0.0f64);
        for reference in ptb.references(caption.index()).map(tokens) {
            let common = lcs::length(hypothesis, reference) as f64;
            precision = precision.max(common / hypothesis.len() as f64);
            recall = recall.max(common / reference.len() as f64);
        }
        mean::push(f_measure(precision, recall), row);
    }

    fn score(&self, sums: &[f64]) -> f64 {
        mean::score(sums)
    }

    fn signature(&self, references: Option<usize>) -> String {
        let fields = [
            ("case", "lc"),
            ("tok", "ptb-3.4.1"),
            ("beta", "1.2"),
            ("multi", "best-p-best-r"),
            ("agg", "mean"),
            ("impl", "pycocoevalcap-1.2"),
        ];
        signature(references, &fields)
    }
}

fn f_measure(precision: f64, recall: f64) -> f64 {
    if precision == 0.0 || recall == 0.0 {
        return 0.0;
    }
    let beta = BETA * BETA;
    (1.0 + beta) * precision * recall / (recall + beta * precision)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Case, stats_table};

    fn score(hypothesis: &str, references: &[&str]) -> f64 {
        let case = Case {
            id: "".into(),
            hypothesis: hypothesis.into(),
            references: references.iter().map(|&text| text.into()).collect(),
        };
        CocoRouge.score(&stats_table(&CocoRouge, &[case], 1).sums())
    }

    #[test]
    fn precision_and_recall_may_come_from_different_references() {
        let both = score("a red ball", &["a red ball in the grass", "ball"]);
        assert_eq!(both, 1.0, "precision of the first, recall of the second");
        assert!(score("a red ball", &["a red ball in the grass"]) < 1.0);
    }

    #[test]
    fn empty_texts_are_alike() {
        assert_eq!(score("", &["..."]), 1.0);
        assert_eq!(score("", &["a dog"]), 0.0);
        assert_eq!(score("a dog", &[""]), 0.0);
    }
}
