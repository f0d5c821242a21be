//! CIDEr-D (Vedantam et al. 2015) as pycocoevalcap computes it.
//!
//! Captions are vectors of n-gram counts weighted by tf·idf, for n = 1…4, and compared by cosine:
//!
//! ```text
//! idf(g) = ln(cases) − ln(max(1, cases whose references have g))
//! CIDEr-D = 10/R · Σ_refs e^(−(l − l_ref)²/72) · mean_n  Σ_g min(h_g, r_g) · r_g / (|h| |r|)
//! ```
//!
//! Two things to know: document frequencies come from the very cases that are scored, so a score
//! moves with the set, and a single case scores 0; and lengths are counted in bigrams, so texts of
//! one word and of none are equally long.

use std::ops::Range;
use std::sync::Mutex;

use rustc_hash::FxHashMap;

use super::parallel::in_chunks;
use super::prepared::Prepared;
use super::ptb_tokens::PtbTokens;
use super::signature::signature;
use super::{Metric, mean};

/// The longest n-grams.
const ORDER: usize = 4;
/// The spread of the penalty for a difference in length, in bigrams.
const SIGMA: f64 = 6.0;
/// Cases whose n-grams a thread collects at a time.
const CHUNK: usize = 1024;
/// Cases whose n-grams are held before they are counted, a bound on memory.
const ROUND: usize = 32 * CHUNK;

/// `coco.cider`, on a 0…10 scale.
///
/// A caption's statistics: its score, and 1. Document frequencies are those of all cases scored;
/// a resample of the captions keeps them.
pub struct Cider;

impl Metric for Cider {
    fn key(&self) -> &'static str {
        "coco.cider"
    }

    fn width(&self) -> usize {
        mean::WIDTH
    }

    fn stats(&self, caption: &Prepared<'_>, row: &mut Vec<f64>) {
        let corpus = caption.corpus();
        let (tokens, frequencies) = (corpus.ptb(), corpus.document_frequencies());
        mean::push(score(tokens, frequencies, caption.index()), row);
    }

    fn score(&self, sums: &[f64]) -> f64 {
        mean::score(sums)
    }

    fn signature(&self, references: Option<usize>) -> String {
        let fields = [
            ("case", "lc"),
            ("tok", "ptb-3.4.1"),
            ("df", "corpus"),
            ("sigma", "6"),
            ("agg", "mean"),
            ("impl", "pycocoevalcap-1.2"),
        ];
        signature(references, &fields)
    }
}

/// An n-gram of up to four words, as one number: each word's id plus one, so that a shorter n-gram
/// is no longer one.
trait Gram: Copy + Ord + std::hash::Hash + Send + Sync {
    fn of(words: &[u32]) -> Self;
}

/// Vocabularies of up to 65,534 words.
impl Gram for u64 {
    fn of(words: &[u32]) -> Self {
        words
            .iter()
            .fold(0, |gram, &word| gram << 16 | (u64::from(word) + 1))
    }
}

/// Any vocabulary.
impl Gram for u128 {
    fn of(words: &[u32]) -> Self {
        words
            .iter()
            .fold(0, |gram, &word| gram << 32 | (u128::from(word) + 1))
    }
}

/// In how many cases each n-gram of the references occurs.
pub struct DocumentFrequencies {
    counts: Counts,
    /// The logarithm of the number of cases.
    log_cases: f64,
}

enum Counts {
    Narrow(Sharded<u64>),
    Wide(Sharded<u128>),
}

/// Counts, in parts by the n-gram's last word, so that several threads can count.
struct Sharded<G>(Vec<FxHashMap<G, u32>>);

/// Parts that counts are in.
const SHARDS: usize = 16;

/// The part that an n-gram with this last word is in.
fn shard(word: u32) -> usize {
    // Ids count up from frequent words; neighbours go to different parts.
    word as usize % SHARDS
}

impl DocumentFrequencies {
    /// Counts the cases of all n-grams of their references.
    pub fn count(tokens: &PtbTokens, threads: usize) -> Self {
        let wide = tokens.vocabulary_size() >= usize::from(u16::MAX);
        Self {
            counts: match wide {
                false => Counts::Narrow(Sharded::count(tokens, threads)),
                true => Counts::Wide(Sharded::count(tokens, threads)),
            },
            log_cases: (tokens.len() as f64).ln(),
        }
    }
}

impl<G: Gram> Sharded<G> {
    fn count(tokens: &PtbTokens, threads: usize) -> Self {
        let counts: Vec<Mutex<FxHashMap<G, u32>>> = (0..SHARDS).map(|_| Mutex::default()).collect();
        for start in (0..tokens.len()).step_by(ROUND) {
            let cases = ROUND.min(tokens.len() - start);
            let parts = in_chunks(cases, CHUNK, threads, |range| {
                parts_of(tokens, start + range.start..start + range.end)
            });
            in_chunks(SHARDS, 1, threads, |part| {
                let mut counts = counts[part.start].lock().unwrap_or_else(|e| e.into_inner());
                for gram in parts.iter().flat_map(|parts| &parts[part.start]) {
                    *counts.entry(*gram).or_insert(0) += 1;
                }
            });
        }
        let unlocked = |counts: Mutex<_>| counts.into_inner().unwrap_or_else(|e| e.into_inner());
        Self(counts.into_iter().map(unlocked).collect())
    }

    /// The logarithm of an n-gram's document frequency, at least 0.
    fn log(&self, gram: G, last: u32) -> f64 {
        let count = self.0[shard(last)].get(&gram).copied().unwrap_or(0);
        f64::from(count.max(1)).ln()
    }
}

