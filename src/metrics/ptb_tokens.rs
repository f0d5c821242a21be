//! The tokens that coco-caption's metrics see, of all texts of an evaluation, as numbers.

use std::borrow::Cow;
use std::ops::Range;

use rustc_hash::FxHashMap;

use super::Case;
use super::parallel::in_chunks;
use super::tokenizers::{ptb, python::is_space};

/// Texts that are tokenized and numbered at a time.
const CHUNK: usize = 2048;

/// All texts as token ids; equal tokens have equal ids, numbered in the order of their first
/// appearance in all hypotheses and then all references.
pub struct PtbTokens {
    /// The token of each id.
    vocabulary: Vec<Box<str>>,
    /// The ids of the words inside tokens that hold white space (`2 1/2`), by their id.
    inner: FxHashMap<u32, Vec<u32>>,
    /// The tokens of all texts, one after the other: hypotheses, then references.
    ids: Vec<u32>,
    /// Where each text's tokens end in `ids`.
    ends: Vec<u32>,
    /// The number of the first reference of each case among all texts, and the number of all texts.
    first_reference: Vec<u32>,
}

/// A chunk of texts with ids of its own.
struct Chunk {
    vocabulary: Vec<Box<str>>,
    ids: Vec<u32>,
    ends: Vec<u32>,
}

impl PtbTokens {
    /// Tokenizes all texts, as two streams: the hypotheses of all cases, and their references.
    pub fn new(cases: &[Case], threads: usize) -> Self {
        let hypotheses: Vec<&str> = cases.iter().map(|case| &*case.hypothesis).collect();
        let references = cases.iter().flat_map(|case| &case.references);
        let references: Vec<&str> = references.map(|text| &**text).collect();
        let mut tokens = Self {
            vocabulary: Vec::new(),
            inner: FxHashMap::default(),
            ids: Vec::new(),
            ends: Vec::with_capacity(hypotheses.len() + references.len()),
            first_reference: Vec::with_capacity(cases.len() + 1),
        };
        let mut known = FxHashMap::default();
        for stream in [&hypotheses, &references] {
            let tokenize = |range: Range<usize>| {
                let next = stream.get(range.end).copied();
                Chunk::new(&stream[range], next)
            };
            for chunk in in_chunks(stream.len(), CHUNK, threads, tokenize) {
                tokens.append(chunk, &mut known);
            }
        }
        let mut first = cases.len() as u32;
        for case in cases {
            tokens.first_reference.push(first);
            first += case.references.len() as u32;
        }
        tokens.first_reference.push(first);
        tokens.split_words(&mut known);
        tokens
    }

    fn append(&mut self, chunk: Chunk, known: &mut FxHashMap<Box<str>, u32>) {
        let global: Vec<u32> = chunk
            .vocabulary
            .into_iter()
            .map(|token| self.number(token, known))
            .collect();
        let start = self.ids.len() as u32;
        self.ids
            .extend(chunk.ids.iter().map(|&id| global[id as usize]));
        self.ends.extend(chunk.ends.iter().map(|end| start + end));
    }

    fn number(&mut self, token: Box<str>, known: &mut FxHashMap<Box<str>, u32>) -> u32 {
        if let Some(&id) = known.get(&token) {
            return id;
        }
        let id = self.vocabulary.len() as u32;
        self.vocabulary.push(token.clone());
        known.insert(token, id);
        id
    }

    /// Numbers the words of the tokens that hold white space.
    fn split_words(&mut self, known: &mut FxHashMap<Box<str>, u32>) {
        for id in 0..self.vocabulary.len() {
            let token = self.vocabulary[id].clone();
            if token.contains(is_space) {
                let words = token.split(is_space).filter(|word| !word.is_empty());
                let words = words.map(|word| self.number(word.into(), known)).collect();
                self.inner.insert(id as u32, words);
            }
        }
    }

    /// The number of cases.
    pub fn len(&self) -> usize {
        self.first_reference.len() - 1
    }

