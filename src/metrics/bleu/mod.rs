//! Four BLEUs that share counts and little else (Papineni et al. 2002).
//!
//! | key | text | reference length | an order without a match | scale |
//! | --- | --- | --- | --- | --- |
//! | [`hf.bleu`](HfBleu) | 13a, case kept | the shortest | the score is 0 | 0…1 |
//! | [`sacrebleu.bleu`](SacreBleu), by default | 13a, case kept | the closest | smoothed | 0…100 |
//! | [`coco.bleu1…4`](CocoBleu) | PTBTokenizer's tokens | the closest | as good as 0 | 0…1 |
//! | [`nltk.bleu`](NltkBleu) | lower case, words | the closest | as good as 0 | 0…1 |
//!
//! On the same captions they differ by several points; a "BLEU" without its key says little.

mod coco;
mod hf;
mod nltk;
mod sacre;

pub use coco::CocoBleu;
pub use hf::HfBleu;
pub use nltk::NltkBleu;
pub use sacre::{SacreBleu, SacreTokenizer, Smoothing};

use super::ngrams::{clipped, possible};
use super::prepared::Tokens;

/// The longest n-grams that count.
const ORDER: usize = 4;

/// The number of statistics of a caption.
const WIDTH: usize = 2 + 2 * ORDER;

/// Summed statistics: lengths, then for n = 1…4 matched n-grams, then for n = 1…4 n-grams written.
struct Sums<'a> {
    /// Tokens written.
    written: f64,
    /// Tokens of the references that lengths are compared with.
    reference: f64,
    matched: &'a [f64],
    all: &'a [f64],
}

impl<'a> Sums<'a> {
    fn of(sums: &'a [f64]) -> Self {
        let (matched, all) = sums[2..WIDTH].split_at(ORDER);
        Self {
            written: sums[0],
            reference: sums[1],
            matched,
            all,
        }
    }

    /// Matched n-grams and n-grams written, for n = 1…4.
    fn orders(&self) -> impl Iterator<Item = (f64, f64)> {
        self.matched.iter().copied().zip(self.all.iter().copied())
    }
}

/// Appends a caption's statistics: see [`Sums`]. At least `least` n-grams count as written.
fn push(tokens: &Tokens<Vec<u32>>, reference_length: usize, least: usize, row: &mut Vec<f64>) {
    let length = tokens.hypothesis.len();
    row.extend([length as f64, reference_length as f64]);
    let references = tokens.references.iter().map(Vec::as_slice);
    let matched: [u64; ORDER] = clipped(&tokens.hypothesis, references);
    row.extend(matched.map(|count| count as f64));
    row.extend((1..=ORDER).map(|n| possible(length, n).max(least) as f64));
}

/// The length of the shortest reference.
fn shortest(tokens: &Tokens<Vec<u32>>) -> usize {
    tokens.references.iter().map(Vec::len).min().unwrap_or(0)
}

/// The length of the reference closest in length to the hypothesis, of two the shorter one.
fn closest(tokens: &Tokens<Vec<u32>>) -> usize {
    let written = tokens.hypothesis.len();
    let lengths = tokens.references.iter().map(Vec::len);
    lengths
        .min_by_key(|&length| (length.abs_diff(written), length))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Case, Corpus, Metric, Prepared};

    /// The score of a single caption.
    pub(super) fn score(metric: &dyn Metric, hypothesis: &str, references: &[&str]) -> f64 {
        let case = Case {
            id: "".into(),
            hypothesis: hypothesis.into(),
            references: references.iter().map(|&text| text.into()).collect(),
        };
        let mut row = Vec::new();
        metric.stats(&Prepared::new(&Corpus::new(&[case], 1), 0), &mut row);
        assert_eq!(row.len(), metric.width());
        metric.caption_score(&row)
    }

    #[test]
    fn of_equally_close_references_the_shorter_counts() {
        let tokens = |hypothesis: usize, references: &[usize]| Tokens {
            hypothesis: vec![0; hypothesis],
            references: references.iter().map(|&length| vec![0; length]).collect(),
        };
        assert_eq!(closest(&tokens(5, &[9, 6, 4, 7])), 4);
        assert_eq!(shortest(&tokens(5, &[9, 6, 4, 7])), 4);
        assert_eq!(closest(&tokens(8, &[9, 4])), 9);
        assert_eq!(
            (closest(&tokens(8, &[])), shortest(&tokens(8, &[]))),
            (0, 0)
        );
    }
}
