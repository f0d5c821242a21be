//! Paired tests: how sure is the difference between two systems?
//!
//! Both systems captioned the same pictures, and a picture that is hard for one is mostly hard for the other. Two
//! tests use that, each on sufficient statistics alone:
//!
//! - The paired bootstrap (Koehn: Statistical Significance Tests for Machine Translation Evaluation, 2004) draws
//!   captions with replacement *once* for all systems. The differences of its resamples give the interval, the
//!   one-sided p-values and the smallest difference that the test set could have shown.
//! - Approximate randomization (Noreen 1989; Riezler & Maxwell 2005) exchanges the two systems' captions of random
//!   pictures. If the systems are alike, the difference seen is one among those of such exchanges: the p-value.
//!
//! Draws and exchanges are those of sacreBLEU 2's `--paired-bs` and `--paired-ar` under the same seed, and its own
//! p-values stand in [`SacreBleu`]. They differ from ours where it matters, see there.

mod difference;
mod systems;

pub use difference::{Difference, POWER, SacreBleu};
pub use systems::Measured;

use super::columns::Columns;
use super::redraws::{Exchanges, Redraws};
use super::resample::over_resamples;
use systems::Systems;

/// Resamples, and as many exchanges, where nobody asks for another number and few tests are corrected together.
pub const RESAMPLES: usize = 10_000;

/// Resamples at most.
pub const MOST: usize = 1_000_000;

/// The level of tests where nobody asks for another: up to it, a corrected p-value is called sure.
pub const LEVEL: f64 = 0.05;

/// sacreBLEU's seed.
pub const SEED: u64 = 12345;

/// How tests are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Bootstrap resamples, and as many exchanges.
    pub resamples: usize,
    /// The seed of both.
    pub seed: u64,
    /// The two-sided level that a detectable difference must reach.
    pub level: f64,
    /// Threads; no result depends on them.
    pub threads: usize,
}

impl Settings {
    /// The defaults, on so many threads.
    pub fn new(threads: usize) -> Self {
        Self {
            resamples: RESAMPLES,
            seed: SEED,
            level: LEVEL,
            threads,
        }
    }
}

/// How many resamples so many tests need at a level: the smallest p-value there can be is one in as many, and Holm's
/// correction makes it so many times larger, which must leave it below the level. At least [`RESAMPLES`]; `None` where
/// it would take more than [`MOST`].
pub fn resamples(tests: usize, level: f64) -> Option<usize> {
    let needed = 2.0 * tests as f64 / level;
    (needed <= MOST as f64).then(|| (needed.ceil() as usize).max(RESAMPLES))
}

/// The difference of every pair of systems under every metric, `[metric][pair]`; a pair names the places of its
/// systems among [`Measured::systems`], and the difference is the second's score minus the first's.
///
/// `None` for a system that was not measured, for fewer than two captions, and for scores that are not finite.
///
/// # Panics
/// If the tables are not over the same number of captions, or the metrics not over the same number of systems.
pub fn differences(
    metrics: &[Measured],
    pairs: &[[usize; 2]],
    settings: &Settings,
) -> Vec<Vec<Option<Difference>>> {
    let systems = Systems::new(metrics);
    if systems.captions() < 2 || settings.resamples == 0 || pairs.is_empty() {
        return vec![vec![None; pairs.len()]; metrics.len()];
    }
    let columns = Columns::of(systems.tables());
    let totals: Vec<Vec<f64>> = systems.tables().map(|table| table.sums()).collect();
    let redraws = Redraws::new(settings.seed, systems.captions());
    let exchanges = Exchanges::new(settings.seed, systems.captions());
    let (resamples, threads) = (settings.resamples, settings.threads);
    let redrawn = over_resamples(&columns, &redraws, resamples, threads, |sums| {
        systems.scores(sums)
    });
    let exchanged = over_resamples(&columns, &exchanges, resamples, threads, |sums| {
        systems.exchanged(sums, &totals, pairs)
    });
    let seen = systems.scores(&totals);
    let of = |metric: usize, pair: usize| {
        let [first, second] = pairs[pair].map(|system| systems.place(metric, system));
        let at = metric * pairs.len() + pair;
        Difference::new(
            seen[second] - seen[first],
            redrawn.iter().map(|scores| scores[second] - scores[first]),
            exchanged.iter().map(|distances| distances[at]),
            settings.level,
        )
    };
    let of_metric = |metric| (0..pairs.len()).map(|pair| of(metric, pair)).collect();
    (0..metrics.len()).map(of_metric).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::holm;

    #[test]
    fn enough_is_drawn_for_the_smallest_p_value_to_survive_correction() {
        assert_eq!(resamples(4, 0.05), Some(RESAMPLES));
        for (tests, level) in [(595, 0.05), (4, 0.0003), (5000, 0.05)] {
            let smallest = 1.0 / (resamples(tests, level).unwrap() + 1) as f64;
            assert!(holm(&vec![smallest; tests])[0] <= level, "{tests} {level}");
        }
        assert_eq!(resamples(4, 1e-6), None);
    }
}
