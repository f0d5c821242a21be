//! Systems under metrics, and their scores when captions are weighted or exchanged.

use std::ops::Range;

use crate::metrics::StatsTable;
use crate::stats::bootstrap::OfSums;

/// Several systems under one metric.
pub struct Measured<'a> {
    /// The score of summed statistics, on the scale that differences are wanted on.
    pub score: OfSums<'a>,
    /// For each system the statistics of its captions of the same pictures: one table a seed, and its score is the
    /// mean over them. No table where a system was not measured.
    pub systems: Vec<Vec<&'a StatsTable>>,
}

/// All tables of all systems under all metrics, one after the other.
pub(super) struct Systems<'a> {
    metrics: &'a [Measured<'a>],
    /// For each metric and system, in turn, which of the tables are its own.
    ranges: Vec<Range<usize>>,
    systems: usize,
    captions: usize,
}

impl<'a> Systems<'a> {
    pub(super) fn new(metrics: &'a [Measured<'a>]) -> Self {
        let systems = metrics.first().map_or(0, |metric| metric.systems.len());
        let mut ranges = Vec::with_capacity(metrics.len() * systems);
        let mut end = 0;
        for metric in metrics {
            assert_eq!(metric.systems.len(), systems, "as many systems a metric");
            for tables in &metric.systems {
                ranges.push(end..end + tables.len());
                end += tables.len();
            }
        }
        let mut found = Self {
            metrics,
            ranges,
            systems,
            captions: 0,
        };
        found.captions = found.tables().next().map_or(0, StatsTable::len);
        assert!(
            found.tables().all(|table| table.len() == found.captions),
            "the tables are over the same captions"
        );
        found
    }

    /// Captions of each table.
    pub(super) fn captions(&self) -> usize {
        self.captions
    }

    /// All tables, in their order.
    pub(super) fn tables(&self) -> impl Iterator<Item = &'a StatsTable> + use<'a> {
        let systems = self.metrics.iter().flat_map(|metric| &metric.systems);
        systems.flatten().copied()
    }

    /// Where a system's score under a metric stands among [`Systems::scores`].
    pub(super) fn place(&self, metric: usize, system: usize) -> usize {
        metric * self.systems + system
    }

    /// The score of every system under every metric, from the sums of every table; NaN where there is no table.
    pub(super) fn scores(&self, sums: &[Vec<f64>]) -> Vec<f64> {
        let score = |(place, range): (usize, &Range<usize>)| {
            let score = self.metrics[place / self.systems].score;
            mean(sums[range.clone()].iter().map(|sums| score(sums)))
        };
        self.ranges.iter().enumerate().map(score).collect()
    }

    /// For each metric and each pair of systems, in turn, how far their scores lie apart when they exchange their
    /// captions but for those whose `sums` are given; NaN where one has more seeds than the other.
    pub(super) fn exchanged(
        &self,
        sums: &[Vec<f64>],
        totals: &[Vec<f64>],
        pairs: &[[usize; 2]],
    ) -> Vec<f64> {
        let mut distances = Vec::with_capacity(self.metrics.len() * pairs.len());
        for (at, metric) in self.metrics.iter().enumerate() {
            for pair in pairs {
                let [first, second] = pair.map(|system| &self.ranges[self.place(at, system)]);
                if first.len() != second.len() {
                    distances.push(f64::NAN);
                    continue;
                }
                // What `own` keeps, and what it gets of `other`.
                let score = |(own, other): (usize, usize)| {
                    let rest = totals[other].iter().zip(&sums[other]);
                    let mixed = sums[own].iter().zip(rest);
                    let mixed = mixed.map(|(kept, (all, kept_there))| kept + (all - kept_there));
                    (metric.score)(&mixed.collect::<Vec<_>>())
                };
                let seeds = || first.clone().zip(second.clone());
                let turned = || seeds().map(|(first, second)| (second, first));
                distances.push((mean(seeds().map(score)) - mean(turned().map(score))).abs());
            }
        }
        distances
    }
}

/// The mean; NaN of nothing.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}
