//! Words with their stems and synonyms, looked up once each.

use rustc_hash::FxHashMap;

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
    stem_ids: FxHashMap<Box<str>, u32>,
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
    /// In ascending order.
    synonyms: Vec<u32>,
}

impl Lexicon {
    /// The word of a spelling, whatever its case.
    pub fn word(&mut self, spelling: &str) -> Word {
        let number = self.spellings.number(spelling);
        if let Some(known) = self.words.get(number as usize) {
            return *known;
        }
        let lower = spelling.to_lowercase();
        // A lower case that is another spelling is numbered, if it is new, after this one.
        let place = self.words.len();
        let stem = self.stem(&porter::stem(&lower));
        let known = &self.stems[stem as usize];
        self.words.push(Word {
            word: number,
            stem,
            rank: known.rank.map_or(0, sketch),
            synonyms: known
                .synonyms
                .iter()
                .fold(0, |all, &rank| all | sketch(rank)),
        });
        if lower != spelling {
            self.words[place] = self.word(&lower);
        }
        self.words[place]
    }

    fn stem(&mut self, stem: &str) -> u32 {
        if let Some(&known) = self.stem_ids.get(stem) {
            return known;
        }
        let wordnet = WordNet::embedded();
        self.stems.push(Stem {
            rank: wordnet.rank(stem),
            synonyms: wordnet.synonyms(stem),
        });
        let number = self.stem_ids.len() as u32;
        self.stem_ids.insert(stem.into(), number);
        number
    }

    /// Whether the stem of `other` is among the names of the synsets of the stem of `word`.
    #[inline]
    pub fn are_synonyms(&self, word: Word, other: Word) -> bool {
        word.synonyms & other.rank != 0 && self.surely_synonyms(word, other)
    }

    fn surely_synonyms(&self, word: Word, other: Word) -> bool {
        let rank = self.stems[other.stem as usize].rank;
        let synonyms = &self.stems[word.stem as usize].synonyms;
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
