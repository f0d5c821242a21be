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
use super::places::Places;
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
            let hypothesis = Hypothesis::new(&hypothesis);
            case.references
                .iter()
                .map(|reference| {
                    let reference = numbers(lexicon, reference);
                    score(&hypothesis.align(lexicon, &reference), reference.len())
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
    each_word(text, |text, at| words.push(lexicon.word_at(text, at)));
    words
}

/// A hypothesis, ready to be aligned with its references.
struct Hypothesis<'a> {
    words: &'a [Word],
    /// Where its words and its stems stand, unless it is too long for that.
    places: Option<[Places; 2]>,
}

impl<'a> Hypothesis<'a> {
    fn new(words: &'a [Word]) -> Self {
        let equal = Places::of(words.iter().map(|word| word.word));
        let stems = Places::of(words.iter().map(|word| word.stem));
        Self {
            words,
            places: equal.zip(stems).map(|(equal, stems)| [equal, stems]),
        }
    }

    /// For each word the position of the reference's word it is matched with.
    fn align(&self, lexicon: &Lexicon, reference: &[Word]) -> Vec<Option<usize>> {
        let mut matches = vec![None; self.words.len()];
        let mut free: Vec<usize> = (0..reference.len()).rev().collect();
        match &self.places {
            Some([equal, stems]) => {
                let mut open = u64::MAX;
                take(
                    equal,
                    |j| reference[j].word,
                    &mut open,
                    &mut free,
                    &mut matches,
                );
                take(
                    stems,
                    |j| reference[j].stem,
                    &mut open,
                    &mut free,
                    &mut matches,
                );
            }
            None => {
                let equal = |a: Word, b: Word| a.word == b.word;
                self.match_each(equal, reference, &mut free, &mut matches);
                let stems = |a: Word, b: Word| a.stem == b.stem;
                self.match_each(stems, reference, &mut free, &mut matches);
            }
        }
        let synonyms = |a, b| lexicon.are_synonyms(a, b);
        self.match_each(synonyms, reference, &mut free, &mut matches);
        matches
    }

    /// Matches each word that has no match, from last to first, with the first of the `free` words of
    /// the reference that fits.
    fn match_each(
        &self,
        fits: impl Fn(Word, Word) -> bool,
        reference: &[Word],
        free: &mut Vec<usize>,
        matches: &mut [Option<usize>],
    ) {
        for (word, found) in self.words.iter().zip(matches).rev() {
            if found.is_none()
                && let Some(at) = free.iter().position(|&j| fits(*word, reference[j]))
            {
                *found = Some(free.remove(at));
            }
        }
    }
}

/// As [`Hypothesis::match_each`] for what is equal: then the last ones of either side go together,
/// whichever side is gone through. `open` are the places that have no match yet.
fn take(
    places: &Places,
    token: impl Fn(usize) -> u32,
    open: &mut u64,
    free: &mut Vec<usize>,
    matches: &mut [Option<usize>],
) {
    free.retain(|&j| {
        let fitting = places.get(token(j)) & *open;
        if let Some(last) = fitting.checked_ilog2() {
            *open &= !(1 << last);
            matches[last as usize] = Some(j);
        }
        fitting == 0
    });
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
            id: "".into(),
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
        let short = Hypothesis::new(&hypothesis).align(&lexicon, &reference);
        let long = Hypothesis {
            words: &hypothesis,
            places: None,
        };
        assert_eq!(long.align(&lexicon, &reference), short, "both ways are one");
        short
    }

    #[test]
    fn both_ways_to_align_are_one() {
        let draws = crate::stats::Draws::new(1, 2);
        let words = [
            "a", "the", "dog", "dogs", "hound", "couch", "sofa", "run", "running",
        ];
        for case in 0..2000 {
            let text = |from: u64| -> String {
                let len = draws.below(100 * case + from, 12) as u64;
                let word = |i| words[draws.below(100 * case + from + i, words.len())];
                (1..=len).map(word).collect::<Vec<_>>().join(" ")
            };
            aligned(&text(0), &text(50));
        }
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
