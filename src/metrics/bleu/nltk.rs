//! BLEU as NLTK 3.10.4 computes it with its defaults, on its own words in lower case.
//!
//! Lengths are compared with the closest reference. An order without a match counts with the
//! smallest normal number as its precision, so such scores are tiny and not 0.

use super::{Sums, WIDTH, closest, push};
use crate::metrics::signature::signature;
use crate::metrics::{Metric, Prepared};

/// `nltk.bleu`, on a 0…1 scale.
///
/// A caption's statistics: its length, its closest reference's length, then for n = 1…4 the matched
/// n-grams, then for n = 1…4 the n-grams written, at least 1 each.
pub struct NltkBleu;

impl Metric for NltkBleu {
    fn key(&self) -> &'static str {
        "nltk.bleu"
    }

    fn width(&self) -> usize {
        WIDTH
    }

    fn stats(&self, caption: &Prepared<'_>, row: &mut Vec<f64>) {
        let tokens = caption.lower_words();
        push(tokens, closest(tokens), 1, row);
    }

    fn score(&self, sums: &[f64]) -> f64 {
        let sums = Sums::of(sums);
        if sums.matched[0] == 0.0 {
            return 0.0;
        }
        let precision = |(matched, all): (f64, f64)| {
            if matched > 0.0 {
                matched / all
            } else {
                f64::MIN_POSITIVE
            }
        };
        let mean_log: f64 = sums
            .orders()
            .map(|order| 0.25 * precision(order).ln())
            .sum();
        let penalty = if sums.written > sums.reference {
            1.0
        } else {
            (1.0 - sums.reference / sums.written).exp()
        };
        penalty * mean_log.exp()
    }

    fn signature(&self, references: Option<usize>) -> String {
        let fields = [
            ("case", "lc"),
            ("tok", "word_tokenize"),
            ("smooth", "method0"),
            ("impl", "nltk-3.10.4"),
        ];
        signature(references, &fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::bleu::tests::score;

    #[test]
    fn case_does_not_count_and_missing_orders_are_tiny() {
        let reference = "a red ball lies here";
        assert_eq!(score(&NltkBleu, "A RED BALL LIES HERE", &[reference]), 1.0);
        let tiny = score(&NltkBleu, "a red ball", &["a red ball"]);
        assert!(
            (tiny.ln() - 0.25 * f64::MIN_POSITIVE.ln()).abs() < 1e-9,
            "{tiny}"
        );
    }

    #[test]
    fn empty_texts_score_zero() {
        assert_eq!(score(&NltkBleu, "", &["a"]), 0.0);
        assert_eq!(score(&NltkBleu, "a", &[""]), 0.0);
    }
}