    /// Whether there is no case.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of different tokens and words; all ids are below.
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary.len()
    }

    /// A token by its id.
    pub fn token(&self, id: u32) -> &str {
        &self.vocabulary[id as usize]
    }

    /// The numbers of a case's references among all texts.
    pub fn references(&self, case: usize) -> Range<usize> {
        self.first_reference[case] as usize..self.first_reference[case + 1] as usize
    }

    /// The tokens of a text: of the hypothesis of case `text`, or of a reference by its number. A
    /// token may hold white space, as in `2 1/2` with U+00A0.
    pub fn tokens(&self, text: usize) -> &[u32] {
        let start = text.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.ids[start as usize..self.ends[text] as usize]
    }

    /// The words of a text: its tokens split at white space.
    pub fn words(&self, text: usize) -> Cow<'_, [u32]> {
        let tokens = self.tokens(text);
        if self.inner.is_empty() || !tokens.iter().any(|id| self.inner.contains_key(id)) {
            return Cow::Borrowed(tokens);
        }
        let words = tokens.iter().flat_map(|id| match self.inner.get(id) {
            Some(words) => words.as_slice(),
            None => std::slice::from_ref(id),
        });
        Cow::Owned(words.copied().collect())
    }

    /// A text's tokens joined by single spaces.
    pub fn line(&self, text: usize) -> String {
        let mut line = String::new();
        for &id in self.tokens(text) {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(self.token(id));
        }
        line
    }
}

impl Chunk {
    fn new(texts: &[&str], next: Option<&str>) -> Self {
        let mut chunk = Self {
            vocabulary: Vec::new(),
            ids: Vec::with_capacity(12 * texts.len()),
            ends: Vec::with_capacity(texts.len()),
        };
        let mut known: FxHashMap<Box<str>, u32> = FxHashMap::default();
        ptb::scan(texts.iter().copied(), next, |line, token| {
            while chunk.ends.len() < line {
                chunk.ends.push(chunk.ids.len() as u32);
            }
            let id = match known.get(token) {
                Some(&id) => id,
                None => {
                    let id = chunk.vocabulary.len() as u32;
                    chunk.vocabulary.push(token.into());
                    known.insert(token.into(), id);
                    id
                }
            };
            chunk.ids.push(id);
        });
        chunk.ends.resize(texts.len(), chunk.ids.len() as u32);
        chunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(n: usize) -> Vec<Case<'static>> {
        (0..n)
            .map(|i| Case {
                id: i.to_string().into(),
                hypothesis: format!("A dog number {}.", i % 7).into(),
                references: (0..i % 3 + 1)
                    .map(|j| format!("2 1/2 dogs, {j}").into())
                    .collect(),
            })
            .collect()
    }

    #[test]
    fn texts_come_back_as_lines_tokens_and_words() {
        let cases = cases(3);
        let tokens = PtbTokens::new(&cases, 1);
        assert_eq!((tokens.len(), tokens.line(1)), (3, "a dog number 1".into()));
        assert_eq!(tokens.references(2), 6..9);
        assert_eq!(tokens.line(8), "2\u{a0}1/2 dogs 2");
        assert_eq!((tokens.tokens(8).len(), tokens.words(8).len()), (3, 4));
        assert_eq!(tokens.words(8)[0], tokens.words(8)[3], "two is two");
    }

    #[test]
    fn ids_do_not_depend_on_threads_or_chunks() {
        let cases = cases(3 * CHUNK);
        let (one, many) = (PtbTokens::new(&cases, 1), PtbTokens::new(&cases, 3));
        assert_eq!(one.ids, many.ids);
        assert_eq!(one.ends, many.ends);
        assert_eq!(one.vocabulary, many.vocabulary);
    }

    #[test]
    fn a_text_without_a_token_is_empty() {
        let case = Case {
            id: "1".into(),
            hypothesis: "".into(),
            references: vec!["...".into(), "a".into(), "".into()],
        };
        let tokens = PtbTokens::new(&[case], 1);
        let lengths: Vec<usize> = (0..4).map(|text| tokens.tokens(text).len()).collect();
        assert_eq!(lengths, [0, 0, 1, 0]);
    }
}
