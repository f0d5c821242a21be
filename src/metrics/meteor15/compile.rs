//! Compiles METEOR's paraphrase table, millions of entries of three lines: a probability, which
//! METEOR does not use, a phrase, and its paraphrase.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use rustc_hash::FxHashMap;

use super::cache::{Section, Sections};
use super::paraphrases::WordNumber;
use crate::error::{Error, Result};

/// Compiles the table at `path` into the sections that belong to it.
pub(super) fn paraphrases(path: &Path, sections: &mut Sections) -> Result<()> {
    let mut entries = Entries::read(path)?;
    let words = entries.sort_words();
    let (mut bytes, mut ends) = (Vec::new(), Vec::<u32>::new());
    for word in &words {
        bytes.extend(word.iter());
        ends.push(bytes.len() as u32);
    }
    let trie = entries.trie(words.len());
    sections[Section::Words as usize] = bytes;
    sections[Section::WordEnds as usize] = bytemuck::cast_slice(&ends).to_vec();
    sections[Section::NodeWords as usize] = bytemuck::cast_slice(&trie.words).to_vec();
    sections[Section::NodeChildren as usize] = bytemuck::cast_slice(&trie.children).to_vec();
    sections[Section::NodeLists as usize] = bytemuck::cast_slice(&trie.lists).to_vec();
    sections[Section::Lists as usize] = bytemuck::cast_slice(&trie.records).to_vec();
    Ok(())
}

/// The table as it is read.
#[derive(Default)]
struct Entries {
    words: Words,
    phrases: FxHashMap<Box<[u8]>, u32>,
    /// The words of each phrase that has paraphrases.
    sources: Vec<Box<[WordNumber]>>,
    /// Per entry the number of its phrase.
    source_of: Vec<u32>,
    /// Per entry the number of words of its paraphrase, and the words.
    records: Vec<WordNumber>,
}

