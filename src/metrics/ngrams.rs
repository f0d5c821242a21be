//! N-gram counts and their clipped overlap, for BLEU and ROUGE-N.

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

/// How many n-grams of `hypothesis` are matched if each counts at most as often as in the one of
/// `references` that has it most often; `n` is 1 to 4.
pub fn clipped<'a>(
    hypothesis: &[u32],
    references: impl IntoIterator<Item = &'a [u32]>,
    n: usize,
) -> u64 {
    debug_assert!((1..=4).contains(&n));
    match hypothesis.iter().all(|&id| id < 1 << 16) {
        true => clipped_as(hypothesis, references, n, |gram| {
            gram.iter().try_fold(0u64, |packed, &id| {
                (id < 1 << 16).then_some(packed << 16 | u64::from(id))
            })
        }),
        false => clipped_as(hypothesis, references, n, |gram| Some(pack(gram))),
    }
}

/// With n-grams packed by `pack`, which gives `None` for one that the hypothesis cannot have.
fn clipped_as<'a, G: Ord + Copy>(
    hypothesis: &[u32],
    references: impl IntoIterator<Item = &'a [u32]>,
    n: usize,
    pack: impl Fn(&[u32]) -> Option<G>,
) -> u64 {
    let mut grams: Vec<G> = hypothesis.windows(n).filter_map(&pack).collect();
    grams.sort_unstable();
    // Each different n-gram with how often it is written, is in this reference, and at most.
    let mut counts: Vec<(G, [u32; 3])> = Vec::with_capacity(grams.len());
    for gram in grams {
        match counts.last_mut() {
            Some((last, [written, ..])) if *last == gram => *written += 1,
            _ => counts.push((gram, [1, 0, 0])),
        }
    }
    for reference in references {
        for gram in reference.windows(n).filter_map(&pack) {
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
        assert_eq!(clipped(&hypothesis, references, 1), 3);
        assert_eq!(clipped(&hypothesis, [], 1), 0);
    }

    #[test]
    fn large_ids_are_matched_as_small_ones_are() {
        let large = |ids: &[u32]| ids.iter().map(|id| id + 70_000).collect::<Vec<_>>();
        let (hypothesis, reference): (&[u32], &[u32]) = (&[1, 2, 3, 1, 2], &[2, 1, 2, 3]);
        for n in 1..=4 {
            let small = clipped(hypothesis, [reference], n);
            assert_eq!(
                clipped(&large(hypothesis), [&large(reference)[..]], n),
                small
            );
            assert_eq!(clipped(hypothesis, [&large(reference)[..]], n), 0);
        }
    }

    #[test]
    fn order_matters_and_short_texts_have_none() {
        assert_eq!(clipped(&[1, 2, 1, 2], [&[2, 1, 2][..]], 2), 2);
        assert_eq!(NGrams::count(&[1, 2], 3).0.len(), 0);
        assert_eq!((possible(2, 3), possible(0, 1), possible(4, 4)), (0, 0, 1));
    }
}
