//! Words with their stems and synonyms, looked up once each.

use std::cell::OnceCell;

use rustc_hash::FxHashMap;

use super::porter;
use super::wordnet::WordNet;

/// Numbers words, and remembers what METEOR's stages compare: stems, and the stems' synonyms.
///
/// The stems of a thousand captions are far fewer than their words, so nearly every look-up finds
/// its answer here.
#[derive(Default)]
pub(super) struct Lexicon {
    words: FxHashMap<String, Word>,
    stems: Vec<Stem>,
    stem_ids: FxHashMap<String, u32>,
}

/// A word: its number and its stem's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub word: u32,
    pub stem: u32,
}

struct Stem {
    text: String,
    rank: OnceCell<Option<u32>>,
    synonyms: OnceCell<Vec<u32>>,
}

impl Lexicon {
    /// The numbers of a word, whatever its case.
    pub fn word(&mut self, word: &str) -> Word {
        if let Some(known) = self.words.get(word) {
            return *known;
        }
        let lower = word.to_lowercase();
        if lower != word {
            // Remembered under this spelling too, with the numbers of its lower case.
            let numbers = self.word(&lower);
            self.words.insert(word.to_owned(), numbers);
            return numbers;
        }
        let stem = porter::stem(word).into_owned();
        let next = self.stems.len() as u32;
        let stem = *self.stem_ids.entry(stem).or_insert_with_key(|text| {
            self.stems.push(Stem {
                text: text.clone(),
                rank: OnceCell::new(),
                synonyms: OnceCell::new(),
            });
            next
        });
        let numbers = Word {
            word: self.words.len() as u32,
            stem,
        };
        self.words.insert(lower, numbers);
        numbers
    }

    /// Whether the stem `other` is among the names of the synsets of `stem`.
    pub fn are_synonyms(&self, stem: u32, other: u32) -> bool {
        let wordnet = WordNet::embedded();
        let other = &self.stems[other as usize];
        let Some(rank) = other.rank.get_or_init(|| wordnet.rank(&other.text)) else {
            return false;
        };
        let stem = &self.stems[stem as usize];
        let synonyms = stem.synonyms.get_or_init(|| wordnet.synonyms(&stem.text));
        synonyms.binary_search(rank).is_ok()
    }

    /// The number of words remembered.
    pub fn len(&self) -> usize {
        self.words.len()
    }
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
        assert!(lexicon.are_synonyms(dogs.stem, hound.stem));
        assert_eq!(lexicon.len(), 4, "a spelling each");
    }
}
