//! ROUGE as rouge_score 0.1.2 computes it: the F measure of the best reference.
//!
//! - ROUGE-n: the multiset of shared n-grams, over the n-grams of each side.
//! - ROUGE-L: the longest common subsequence, over the lengths.
//! - ROUGE-Lsum: the same line by line. A reference line is matched by the union of its longest
//!   common subsequences with every line written, and a token counts at most as often as it occurs
//!   in either text. Where neither text has a line break it is ROUGE-L.
//!
//! F = 2PR/(P + R), and 0 where nothing is shared. The corpus value is the plain mean of the
//! captions' F; Hugging Face's `rouge` prints the median of a random bootstrap of it instead.

use crate::metrics::ngrams::{clipped, possible};
use crate::metrics::prepared::{Prepared, Sentences};
use crate::metrics::signature::signature;
use crate::metrics::{Metric, lcs, mean};

/// What a ROUGE compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RougeKind {
    /// Single tokens.
    One,
    /// Pairs of neighbours.
    Two,
    /// The longest common subsequence.
    L,
    /// The longest common subsequences of lines.
    Lsum,
}

/// `hf.rouge1`, `hf.rouge2`, `hf.rougeL` or `hf.rougeLsum`, on a 0…1 scale.
///
/// A caption's statistics: its F measure, and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rouge {
    /// What is compared.
    pub kind: RougeKind,
    /// Whether tokens of more than three letters are stemmed first (NLTK's Porter), as rouge_score
    /// does with `use_stemmer=True`; Hugging Face's default does not.
    pub stemmed: bool,
}

impl Rouge {
    /// A kind on stems.
    pub const fn stemmed(kind: RougeKind) -> Self {
        Self {
            kind,
            stemmed: true,
        }
    }

    /// A kind without stemming.
    pub const fn plain(kind: RougeKind) -> Self {
        Self {
            kind,
            stemmed: false,
        }
    }

    fn f_measure(self, hypothesis: &Sentences, reference: &Sentences) -> f64 {
        match self.kind {
            RougeKind::One => f_of_ngrams::<1>(hypothesis, reference),
            RougeKind::Two => f_of_ngrams::<2>(hypothesis, reference),
            RougeKind::Lsum if hypothesis.ends.len() > 1 || reference.ends.len() > 1 => f_measure(
                union_hits(hypothesis, reference),
                hypothesis.ids.len(),
                reference.ids.len(),
            ),
            RougeKind::L | RougeKind::Lsum => f_measure(
                lcs::length(&hypothesis.ids, &reference.ids),
                hypothesis.ids.len(),
                reference.ids.len(),
            ),
        }
    }
}

impl Metric for Rouge {
    fn key(&self) -> &'static str {
        match self.kind {
            RougeKind::One => "hf.rouge1",
            RougeKind::Two => "hf.rouge2",
            RougeKind::L => "hf.rougeL",
            RougeKind::Lsum => "hf.rougeLsum",
        }
    }

    fn width(&self) -> usize {
        mean::WIDTH
    }

    fn stats(&self, caption: &Prepared<'_>, row: &mut Vec<f64>) {
        let tokens = match self.stemmed {
            false => caption.rouge(),
            true => caption.stemmed_rouge(),
        };
        let best = tokens
            .references
            .iter()
            .map(|reference| self.f_measure(&tokens.hypothesis, reference))
            .fold(0.0, f64::max);
        mean::push(best, row);
    }

    fn score(&self, sums: &[f64]) -> f64 {
        mean::score(sums)
    }

    fn signature(&self, references: Option<usize>) -> String {
        let fields = [
            ("tok", "rouge"),
            ("stem", if self.stemmed { "porter" } else { "no" }),
            ("multi", "best-f"),
            ("agg", "mean"),
            ("impl", "rouge_score-0.1.2"),
        ];
        signature(references, &fields)
    }
}

