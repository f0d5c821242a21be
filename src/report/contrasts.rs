//! The differences between a report's rows, and the intervals of rows of several seeds.

use super::ReportData;
use crate::metrics::StatsTable;
use crate::results::contrast::{Contrast, System, contrasts};
use crate::results::points::{ATTRIBUTES, points, width};
use crate::results::stats_file::CaptionStats;
use crate::results::table::{PAPER_METRICS, Row, RowKind};
use crate::stats::bootstrap::{self, interval95_of_mean};
use crate::stats::paired::{LEVEL, MOST, Settings, resamples};

/// The metrics that rows are compared under: those of the main table.
pub fn metrics() -> impl Iterator<Item = &'static str> {
    PAPER_METRICS.into_iter().chain([ATTRIBUTES])
}

/// Gives rows of several seeds the interval over test images of their mean over seeds.
pub fn set_intervals(data: &ReportData, rows: &mut [Row]) {
    for row in rows.iter_mut().filter(|row| row.cells.len() > 1) {
        let Some(stats) = statistics(data, row) else {
            continue;
        };
        let keys = stats[0].tables.keys();
        let interval = |key: &String| {
            let tables: Option<Vec<&StatsTable>> =
                stats.iter().map(|s| s.tables.get(key)).collect();
            let points = points(key)?;
            let tables = tables?;
            if tables.iter().any(|table| Some(table.width) != width(key)) {
                return None;
            }
            let (resamples, seed) = (bootstrap::RESAMPLES, bootstrap::SEED);
            let found = interval95_of_mean(&tables, &*points, resamples, seed, threads());
            Some((key.clone(), found?))
        };
        row.over_images = keys.filter_map(interval).collect();
    }
}

/// The contrasts of all rows that can be paired, of the same pictures and data: models with each other and with
/// floors. A contrast's pair are places among `rows`.
pub fn of_rows(data: &ReportData, rows: &[Row]) -> Vec<Contrast> {
    let fingerprint = |row: &Row| {
        let run = data.runs.iter().find(|run| run.stamp.name == row.run);
        run.map(|run| run.stamp.data_fingerprint.as_str())
    };
    // Only what is of the first row's pictures: others are not to be compared with it.
    let known: Vec<Option<Vec<&CaptionStats>>> =
        rows.iter().map(|row| statistics(data, row)).collect();
    let Some(first) = known.iter().position(Option::is_some) else {
        return Vec::new();
    };
    let pictures = |row: usize| known[row].as_ref().map(|stats| &stats[0].ids);
    let alike = |row: usize| {
        pictures(row) == pictures(first) && fingerprint(&rows[row]) == fingerprint(&rows[first])
    };
    let places: Vec<usize> = (0..rows.len()).filter(|&row| alike(row)).collect();
    let systems: Vec<System> = (0..rows.len())
        .map(|row| match places.contains(&row) {
            true => system(&rows[row], known[row].as_deref().unwrap_or_default()),
            false => System::default(),
        })
        .collect();
    let pairs = places.iter().enumerate().flat_map(|(at, &first)| {
        let later = places[at + 1..].iter();
        later.map(move |&second| [first, second])
    });
    let is_model = |row: usize| rows[row].kind == RowKind::Model;
    let pairs = pairs.filter(|pair| pair.iter().any(|&row| is_model(row)));
    // Models minus floors, and of two models the later minus the earlier.
    let pairs: Vec<[usize; 2]> = pairs
        .map(|[first, second]| match is_model(second) {
            true => [first, second],
            false => [second, first],
        })
        .collect();
    let metrics: Vec<&str> = metrics().collect();
    let tests = pairs.len() * metrics.len();
    let settings = Settings {
        resamples: resamples(tests, LEVEL).unwrap_or(MOST),
        ..Settings::new(threads())
    };
    contrasts(&systems, &pairs, &metrics, &settings)
}

/// The statistics of a row's cells, if all have them and are of the same pictures.
fn statistics<'a>(data: &'a ReportData, row: &Row) -> Option<Vec<&'a CaptionStats>> {
    let cells = row.cells.iter();
    let stats: Option<Vec<_>> = cells.map(|cell| data.stats(&row.run, &cell.cell)).collect();
    stats.filter(|stats| stats.iter().all(|s| s.ids == stats[0].ids))
}

fn system<'a>(row: &'a Row, stats: &[&'a CaptionStats]) -> System<'a> {
    let scores = row.cells.iter().map(|cell| &cell.metrics);
    let tables = stats.iter().map(|stats| &stats.tables);
    System::of_seeds(&scores.zip(tables).collect::<Vec<_>>())
}

/// The difference of two rows under a metric, `to` minus `from`: points, interval, corrected p-value.
pub fn between(
    contrasts: &[Contrast],
    from: usize,
    to: usize,
    metric: &str,
) -> Option<(f64, [f64; 2], Option<f64>)> {
    let of = |pair: [usize; 2]| {
        contrasts
            .iter()
            .find(|c| c.pair == pair && c.metric == metric)
    };
    if let Some(contrast) = of([from, to]) {
        let found = &contrast.found;
        return Some((found.difference, found.interval, contrast.p_adjusted));
    }
    let contrast = of([to, from])?;
    let [low, high] = contrast.found.interval;
    Some((
        -contrast.found.difference,
        [-high, -low],
        contrast.p_adjusted,
    ))
}

/// No number depends on it.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