/// The distinct n-grams of each case's references, in their parts.
fn parts_of<G: Gram>(tokens: &PtbTokens, cases: Range<usize>) -> Vec<Vec<G>> {
    let mut parts: Vec<Vec<G>> = vec![Vec::new(); SHARDS];
    let mut of_case: Vec<(G, u32)> = Vec::new();
    for case in cases {
        of_case.clear();
        for reference in tokens.references(case) {
            let words = tokens.words(reference);
            for n in 1..=ORDER {
                let grams = words.windows(n);
                of_case.extend(grams.map(|gram| (G::of(gram), gram[n - 1])));
            }
        }
        of_case.sort_unstable();
        of_case.dedup();
        for &(gram, last) in &of_case {
            parts[shard(last)].push(gram);
        }
    }
    parts
}

/// The CIDEr-D of a case.
fn score(tokens: &PtbTokens, frequencies: &DocumentFrequencies, case: usize) -> f64 {
    match &frequencies.counts {
        Counts::Narrow(counts) => score_with(tokens, counts, frequencies.log_cases, case),
        Counts::Wide(counts) => score_with(tokens, counts, frequencies.log_cases, case),
    }
}

fn score_with<G: Gram>(
    tokens: &PtbTokens,
    counts: &Sharded<G>,
    log_cases: f64,
    case: usize,
) -> f64 {
    let vector = |text| Vector::<G>::new(&tokens.words(text), counts, log_cases);
    let hypothesis = vector(case);
    let references = tokens.references(case);
    let mut sums = [0.0; ORDER];
    for reference in references.clone() {
        let similarity = hypothesis.similarity(&vector(reference));
        for (sum, value) in sums.iter_mut().zip(similarity) {
            *sum += value;
        }
    }
    let mean = sums.iter().sum::<f64>() / ORDER as f64;
    mean / references.len() as f64 * 10.0
}

/// A text's n-grams with their weights.
struct Vector<G> {
    /// By order; n-grams in ascending order.
    weights: [Vec<(G, f64)>; ORDER],
    norms: [f64; ORDER],
    /// Bigrams in the text.
    length: f64,
}

impl<G: Gram> Vector<G> {
    fn new(words: &[u32], counts: &Sharded<G>, log_cases: f64) -> Self {
        let mut norms = [0.0; ORDER];
        let weights = std::array::from_fn(|order| {
            let grams = words.windows(order + 1);
            let mut grams: Vec<(G, u32)> = grams.map(|gram| (G::of(gram), gram[order])).collect();
            grams.sort_unstable();
            let mut weights = Vec::with_capacity(grams.len());
            for same in grams.chunk_by(|a, b| a.0 == b.0) {
                let (gram, last) = same[0];
                let weight = same.len() as f64 * (log_cases - counts.log(gram, last));
                norms[order] += weight * weight;
                weights.push((gram, weight));
            }
            weights
        });
        Self {
            weights,
            norms: norms.map(f64::sqrt),
            length: words.len().saturating_sub(1) as f64,
        }
    }

    /// The similarity of a hypothesis with a reference, by order.
    fn similarity(&self, reference: &Self) -> [f64; ORDER] {
        let difference = self.length - reference.length;
        let penalty = (-(difference * difference) / (2.0 * SIGMA * SIGMA)).exp();
        std::array::from_fn(|order| {
            let mut product = 0.0;
            let mut wanted = reference.weights[order].iter().peekable();
            for &(gram, weight) in &self.weights[order] {
                while wanted.next_if(|(other, _)| *other < gram).is_some() {}
                if let Some(&(_, other)) = wanted.next_if(|(other, _)| *other == gram) {
                    product += weight.min(other) * other;
                }
            }
            let norms = self.norms[order] * reference.norms[order];
            if norms != 0.0 {
                product /= norms;
            }
            product * penalty
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Case, stats_table};

    fn scores<'a>(cases: &[(&'a str, &'a [&'a str])]) -> Vec<f64> {
        let case = |(i, &(hypothesis, references)): (usize, &(&'a str, &'a [&'a str]))| Case {
            id: i.to_string().into(),
            hypothesis: hypothesis.into(),
            references: references.iter().map(|&text| text.into()).collect(),
        };
        let cases: Vec<Case> = cases.iter().enumerate().map(case).collect();
        let table = stats_table(&Cider, &cases, 2);
        (0..table.len())
            .map(|i| Cider.caption_score(table.row(i)))
            .collect()
    }

    #[test]
    fn a_copy_scores_ten_if_nobody_else_says_it() {
        let [copy, other] = scores(&[
            ("a red ball lies here", &["a red ball lies here"]),
            ("dogs run", &["two cats sit on mats"]),
        ])[..] else {
            panic!("two scores")
        };
        assert!((copy - 10.0).abs() < 1e-12, "{copy}");
        assert_eq!(other, 0.0);
    }

    #[test]
    fn what_everybody_says_counts_nothing() {
        assert_eq!(scores(&[("a dog", &["a dog"])]), [0.0], "one case alone");
        assert_eq!(scores(&[("a", &["a"]), ("a", &["a"])]), [0.0, 0.0]);
    }

    #[test]
    fn both_kinds_of_n_grams_keep_orders_apart() {
        assert_ne!(u64::of(&[0]), u64::of(&[0, 0]));
        assert_ne!(u128::of(&[0]), u128::of(&[0, 0]));
        assert_ne!(u64::of(&[1, 0]), u64::of(&[0, 1]));
        assert_eq!(u64::of(&[65_533]), 65_534);
    }
}
