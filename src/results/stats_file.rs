//! `stats.parquet`: per caption, per metric, the sufficient statistics that bootstrap and gate resample.
//!
//! Columns: `image_id` (u64), then `METRIC:i` (f64) for statistic `i` of each metric, such as
//! `hf.bleu:0`. Rows are captions in the order in which they were scored.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use polars::prelude::{Column, DataFrame, ParquetReader, ParquetWriter, SerReader};

use crate::error::{Error, Result};
use crate::metrics::StatsTable;
use crate::results::atomic;
use crate::results::stats_columns::{self, Part};

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
    let part = Part {
        captions: stats.ids.len(),
        tables: &stats.tables,
    };
    let mut columns = vec![Column::new(ID.into(), &stats.ids)];
    let tables =
        stats_columns::columns(&[part]).map_err(|message| Error::writing(path, message))?;
    columns.extend(tables);
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
    let wrong = |place: &str, expected: &str| Error::in_file(path, place, expected);
    let ids = frame.column(ID).and_then(Column::u64);
    let ids = ids.ok().filter(|ids| ids.null_count() == 0);
    let ids = ids.ok_or_else(|| {
        let expected = format!("expected a column {ID} of whole numbers of 64 bits, none missing");
        wrong("columns", &expected)
    })?;
    let tables = stats_columns::tables(&frame, &[ID], 0, frame.height())
        .map_err(|(place, expected)| wrong(&place, &expected))?;
    Ok(CaptionStats {
        ids: ids.iter().flatten().collect(),
        tables,
    })
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
