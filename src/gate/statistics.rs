//! A baseline's per-caption statistics as Parquet, so that later captions are paired with them without the old model.
//!
//! Columns: `row` and `caption` (text), then `METRIC:i` (f64) for statistic `i` of each metric, null in the rows of
//! who was not scored under it. Captions stand in the order in which they were scored.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use polars::prelude::{Column, DataFrame, ParquetReader, ParquetWriter, SerReader};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::gate::snapshot::Row;
use crate::results::atomic;
use crate::results::stats_columns;

const ROW: &str = "row";
const CAPTION: &str = "caption";

/// Writes the statistics of all rows in one step, and gives the SHA-256 of the file; `None`, and no file, if no row
/// has any.
///
/// # Errors
/// [`Error::Failed`] if polars or the disk refuses.
pub fn write(path: &Path, rows: &[Row]) -> Result<Option<String>> {
    if rows.iter().all(|row| row.tables.is_empty()) {
        return Ok(None);
    }
    let failed = |e: polars::error::PolarsError| Error::writing(path, e);
    let names = rows
        .iter()
        .flat_map(|row| row.captions.iter().map(|_| row.row.as_str()));
    let captions = rows.iter().flat_map(|row| &row.captions);
    let mut columns = vec![
        Column::new(ROW.into(), names.collect::<Vec<_>>()),
        Column::new(
            CAPTION.into(),
            captions.map(String::as_str).collect::<Vec<_>>(),
        ),
    ];
    let parts: Vec<_> = rows.iter().map(Row::statistics).collect();
    let tables = stats_columns::columns(&parts).map_err(|message| Error::writing(path, message))?;
    columns.extend(tables);
    let height = columns[0].len();
    let mut frame = DataFrame::new(height, columns).map_err(failed)?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .finish(&mut frame)
        .map_err(failed)?;
    atomic::write_file(path, &bytes)?;
    Ok(Some(digest(&bytes)))
}

/// Reads what [`write()`] wrote into the rows of these names.
///
/// # Errors
/// [`Error::Input`] if the file is not there, is not the one whose SHA-256 is `expected`, or does not fit the rows.
pub fn read(path: &Path, expected: &str, rows: &mut [Row]) -> Result<()> {
    let bytes = fs::read(path).map_err(|e| {
        let message = format!(
            "cannot read {}: {e}; a baseline is two files, .json and .parquet, which are committed together; `bench \
             baseline save --force` makes both anew",
            path.display()
        );
        Error::input(message)
    })?;
    let found = digest(&bytes);
    if found != expected {
        let message = "these are not the statistics that the baseline was saved with (SHA-256 differs): both files \
                       belong together";
        return Err(Error::input(format!("{}: {message}", path.display())));
    }
    let unreadable = |e: polars::error::PolarsError| Error::reading(path, e);
    let frame = ParquetReader::new(Cursor::new(bytes))
        .finish()
        .map_err(unreadable)?;
    let text = |name: &str| -> Result<Vec<String>> {
        let column = frame
            .column(name)
            .and_then(Column::str)
            .map_err(unreadable)?;
        Ok(column
            .iter()
            .map(|text| text.unwrap_or_default().to_owned())
            .collect())
    };
    let (names, captions) = (text(ROW)?, text(CAPTION)?);
    for row in rows {
        let first = names.iter().position(|name| *name == row.row).unwrap_or(0);
        let count = names[first..]
            .iter()
            .take_while(|name| **name == row.row)
            .count();
        row.captions = captions[first..first + count].to_vec();
        row.tables = stats_columns::tables(&frame, &[ROW, CAPTION], first, count)
            .map_err(|(place, expected)| Error::in_file(path, place, expected))?;
    }
    Ok(())
}

fn digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
