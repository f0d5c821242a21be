//! A case with its tokens, each tokenization made once however many metrics ask for it.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::numbering::Numbering;
use super::tokenizers::python::is_space;
use super::{Case, Corpus, tokenizers};

/// A [`Case`] and its tokens as the metrics need them, made when first asked for.
pub struct Prepared<'a> {
    corpus: &'a Corpus<'a>,
    index: usize,
    case: &'a Case<'a>,
    thirteen_a: OnceCell<Tokens<Vec<u32>>>,
    stripped_thirteen_a: OnceCell<Tokens<Vec<u32>>>,
    rouge: OnceCell<Tokens<Sentences>>,
    stemmed_rouge: OnceCell<Tokens<Sentences>>,
    lower_words: OnceCell<Tokens<Vec<u32>>>,
    ptb_counts: OnceCell<Vec<f64>>,
}

/// The tokens of a case's texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens<T> {
    /// Those of the hypothesis.
    pub hypothesis: T,
    /// Those of each reference.
    pub references: Vec<T>,
}

/// A text's tokens, and where its lines end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentences {
    /// All tokens, as ids that are the same for equal tokens of one case.
    pub ids: Vec<u32>,
    /// The end of each line, as an index into `ids`; lines without a token are left out.
    pub ends: Vec<usize>,
}

impl Sentences {
    /// The tokens of each line.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, &end)| &self.ids[start..end])
    }
}

impl<'a> Prepared<'a> {
    /// Case `index` of a corpus, with nothing tokenized yet.
    ///
    /// # Panics
    /// If there is no such case.
    pub fn new(corpus: &'a Corpus<'a>, index: usize) -> Self {
        Self {
            corpus,
            index,
            case: &corpus.cases()[index],
            thirteen_a: OnceCell::new(),
            stripped_thirteen_a: OnceCell::new(),
            rouge: OnceCell::new(),
            stemmed_rouge: OnceCell::new(),
            lower_words: OnceCell::new(),
            ptb_counts: OnceCell::new(),
        }
    }

    /// The cases that are scored together.
    pub fn corpus(&self) -> &'a Corpus<'a> {
        self.corpus
    }

    /// The place of the case among them.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The texts themselves.
    pub fn case(&self) -> &'a Case<'a> {
        self.case
    }

    /// Ids of the 13a tokens, case kept: equal tokens of this case have equal ids.
    pub fn thirteen_a(&self) -> &Tokens<Vec<u32>> {
        self.thirteen_a.get_or_init(|| {
            let mut ids = Numbering::default();
            self.tokens(|text| {
                let mut tokens = Vec::with_capacity(text.len() / 4);
                tokenizers::thirteen_a::each(text, |text, at| tokens.push(ids.number_at(text, at)));
                tokens
            })
        })
    }

    /// As [`Prepared::thirteen_a`], of texts without the white space at their end.
    pub fn stripped_thirteen_a(&self) -> &Tokens<Vec<u32>> {
        let spaced = |text: &Cow<str>| text.ends_with(is_space);
        if !spaced(&self.case.hypothesis) && !self.case.references.iter().any(spaced) {
            return self.thirteen_a();
        }
        self.stripped_thirteen_a.get_or_init(|| {
            self.ids_of(|text| tokenizers::thirteen_a(text.trim_end_matches(is_space)))
        })
    }

    /// Ids of the tokens that `tokenize` makes of the texts, made anew at each call.
    pub fn ids_of(&self, tokenize: impl Fn(&str) -> Vec<String>) -> Tokens<Vec<u32>> {
        let mut ids = Numbering::default();
        self.tokens(|text| {
            let tokens = tokenize(text);
            tokens.iter().map(|token| ids.number(token)).collect()
        })
    }

    /// Ids of rouge_score's tokens, line by line.
    pub fn rouge(&self) -> &Tokens<Sentences> {
        self.rouge
            .get_or_init(|| self.sentences(|line, token| tokenizers::rouge::each(line, token)))
    }

    /// Ids of rouge_score's stemmed tokens, line by line.
    pub fn stemmed_rouge(&self) -> &Tokens<Sentences> {
        self.stemmed_rouge
            .get_or_init(|| self.sentences(|line, token| tokenizers::rouge::each_stem(line, token)))
    }

    fn sentences(&self, each: impl Fn(&str, &mut dyn FnMut(&str))) -> Tokens<Sentences> {
        let mut ids = Numbering::default();
        self.tokens(|text| {
            let mut sentences = Sentences {
                ids: Vec::with_capacity(text.len() / 4),
                ends: Vec::new(),
            };
            for line in text.split('\n') {
                let start = sentences.ids.len();
                each(line, &mut |token| sentences.ids.push(ids.number(token)));
                if sentences.ids.len() > start {
                    sentences.ends.push(sentences.ids.len());
                }
            }
            sentences
        })
    }

    /// Ids of NLTK's words of the texts in lower case.
    pub fn lower_words(&self) -> &Tokens<Vec<u32>> {
        self.lower_words.get_or_init(|| {
            let mut ids = Numbering::default();
            self.tokens(|text| {
                let mut words = Vec::with_capacity(text.len() / 4);
                let lower = text.to_lowercase();
                tokenizers::each_word(&lower, |text, at| words.push(ids.number_at(text, at)));
                words
            })
        })
    }

    /// What `count` makes of the ids of coco-caption's tokens, split at white space; made once, as
    /// BLEU-1 to BLEU-4 share their counts.
    pub fn ptb_counts(&self, count: impl FnOnce(&Tokens<Vec<u32>>) -> Vec<f64>) -> &[f64] {
        self.ptb_counts.get_or_init(|| {
            let ptb = self.corpus.ptb();
            let words = |text| ptb.words(text).into_owned();
            count(&Tokens {
                hypothesis: words(self.index),
                references: ptb.references(self.index).map(words).collect(),
            })
        })
    }

    fn tokens<T>(&self, mut tokenize: impl FnMut(&str) -> T) -> Tokens<T> {
        Tokens {
            hypothesis: tokenize(&self.case.hypothesis),
            references: self
                .case
                .references
                .iter()
                .map(|text| tokenize(text))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_shared_between_the_texts_of_a_case() {
        let case = Case {
            id: "1".into(),
            hypothesis: "A dog\n\n, a ball".into(),
            references: vec!["a ball".into(), "".into()],
        };
        let cases = [case];
        let corpus = Corpus::new(&cases, 1);
        let prepared = Prepared::new(&corpus, 0);
        let rouge = prepared.rouge();
        assert_eq!(rouge.hypothesis.ids, [0, 1, 0, 2]);
        assert_eq!(
            rouge.hypothesis.iter().collect::<Vec<_>>(),
            [&[0, 1][..], &[0, 2]]
        );
        assert_eq!(rouge.references[0].ids, [0, 2]);
        assert_eq!(rouge.references[1].iter().count(), 0);
        assert_eq!(
            prepared.thirteen_a().hypothesis,
            [0, 1, 2, 3, 4],
            "case is kept"
        );
    }
}
