//! Which rows of a matrix belong together.

use std::ops::Range;
use std::sync::Arc;

/// How the rows of a matrix fall into samples, one after the other and each of any length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spans {
    /// Where each sample begins, and at last where all end.
    bounds: Arc<[usize]>,
}

impl Spans {
    /// Samples of these lengths.
    pub fn of(lengths: impl IntoIterator<Item = usize>) -> Self {
        let ends = lengths.into_iter().scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        Self {
            bounds: [0].into_iter().chain(ends).collect(),
        }
    }

    /// `samples` samples of `length` rows each.
    pub fn even(samples: usize, length: usize) -> Self {
        Self::of((0..samples).map(|_| length))
    }

    /// These samples, then those of `other`.
    pub fn followed_by(&self, other: &Self) -> Self {
        Self::of(self.iter().chain(other.iter()).map(|rows| rows.len()))
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.bounds[self.samples()]
    }

    /// The rows of a sample.
    pub fn range(&self, sample: usize) -> Range<usize> {
        self.bounds[sample]..self.bounds[sample + 1]
    }

    /// The rows of every sample.
    pub fn iter(&self) -> impl Iterator<Item = Range<usize>> {
        self.bounds.windows(2).map(|pair| pair[0]..pair[1])
    }

    /// The first row of every sample.
    pub fn firsts(&self) -> Vec<usize> {
        self.iter().map(|rows| rows.start).collect()
    }

    /// The last row of every sample, none of which is empty.
    pub fn lasts(&self) -> Vec<usize> {
        self.iter().map(|rows| rows.end - 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_follow_each_other() {
        let spans = Spans::of([3, 1, 2]);
        assert_eq!((spans.samples(), spans.rows()), (3, 6));
        assert_eq!(spans.range(1), 3..4);
        assert_eq!(spans.firsts(), [0, 3, 4]);
        assert_eq!(spans.lasts(), [2, 3, 5]);
        assert_eq!(Spans::even(2, 3), Spans::of([3, 3]));
        assert_eq!(
            spans.followed_by(&Spans::even(1, 4)),
            Spans::of([3, 1, 2, 4])
        );
        assert_eq!(Spans::of([]).rows(), 0);
    }
}
