//! Words with their stems and synonyms, looked up once each.

use std::ops::Range;

use super::numbering::Numbering;
use super::porter;
use super::wordnet::WordNet;

/// Numbers words, and remembers what METEOR's stages compare: stems, and the stems' synonyms.
///
/// The words of a thousand captions are far fewer than their tokens, so nearly every look-up finds
/// its answer here.
#[derive(Default)]
pub(super) struct Lexicon {
    spellings: Numbering,
    /// The word of each spelling.
    words: Vec<Word>,
    stems: Vec<Stem>,
    stem_ids: Numbering,
    /// The synonyms of all stems, of each in ascending order.
    synonyms: Vec<u32>,
}

/// A word: its number and its stem's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub word: u32,
    pub stem: u32,
    /// A sketch of the stem's rank in WordNet, one bit; none if it has no rank.
    rank: u128,
    /// The sketches of all the stem's synonyms.
    synonyms: u128,
}

/// What WordNet says about a stem.
struct Stem {
    rank: Option<u32>,
    /// Where its synonyms are among those of all stems.
    synonyms: Range<usize>,
}

impl Lexicon {
    /// The word of a spelling, whatever its case.
    pub fn word(&mut self, spelling: &str) -> Word {
        self.word_at(spelling, 0..spelling.len())
    }

    /// The word of the spelling at a place of a text.
    pub fn word_at(&mut self, text: &str, at: Range<usize>) -> Word {
        let number = self.spellings.number_at(text, at.clone());
        match self.words.get(number as usize) {
            Some(known) => *known,
            None => self.new_word(&text[at], number),
        }
    }

    fn new_word(&mut self, spelling: &str, number: u32) -> Word {
        let lower = spelling.to_lowercase();
        // A lower case that is another spelling is numbered, if it is new, after this one.
        let place = self.words.len();
        let stem = self.stem(&porter::stem(&lower));
        let Stem { rank, synonyms } = &self.stems[stem as usize];
        let synonyms = self.synonyms[synonyms.clone()].iter();
        self.words.push(Word {
            word: number,
            stem,
            rank: rank.map_or(0, sketch),
            synonyms: synonyms.fold(0, |all, &rank| all | sketch(rank)),
        });
        if lower != spelling {
            self.words[place] = self.word(&lower);
        }
        self.words[place]
    }

    fn stem(&mut self, stem: &str) -> u32 {
        let number = self.stem_ids.number(stem);
        if number as usize == self.stems.len() {
            let wordnet = WordNet::embedded();
            let start = self.synonyms.len();
            self.synonyms.extend(wordnet.synonyms(stem));
            self.stems.push(Stem {
                rank: wordnet.rank(stem),
                synonyms: start..self.synonyms.len(),
            });
        }
        number
    }

    /// Whether the stem of `other` is among the names of the synsets of the stem of `word`.
    #[inline]
    pub fn are_synonyms(&self, word: Word, other: Word) -> bool {
        word.synonyms & other.rank != 0 && self.surely_synonyms(word, other)
    }

    fn surely_synonyms(&self, word: Word, other: Word) -> bool {
        let rank = self.stems[other.stem as usize].rank;
        let synonyms = &self.synonyms[self.stems[word.stem as usize].synonyms.clone()];
        rank.is_some_and(|rank| synonyms.binary_search(&rank).is_ok())
    }

    /// The number of spellings remembered.
    pub fn len(&self) -> usize {
        self.words.len()
    }
}

/// One bit of many: sets of words that have no bit in common have no word in common.
fn sketch(rank: u32) -> u128 {
    1 << (rank.wrapping_mul(0x9e37_79b1) >> 25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_words_and_stems_have_equal_numbers() {
        let mut lexicon = Lexicon::default();
        let [dog, dogs, hound, again] =
            ["dog", "dogs", "hound", "Dog"].map(|word| lexicon.word(word));
        assert_eq!(dog, again);
        assert_ne!(dog.word, dogs.word);
        assert_eq!(dog.stem, dogs.stem);
        assert!(lexicon.are_synonyms(dogs, hound));
        assert_eq!(lexicon.len(), 4, "a spelling each");
    }
}
