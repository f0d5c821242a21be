//! What METEOR knows of a word: its stem, its synsets, whether it is a function word.
//!
//! Words and stems are compared by Java's 32-bit string hash, as METEOR does, for better or worse.

use std::borrow::Cow;
use std::cmp::Ordering;

use rust_stemmers::{Algorithm, Stemmer};
use rustc_hash::{FxHashMap, FxHashSet};

use super::cache::{Section, Tables, span};
use super::paraphrases::WordNumber;

/// How regular forms lead to base forms: the first rule that gives a known word counts.
const SUFFIXES: [(&str, &str); 18] = [
    ("s", ""),
    ("ses", "s"),
    ("xes", "x"),
    ("zes", "z"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("men", "man"),
    ("ies", "y"),
    ("es", "e"),
    ("es", ""),
    ("ed", "e"),
    ("ed", ""),
    ("ing", "e"),
    ("ing", ""),
    ("er", ""),
    ("est", ""),
    ("er", "e"),
    ("est", "e"),
];

/// A word, as it is compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    pub hash: u32,
    pub stem: u32,
    /// Its number in the paraphrase table.
    pub number: WordNumber,
    /// Whether it is a function word.
    pub function: bool,
    /// Its rank in the lexicon.
    rank: u32,
}

/// The words met so far.
#[derive(Default)]
pub(super) struct Lexicon {
    words: FxHashMap<Box<str>, Word>,
    synsets: Vec<Box<[u32]>>,
    /// Synsets are numbered as they are met.
    numbers: FxHashMap<u32, u32>,
    /// Per synset the marked words that have it, a bit for each position modulo 64.
    marks: Vec<u64>,
}

impl Lexicon {
    /// The number of words met.
    pub fn len(&self) -> usize {
        self.synsets.len()
    }

    /// A word, looked up in the tables if it is new.
    pub fn word(&mut self, text: &str, function: &FxHashSet<String>, tables: &Tables) -> Word {
        if let Some(&word) = self.words.get(text) {
            return word;
        }
        let stem = stem(text);
        let mut synsets: Box<[u32]> = synsets(text, tables)
            .into_iter()
            .map(|synset| {
                let next = self.numbers.len() as u32;
                *self.numbers.entry(synset).or_insert(next)
            })
            .collect();
        synsets.sort_unstable();
        self.marks.resize(self.numbers.len(), 0);
        let number = tables.rank(Section::Words, Section::WordEnds, text);
        let word = Word {
            hash: java_hash(text),
            stem: java_hash(&stem),
            number: number.map_or(0, |rank| rank as WordNumber + 1),
            function: function.contains(text),
            rank: self.len() as u32,
        };
        self.synsets.push(synsets);
        self.words.insert(text.into(), word);
        word
    }

    /// Marks the synsets of `words`, or takes the marks away again.
    pub fn mark(&mut self, words: &[Word], marked: bool) {
        for (position, word) in words.iter().enumerate() {
            for &synset in &self.synsets[word.rank as usize] {
                let mark = &mut self.marks[synset as usize];
                *mark = if marked {
                    *mark | 1 << (position % 64)
                } else {
                    0
                };
            }
        }
    }

    /// The positions, modulo 64, of the marked words with a synset of `word`.
    pub fn marked(&self, word: Word) -> u64 {
        let synsets = self.synsets(word).iter();
        synsets.fold(0, |marked, &synset| marked | self.marks[synset as usize])
    }

    /// Whether two words have a synset in common.
    pub fn are_synonyms(&self, a: Word, b: Word) -> bool {
        have_common(self.synsets(a), self.synsets(b))
    }

    fn synsets(&self, word: Word) -> &[u32] {
        &self.synsets[word.rank as usize]
    }
}

/// Snowball's English stem, which is METEOR's too.
fn stem(word: &str) -> Cow<'_, str> {
    Stemmer::create(Algorithm::English).stem(word)
}

/// Whether two ascending lists have a number in common.
fn have_common(mut a: &[u32], mut b: &[u32]) -> bool {
    while let ([first, rest @ ..], [second, others @ ..]) = (a, b) {
        match first.cmp(second) {
            Ordering::Less => a = rest,
            Ordering::Greater => b = others,
            Ordering::Equal => return true,
        }
    }
    false
}

/// The synsets of a word and of its base forms, in ascending order.
fn synsets(word: &str, tables: &Tables) -> Vec<u32> {
    use Section::{FormEnds, FormSynsetEnds, FormSynsets, Forms};
    use Section::{SynonymEnds, Synonyms, SynsetEnds, Synsets};
    let rank_of = |word: &str| tables.rank(Synonyms, SynonymEnds, word);
    let set = |rank| &tables.numbers::<u32>(Synsets)[span(tables.numbers(SynsetEnds), rank)];
    let mut all = rank_of(word).map(set).unwrap_or_default().to_vec();
    if let Some(form) = tables.rank(Forms, FormEnds, word) {
        let ends = tables.numbers(FormSynsetEnds);
        all.extend(&tables.numbers::<u32>(FormSynsets)[span(ends, form)]);
    } else if !word.ends_with("ss") && word.chars().nth(2).is_some() {
        let base = SUFFIXES.iter().find_map(|(suffix, with)| {
            let start = word.strip_suffix(suffix)?;
            rank_of(&format!("{start}{with}"))
        });
        all.extend(base.map(set).unwrap_or_default());
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Java's `String.hashCode`.
fn java_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash, unit| {
        u32::wrapping_mul(hash, 31).wrapping_add(unit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::tiny;
    use super::*;

    #[test]
    fn synonyms_by_word_irregular_form_and_rule() {
        let (meteor, _folder) = tiny();
        let mut lexicon = Lexicon::default();
        let mut words = |words: [&str; 3]| {
            words.map(|text| lexicon.word(text, &meteor.function, &meteor.tables))
        };
        let [couch, sofa, sofas] = words(["couch", "sofa", "sofas"]);
        let [geese, goose, bird] = words(["geese", "goose", "bird"]);
        assert!(lexicon.are_synonyms(couch, sofa));
        assert!(lexicon.are_synonyms(couch, sofas), "by a rule");
        assert!(lexicon.are_synonyms(geese, bird), "an irregular form");
        assert!(lexicon.are_synonyms(goose, bird));
        assert!(!lexicon.are_synonyms(couch, bird));
        assert_eq!(sofa.stem, sofas.stem);
        assert_eq!(lexicon.len(), 6);
    }

    #[test]
    fn stems() {
        assert_eq!(
            ["runs", "running", "skis", "sky", "'s", "generously"].map(|word| stem(word)),
            ["run", "run", "ski", "sky", "'s", "generous"]
        );
    }

    /// The jar's stems of the public words, where `CAPTION_BENCH_REFERENCE` is set.
    #[test]
    fn stems_are_the_jars() {
        let Some(folder) = std::env::var_os("CAPTION_BENCH_REFERENCE") else {
            println!("skipped: CAPTION_BENCH_REFERENCE is not set");
            return;
        };
        let path = std::path::Path::new(&folder).join("metrics/words.jsonl");
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let word = row["w"].as_str().unwrap();
            assert_eq!(
                stem(word),
                row["snowball_meteor15"].as_str().unwrap(),
                "{word}"
            );
        }
    }

    #[test]
    fn java_hashes() {
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("Aa"), java_hash("BB"));
    }
}
