//! N-gram counts and their clipped overlap, for BLEU and ROUGE-N.

/// Distinct n-grams of a text in ascending order, each with how often it occurs.
///
/// An n-gram of up to four token ids is packed into one number.
pub struct NGrams(Vec<(u128, u32)>);

impl NGrams {
    /// Counts the n-grams of `ids`; `n` is 1 to 4.
    pub fn count(ids: &[u32], n: usize) -> Self {
        debug_assert!((1..=4).contains(&n));
        let mut grams: Vec<u128> = ids
            .windows(n)
            .map(|gram| {
                gram.iter()
                    .fold(0, |packed, &id| packed << 32 | u128::from(id))
            })
            .collect();
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

    /// How many n-grams of `self` are matched if each counts at most as often as in the one of
    /// `references` that has it most often.
    pub fn clipped(&self, references: &[Self]) -> u64 {
        let mut most = vec![0u32; self.0.len()];
        for Self(reference) in references {
            let mut counts = reference.iter().peekable();
            for (&(gram, _), most) in self.0.iter().zip(&mut most) {
                while counts.next_if(|(other, _)| *other < gram).is_some() {}
                if let Some(&(_, count)) = counts.next_if(|(other, _)| *other == gram) {
                    *most = count.max(*most);
                }
            }
        }
        let matched = self.0.iter().zip(&most);
        matched
            .map(|((_, count), most)| u64::from(*count.min(most)))
            .sum()
    }

    /// The n-grams in ascending order, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (u128, u32)> {
        self.0.iter().copied()
    }
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
        let hypothesis = NGrams::count(&[1, 1, 1, 2, 3], 1);
        let references = [NGrams::count(&[1, 2, 2], 1), NGrams::count(&[1, 1, 4], 1)];
        assert_eq!(hypothesis.clipped(&references), 3);
        assert_eq!(hypothesis.clipped(&[]), 0);
    }

    #[test]
    fn order_matters_and_short_texts_have_none() {
        let hypothesis = NGrams::count(&[1, 2, 1, 2], 2);
        assert_eq!(hypothesis.clipped(&[NGrams::count(&[2, 1, 2], 2)]), 2);
        assert_eq!(NGrams::count(&[1, 2], 3).0.len(), 0);
        assert_eq!((possible(2, 3), possible(0, 1), possible(4, 4)), (0, 0, 1));
    }
}
