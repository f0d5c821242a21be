//! BLEU-1 to BLEU-4 as pycocoevalcap computes them.
//!
//! Lengths are compared with the closest reference. No order is ever quite without a match: 10⁻¹⁵ is
//! added to matched n-grams and 10⁻⁹ to n-grams written, so a caption of one word has a BLEU-4 that is
//! small and not 0.

use super::{ORDER, Sums, WIDTH, closest, push};
use crate::metrics::signature::signature;
use crate::metrics::{Metric, Prepared};

const TINY: f64 = 1e-15;
const SMALL: f64 = 1e-9;

/// `coco.bleu1` … `coco.bleu4`, on a 0…1 scale; the value is the longest n-gram, 1 to 4.
///
/// A caption's statistics: its length, its closest reference's length, then for n = 1…4 the matched
/// n-grams, then for n = 1…4 the n-grams written.
pub struct CocoBleu(pub usize);

impl Metric for CocoBleu {
    fn key(&self) -> &'static str {
        ["coco.bleu1", "coco.bleu2", "coco.bleu3", "coco.bleu4"][self.0 - 1]
    }

    fn width(&self) -> usize {
        WIDTH
    }

    fn stats(&self, caption: &Prepared<'_>, row: &mut Vec<f64>) {
        row.extend(caption.ptb_counts(|tokens| {
            let mut row = Vec::with_capacity(WIDTH);
            push(tokens, closest(tokens), 0, &mut row);
            row
        }));
    }

    fn score(&self, sums: &[f64]) -> f64 {
        score(&Sums::of(sums), self.0)
    }

    fn signature(&self, references: Option<usize>) -> String {
        let order = self.0.to_string();
        let fields = [
            ("case", "lc"),
            ("tok", "ptb-3.4.1"),
            ("order", order.as_str()),
            ("smooth", "tiny"),
            ("len", "closest"),
            ("impl", "pycocoevalcap-1.2"),
        ];
        signature(references, &fields)
    }
}

/// BLEU over the orders 1 to `order`.
fn score(sums: &Sums<'_>, order: usize) -> f64 {
    debug_assert!((1..=ORDER).contains(&order));
    let orders = sums.orders().take(order);
    let product: f64 = orders
        .map(|(matched, all)| (matched + TINY) / (all + SMALL))
        .product();
    let mean = product.powf(1.0 / order as f64);
    let ratio = (sums.written + TINY) / (sums.reference + SMALL);
    if ratio < 1.0 {
        mean * (1.0 - 1.0 / ratio).exp()
    } else {
        mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::bleu::tests::score as score_of;

    #[test]
    fn copies_score_one_as_far_as_they_are_long() {
        let copy = |order| score_of(&CocoBleu(order), "A red ball.", &["a red ball"]);
        assert!((copy(3) - 1.0).abs() < 1e-8);
        // No 4-gram counts as 10⁻¹⁵ of 10⁻⁹.
        assert!((copy(4) - 1e-6f64.powf(0.25)).abs() < 1e-8);
    }

    #[test]
    fn short_and_empty_captions_are_punished() {
        let short = score_of(&CocoBleu(1), "ball", &["a red ball"]);
        assert!((short - (-2.0f64).exp()).abs() < 1e-8, "{short}");
        assert_eq!(score_of(&CocoBleu(4), "", &["a red ball"]), 0.0);
        assert_eq!(score_of(&CocoBleu(4), "", &[""]), 0.0);
    }
}
