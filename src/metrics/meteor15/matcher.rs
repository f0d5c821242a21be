//! Candidate matches between a hypothesis and a reference, in METEOR's order.

use std::ops::Range;

use super::lexicon::{Lexicon, Word};
use super::paraphrases::{Paraphrases, WordNumber};
use super::text::{Opposite, Text};

/// The four modules, in order.
pub(super) const EXACT: u8 = 0;
pub(super) const STEM: u8 = 1;
pub(super) const SYNONYM: u8 = 2;
pub(super) const PARAPHRASE: u8 = 3;

/// Words of the hypothesis matched with words of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    /// Where it starts in the hypothesis.
    pub hyp: u32,
    /// Where it starts in the reference.
    pub reference: u32,
    /// Words covered in the hypothesis.
    pub hyp_len: u8,
    /// Words covered in the reference.
    pub reference_len: u8,
    pub module: u8,
}

impl Match {
    fn word(hyp: usize, reference: usize, module: u8) -> Self {
        Self::phrase(hyp, reference, 1, 1, module)
    }

    fn phrase(hyp: usize, reference: usize, hyp_len: usize, ref_len: usize, module: u8) -> Self {
        Self {
            hyp: hyp as u32,
            reference: reference as u32,
            hyp_len: hyp_len as u8,
            reference_len: ref_len as u8,
            module,
        }
    }

    /// The words covered in the hypothesis.
    pub fn hyp_words(&self) -> Range<usize> {
        self.hyp as usize..self.hyp as usize + usize::from(self.hyp_len)
    }

    /// The words covered in the reference.
    pub fn reference_words(&self) -> Range<usize> {
        let start = self.reference as usize;
        start..start + usize::from(self.reference_len)
    }
}

/// The candidates of one pair of texts, by the position in the reference where they start.
#[derive(Default)]
pub(super) struct Candidates {
    all: Vec<Match>,
    /// Where the candidates of each position start in `all`, and the end.
    starts: Vec<usize>,
    /// Matches found from the hypothesis's side: they come last in their position's list.
    late: Vec<Match>,
    merged: Vec<Match>,
}

impl Candidates {
    /// The candidates that start at a position of the reference, in order.
    pub fn at(&self, position: usize) -> Range<usize> {
        self.starts[position]..self.starts[position + 1]
    }

    /// One candidate.
    pub fn get(&self, candidate: usize) -> Match {
        self.all[candidate]
    }

    /// All candidates.
    pub fn all(&self) -> &[Match] {
        &self.all
    }

    /// Gives back memory after an uncommonly long text.
    pub fn trim(&mut self) {
        const KEPT: usize = 1 << 16;
        for matches in [&mut self.all, &mut self.late, &mut self.merged] {
            matches.clear();
            matches.shrink_to(KEPT);
        }
    }

    /// Collects the candidates: by words alone, by exact ones alone if the texts are `equal`, and
    /// by the paraphrases `found` for them. The hypothesis's synsets are marked in the lexicon.
    pub fn collect(
        &mut self,
        (hyp, reference): (&Text, &Text),
        equal: bool,
        lexicon: &Lexicon,
        found: &Opposite,
        table: Paraphrases<'_>,
    ) {
        self.all.clear();
        self.starts.clear();
        self.late.clear();
        let mut spans = reference.spans.iter().peekable();
        for (i, &word) in reference.words.iter().enumerate() {
            self.starts.push(self.all.len());
            self.words(i, word, &hyp.words, equal, lexicon);
            while let Some(span) = spans.next_if(|span| span.start as usize == i && !equal) {
                for phrase in found.phrases(span, table) {
                    for j in occurrences(phrase, &hyp.numbers) {
                        let len = span.len.into();
                        let matched = Match::phrase(j, i, phrase.len(), len, PARAPHRASE);
                        self.all.push(matched);
                    }
                }
            }
        }
        self.starts.push(self.all.len());
        for span in hyp.spans.iter().filter(|_| !equal) {
            for phrase in found.phrases(span, table) {
                for i in occurrences(phrase, &reference.numbers) {
                    let (start, len) = (span.start as usize, span.len.into());
                    let matched = Match::phrase(start, i, len, phrase.len(), PARAPHRASE);
                    self.late.push(matched);
                }
            }
        }
        if !self.late.is_empty() {
            self.merge();
        }
    }

