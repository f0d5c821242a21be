//! METEOR as NLTK computes it, which is what Hugging Face's `meteor` metric calls.
//!
//! Words (NLTK's `word_tokenize`, then lower case) are aligned in three stages, each over what the
//! stages before left unmatched: equal words, equal Porter stems, and WordNet synonyms *of the
//! stems*. Each stage takes the hypothesis's words from last to first and matches each with the last
//! free word of the reference that fits; it does not look for the alignment with fewest crossings.
//!
//! ```text
//! P = m/h   R = m/r   Fmean = PR / (0.9·P + 0.1·R)
//! METEOR = (1 − 0.5·(chunks/m)³) · Fmean          0 without a match
//! ```
//!
//! m words matched of h written and r in the reference; a chunk is a run of matches that are
//! neighbours in both. A copy of its reference scores 1 − 0.5/m³, not 1. The best reference counts,
//! and the corpus value is the mean over captions.

use std::cell::RefCell;

use super::lexicon::{Lexicon, Word};
use super::prepared::Prepared;
use super::signature::signature;
use super::tokenizers::each_word;
use super::{Metric, mean};

const ALPHA: f64 = 0.9;
const BETA: f64 = 3.0;
const GAMMA: f64 = 0.5;

/// Words that a thread remembers before it starts afresh: far more than any caption set has.
const MEMORY: usize = 1 << 20;

thread_local! {
    static LEXICON: RefCell<Lexicon> = RefCell::default();
}

/// `hf.meteor`, on a 0…1 scale.
///
/// A caption's statistics: its score, and 1.
pub struct HfMeteor;

impl Metric for HfMeteor {
    fn key(&self) -> &'static str {
        "hf.meteor"
    }

    fn width(&self) -> usize {
        mean::WIDTH
    }

    fn stats(&self, caption: &Prepared<'_>, row: &mut Vec<f64>) {
        let case = caption.case();
        let best = LEXICON.with_borrow_mut(|lexicon| {
            if lexicon.len() > MEMORY {
                *lexicon = Lexicon::default();
            }
            let hypothesis = numbers(lexicon, &case.hypothesis);
            case.references
                .iter()
                .map(|reference| {
                    let reference = numbers(lexicon, reference);
                    score(&align(lexicon, &hypothesis, &reference), reference.len())
                })
                .fold(0.0, f64::max)
        });
        mean::push(best, row);
    }

    fn score(&self, sums: &[f64]) -> f64 {
        mean::score(sums)
    }

    fn signature(&self, references: Option<usize>) -> String {
        let fields = [
            ("case", "lc"),
            ("tok", "word_tokenize"),
            ("stages", "exact,porter,wordnet-3.0"),
            ("params", "0.9,3,0.5"),
            ("agg", "mean"),
            ("impl", "nltk-3.10.4"),
        ];
        signature(references, &fields)
    }
}

/// The words of a text; NLTK cuts it before it is put in lower case.
fn numbers(lexicon: &mut Lexicon, text: &str) -> Vec<Word> {
    let mut words = Vec::with_capacity(text.len() / 4);
    each_word(text, |token| words.push(lexicon.word(token)));
    words
}

/// For each word of the hypothesis the position of the reference's word it is matched with.
fn align(lexicon: &Lexicon, hypothesis: &[Word], reference: &[Word]) -> Vec<Option<usize>> {
    let mut matches = vec![None; hypothesis.len()];
    let mut free = vec![true; reference.len()];
    let stages: [&dyn Fn(Word, Word) -> bool; 3] = [
        &|a, b| a.word == b.word,
        &|a, b| a.stem == b.stem,
        &|a, b| lexicon.are_synonyms(a.stem, b.stem),
    ];
    for fits in stages {
        for (word, found) in hypothesis.iter().zip(&mut matches).rev() {
            if found.is_none() {
                *found = (0..reference.len())
                    .rev()
                    .find(|&j| free[j] && fits(*word, reference[j]));
                if let Some(j) = *found {
                    free[j] = false;
                }
            }
        }
    }
    matches
}

/// The score of an alignment with a reference of `reference_len` words.
fn score(matches: &[Option<usize>], reference_len: usize) -> f64 {
    let (mut matched, mut chunks) = (0usize, 0usize);
    let mut expected = None;
    for &found in matches {
        if let Some(j) = found {
            matched += 1;
            chunks += usize::from(expected != Some(j));
        }
        expected = found.map(|j| j + 1);
    }
    if matched == 0 {
        return 0.0;
    }
    let precision = matched as f64 / matches.len() as f64;
    let recall = matched as f64 / reference_len as f64;
    let mean = precision * recall / (ALPHA * precision + (1.0 - ALPHA) * recall);
    let fragmentation = chunks as f64 / matched as f64;
    (1.0 - GAMMA * fragmentation.powf(BETA)) * mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Case, Corpus};

    fn meteor(hypothesis: &str, references: &[&str]) -> f64 {
        let case = Case {
            id: String::new(),
            hypothesis: hypothesis.into(),
            references: references.iter().map(|&text| text.into()).collect(),
        };
        let mut row = Vec::new();
        HfMeteor.stats(&Prepared::new(&Corpus::new(&[case], 1), 0), &mut row);
        HfMeteor.score(&row)
    }

    fn aligned(hypothesis: &str, reference: &str) -> Vec<Option<usize>> {
        let mut lexicon = Lexicon::default();
        let [hypothesis, reference] =
            [hypothesis, reference].map(|text| numbers(&mut lexicon, text));
        align(&lexicon, &hypothesis, &reference)
    }

    #[test]
    fn a_copy_is_not_quite_one() {
        assert_eq!(meteor("A red ball", &["a red ball"]), 1.0 - 0.5 / 27.0);
        assert_eq!(
            meteor("a red ball", &["nothing", "A red ball"]),
            1.0 - 0.5 / 27.0
        );
    }

    #[test]
    fn stages_in_order_and_last_words_first() {
        assert_eq!(aligned("a dog a", "a b a"), [Some(0), None, Some(2)]);
        assert_eq!(aligned("the a", "a the a"), [Some(1), Some(2)]);
        assert_eq!(aligned("dogs running", "run dog"), [Some(1), Some(0)]);
        assert_eq!(aligned("couch", "sofa"), [Some(0)]);
        assert_eq!(
            aligned("couch", "couch sofa"),
            [Some(0)],
            "exact before synonym"
        );
        assert_eq!(
            aligned("couch", "couches sofa"),
            [Some(0)],
            "stem before synonym"
        );
        assert_eq!(
            aligned("picture", "photo"),
            [None],
            "stems are looked up, not words"
        );
    }

    #[test]
    fn nothing_matched_scores_zero() {
        assert_eq!(meteor("", &["a"]), 0.0);
        assert_eq!(meteor("a", &[""]), 0.0);
        assert_eq!(meteor("up", &["down"]), 0.0);
    }
}
