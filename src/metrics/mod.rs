//! Caption metrics: a metric is a contract of sufficient statistics.
//!
//! As in sacreBLEU, each metric first turns every caption into a short row of
//! numbers, and a score is a function of the *sum* of rows. The corpus score,
//! the score of one caption, a bootstrap resample and the gate's comparison are
//! then all the same function over different sums, and text is looked at once.

pub mod bleu;
pub mod cider;
pub mod coco_meteor;
mod corpus;
pub mod describe;
mod evaluate;
mod lcs;
mod lexicon;
mod mean;
pub mod meteor;
pub mod meteor15;
mod ngrams;
mod numbering;
pub(crate) mod parallel;
mod places;
pub mod porter;
pub mod prepared;
mod ptb_tokens;
pub mod rouge;
mod signature;
mod suite;
pub mod tokenizers;
pub mod wordnet;

use std::borrow::Cow;

pub use corpus::Corpus;
pub use evaluate::{Evaluation, evaluate, evaluate_with, stats_table};
pub use prepared::Prepared;
pub use ptb_tokens::PtbTokens;
pub use suite::{keys, metric, named, suite};

/// One caption to score: a hypothesis and the references it is compared with.
///
/// Texts are borrowed from the file or the data set they come from, where these have them as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case<'a> {
    /// The picture (or line) this caption belongs to.
    pub id: Cow<'a, str>,
    /// The caption that a system wrote.
    pub hypothesis: Cow<'a, str>,
    /// What people wrote; at least one.
    pub references: Vec<Cow<'a, str>>,
}

/// A metric: sufficient statistics of one caption, and the score of their sum.
pub trait Metric: Send + Sync {
    /// The key under which it travels, such as `hf.bleu`.
    fn key(&self) -> &'static str;

    /// The number of statistics in a row.
    fn width(&self) -> usize;

    /// Why the metric cannot look at captions now, and what would help; `None` if it can.
    ///
    /// It can always score statistics that were taken before.
    fn unavailable(&self) -> Option<&'static str> {
        None
    }

    /// Appends the `width()` statistics of one caption to `row`.
    ///
    /// # Panics
    /// If the metric is [unavailable](Metric::unavailable).
    fn stats(&self, caption: &Prepared<'_>, row: &mut Vec<f64>);

    /// The score of summed statistics, on the reference implementation's own scale; always finite.
    fn score(&self, sums: &[f64]) -> f64;

    /// The score of a single caption, from its own row.
    ///
    /// That is the score of a corpus of one, except where the reference implementation treats a
    /// single sentence in its own way.
    fn caption_score(&self, row: &[f64]) -> f64 {
        self.score(row)
    }

    /// The factor from [`Metric::score`]'s scale to points as papers print them (100 for a 0…1 scale).
    fn points_factor(&self) -> f64 {
        100.0
    }

    /// Implementation, tokenization, references and version, as sacreBLEU taught; `references` is
    /// the number of references of every case, or `None` if it varies.
    fn signature(&self, references: Option<usize>) -> String;
}

/// The statistics of every caption under one metric: `rows` is row-major, `n × width`.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsTable {
    /// Statistics per caption.
    pub width: usize,
    /// All rows, one after the other, in the order of the cases.
    pub rows: Vec<f64>,
}

impl StatsTable {
    /// The number of captions.
    pub fn len(&self) -> usize {
        self.rows.len() / self.width
    }

    /// Whether there is no caption at all.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row of one caption.
    pub fn row(&self, caption: usize) -> &[f64] {
        &self.rows[caption * self.width..(caption + 1) * self.width]
    }

    /// The column-wise sum over all captions, in their order.
    pub fn sums(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.width];
        for row in self.rows.chunks_exact(self.width) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
        sums
    }
}