    /// The candidates of one word: equal words, equal stems, synonyms.
    fn words(&mut self, i: usize, word: Word, hyp: &[Word], equal: bool, lexicon: &Lexicon) {
        let all = &mut self.all;
        let mut has_stem = false;
        for (j, other) in hyp.iter().enumerate() {
            if other.hash == word.hash {
                all.push(Match::word(j, i, EXACT));
            } else {
                has_stem |= other.stem == word.stem;
            }
        }
        let mut add = |module, fits: &dyn Fn(usize, Word) -> bool| {
            for (j, &other) in hyp.iter().enumerate() {
                if other.hash != word.hash && fits(j, other) {
                    all.push(Match::word(j, i, module));
                }
            }
        };
        if has_stem && !equal {
            add(STEM, &|_, other| word.stem == other.stem);
        }
        let marked = lexicon.marked(word);
        if marked != 0 && !equal {
            add(SYNONYM, &|j, other| {
                marked >> (j % 64) & 1 == 1 && lexicon.are_synonyms(word, other)
            });
        }
    }

    /// Puts the late matches behind the others of their positions.
    fn merge(&mut self) {
        self.late.sort_by_key(|matched| matched.reference);
        self.merged.clear();
        let mut late = self.late.iter().peekable();
        for i in 0..self.starts.len() - 1 {
            let old = self.starts[i]..self.starts[i + 1];
            self.starts[i] = self.merged.len();
            self.merged.extend_from_slice(&self.all[old]);
            while let Some(matched) = late.next_if(|matched| matched.reference as usize == i) {
                self.merged.push(*matched);
            }
        }
        std::mem::swap(&mut self.all, &mut self.merged);
        if let Some(end) = self.starts.last_mut() {
            *end = self.all.len();
        }
    }
}

/// Where `phrase` occurs in `text`, in ascending order.
fn occurrences<'a>(
    phrase: &'a [WordNumber],
    text: &'a [WordNumber],
) -> impl Iterator<Item = usize> + 'a {
    let (first, others) = phrase.split_first().unwrap_or((&0, &[]));
    let starts = text
        .iter()
        .enumerate()
        .filter(move |(_, word)| *word == first);
    // Phrases are too short for a comparison of memory.
    starts.map(|(at, _)| at).filter(move |at| {
        let rest = &text[at + 1..];
        rest.len() >= others.len() && rest.iter().zip(others).all(|(a, b)| a == b)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Scratch;
    use super::super::tests::tiny;
    use super::*;

    /// All candidates as (hypothesis, reference, hypothesis words, reference words, module).
    fn candidates(hypothesis: &str, reference: &str) -> Vec<(u32, u32, u8, u8, u8)> {
        let (meteor, _folder) = tiny();
        let mut scratch = Scratch::default();
        scratch.best(&meteor, hypothesis, &[reference]);
        let fields = |m: &Match| (m.hyp, m.reference, m.hyp_len, m.reference_len, m.module);
        scratch.candidates.all().iter().map(fields).collect()
    }

    #[test]
    fn in_the_order_of_modules_at_each_word_of_the_reference() {
        assert_eq!(
            candidates("sofas x couch sofa", "sofa"),
            [
                (3, 0, 1, 1, EXACT),
                (0, 0, 1, 1, STEM),
                (0, 0, 1, 1, SYNONYM),
                (2, 0, 1, 1, SYNONYM),
            ]
        );
    }

    #[test]
    fn paraphrases_from_both_sides() {
        assert_eq!(
            candidates("guy above", "on top of man"),
            [
                (1, 0, 1, 3, PARAPHRASE),
                (0, 3, 1, 1, PARAPHRASE),
                (0, 3, 1, 1, PARAPHRASE),
            ]
        );
        assert_eq!(candidates("a lot of", "x many"), [(0, 1, 3, 1, PARAPHRASE)]);
    }

    #[test]
    fn equal_texts_have_exact_matches_only() {
        let same = candidates("couch sofa man guy", "couch sofa man guy");
        assert!(
            same.iter()
                .all(|&(i, j, .., module)| i == j && module == EXACT)
        );
        assert_eq!(same.len(), 4);
    }
}
