//! Tables for machines: CSV and Parquet, all digits, absent values empty.

use polars::prelude::{CsvWriter, ParquetWriter, SerWriter};

use super::{Artifact, Report, Sink};
use crate::error::{Error, Result};

/// Writes each table's frame as `tables/NAME.csv` and `tables/NAME.parquet`.
pub(super) struct Frames;

impl Sink for Frames {
    fn render(&self, report: &Report) -> Result<Vec<Artifact>> {
        let mut artifacts = Vec::new();
        for table in report.tables() {
            let refused = |e: polars::error::PolarsError| {
                Error::failed(format!(
                    "the table {:?} could not be encoded: {e}",
                    table.name
                ))
            };
            let mut frame = table.frame.clone();
            let mut csv = Vec::new();
            CsvWriter::new(&mut csv)
                .finish(&mut frame)
                .map_err(refused)?;
            artifacts.push(Artifact::new(format!("tables/{}.csv", table.name), csv));
            let mut parquet = Vec::new();
            ParquetWriter::new(&mut parquet)
                .finish(&mut frame)
                .map_err(refused)?;
            artifacts.push(Artifact::new(
                format!("tables/{}.parquet", table.name),
                parquet,
            ));
        }
        Ok(artifacts)
    }
}
