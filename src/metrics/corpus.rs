//! All captions that are scored together, and what only all of them together tell.

use std::sync::OnceLock;

use super::Case;
use super::cider::DocumentFrequencies;
use super::ptb_tokens::PtbTokens;

/// The cases of an evaluation.
///
/// Nearly all metrics look at one case alone. Those of coco-caption do not: its tokenizer reads all
/// captions as one stream, and CIDEr weighs n-grams by how many cases have them. Both are computed
/// once, when first asked for, by several threads, and are the same for any number of these.
pub struct Corpus<'a> {
    cases: &'a [Case<'a>],
    threads: usize,
    ptb: OnceLock<PtbTokens>,
    frequencies: OnceLock<DocumentFrequencies>,
}

impl<'a> Corpus<'a> {
    /// The cases, with nothing computed yet.
    pub fn new(cases: &'a [Case<'a>], threads: usize) -> Self {
        Self {
            cases,
            threads: threads.max(1),
            ptb: OnceLock::new(),
            frequencies: OnceLock::new(),
        }
    }

    /// The cases.
    pub fn cases(&self) -> &'a [Case<'a>] {
        self.cases
    }

    /// The tokens of all texts.
    pub fn ptb(&self) -> &PtbTokens {
        self.ptb
            .get_or_init(|| PtbTokens::new(self.cases, self.threads))
    }

    /// In how many cases each n-gram of the references occurs.
    pub fn document_frequencies(&self) -> &DocumentFrequencies {
        self.frequencies
            .get_or_init(|| DocumentFrequencies::count(self.ptb(), self.threads))
    }
}