/// The F-measure of `N`-grams.
fn f_of_ngrams<const N: usize>(hypothesis: &Sentences, reference: &Sentences) -> f64 {
    let shared: [u64; N] = clipped(&hypothesis.ids, [reference.ids.as_slice()]);
    let (written, wanted) = (
        possible(hypothesis.ids.len(), N),
        possible(reference.ids.len(), N),
    );
    f_measure(shared[N - 1] as usize, written, wanted)
}

/// F of `hits` among `written` and `wanted`; 0 without a hit.
fn f_measure(hits: usize, written: usize, wanted: usize) -> f64 {
    if hits == 0 {
        return 0.0;
    }
    let precision = hits as f64 / written as f64;
    let recall = hits as f64 / wanted as f64;
    2.0 * precision * recall / (precision + recall)
}

/// The tokens of the reference that ROUGE-Lsum counts as found.
fn union_hits(hypothesis: &Sentences, reference: &Sentences) -> usize {
    // Ids count up from 0 within a case, so a vector can hold the counts.
    let ids = hypothesis.ids.iter().chain(&reference.ids);
    let mut left = vec![[0u32; 2]; ids.max().map_or(0, |&id| id as usize + 1)];
    for &id in &hypothesis.ids {
        left[id as usize][0] += 1;
    }
    for &id in &reference.ids {
        left[id as usize][1] += 1;
    }
    let mut hits = 0;
    for line in reference.iter() {
        let mut marks = vec![false; line.len()];
        for written in hypothesis.iter() {
            lcs::mark(line, written, &mut marks);
        }
        for (&id, _) in line.iter().zip(&marks).filter(|(_, marked)| **marked) {
            let [written, wanted] = &mut left[id as usize];
            if *written > 0 && *wanted > 0 {
                *written -= 1;
                *wanted -= 1;
                hits += 1;
            }
        }
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Case, Corpus};

    fn scores(hypothesis: &str, references: &[&str]) -> [f64; 4] {
        scores_of(hypothesis, references, false)
    }

    fn scores_of(hypothesis: &str, references: &[&str], stemmed: bool) -> [f64; 4] {
        let case = Case {
            id: "".into(),
            hypothesis: hypothesis.into(),
            references: references.iter().map(|&text| text.into()).collect(),
        };
        let cases = [case];
        let corpus = Corpus::new(&cases, 1);
        let prepared = Prepared::new(&corpus, 0);
        [
            RougeKind::One,
            RougeKind::Two,
            RougeKind::L,
            RougeKind::Lsum,
        ]
        .map(|kind| {
            let rouge = Rouge { kind, stemmed };
            let mut row = Vec::new();
            rouge.stats(&prepared, &mut row);
            rouge.score(&row)
        })
    }

    #[test]
    fn the_best_reference_counts() {
        let [one, two, l, lsum] = scores("a dog runs fast", &["the cat", "a dog sleeps fast"]);
        assert_eq!(one, 0.75);
        assert!((two - 1.0 / 3.0).abs() < 1e-15);
        assert_eq!((l, lsum), (0.75, 0.75));
    }

    #[test]
    fn lines_in_another_order_still_match_in_lsum() {
        let [_, _, l, lsum] = scores(
            "a dog runs\nthe sun shines",
            &["the sun shines\na dog runs"],
        );
        assert_eq!((l, lsum), (0.5, 1.0));
    }

    #[test]
    fn stems_are_of_words_longer_than_three_letters() {
        let [one, ..] = scores_of("the dogs were running", &["the dog was run"], true);
        assert_eq!(one, 0.75, "dogs and running, not was");
        let [one, ..] = scores_of("a bus", &["a bu"], true);
        assert_eq!(one, 0.5, "bus is too short");
    }

    #[test]
    fn empty_texts_score_zero() {
        assert_eq!(scores("", &["a dog"]), [0.0; 4]);
        assert_eq!(scores("a dog", &["", "…"]), [0.0; 4]);
        assert_eq!(scores("\n", &["\n"]), [0.0; 4]);
    }
}
