//! `stats.parquet`: per caption, per metric, the sufficient statistics that bootstrap and gate resample.
//!
//! Columns: `image_id` (u64), then `METRIC:i` (f64) for statistic `i` of each metric, such as
//! `hf.bleu:0`. Rows are captions in the order in which they were scored.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use polars::prelude::{Column, DataFrame, DataType, NamedFrom, ParquetReader, ParquetWriter};
use polars::prelude::{SerReader, Series};

use crate::error::{Error, Result};
use crate::metrics::StatsTable;
use crate::results::atomic;

const ID: &str = "image_id";

/// The statistics of every scored caption of a cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CaptionStats {
    /// The picture of each caption.
    pub ids: Vec<u64>,
    /// By metric key: one row a caption, in the order of `ids`.
    pub tables: BTreeMap<String, StatsTable>,
}

/// Writes statistics as Parquet, replacing the file in one step.
///
/// # Errors
/// [`Error::Failed`] if a table has not one row for each of `ids`, or if the disk refuses.
pub fn write(path: &Path, stats: &CaptionStats) -> Result<()> {
    let failed = |e: polars::error::PolarsError| Error::writing(path, e);
    let mut columns = vec![Column::new(ID.into(), &stats.ids)];
    for (metric, table) in &stats.tables {
        if table.rows.len() != stats.ids.len() * table.width {
            let message = format!(
                "{metric} has {} numbers, not {} for each of {} captions",
                table.rows.len(),
                table.width,
                stats.ids.len()
            );
            return Err(Error::writing(path, message));
        }
        for index in 0..table.width {
            let values: Vec<f64> = table
                .rows
                .iter()
                .skip(index)
                .step_by(table.width)
                .copied()
                .collect();
            columns.push(Series::new(format!("{metric}:{index}").into(), values).into());
        }
    }
    let mut frame = DataFrame::new(stats.ids.len(), columns).map_err(failed)?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .finish(&mut frame)
        .map_err(failed)?;
    atomic::write_file(path, &bytes)
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// [`Error::Input`] if the file is not there, is no Parquet, or has other columns.
pub fn read(path: &Path) -> Result<CaptionStats> {
    let file = File::open(path).map_err(|e| Error::reading(path, e))?;
    let frame = ParquetReader::new(file)
        .finish()
        .map_err(|e| Error::reading(path, e))?;
    let mut stats = CaptionStats::default();
    let mut columns: BTreeMap<String, BTreeMap<usize, Vec<f64>>> = BTreeMap::new();
    for column in frame.columns() {
        let name = column.name().as_str();
        let wrong = |expected: &str| {
            Error::in_file(
                path,
                format!("column {name:?}"),
                format!("expected {expected}"),
            )
        };
        if name == ID {
            let ids = column
                .u64()
                .map_err(|_| wrong("whole numbers of 64 bits"))?;
            stats.ids = ids.iter().flatten().collect();
            continue;
        }
        let (metric, index) = name
            .rsplit_once(':')
            .and_then(|(metric, index)| Some((metric, index.parse::<usize>().ok()?)))
            .ok_or_else(|| wrong("a name METRIC:NUMBER"))?;
        if column.dtype() != &DataType::Float64 || column.null_count() > 0 {
            return Err(wrong("floating-point numbers of 64 bits, none missing"));
        }
        let values = column.f64().map_err(|e| Error::reading(path, e))?;
        let values = values.iter().flatten().collect();
        columns
            .entry(metric.to_string())
            .or_default()
            .insert(index, values);
    }
    if stats.ids.len() != frame.height() {
        let message = format!("expected a column {ID} with no value missing");
        return Err(Error::in_file(path, "columns", message));
    }
    for (metric, columns) in columns {
        let width = columns.len();
        if columns.keys().copied().ne(0..width) {
            let message = format!("expected {metric}:0 and so on, with none left out");
            return Err(Error::in_file(path, "columns", message));
        }
        let rows = (0..frame.height())
            .flat_map(|row| columns.values().map(move |values| values[row]))
            .collect();
        stats.tables.insert(metric, StatsTable { width, rows });
    }
    Ok(stats)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> CaptionStats {
        let table = |width: usize| StatsTable {
            width,
            rows: (0..3 * width).map(|i| 0.1 + i as f64 / 7.0).collect(),
        };
        CaptionStats {
            ids: vec![u64::MAX, 7, 0],
            // Twelve statistics: column 10 must not be sorted before column 2.
            tables: BTreeMap::from([
                ("hf.bleu".into(), table(12)),
                ("hf.rouge1".into(), table(1)),
            ]),
        }
    }

    #[test]
    fn statistics_come_back_to_the_last_bit() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("stats.parquet");
        write(&path, &stats()).unwrap();
        assert_eq!(read(&path).unwrap(), stats());
    }

    #[test]
    fn the_columns_are_named_as_documented() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("stats.parquet");
        write(&path, &stats()).unwrap();
        let frame = ParquetReader::new(File::open(&path).unwrap())
            .finish()
            .unwrap();
        let names: Vec<_> = frame.columns().iter().map(|c| c.name().as_str()).collect();
        assert_eq!(names[..3], ["image_id", "hf.bleu:0", "hf.bleu:1"]);
        assert_eq!(names[13..], ["hf.rouge1:0"]);
    }

    #[test]
    fn a_table_of_another_length_is_not_written() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("stats.parquet");
        let mut stats = stats();
        stats.ids.pop();
        assert!(write(&path, &stats).is_err());
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_such_table_is_bad_input() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("stats.parquet");
        std::fs::write(&path, "PAR1 and then nothing").unwrap();
        assert_eq!(read(&path).unwrap_err().exit_code(), 2);
        let columns = vec![
            Column::new(ID.into(), &[1u64, 2]),
            Column::new("loss".into(), &[1.0, 2.0]),
        ];
        let mut frame = DataFrame::new(2, columns).unwrap();
        ParquetWriter::new(File::create(&path).unwrap())
            .finish(&mut frame)
            .unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.message().contains("METRIC:NUMBER"), "{error}");
    }
}
