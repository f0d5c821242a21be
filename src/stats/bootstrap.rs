//! Percentile bootstrap over captions.
//!
//! A resample draws n captions of n with replacement; its score is the metric's score of the summed
//! statistics of the captions drawn (Koehn 2004), the same function as that of the whole set. The
//! interval lies between the 2.5th and the 97.5th percentile of the resamples' scores. No caption is
//! tokenized again, and resample r draws the same captions under every metric.

use std::ops::Range;

use super::Draws;
use super::columns::Columns;
use super::resample::{Counts, Weights, over_resamples};
use crate::metrics::StatsTable;
use crate::nn::kernels::dispatch::dispatch;

/// Resamples where nobody asks for another number.
pub const RESAMPLES: usize = 1000;

/// The seed where nobody asks for another: the same captions always get the same interval.
pub const SEED: u64 = 0;

/// Draws that are made at a time, with vector instructions.
const STRIDE: u32 = 64;

/// A score as a function of summed statistics.
pub type OfSums<'a> = &'a (dyn Fn(&[f64]) -> f64 + Sync);

/// The 95 % interval of `score` over resamples of the table's captions, on the scale of `score`.
///
/// `None` for fewer than two captions or no resample: nothing varies there. The result is the same
/// for any number of threads.
pub fn interval95(
    table: &StatsTable,
    score: OfSums,
    resamples: usize,
    seed: u64,
    threads: usize,
) -> Option<[f64; 2]> {
    let mut intervals = intervals95(&[(table, score)], resamples, seed, threads);
    intervals.pop().flatten()
}

/// As [`interval95`], of several tables over the same captions: each resample is drawn once.
///
/// # Panics
/// If the tables are not of one length.
pub fn intervals95(
    tables: &[(&StatsTable, OfSums)],
    resamples: usize,
    seed: u64,
    threads: usize,
) -> Vec<Option<[f64; 2]>> {
    let captions = tables.first().map_or(0, |(table, _)| table.len());
    assert!(
        tables.iter().all(|(table, _)| table.len() == captions),
        "the tables are over the same captions"
    );
    if captions < 2 || resamples == 0 {
        return vec![None; tables.len()];
    }
    let scores = resample(tables, captions, resamples, seed, threads);
    scores
        .into_iter()
        .map(|scores| Some(middle95(scores)))
        .collect()
}

/// As [`interval95`], of the mean of one score over several tables of the same captions: one a training seed.
///
/// # Panics
/// If the tables are not of one length.
pub fn interval95_of_mean(
    tables: &[&StatsTable],
    score: OfSums,
    resamples: usize,
    seed: u64,
    threads: usize,
) -> Option<[f64; 2]> {
    let scored: Vec<(&StatsTable, OfSums)> = tables.iter().map(|table| (*table, score)).collect();
    let captions = tables.first().map_or(0, |table| table.len());
    if captions < 2 || resamples == 0 {
        return None;
    }
    let of_tables = resample(&scored, captions, resamples, seed, threads);
    let mean = |resample: usize| {
        let scores = of_tables.iter().map(|scores| scores[resample]);
        scores.sum::<f64>() / tables.len() as f64
    };
    Some(middle95((0..resamples).map(mean).collect()))
}

/// Where the middle 95 % of values lie.
fn middle95(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_unstable_by(f64::total_cmp);
    [percentile(&values, 0.025), percentile(&values, 0.975)]
}

/// The score of each resample, in their order, for each table.
fn resample(
    tables: &[(&StatsTable, OfSums)],
    captions: usize,
    resamples: usize,
    seed: u64,
    threads: usize,
) -> Vec<Vec<f64>> {
    let columns = Columns::of(tables.iter().map(|(table, _)| *table));
    let weights = Drawn { seed, captions };
    let of_resamples = over_resamples(&columns, &weights, resamples, threads, |sums| {
        let tables = tables.iter().zip(sums);
        let scores = tables.map(|((_, score), sums)| score(sums));
        scores.collect::<Vec<_>>()
    });
    let of_table = |table: usize| of_resamples.iter().map(|scores| scores[table]).collect();
    (0..tables.len()).map(of_table).collect()
}

