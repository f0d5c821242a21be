//! Many weighted sums of the same captions, and what is made of each.

use std::ops::Range;

use super::columns::Columns;
use crate::metrics::parallel::in_chunks;

/// Resamples that are drawn and summed at a time.
pub(super) const LANES: usize = 8;

/// How often each caption counts in each of [`LANES`] resamples.
pub(super) type Counts = [Vec<u8>; LANES];

/// Which captions a resample counts, and how often.
pub(super) trait Weights: Sync {
    /// The counts of as many resamples as `range` is long, and the number of the first.
    ///
    /// Weights that can only be drawn in order give those that are next, whatever the range; either way every
    /// resample is given once.
    fn take(&self, range: Range<usize>) -> (usize, Counts);
}

/// What `of` makes of the sums of every table of `columns` in each resample, in the resamples' order.
///
/// The result is the same for any number of threads.
pub(super) fn over_resamples<T: Send>(
    columns: &Columns,
    weights: &dyn Weights,
    resamples: usize,
    threads: usize,
    of: impl Fn(&[Vec<f64>]) -> T + Sync,
) -> Vec<T> {
    let mut taken = in_chunks(resamples, LANES, threads, |range| {
        let lanes = range.len();
        let (first, counts) = weights.take(range);
        let sums = columns.sums(&counts);
        let values: Vec<T> = sums[..lanes].iter().map(|sums| of(sums)).collect();
        (first, values)
    });
    taken.sort_by_key(|(first, _)| *first);
    taken.into_iter().flat_map(|(_, values)| values).collect()
}
