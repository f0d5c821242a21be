//! Captions that say the same again.

use crate::metrics::ngrams::{NGrams, possible};

/// The longest run of words that is looked for twice in a row.
const LONGEST: usize = 4;

/// Whether some 1 to 4 words are directly followed by the same words.
pub fn repeats(ids: &[u32]) -> bool {
    (1..=LONGEST).any(|n| ids.windows(2 * n).any(|pair| pair[..n] == pair[n..]))
}

/// Seq-rep-n: 1 − different n-grams / n-grams of a caption, the mean over those that have any; `n` is
/// 1 to 4.
pub fn seq_rep(captions: &[Vec<u32>], n: usize) -> Option<f64> {
    let rates: Vec<f64> = captions
        .iter()
        .filter(|ids| ids.len() >= n)
        .map(|ids| {
            let different = NGrams::count(ids, n).iter().count();
            1.0 - different as f64 / possible(ids.len(), n) as f64
        })
        .collect();
    (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_must_follow_at_once() {
        assert!(repeats(&[1, 2, 2]));
        assert!(repeats(&[9, 1, 2, 3, 1, 2, 3]));
        assert!(repeats(&[1, 2, 3, 4, 1, 2, 3, 4]));
        assert!(!repeats(&[1, 2, 3, 4, 5, 1, 2, 3, 4, 5]), "five words");
        assert!(!repeats(&[1, 2, 3, 1, 2]));
        assert!(!repeats(&[]));
    }

    #[test]
    fn repeated_ngrams_are_a_mean_over_captions() {
        // Of the pairs 12 21 12 21 two are new; the second caption has one, the last none.
        let captions = [vec![1, 2, 1, 2, 1], vec![3, 4], vec![5]];
        assert_eq!(seq_rep(&captions, 2), Some(0.25));
        assert_eq!(seq_rep(&captions[2..], 2), None);
    }
}
