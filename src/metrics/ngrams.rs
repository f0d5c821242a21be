//! N-gram counts and their clipped overlap, for BLEU and ROUGE-N.

use super::places::{Places, ROOM};

/// Distinct n-grams of a text in ascending order, each with how often it occurs.
///
/// An n-gram of up to four token ids is packed into one number.
pub struct NGrams(Vec<(u128, u32)>);

impl NGrams {
    /// Counts the n-grams of `ids`; `n` is 1 to 4.
    pub fn count(ids: &[u32], n: usize) -> Self {
        debug_assert!((1..=4).contains(&n));
        let mut grams: Vec<u128> = ids.windows(n).map(pack).collect();
        grams.sort_unstable();
        let mut counts: Vec<(u128, u32)> = Vec::with_capacity(grams.len());
        for gram in grams {
            match counts.last_mut() {
                Some((last, count)) if *last == gram => *count += 1,
                _ => counts.push((gram, 1)),
            }
        }
        Self(counts)
    }

    /// The n-grams in ascending order, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (u128, u32)> {
        self.0.iter().copied()
    }
}

/// For n = 1…`N`, how many n-grams of `hypothesis` are matched if each counts at most as often as in
/// the one of `references` that has it most often; `N` is 1 to 4.
pub fn clipped<'a, const N: usize>(
    hypothesis: &[u32],
    references: impl IntoIterator<Item = &'a [u32], IntoIter: Clone>,
) -> [u64; N] {
    let references = references.into_iter();
    if let Some(places) = Places::of(hypothesis.iter().copied()) {
        return Grams(places).clipped(hypothesis, references);
    }
    std::array::from_fn(|before| clipped_of(hypothesis, references.clone(), before + 1))
}

/// The n-grams of a short hypothesis, each at the place of its last token.
///
/// All of them are found in one pass over a reference: where the (n−1)-gram before a token of the
/// reference ends in the hypothesis, moved on by one, and where that token stands there, have in
/// common where their n-gram ends. The first of these places stands for the n-gram.
struct Grams(Places);

impl Grams {
    /// For n = 1…`N`, how often `text` has the n-gram that a place stands for, 255 being the most.
    fn counts<const N: usize>(&self, text: &[u32]) -> [[u8; ROOM]; N] {
        let mut counts = [[0u8; ROOM]; N];
        let mut ends = [0u64; N];
        for &id in text {
            let here = self.0.get(id);
            for n in (1..N).rev() {
                ends[n] = (ends[n - 1] << 1) & here;
            }
            ends[0] = here;
            for (counts, ends) in counts
                .iter_mut()
                .zip(ends)
                .take_while(|(_, ends)| *ends != 0)
            {
                let count = &mut counts[ends.trailing_zeros() as usize];
                *count = count.saturating_add(1);
            }
        }
        counts
    }

    /// As [`clipped`], of the hypothesis that these are the n-grams of: no n-gram is in it more than
    /// 255 times.
    fn clipped<'a, const N: usize>(
        &self,
        hypothesis: &[u32],
        references: impl Iterator<Item = &'a [u32]>,
    ) -> [u64; N] {
        let written = self.counts::<N>(hypothesis);
        let mut most = [[0u8; ROOM]; N];
        for reference in references {
            let here = self.counts::<N>(reference);
            for (most, here) in most.as_flattened_mut().iter_mut().zip(here.as_flattened()) {
                *most = (*most).max(*here);
            }
        }
        std::array::from_fn(|n| {
            let counts = written[n].iter().zip(&most[n]);
            counts
                .map(|(&written, &most)| u64::from(written.min(most)))
                .sum()
        })
    }
}

/// As [`clipped`], of one order and for a hypothesis of any length.
fn clipped_of<'a>(
    hypothesis: &[u32],
    references: impl Iterator<Item = &'a [u32]>,
    n: usize,
) -> u64 {
    let mut grams: Vec<u128> = hypothesis.windows(n).map(pack).collect();
    grams.sort_unstable();
    // Each different n-gram with how often it is written, is in this reference, and at most.
    let mut counts: Vec<(u128, [u32; 3])> = Vec::with_capacity(grams.len());
    for gram in grams {
        match counts.last_mut() {
            Some((last, [written, ..])) if *last == gram => *written += 1,
            _ => counts.push((gram, [1, 0, 0])),
        }
    }
    for reference in references {
        for gram in reference.windows(n).map(pack) {
            if let Ok(at) = counts.binary_search_by(|(other, _)| other.cmp(&gram)) {
                counts[at].1[1] += 1;
            }
        }
        for (_, [_, here, most]) in &mut counts {
            *most = (*most).max(std::mem::take(here));
        }
    }
    let matched = counts
        .iter()
        .map(|(_, [written, _, most])| written.min(most));
    matched.map(|&count| u64::from(count)).sum()
}

fn pack(gram: &[u32]) -> u128 {
    gram.iter()
        .fold(0, |packed, &id| packed << 32 | u128::from(id))
}

/// The number of n-grams in a text of `len` tokens.
pub fn possible(len: usize, n: usize) -> usize {
    (len + 1).saturating_sub(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_clipped_by_the_best_reference() {
        let hypothesis = [1, 1, 1, 2, 3];
        let references: [&[u32]; 2] = [&[1, 2, 2], &[1, 1, 4]];
        assert_eq!(clipped(&hypothesis, references), [3, 2, 0]);
        assert_eq!(clipped(&hypothesis, []), [0]);
    }

    #[test]
    fn the_way_of_short_texts_counts_as_that_of_long_ones() {
        let draws = crate::stats::Draws::new(1, 2);
        let text = |seed: u64, len: usize, kinds: usize| -> Vec<u32> {
            let id = |i| draws.below(1000 * seed + i as u64, kinds) as u32 * 77_777;
            (0..len).map(id).collect()
        };
        for case in 0..2000 {
            let kinds = 1 + draws.below(case, 12);
            let len = |at: u64, most: usize| draws.below((case + 1) * 5000 + at, most);
            let hypothesis = text(case, len(0, ROOM + 1), kinds);
            let references: Vec<_> = (1..4)
                .map(|at| text(case + at, len(at, 300), kinds))
                .collect();
            let references = || references.iter().map(Vec::as_slice);
            let places = Places::of(hypothesis.iter().copied()).expect("room");
            let expected: [u64; 4] = [1, 2, 3, 4].map(|n| clipped_of(&hypothesis, references(), n));
            assert_eq!(
                Grams(places).clipped(&hypothesis, references()),
                expected,
                "{hypothesis:?}"
            );
        }
        let long = vec![7; ROOM + 1];
        assert_eq!(clipped(&long, [&long[..]]), [65, 64, 63, 62]);
    }

    #[test]
    fn order_matters_and_short_texts_have_none() {
        assert_eq!(clipped(&[1, 2, 1, 2], [&[2, 1, 2][..]]), [3, 2, 1]);
        assert_eq!(NGrams::count(&[1, 2], 3).0.len(), 0);
        assert_eq!((possible(2, 3), possible(0, 1), possible(4, 4)), (0, 0, 1));
    }
}
