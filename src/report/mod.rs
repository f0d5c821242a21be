//! Reports: one set of tables and charts, fanned out to every format behind one trait.
//!
//! ```text
//! run folders → ReportData → Report { tables, figures, findings } → each Sink → Artifacts → disk
//! ```
//!
//! Everything is made in memory before the first file is touched, and each file then replaces its
//! predecessor in one step, `report.html` last: a report that fails leaves the old one as it was.

pub mod aligned;
pub mod charts;
mod contrasts;
mod csv;
mod data;
mod findings;
mod gallery;
mod html;
mod latex;
mod markdown;
mod settings;
mod terminal;

pub use data::{ReportCell, ReportData, RunData};
pub use gallery::{GALLERY_PICTURES, gallery_ids, save_gallery};
pub use terminal::terminal;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::results::atomic;
use crate::results::table::{self, Row, Table};

/// The name of the page that [`write()`] leaves.
pub const PAGE: &str = "report.html";

/// A file of a report: its path below the report's folder, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The path below the report's folder.
    pub path: PathBuf,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Artifact {
    fn new(path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            bytes: bytes.into(),
        }
    }
}

/// A format that a report is written in.
pub trait Sink {
    /// The files of this format.
    ///
    /// # Errors
    ///
    /// `Failed` if an encoder refuses.
    fn render(&self, report: &Report) -> Result<Vec<Artifact>>;
}

/// What every sink draws from: tables, figures and sentences over the same rows.
pub struct Report<'a> {
    /// The runs behind it.
    pub data: &'a ReportData,
    /// The rows of the results, models first.
    pub rows: Vec<Row<'a>>,
    /// This run: every variant and both floors.
    pub results: Table,
    /// The differences between rows, tested as pairs; none where no statistics were kept.
    pub differences: Option<Table>,
    /// The paper's four tables, ours beside it.
    pub paper: Vec<Table>,
    /// Labelled diagnostics, where there are any.
    pub diagnostics: Option<Table>,
    /// Attributes, further metrics, probes and cost, where they were measured.
    pub others: Vec<Table>,
    /// What must be read before any number.
    pub warnings: Vec<String>,
    /// What the numbers say, in sentences.
    pub findings: Vec<String>,
}

impl<'a> Report<'a> {
    /// Puts the tables and sentences together.
    ///
    /// # Errors
    ///
    /// `Failed` if polars refuses a frame.
    pub fn new(data: &'a ReportData) -> Result<Self> {
        let mut rows = table::rows(&data.results());
        contrasts::set_intervals(data, &mut rows);
        let contrasts = contrasts::of_rows(data, &rows);
        let paper = table::paper::paper();
        let on = data.described();
        let mirrored = paper
            .tables
            .iter()
            .map(|t| table::mirror(paper, t, &rows, &on));
        let others = [table::attributes(&rows)?, table::other_metrics(&rows)?];
        let others = others.into_iter().flatten();
        let others = others
            .chain(table::probes(&rows)?)
            .chain(table::cost(&rows)?);
        Ok(Self {
            data,
            results: table::results(&rows)?,
            paper: mirrored.collect::<Result<_>>()?,
            diagnostics: table::diagnostics(paper, &rows)?,
            others: others.collect(),
            warnings: findings::warnings(data),
            differences: table::differences(&rows, &contrasts)?,
            findings: findings::findings(&rows, &contrasts),
            rows,
        })
    }

    /// All tables, the main one first.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        let first = std::iter::once(&self.results);
        first
            .chain(&self.differences)
            .chain(&self.paper)
            .chain(&self.diagnostics)
            .chain(&self.others)
    }
}

/// Writes the whole report below `out`: `report.html`, `report.txt`, `charts/*.png` and
/// `tables/*.{csv,parquet,md,tex}`. Returns the path of the page.
///
/// # Errors
///
/// `Failed` if a chart or table cannot be made (nothing is touched then), or the disk refuses.
pub fn write(data: &ReportData, out: &Path) -> Result<PathBuf> {
    let report = Report::new(data)?;
    let figures = charts::figures(data, &report.rows)?;
    let sinks: [&dyn Sink; 6] = [
        &csv::Frames,
        &markdown::Markdown,
        &latex::Latex,
        &terminal::Plain,
        &charts::Pngs(&figures),
        &html::Page(&figures),
    ];
    let mut artifacts = Vec::new();
    for sink in sinks {
        artifacts.extend(sink.render(&report)?);
    }
    for artifact in &artifacts {
        let path = out.join(&artifact.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| Error::writing(folder, e))?;
        }
        atomic::write_file(&path, &artifact.bytes)?;
    }
    remove_stale(out, &artifacts)?;
    Ok(out.join(PAGE))
}

/// Removes what an earlier report left and this one no longer has, so that no old chart stands
/// beside new numbers. Only files that a report could have written are looked at.
fn remove_stale(out: &Path, artifacts: &[Artifact]) -> Result<()> {
    let charts = charts::NAMES
        .iter()
        .map(|name| format!("charts/{name}.png"));
    let tables = table::OPTIONAL_TABLES.iter().flat_map(|name| {
        ["csv", "parquet", "md", "tex"].map(|ending| format!("tables/{name}.{ending}"))
    });
    for stale in charts.chain(tables) {
        let path = out.join(&stale);
        if !artifacts.iter().any(|a| a.path == Path::new(&stale)) && path.is_file() {
            fs::remove_file(&path).map_err(|e| Error::writing(&path, e))?;
        }
    }
    Ok(())
}
