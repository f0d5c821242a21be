//! Percentile bootstrap over captions.
//!
//! A resample draws n captions of n with replacement; its score is the metric's score of the summed
//! statistics of the captions drawn (Koehn 2004), the same function as that of the whole set. The
//! interval lies between the 2.5th and the 97.5th percentile of the resamples' scores. No caption is
//! tokenized again, and resample r draws the same captions under every metric.

use super::Draws;
use crate::metrics::StatsTable;

/// Resamples where nobody asks for another number.
pub const RESAMPLES: usize = 1000;

/// The seed where nobody asks for another: the same captions always get the same interval.
pub const SEED: u64 = 0;

/// The 95 % interval of `score` over resamples of the table's captions, on the scale of `score`.
///
/// `None` for fewer than two captions or no resample: nothing varies there. The result is the same
/// for any number of threads.
pub fn interval95(
    table: &StatsTable,
    score: &(dyn Fn(&[f64]) -> f64 + Sync),
    resamples: usize,
    seed: u64,
    threads: usize,
) -> Option<[f64; 2]> {
    if table.len() < 2 || resamples == 0 {
        return None;
    }
    let mut scores = resample(table, score, resamples, seed, threads);
    scores.sort_unstable_by(f64::total_cmp);
    Some([percentile(&scores, 0.025), percentile(&scores, 0.975)])
}

/// The score of each resample, in their order.
fn resample(
    table: &StatsTable,
    score: &(dyn Fn(&[f64]) -> f64 + Sync),
    resamples: usize,
    seed: u64,
    threads: usize,
) -> Vec<f64> {
    let mut scores = vec![0.0; resamples];
    let fill = |first: usize, scores: &mut [f64]| {
        let mut sums = vec![0.0; table.width];
        for (i, slot) in scores.iter_mut().enumerate() {
            sum_of_draws(table, Draws::new(seed, (first + i) as u64), &mut sums);
            *slot = score(&sums);
        }
    };
    let share = resamples.div_ceil(threads.max(1));
    if share == resamples {
        fill(0, &mut scores);
    } else {
        std::thread::scope(|scope| {
            for (i, part) in scores.chunks_mut(share).enumerate() {
                let fill = &fill;
                scope.spawn(move || fill(i * share, part));
            }
        });
    }
    scores
}

fn sum_of_draws(table: &StatsTable, draws: Draws, sums: &mut [f64]) {
    sums.fill(0.0);
    for i in 0..table.len() {
        let row = table.row(draws.below(i as u64, table.len()));
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}

/// The `p`-quantile of ascending values, interpolated between neighbours as numpy does by default.
fn percentile(sorted: &[f64], p: f64) -> f64 {
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
    fn percentiles_interpolate() {
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.5), 3.0);
        assert!((percentile(&[0.0, 10.0], 0.025) - 0.25).abs() < 1e-12);
    }
}
