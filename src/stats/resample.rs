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
    /// The counts of the resamples `range`, of at most [`LANES`].
    ///
    /// Every range is asked for once, and none before those ahead of it were: weights that follow from others may wait
    /// for them on another thread.
    fn take(&self, range: Range<usize>) -> Counts;
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
    let taken = in_chunks(resamples, LANES, threads, |range| {
        let lanes = range.len();
        let sums = columns.sums(&weights.take(range));
        sums[..lanes]
            .iter()
            .map(|sums| of(sums))
            .collect::<Vec<_>>()
    });
    taken.into_iter().flatten().collect()
}
