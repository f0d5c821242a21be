//! WordNet 3.0's word relations, for the synonym stage of METEOR.
//!
//! The embedded table (`data/wordnet/relations.bin`, 1.2 MB) holds, for every word and part of
//! speech, the one-word lemma names of all its synsets: no gloss, no sense, no hierarchy. It is read
//! in place, a search of a few hundred nanoseconds a word, so there is nothing to load.
//! `fixtures/make/wordnet.py` makes it and documents its layout.

use std::ops::Range;
use std::sync::OnceLock;

/// How regular forms lead to base forms, by part of speech: noun, verb, adjective, adverb.
const SUFFIXES: [&[(&str, &str)]; 4] = [
    &[
        ("s", ""),
        ("ses", "s"),
        ("ves", "f"),
        ("xes", "x"),
        ("zes", "z"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("men", "man"),
        ("ies", "y"),
    ],
    &[
        ("s", ""),
        ("ies", "y"),
        ("es", "e"),
        ("es", ""),
        ("ed", "e"),
        ("ed", ""),
        ("ing", "e"),
        ("ing", ""),
    ],
    &[("er", ""), ("est", ""), ("er", "e"), ("est", "e")],
    &[],
];

/// Rows in a block of the table.
const BLOCK: usize = 16;

/// The relations between words.
pub struct WordNet {
    words: Section,
    forms: Section,
}

impl WordNet {
    /// The embedded table.
    pub fn embedded() -> &'static Self {
        static WORDNET: OnceLock<WordNet> = OnceLock::new();
        WORDNET.get_or_init(|| Self::open(include_bytes!("../../data/wordnet/relations.bin")))
    }

    fn open(table: &'static [u8]) -> Self {
        let number = |at: usize| u32_at(table, at) as usize;
        let (words, forms) = table[20..].split_at(number(16));
        Self {
            words: Section::open(words, number(8)),
            forms: Section::open(forms, number(12)),
        }
    }

    /// The rank of a word among all words, by which synonyms are named; `None` for a word of which
    /// WordNet knows no one-word name.
    pub fn rank(&self, word: &str) -> Option<u32> {
        self.words.find(word).map(|(rank, _)| rank)
    }

    /// The ranks of all one-word names of all synsets of `word`, in ascending order, each once.
    ///
    /// As in NLTK, the synsets are those of the word itself and of its base forms by WordNet's
    /// `morphy`, in every part of speech. The word is to be in lower case.
    pub fn synonyms(&self, word: &str) -> Vec<u32> {
        let mut names = Vec::new();
        let irregular = self.forms.find(word).map(|(_, lists)| lists);
        for (part, rules) in SUFFIXES.iter().enumerate() {
            self.add_names(word, part, &mut names);
            if let Some(mut bases) = irregular.as_ref().and_then(|lists| lists.of(part)) {
                bases.each(|base| {
                    let lists = self.words.row(base);
                    if let Some(list) = lists.of(part) {
                        list.collect(base, &mut names);
                    }
                });
            } else {
                for (suffix, with) in *rules {
                    if let Some(start) = word.strip_suffix(suffix) {
                        self.add_names(&format!("{start}{with}"), part, &mut names);
                    }
                }
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    fn add_names(&self, word: &str, part: usize, names: &mut Vec<u32>) {
        if let Some((rank, lists)) = self.words.find(word)
            && let Some(list) = lists.of(part)
        {
            list.collect(rank, names);
        }
    }
}

/// One of the table's two sections: rows in byte order of their keys, in blocks of [`BLOCK`].
struct Section {
    starts: &'static [u8],
    rows: &'static [u8],
    len: usize,
}

impl Section {
    fn open(section: &'static [u8], len: usize) -> Self {
        let (starts, rows) = section.split_at(4 * len.div_ceil(BLOCK));
        Self { starts, rows, len }
    }

    fn blocks(&self) -> Range<usize> {
        0..self.starts.len() / 4
    }

    fn block(&self, block: usize) -> Rows {
        Rows {
            bytes: &self.rows[u32_at(self.starts, 4 * block) as usize..],
            left: BLOCK.min(self.len - BLOCK * block),
            key: Vec::new(),
        }
    }

    /// The rank and the lists of `key`.
    fn find(&self, key: &str) -> Option<(u32, Lists)> {
        let key = key.as_bytes();
        let mut blocks = self.blocks();
        while blocks.len() > 1 {
            let middle = blocks.start + blocks.len() / 2;
            if first_key(self.block(middle).bytes) <= key {
                blocks.start = middle;
            } else {
                blocks.end = middle;
            }
        }
        let mut rows = self.block(blocks.start);
        for i in 0..BLOCK {
            let lists = rows.next()?;
            if rows.key == key {
                return Some(((BLOCK * blocks.start + i) as u32, lists));
            }
        }
        None
    }

    /// The lists of the row of this rank.
    fn row(&self, rank: u32) -> Lists {
        let rank = rank as usize;
        let mut rows = self.block(rank / BLOCK);
        for _ in 0..rank % BLOCK {
            rows.next();
        }
        rows.next().unwrap_or(Lists {
            mask: 0,
            bytes: &[],
        })
    }
}

/// The key of a block's first row, which is written out in full.
fn first_key(block: &[u8]) -> &[u8] {
    &block[2..2 + block[1] as usize]
}

/// The rows of a block, one after the other.
struct Rows {
    bytes: &'static [u8],
    left: usize,
    /// The key of the row read last.
    key: Vec<u8>,
}

impl Rows {
    fn next(&mut self) -> Option<Lists> {
        self.left = self.left.checked_sub(1)?;
        let [shared, more, rest @ ..] = self.bytes else {
            return None;
        };
        let (suffix, rest) = rest.split_at(*more as usize);
        self.key.truncate(*shared as usize);
        self.key.extend(suffix);
        let (&mask, rest) = rest.split_first()?;
        let lists = Lists { mask, bytes: rest };
        self.bytes = lists.end();
        Some(lists)
    }
}

/// The lists of a row, one for each part of speech that has its bit in the mask.
struct Lists {
    mask: u8,
    bytes: &'static [u8],
}

impl Lists {
    /// The list of a part of speech.
    fn of(&self, part: usize) -> Option<List> {
        if self.mask >> part & 1 == 0 {
            return None;
        }
        let mut list = List::open(self.bytes);
        for _ in 0..(self.mask & ((1 << part) - 1)).count_ones() {
            list.each(|_| ());
            list = List::open(list.bytes);
        }
        Some(list)
    }

    /// What follows the last list.
    fn end(&self) -> &'static [u8] {
        let mut bytes = self.bytes;
        for _ in 0..self.mask.count_ones() {
            let mut list = List::open(bytes);
            list.each(|_| ());
            bytes = list.bytes;
        }
        bytes
    }
}

/// A list of ranks, still to be decoded.
struct List {
    count: u32,
    /// Whether the row's own key is part of the list; it is not written out.
    own: bool,
    bytes: &'static [u8],
}

impl List {
    fn open(mut bytes: &'static [u8]) -> Self {
        let head = varint(&mut bytes);
        Self {
            count: head >> 1,
            own: head & 1 == 1,
            bytes,
        }
    }

    /// Decodes the ranks that are written out.
    fn each(&mut self, mut visit: impl FnMut(u32)) {
        let mut rank = 0;
        for _ in 0..self.count {
            rank += varint(&mut self.bytes);
            visit(rank);
        }
    }

    /// Adds all ranks of the list of the row with rank `own`.
    fn collect(mut self, own: u32, ranks: &mut Vec<u32>) {
        ranks.extend(self.own.then_some(own));
        self.each(|rank| ranks.push(rank));
    }
}

/// Reads an LEB128 number.
fn varint(bytes: &mut &'static [u8]) -> u32 {
    let (mut value, mut shift) = (0, 0);
    while let Some((&byte, rest)) = bytes.split_first() {
        *bytes = rest;
        value |= u32::from(byte & 127) << shift;
        shift += 7;
        if byte < 128 {
            break;
        }
    }
    value
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_synonyms(word: &str, other: &str) -> bool {
        let wordnet = WordNet::embedded();
        wordnet
            .rank(other)
            .is_some_and(|rank| wordnet.synonyms(word).contains(&rank))
    }

    #[test]
    fn every_word_is_found_at_its_rank() {
        let words = &WordNet::embedded().words;
        let mut seen = 0;
        for block in words.blocks() {
            let mut rows = words.block(block);
            while rows.next().is_some() {
                let key = String::from_utf8(rows.key.clone()).unwrap();
                assert_eq!(words.find(&key).map(|(rank, _)| rank), Some(seen), "{key}");
                seen += 1;
            }
        }
        assert_eq!(seen, 85_898);
    }

    #[test]
    fn synonyms_of_words_and_base_forms() {
        assert!(are_synonyms("picture", "photo"));
        assert!(are_synonyms("geese", "goose"), "an irregular form");
        assert!(are_synonyms("couches", "sofa"), "a regular form");
        assert!(are_synonyms("large", "big"));
        assert!(are_synonyms("hot_dog", "frankfurter"), "a word of two");
        assert_eq!(
            WordNet::embedded().rank("usa"),
            None,
            "all its names have capitals"
        );
    }

    #[test]
    fn unknown_words_have_none() {
        let wordnet = WordNet::embedded();
        for word in ["", "zzzz", "hors", "é", "\u{10ffff}"] {
            assert_eq!(wordnet.rank(word), None, "{word}");
            assert!(wordnet.synonyms(word).is_empty(), "{word}");
        }
    }
}
