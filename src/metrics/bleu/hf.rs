//! BLEU as Hugging Face's `bleu` metric computes it (evaluate 0.4.6).
//!
//! ```text
//! pₙ   = Σ clipped n-gram matches / Σ n-grams        n = 1…4, sums over all captions
//! BP   = 1 if c > r else exp(1 − r/c)                 c tokens written, r of the SHORTEST references
//! BLEU = BP · exp(Σ ¼ ln pₙ)                          0 if any pₙ is 0
//! ```
//!
//! Text goes through the 13a tokenizer with its case kept. Two things set this BLEU apart from
//! others: the length of the shortest reference counts, not that of the closest, and nothing is
//! smoothed, so most single captions score 0.
//!
//! The reference raises a `ZeroDivisionError` if all hypotheses or all references are empty. The
//! score here is then 0: nothing was written, or there was nothing to match.

use super::{Sums, WIDTH, push, shortest};
use crate::metrics::signature::signature;
use crate::metrics::{Metric, Prepared};

/// `hf.bleu`, on a 0…1 scale.
///
/// A caption's statistics: its length, its shortest reference's length, then for n = 1…4 the matched
/// n-grams, then for n = 1…4 the n-grams written.
pub struct HfBleu;

impl Metric for HfBleu {
    fn key(&self) -> &'static str {
        "hf.bleu"
    }

    fn width(&self) -> usize {
        WIDTH
    }

    fn stats(&self, caption: &Prepared<'_>, row: &mut Vec<f64>) {
        let tokens = caption.thirteen_a();
        push(tokens, shortest(tokens), 0, row);
    }

    fn score(&self, sums: &[f64]) -> f64 {
        let sums = Sums::of(sums);
        if sums.reference == 0.0 || sums.matched.contains(&0.0) {
            return 0.0;
        }
        let mean_log: f64 = sums
            .orders()
            .map(|(matched, all)| 0.25 * (matched / all).ln())
            .sum();
        let ratio = sums.written / sums.reference;
        let penalty = if ratio > 1.0 {
            1.0
        } else {
            (1.0 - 1.0 / ratio).exp()
        };
        mean_log.exp() * penalty
    }

    fn signature(&self, references: Option<usize>) -> String {
        let fields = [
            ("case", "mixed"),
            ("tok", "13a"),
            ("smooth", "none"),
            ("len", "shortest"),
            ("impl", "hf-evaluate-0.4.6"),
        ];
        signature(references, &fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::bleu::tests::score;

    #[test]
    fn a_copy_scores_one_and_a_short_copy_is_penalised() {
        let reference = "a red ball lies on the grass";
        assert_eq!(score(&HfBleu, reference, &[reference]), 1.0);
        let short = score(&HfBleu, "a red ball lies on", &[reference]);
        assert!(
            (short - (1.0f64 - 7.0 / 5.0).exp()).abs() < 1e-12,
            "{short}"
        );
        let shortest = score(&HfBleu, "a red ball lies on", &[reference, "a red ball"]);
        assert_eq!(shortest, 1.0, "the shortest counts");
    }

    #[test]
    fn case_counts_and_nothing_is_smoothed() {
        assert_eq!(score(&HfBleu, "A RED BALL LIES", &["a red ball lies"]), 0.0);
        assert_eq!(
            score(&HfBleu, "a red ball", &["a red ball"]),
            0.0,
            "no 4-gram"
        );
    }

    #[test]
    fn empty_texts_score_zero() {
        assert_eq!(score(&HfBleu, "", &["a red ball lies"]), 0.0);
        assert_eq!(score(&HfBleu, "a red ball lies", &[""]), 0.0);
        assert_eq!(score(&HfBleu, "", &[""]), 0.0);
    }
}
