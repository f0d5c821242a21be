//! Self-BLEU: each caption against all others.
//!
//! Taken at its word this compares every caption with every other. But BLEU asks two things only of
//! many references: how often the one with most of an n-gram has it, and which length is closest.
//! "Most among all others" is the most among all, or the second most for the caption that has the
//! most; so one pass over all n-grams is enough, and the result is exact.

use std::collections::{BTreeMap, HashMap};

use crate::metrics::Metric;
use crate::metrics::bleu::SacreBleu;
use crate::metrics::ngrams::{NGrams, possible};

const ORDER: usize = 4;

/// The two highest counts of an n-gram in different captions.
#[derive(Default)]
struct Most {
    first: u32,
    holder: usize,
    second: u32,
}

impl Most {
    fn add(&mut self, caption: usize, count: u32) {
        if count > self.first {
            (self.first, self.holder, self.second) = (count, caption, self.first);
        } else {
            self.second = self.second.max(count);
        }
    }

    /// The highest count in any other caption.
    fn without(&self, caption: usize) -> u32 {
        if self.holder == caption {
            self.second
        } else {
            self.first
        }
    }
}

/// The mean over captions, given as word ids, of sacreBLEU's sentence BLEU against all others, 0…1.
pub fn mean(captions: &[Vec<u32>]) -> Option<f64> {
    if captions.len() < 2 {
        return None;
    }
    let mut matched = vec![[0.0; ORDER]; captions.len()];
    for n in 1..=ORDER {
        let counts: Vec<NGrams> = captions.iter().map(|ids| NGrams::count(ids, n)).collect();
        let mut most: HashMap<u128, Most> = HashMap::new();
        for (caption, grams) in counts.iter().enumerate() {
            for (gram, count) in grams.iter() {
                most.entry(gram).or_default().add(caption, count);
            }
        }
        for (caption, grams) in counts.iter().enumerate() {
            let clipped = |(gram, count): (u128, u32)| {
                let other = most.get(&gram).map_or(0, |most| most.without(caption));
                u64::from(count.min(other))
            };
            matched[caption][n - 1] = grams.iter().map(clipped).sum::<u64>() as f64;
        }
    }
    let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
    for ids in captions {
        *lengths.entry(ids.len()).or_default() += 1;
    }
    let score = |(ids, matched): (&Vec<u32>, &[f64; ORDER])| {
        let mut row = vec![ids.len() as f64, closest(&lengths, ids.len()) as f64];
        row.extend(matched);
        row.extend((1..=ORDER).map(|n| possible(ids.len(), n) as f64));
        SacreBleu::DEFAULT.caption_score(&row) / 100.0
    };
    let sum: f64 = captions.iter().zip(&matched).map(score).sum();
    Some(sum / captions.len() as f64)
}

/// The length closest to that of one caption among the lengths of all others, of two the shorter;
/// `lengths` says how many captions have each length.
fn closest(lengths: &BTreeMap<usize, usize>, length: usize) -> usize {
    if lengths.get(&length).is_some_and(|&captions| captions > 1) {
        return length;
    }
    let shorter = lengths.range(..length).next_back();
    let longer = lengths.range(length + 1..).next();
    let candidates = shorter.into_iter().chain(longer).map(|(&other, _)| other);
    candidates
        .min_by_key(|&other| (other.abs_diff(length), other))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::metrics::bleu::SacreTokenizer;
    use crate::metrics::{Case, Corpus, Prepared};

    /// The definition, word for word.
    fn by_definition(captions: &[Vec<u32>]) -> f64 {
        let text = |ids: &Vec<u32>| ids.iter().map(|id| format!("w{id} ")).collect::<String>();
        let metric = SacreBleu {
            tokenizer: SacreTokenizer::None,
            ..SacreBleu::DEFAULT
        };
        let score = |i: usize| {
            let mut references: Vec<Cow<str>> =
                captions.iter().map(|ids| text(ids).into()).collect();
            let case = Case {
                id: "".into(),
                hypothesis: references.remove(i),
                references,
            };
            let mut row = Vec::new();
            metric.stats(&Prepared::new(&Corpus::new(&[case], 1), 0), &mut row);
            metric.caption_score(&row) / 100.0
        };
        (0..captions.len()).map(score).sum::<f64>() / captions.len() as f64
    }

    #[test]
    fn equals_the_definition() {
        let mut seed = 1u32;
        let mut draw = |n: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) % n
        };
        for captions in [2, 3, 40, 150] {
            let captions: Vec<Vec<u32>> = (0..captions)
                .map(|_| (0..draw(14)).map(|_| draw(6) * draw(3)).collect())
                .collect();
            let (fast, slow) = (mean(&captions).unwrap(), by_definition(&captions));
            assert!((fast - slow).abs() < 1e-12, "{fast} and not {slow}");
        }
    }

    #[test]
    fn copies_score_one_and_strangers_nothing() {
        let copies = vec![vec![1, 2, 3]; 3];
        assert!((mean(&copies).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(mean(&[vec![1, 2], vec![3, 4, 5]]), Some(0.0));
        assert_eq!(mean(&[vec![1, 2]]), None);
    }

    #[test]
    fn the_closest_length_is_another_captions() {
        let lengths = BTreeMap::from([(3, 1), (5, 2), (9, 1)]);
        assert_eq!(closest(&lengths, 5), 5);
        assert_eq!(closest(&lengths, 3), 5);
        assert_eq!(closest(&lengths, 9), 5);
        assert_eq!(closest(&BTreeMap::from([(3, 1), (4, 1), (5, 1)]), 4), 3);
    }
}
