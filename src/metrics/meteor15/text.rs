//! The texts of a caption, and those of their phrases that may have a paraphrase opposite.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::lexicon::Word;
use super::paraphrases::{Paraphrases, WordNumber};

/// A text: its words, and its phrases that have paraphrases in the texts opposite.
#[derive(Default)]
pub(super) struct Text {
    pub words: Vec<Word>,
    /// The words' numbers in the paraphrase table.
    pub numbers: Vec<WordNumber>,
    pub spans: Vec<Span>,
}

/// A phrase of a text.
pub(super) struct Span {
    pub start: u32,
    pub len: u8,
    /// Which of the found paraphrases are its own.
    found: Range<u32>,
}

impl Text {
    /// Empties it.
    pub fn clear(&mut self) {
        self.words.clear();
        self.numbers.clear();
        self.spans.clear();
    }

    /// Appends a word.
    pub fn push(&mut self, word: Word) {
        self.words.push(word);
        self.numbers.push(word.number);
    }

    /// Whether two texts are equal word by word.
    pub fn equals<'a>(&'a self, other: &'a Self) -> bool {
        let hashes = |text: &'a Self| text.words.iter().map(|word| word.hash);
        hashes(self).eq(hashes(other))
    }
}

/// Paraphrases of a case's phrases that may occur opposite, found once for all its references.
#[derive(Default)]
pub(super) struct Opposite {
    /// Per word number whether the texts opposite have it.
    has: Vec<bool>,
    known: FxHashMap<u32, Range<u32>>,
    /// Places in the table's records.
    found: Vec<u32>,
}

impl Opposite {
    /// Forgets the case before.
    pub fn clear(&mut self) {
        self.found.clear();
    }

    /// Finds the phrases of `texts` that have paraphrases made of the words of `opposite`.
    pub fn find(&mut self, texts: &mut [Text], opposite: &[Text], table: Paraphrases<'_>) {
        self.has.resize(usize::from(WordNumber::MAX) + 1, false);
        self.known.clear();
        self.mark(opposite, true);
        self.has[0] = false;
        for text in texts {
            let (numbers, spans) = (&text.numbers, &mut text.spans);
            for start in 0..numbers.len() {
                table.starting(&numbers[start..], |len, node| {
                    let found = self.paraphrases(node, table);
                    if !found.is_empty() {
                        spans.push(Span {
                            start: start as u32,
                            len: len as u8,
                            found,
                        });
                    }
                });
            }
        }
        self.mark(opposite, false);
    }

    /// The paraphrases found for a phrase, in the table's order.
    pub fn phrases<'a>(
        &'a self,
        span: &Span,
        table: Paraphrases<'a>,
    ) -> impl Iterator<Item = &'a [WordNumber]> + 'a {
        let places = &self.found[span.found.start as usize..span.found.end as usize];
        places.iter().map(move |&at| table.phrase(at as usize))
    }

    fn mark(&mut self, texts: &[Text], has: bool) {
        for &number in texts.iter().flat_map(|text| &text.numbers) {
            self.has[usize::from(number)] = has;
        }
    }

    /// The paraphrases of a phrase that have marked words only.
    fn paraphrases(&mut self, node: u32, table: Paraphrases<'_>) -> Range<u32> {
        let (has, found) = (&self.has, &mut self.found);
        let search = || {
            let start = found.len() as u32;
            let list = table.list(node);
            let mut at = list.start;
            while at < list.end {
                let phrase = table.phrase(at);
                if phrase.iter().all(|&word| has[usize::from(word)]) {
                    found.push(at as u32);
                }
                at += 1 + phrase.len();
            }
            start..found.len() as u32
        };
        self.known.entry(node).or_insert_with(search).clone()
    }
}
