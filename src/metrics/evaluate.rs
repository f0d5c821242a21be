//! Statistics of many captions under many metrics, on several threads.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::parallel::in_chunks;
use super::{Case, Corpus, Metric, Prepared, StatsTable};

/// Captions that a thread takes at a time.
const CHUNK: usize = 64;

/// The statistics of a set of captions under several metrics, and what their scores need beside.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The number of captions.
    pub n: usize,
    /// The number of references of every caption, or `None` if it varies.
    pub references: Option<usize>,
    /// The seed of bootstrap resamples drawn from these captions.
    pub seed: u64,
    /// The threads that resampling may use; no result depends on it.
    pub threads: usize,
    /// Statistics by metric key.
    pub tables: BTreeMap<String, StatsTable>,
}

/// The statistics of `cases` under `metrics`, computed by `threads` threads (at least one).
///
/// Metrics that are [unavailable](Metric::unavailable) have no table in the result.
///
/// The result does not depend on the number of threads.
pub fn evaluate(metrics: &[&dyn Metric], cases: &[Case], threads: usize, seed: u64) -> Evaluation {
    evaluate_with(metrics, cases, threads, seed, &|_| ())
}

/// As [`evaluate`], calling `progress` with the number of captions done since its last call, from
/// any thread.
pub fn evaluate_with(
    metrics: &[&dyn Metric],
    cases: &[Case],
    threads: usize,
    seed: u64,
    progress: &(dyn Fn(usize) + Sync),
) -> Evaluation {
    let available = |metric: &&dyn Metric| metric.unavailable().is_none();
    let metrics: Vec<&dyn Metric> = metrics.iter().copied().filter(available).collect();
    let corpus = Corpus::new(cases, threads);
    let mut tables: BTreeMap<String, StatsTable> = BTreeMap::new();
    for metric in &metrics {
        let width = metric.width();
        let rows = vec![0.0; width * cases.len()];
        tables.insert(metric.key().to_owned(), StatsTable { width, rows });
    }
    // By chunk, where its rows of each table go.
    let chunks = cases.len().div_ceil(CHUNK);
    let mut places: Vec<BTreeMap<&str, &mut [f64]>> = Vec::new();
    places.resize_with(chunks, BTreeMap::new);
    for (key, table) in &mut tables {
        let chunks = table.rows.chunks_mut(CHUNK * table.width);
        for (places, rows) in places.iter_mut().zip(chunks) {
            places.insert(key, rows);
        }
    }
    let places: Vec<_> = places.into_iter().map(Mutex::new).collect();
    in_chunks(cases.len(), CHUNK, threads, |range| {
        let mut places = places[range.start / CHUNK]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let captions = range.len();
        for (metric, rows) in metrics.iter().zip(chunk_rows(&metrics, &corpus, range)) {
            if let Some(place) = places.get_mut(metric.key()) {
                place.copy_from_slice(&rows);
            }
        }
        progress(captions);
    });
    drop(places);
    Evaluation {
        n: cases.len(),
        references: shared_reference_count(cases),
        seed,
        threads,
        tables,
    }
}

/// The statistics of `cases` under one metric, computed by `threads` threads.
pub fn stats_table(metric: &dyn Metric, cases: &[Case], threads: usize) -> StatsTable {
    let mut tables = evaluate(&[metric], cases, threads, 0).tables;
    tables.remove(metric.key()).unwrap_or(StatsTable {
        width: metric.width(),
        rows: Vec::new(),
    })
}

/// The rows of a few captions, for each metric.
fn chunk_rows(metrics: &[&dyn Metric], corpus: &Corpus<'_>, range: Range<usize>) -> Vec<Vec<f64>> {
    let mut rows = vec![Vec::new(); metrics.len()];
    for index in range {
        let caption = Prepared::new(corpus, index);
        for (metric, rows) in metrics.iter().zip(&mut rows) {
            metric.stats(&caption, rows);
        }
    }
    rows
}

fn shared_reference_count(cases: &[Case]) -> Option<usize> {
    let count = cases.first()?.references.len();
    cases
        .iter()
        .all(|case| case.references.len() == count)
        .then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::suite;

    fn cases(n: usize) -> Vec<Case<'static>> {
        (0..n)
            .map(|i| Case {
                id: i.to_string().into(),
                hypothesis: format!("a red ball number {i} lies in the grass").into(),
                references: vec![
                    format!("the ball {} is lying on grass", i / 2).into(),
                    "a red ball".into(),
                ],
            })
            .collect()
    }

    #[test]
    fn any_number_of_threads_gives_the_same() {
        let metrics = suite("all").unwrap();
        let cases = cases(300);
        let one = evaluate(&metrics, &cases, 1, 7);
        assert_eq!(one.n, 300);
        assert_eq!(one.references, Some(2));
        for threads in [2, 3, 8] {
            assert_eq!(evaluate(&metrics, &cases, threads, 7).tables, one.tables);
        }
        for metric in metrics.iter().filter(|m| m.unavailable().is_none()) {
            assert_eq!(stats_table(*metric, &cases, 2), one.tables[metric.key()]);
            assert_eq!(one.tables[metric.key()].len(), 300);
        }
    }

    #[test]
    fn no_caption_and_uneven_references() {
        let metrics = suite("paper").unwrap();
        assert!(
            evaluate(&metrics, &[], 2, 0)
                .tables
                .values()
                .all(StatsTable::is_empty)
        );
        let mut cases = cases(3);
        cases[1].references.pop();
        assert_eq!(evaluate(&metrics, &cases, 2, 0).references, None);
    }
}
