//! BLEU as sacreBLEU 2.6.0 computes it with its defaults.
//!
//! Lengths are compared with the closest reference. An order without a match is smoothed: its
//! precision is 1/(2ᵏ · n-grams) at the k-th such order. Of a corpus all four orders count, of a
//! single caption only those for which it is long enough ("effective order").

use super::{ORDER, Sums, WIDTH, closest, push};
use crate::metrics::signature::signature;
use crate::metrics::{Metric, Prepared};

/// `sacrebleu.bleu`, on a 0…100 scale.
///
/// A caption's statistics: its length, its closest reference's length, then for n = 1…4 the matched
/// n-grams, then for n = 1…4 the n-grams written.
pub struct SacreBleu;

impl Metric for SacreBleu {
    fn key(&self) -> &'static str {
        "sacrebleu.bleu"
    }

    fn width(&self) -> usize {
        WIDTH
    }

    fn stats(&self, caption: &Prepared<'_>, row: &mut Vec<f64>) {
        let tokens = caption.stripped_thirteen_a();
        push(tokens, closest(tokens), 0, row);
    }

    fn score(&self, sums: &[f64]) -> f64 {
        score(&Sums::of(sums), false)
    }

    fn caption_score(&self, row: &[f64]) -> f64 {
        score(&Sums::of(row), true)
    }

    fn points_factor(&self) -> f64 {
        1.0
    }

    fn signature(&self, references: Option<usize>) -> String {
        let fields = [
            ("case", "mixed"),
            ("eff", "no"),
            ("tok", "13a"),
            ("smooth", "exp"),
            ("version", "2.6.0"),
        ];
        signature(references, &fields)
    }
}

fn score(sums: &Sums<'_>, effective_order: bool) -> f64 {
    if sums.matched.iter().all(|&matched| matched == 0.0) {
        return 0.0;
    }
    let (mut smooth, mut logs) = (1.0, Vec::with_capacity(ORDER));
    for (matched, all) in sums.orders().take_while(|(_, all)| *all > 0.0) {
        let precision = if matched > 0.0 {
            100.0 * matched / all
        } else {
            smooth *= 2.0;
            100.0 / (smooth * all)
        };
        logs.push(precision.ln());
    }
    if logs.len() < ORDER && !effective_order {
        return 0.0;
    }
    let penalty = if sums.written < sums.reference {
        (1.0 - sums.reference / sums.written).exp()
    } else {
        1.0
    };
    penalty * (logs.iter().sum::<f64>() / logs.len() as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::bleu::tests::score as score_of;

    #[test]
    fn a_short_copy_scores_its_own_orders_alone_and_nothing_in_a_corpus() {
        let sums = [3.0, 3.0, 3.0, 2.0, 1.0, 0.0, 3.0, 2.0, 1.0, 0.0];
        assert!((SacreBleu.caption_score(&sums) - 100.0).abs() < 1e-9);
        assert_eq!(SacreBleu.score(&sums), 0.0);
    }

    #[test]
    fn missing_orders_are_smoothed() {
        // Precisions in percent 75, 100/(2·3), 100/(4·2), 100/(8·1).
        let expected = (75.0f64 * (100.0 / 6.0) * 12.5 * 12.5).powf(0.25);
        let score = score_of(&SacreBleu, "a cat b d", &["a dog b c d"]);
        let penalty = (1.0f64 - 5.0 / 4.0).exp();
        assert!((score - penalty * expected).abs() < 1e-9, "{score}");
    }

    #[test]
    fn empty_texts_score_zero() {
        assert_eq!(score_of(&SacreBleu, "", &["a"]), 0.0);
        assert_eq!(score_of(&SacreBleu, "a", &[""]), 0.0);
    }
}
