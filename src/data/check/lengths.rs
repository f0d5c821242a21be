//! How long captions are, in words or in tokens.

use std::fmt;

/// A distribution of lengths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lengths(Vec<usize>);

impl Lengths {
    /// Of one length a caption.
    pub fn new(lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut sorted: Vec<usize> = lengths.into_iter().collect();
        sorted.sort_unstable();
        Self(sorted)
    }

    /// The number of captions.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The captions longer than `limit`.
    pub fn longer_than(&self, limit: usize) -> usize {
        self.0.len() - self.0.partition_point(|&length| length <= limit)
    }

    /// The length that `percent` of a hundred captions do not exceed (nearest rank).
    fn percentile(&self, percent: usize) -> usize {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or(0)
    }
}

/// Range, mean, quartiles and the 95th percentile.
impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(least), Some(most)) = (self.0.first(), self.0.last()) else {
            return f.write_str("no caption");
        };
        let mean = self.0.iter().sum::<usize>() as f64 / self.0.len() as f64;
        let [first, median, third, most_of_all] = [25, 50, 75, 95].map(|p| self.percentile(p));
        write!(
            f,
            "{least} to {most} a caption, mean {mean:.1}; quartiles {first}, {median} and {third}; \
             95 % have at most {most_of_all}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_lengths_that_occur() {
        let lengths = Lengths::new((1..=100).rev());
        assert_eq!(
            lengths.to_string(),
            "1 to 100 a caption, mean 50.5; quartiles 25, 50 and 75; 95 % have at most 95"
        );
        assert_eq!((lengths.count(), lengths.longer_than(95)), (100, 5));
        assert_eq!((lengths.longer_than(0), lengths.longer_than(100)), (100, 0));
        assert_eq!(
            Lengths::new([7]).to_string(),
            "7 to 7 a caption, mean 7.0; quartiles 7, 7 and 7; 95 % have at most 7"
        );
        assert_eq!(Lengths::new([]).to_string(), "no caption");
    }
}