/// Resamples of n captions of n, by counter.
struct Drawn {
    seed: u64,
    captions: usize,
}

impl Weights for Drawn {
    fn take(&self, range: Range<usize>) -> Counts {
        std::array::from_fn(|lane| {
            let mut counts = vec![0; self.captions];
            if lane < range.len() {
                let resample = range.start + lane;
                draw(Draws::new(self.seed, resample as u64), &mut counts);
            }
            counts
        })
    }
}

dispatch! {
    /// Adds to `counts` how often each caption is drawn in a resample.
    ///
    /// A count stops at 255. Of one draw a caption on average, as many of one caption have a chance
    /// of less than 1 in 255!, which has 505 digits.
    fn draw(draws: Draws, counts: &mut [u8]) {
        let captions = u32::try_from(counts.len()).expect("fewer captions than 2³²");
        for start in (0..captions).step_by(STRIDE as usize) {
            let drawn: [u32; STRIDE as usize] = std::array::from_fn(|i| {
                draws.below_at(Draws::index(u64::from(start) + i as u64), captions)
            });
            for &caption in &drawn[..(captions - start).min(STRIDE) as usize] {
                let count = &mut counts[caption as usize];
                *count = count.saturating_add(1);
            }
        }
    }
}

/// The `p`-quantile of ascending values, interpolated between neighbours as numpy does by default.
pub(super) fn percentile(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() - 1) as f64;
    let below = sorted[at.floor() as usize];
    let above = sorted[at.ceil() as usize];
    below + (above - below) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(sums: &[f64]) -> f64 {
        sums[0] / sums[1]
    }

    fn table(values: impl Iterator<Item = f64>) -> StatsTable {
        StatsTable {
            width: 2,
            rows: values.flat_map(|value| [value, 1.0]).collect(),
        }
    }

    #[test]
    fn interval_of_a_mean_is_that_of_the_normal_approximation() {
        let n = 2000;
        let table = table((0..n).map(|i| f64::from(i) / f64::from(n)));
        let [low, high] = interval95(&table, &mean, 4000, 3, 2).unwrap();
        let half = 1.96 * (1.0f64 / 12.0 / f64::from(n)).sqrt();
        assert!((low - (0.5 - half)).abs() < 0.05 * half, "{low}");
        assert!((high - (0.5 + half)).abs() < 0.05 * half, "{high}");
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let table = table((0..57).map(|i| f64::from(i * i % 31)));
        let one = interval95(&table, &mean, 999, 1, 1).unwrap();
        for threads in [2, 3, 7, 2000] {
            assert_eq!(interval95(&table, &mean, 999, 1, threads), Some(one));
        }
        assert_ne!(interval95(&table, &mean, 999, 2, 1), Some(one));
    }

    #[test]
    fn nothing_varies_in_a_single_caption() {
        assert_eq!(
            interval95(&table([0.5].into_iter()), &mean, 100, 0, 1),
            None
        );
        assert_eq!(
            interval95(&table([0.5; 3].into_iter()), &mean, 0, 0, 1),
            None
        );
        assert_eq!(
            interval95(&table([0.5; 3].into_iter()), &mean, 100, 0, 1),
            Some([0.5, 0.5])
        );
    }

    #[test]
    fn of_the_mean_over_seeds_images_are_drawn_once() {
        let up = table((0..57).map(f64::from));
        let down = table((0..57).map(|i| 56.0 - f64::from(i)));
        let of = |tables: &[&StatsTable]| interval95_of_mean(tables, &mean, 999, 1, 2);
        assert_eq!(of(&[&up]), interval95(&up, &mean, 999, 1, 1));
        assert_eq!(of(&[&up, &up]), of(&[&up]));
        // What the one gains by a draw the other loses.
        let [low, high] = of(&[&up, &down]).unwrap();
        assert!((low - 28.0).abs() < 1e-9 && (high - 28.0).abs() < 1e-9);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn percentiles_interpolate() {
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.5), 3.0);
        assert!((percentile(&[0.0, 10.0], 0.025) - 0.25).abs() < 1e-12);
    }
}
