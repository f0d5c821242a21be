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

use super::Metric;
use super::ngrams::{NGrams, possible};
use super::prepared::{Prepared, Tokens};
use super::signature::signature;

/// The longest n-grams that count.
const ORDER: usize = 4;

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
        2 + 2 * ORDER
    }

    fn stats(&self, caption: &Prepared<'_>, row: &mut Vec<f64>) {
        let tokens = caption.thirteen_a();
        let shortest = tokens.references.iter().map(Vec::len).min().unwrap_or(0);
        row.extend([tokens.hypothesis.len() as f64, shortest as f64]);
        row.extend(matches(tokens).map(|count| count as f64));
        row.extend((1..=ORDER).map(|n| possible(tokens.hypothesis.len(), n) as f64));
    }

    fn score(&self, sums: &[f64]) -> f64 {
        let (written, reference) = (sums[0], sums[1]);
        let (matched, all) = sums[2..].split_at(ORDER);
        if reference == 0.0 || matched.contains(&0.0) {
            return 0.0;
        }
        let mean_log: f64 = matched
            .iter()
            .zip(all)
            .map(|(m, a)| 0.25 * (m / a).ln())
            .sum();
        let ratio = written / reference;
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

/// The hypothesis's n-grams for n = 1…4 that its references match, each at most as often as in the
/// reference that has it most often.
fn matches(tokens: &Tokens<Vec<u32>>) -> [u64; ORDER] {
    std::array::from_fn(|i| {
        let n = i + 1;
        let references: Vec<NGrams> = tokens
            .references
            .iter()
            .map(|ids| NGrams::count(ids, n))
            .collect();
        NGrams::count(&tokens.hypothesis, n).clipped(&references)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Case;

    fn score(hypothesis: &str, references: &[&str]) -> f64 {
        let case = Case {
            id: String::new(),
            hypothesis: hypothesis.into(),
            references: references.iter().map(|&text| text.into()).collect(),
        };
        let mut row = Vec::new();
        HfBleu.stats(&Prepared::new(&case), &mut row);
        assert_eq!(row.len(), HfBleu.width());
        HfBleu.score(&row)
    }

    #[test]
    fn a_copy_scores_one_and_a_short_copy_is_penalised() {
        let reference = "a red ball lies on the grass";
        assert_eq!(score(reference, &[reference]), 1.0);
        let short = score("a red ball lies on", &[reference]);
        assert!(
            (short - (1.0f64 - 7.0 / 5.0).exp()).abs() < 1e-12,
            "{short}"
        );
        assert_eq!(
            score("a red ball lies on", &[reference, "a red ball"]),
            1.0,
            "the shortest counts"
        );
    }

    #[test]
    fn case_counts_and_nothing_is_smoothed() {
        assert_eq!(score("A RED BALL LIES", &["a red ball lies"]), 0.0);
        assert_eq!(score("a red ball", &["a red ball"]), 0.0, "no 4-gram");
    }

    #[test]
    fn empty_texts_score_zero() {
        assert_eq!(score("", &["a red ball lies"]), 0.0);
        assert_eq!(score("a red ball lies", &[""]), 0.0);
        assert_eq!(score("", &[""]), 0.0);
    }
}
