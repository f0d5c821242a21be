//! METEOR 1.5, as COCO's caption evaluation calls it (`-l en -norm`).
//!
//! Hypothesis and reference are normalized, then aligned: words that are equal, that have equal
//! Snowball stems or a WordNet synset in common, and phrases that the paraphrase table has as a
//! pair. A beam search picks the matches; the [score](Meteor15::score) is
//!
//! ```text
//! P, R   = matched words / words, of hypothesis and reference, each word weighted by its module
//!          (1, 0.6, 0.8, 0.6) and by 0.75 for a content word, 0.25 for a function word
//! Fmean  = 1 / (0.15/P + 0.85/R)
//! METEOR = Fmean · (1 − 0.6·(chunks/matched)^0.2)
//! ```
//!
//! A chunk is a run of matches that are neighbours in both texts; a hypothesis that is matched in
//! one chunk to the last word, as its reference is, has no penalty. The best reference counts, and a
//! corpus has the score of its *summed* statistics: it is no mean.
//!
//! The language data is METEOR's own and is not part of this crate: see [`Meteor15::open`].
//!
//! Reference: Denkowski and Lavie, *Meteor Universal* (2014); `meteor-1.5.jar` as pycocoevalcap 1.2
//! runs it, whose every statistic is reproduced.

mod align;
mod cache;
mod compile;
mod data;
mod lexicon;
mod matcher;
mod normalize;
mod paraphrases;
mod stats;
mod text;

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashSet;

use crate::data::default_cache_dir;
use crate::error::Result;
use align::Aligner;
use cache::{Section, Tables};
use lexicon::Lexicon;
use matcher::{Candidates, Match};
use normalize::Normalizer;
use paraphrases::Paraphrases;
use text::{Opposite, Text};

/// Words that a thread remembers before it starts afresh: far more than any caption set has.
const MEMORY: usize = 1 << 20;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// METEOR 1.5 for English, with its data.
pub struct Meteor15 {
    /// Tells the data sets of a process apart.
    number: u64,
    tables: Tables,
    function: FxHashSet<String>,
    normalizer: Normalizer,
}

impl Meteor15 {
    /// The number of statistics in a row.
    ///
    /// METEOR's own 23 of the best reference, and one more:
    ///
    /// ```text
    ///  0  words of the hypothesis            1  words of the reference
    ///  2  function words of the hypothesis   3  function words of the reference
    ///  4… for exact, stem, synonym, paraphrase: content words matched in hypothesis and reference,
    ///     function words matched in hypothesis and reference
    /// 20  chunks
    /// 21  words matched in the hypothesis   22  words matched in the reference
    /// 23  chunks that count: none where all words of both are matched in one chunk
    /// ```
    ///
    /// The score looks at column 23 in place of 20, so that one function serves a caption and a sum.
    pub const WIDTH: usize = stats::WIDTH;

    /// Opens the METEOR data in `dir`, keeping its compiled form in the user's cache folder.
    ///
    /// `dir` is the `meteor` folder of the pycocoevalcap wheel, its `data` folder, or any folder with
    /// `meteor-1.5.jar` and `paraphrase-en.gz`. The first time the paraphrase table is compiled, which
    /// takes seconds; after that the compiled file is mapped, until one of the sources changes.
    ///
    /// # Errors
    ///
    /// Bad input, naming the file that is missing or the place in it that is broken.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::open_with_cache(dir, default_cache_dir().as_deref())
    }

    /// As [`Meteor15::open`], with the compiled form kept in the folder `cache`; in memory without
    /// one, or where it cannot be written.
    pub fn open_with_cache(dir: &Path, cache: Option<&Path>) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let tables = data::open(dir, cache)?;
        let lines = tables.text(Section::Function).lines();
        Ok(Self {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            function: lines.map(|line| line.trim().to_owned()).collect(),
            normalizer: Normalizer::of(tables.text(Section::Prefixes)),
            tables,
        })
    }

    /// Appends the [`Meteor15::WIDTH`] statistics of one caption to `row`: those of the reference
    /// with the highest score, the first of equals.
    ///
    /// The texts are PTB tokens in lower case with one space between them, as
    /// COCO's tokenizer leaves them. Without references all statistics are 0.
    pub fn stats(&self, hypothesis: &str, references: &[&str], row: &mut Vec<f64>) {
        let best = SCRATCH.with_borrow_mut(|scratch| {
            if scratch.owner != self.number || scratch.lexicon.len() > MEMORY {
                scratch.lexicon = Lexicon::default();
                scratch.owner = self.number;
            }
            let best = scratch.best(self, hypothesis, references);
            scratch.candidates.trim();
            best
        });
        row.extend(best);
    }

    /// The score of summed statistics, from 0 to 1.
    pub fn score(sums: &[f64]) -> f64 {
        stats::score(sums)
    }

    /// The score of one caption from its own row, from 0 to 1.
    pub fn caption_score(row: &[f64]) -> f64 {
        stats::score(row)
    }
}

/// What a thread keeps from caption to caption.
#[derive(Default)]
struct Scratch {
    owner: u64,
    lexicon: Lexicon,
    /// The hypothesis, then the references.
    texts: Vec<Text>,
    opposite: Opposite,
    candidates: Candidates,
    aligner: Aligner,
    matches: Vec<Match>,
}

impl Scratch {
    fn best(
        &mut self,
        meteor: &Meteor15,
        hypothesis: &str,
        references: &[&str],
    ) -> [f64; stats::WIDTH] {
        let table = Paraphrases::of(&meteor.tables);
        let count = references.len() + 1;
        if self.texts.len() < count {
            self.texts.resize_with(count, Text::default);
        }
        let texts = &mut self.texts[..count];
        // METEOR's own separator cannot be part of a hypothesis.
        let hypothesis = hypothesis.replace("|||", "");
        let lines = [hypothesis.as_str()]
            .into_iter()
            .chain(references.iter().copied());
        for (text, line) in texts.iter_mut().zip(lines) {
            text.clear();
            meteor.normalizer.words(line, |word| {
                text.push(self.lexicon.word(word, &meteor.function, &meteor.tables));
            });
        }
        let (hyp, references) = texts.split_at_mut(1);
        self.opposite.clear();
        self.opposite.find(hyp, references, table);
        self.opposite.find(references, hyp, table);

        let hyp = &hyp[0];
        self.lexicon.mark(&hyp.words, true);
        let mut best = ([0.0; stats::WIDTH], f64::NEG_INFINITY);
        for reference in &*references {
            let equal = hyp.equals(reference);
            let pair = (hyp, reference);
            self.candidates
                .collect(pair, equal, &self.lexicon, &self.opposite, table);
            let (words, others) = (hyp.words.len(), reference.words.len());
            self.aligner
                .align(words, others, &self.candidates, &mut self.matches);
            let row = stats::of(&hyp.words, &reference.words, &self.matches);
            let score = stats::score(&row);
            if score > best.1 {
                best = (row, score);
            }
        }
        self.lexicon.mark(&hyp.words, false);
        best.0
    }
}

#[cfg(test)]
mod tests;