impl Entries {
    fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::reading(path, error))?;
        let unpacked = MultiGzDecoder::new(BufReader::with_capacity(1 << 18, file));
        let mut lines = BufReader::with_capacity(1 << 18, unpacked);
        let mut entries = Self::default();
        let [mut probability, mut phrase, mut paraphrase] = [const { Vec::new() }; 3];
        for number in 1.. {
            let mut read = |line: &mut Vec<u8>| {
                line.clear();
                let read = lines.read_until(b'\n', line);
                read.map_err(|error| Error::reading(path, error))?;
                if line.ends_with(b"\n") {
                    line.pop();
                }
                Ok(())
            };
            read(&mut probability)?;
            read(&mut phrase)?;
            read(&mut paraphrase)?;
            if probability.is_empty() && phrase.is_empty() && paraphrase.is_empty() {
                break;
            }
            entries
                .add(&probability, &phrase, &paraphrase)
                .map_err(|fault| Error::in_file(path, format!("entry {number}"), fault))?;
        }
        if entries.source_of.is_empty() {
            return Err(Error::in_file(
                path,
                "entry 1",
                "expected a paraphrase table",
            ));
        }
        Ok(entries)
    }

    fn add(&mut self, probability: &[u8], phrase: &[u8], paraphrase: &[u8]) -> Result<(), String> {
        let number = std::str::from_utf8(probability).ok();
        if number.and_then(|text| text.parse::<f64>().ok()).is_none() {
            return Err("expected a probability, a phrase and a phrase on three lines".into());
        }
        let source = match self.phrases.get(phrase) {
            Some(&source) => source,
            None => {
                let mut words = Vec::new();
                self.words.append(phrase, &mut words)?;
                let source = self.sources.len() as u32;
                self.sources.push(words.into());
                self.phrases.insert(phrase.into(), source);
                source
            }
        };
        self.source_of.push(source);
        let at = self.records.len();
        self.records.push(0);
        self.records[at] = self.words.append(paraphrase, &mut self.records)?;
        Ok(())
    }

    /// Numbers words anew in byte order, and returns them.
    fn sort_words(&mut self) -> Vec<Box<[u8]>> {
        let mut words: Vec<_> = std::mem::take(&mut self.words.0).into_iter().collect();
        words.sort_unstable();
        let mut new = vec![0; words.len() + 1];
        for (rank, (_, old)) in words.iter().enumerate() {
            new[usize::from(*old)] = rank as WordNumber + 1;
        }
        for words in &mut self.sources {
            words
                .iter_mut()
                .for_each(|word| *word = new[usize::from(*word)]);
        }
        let mut rest = self.records.as_mut_slice();
        while let Some((&mut length, words)) = rest.split_first_mut() {
            let (phrase, others) = words.split_at_mut(length.into());
            phrase
                .iter_mut()
                .for_each(|word| *word = new[usize::from(*word)]);
            rest = others;
        }
        words.into_iter().map(|(word, _)| word).collect()
    }

    /// Per phrase the places of its paraphrases in `records`, in the order of the file.
    fn lists(&self) -> Vec<Vec<u32>> {
        let mut lists = vec![Vec::new(); self.sources.len()];
        let mut at = 0;
        for &source in &self.source_of {
            lists[source as usize].push(at);
            at += u32::from(self.records[at as usize]) + 1;
        }
        lists
    }

    fn trie(&self, words: usize) -> Trie {
        let lists = self.lists();
        let mut order: Vec<u32> = (0..self.sources.len() as u32).collect();
        order.sort_unstable_by_key(|&source| &self.sources[source as usize]);
        let phrase = |at: usize| &self.sources[order[at] as usize];
        let mut trie = Trie::default();
        // Nodes wait with their depth and the phrases that start with their words.
        let mut nodes: Vec<(usize, Range<usize>)> = Vec::new();
        let mut start = 0;
        for word in 1..=words as WordNumber {
            let more = order[start..].iter();
            let count = more.take_while(|&&source| self.sources[source as usize][0] == word);
            let end = start + count.count();
            nodes.push((1, start..end));
            trie.words.push(word);
            start = end;
        }
        let mut node = 0;
        while let Some((depth, mut range)) = nodes.get(node).cloned() {
            trie.children.push(nodes.len() as u32);
            trie.lists.push(trie.records.len() as u32);
            if !range.is_empty() && phrase(range.start).len() == depth {
                for &at in &lists[order[range.start] as usize] {
                    let at = at as usize;
                    let record = &self.records[at..=at + usize::from(self.records[at])];
                    trie.records.extend(record);
                }
                range.start += 1;
            }
            while !range.is_empty() {
                let word = phrase(range.start)[depth];
                let same = range.clone().take_while(|&at| phrase(at)[depth] == word);
                let end = range.start + same.count();
                nodes.push((depth + 1, range.start..end));
                trie.words.push(word);
                range.start = end;
            }
            node += 1;
        }
        trie.children.push(nodes.len() as u32);
        trie.lists.push(trie.records.len() as u32);
        trie
    }
}

/// Words, numbered from 1 as they come.
#[derive(Default)]
struct Words(FxHashMap<Box<[u8]>, WordNumber>);

impl Words {
    /// Appends the numbers of a phrase's words, and returns how many there are.
    fn append(&mut self, phrase: &[u8], into: &mut Vec<WordNumber>) -> Result<WordNumber, String> {
        let before = into.len();
        for word in phrase.split(|&byte| byte == b' ') {
            if word.is_empty() {
                return Err("expected words with single spaces between them".into());
            }
            let number = match self.0.get(word) {
                Some(&number) => number,
                None => {
                    let next = WordNumber::try_from(self.0.len() + 1)
                        .map_err(|_| "expected at most 65,535 different words")?;
                    self.0.insert(word.into(), next);
                    next
                }
            };
            into.push(number);
        }
        let words = u8::try_from(into.len() - before);
        let words = words.map_err(|_| "expected a phrase of at most 255 words")?;
        Ok(words.into())
    }
}

/// The arrays of the compiled table.
#[derive(Default)]
struct Trie {
    words: Vec<WordNumber>,
    children: Vec<u32>,
    lists: Vec<u32>,
    records: Vec<WordNumber>,
}
