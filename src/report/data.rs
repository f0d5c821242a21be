//! What a report is made from: the stamps, results, logs, captions and pictures of runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::gallery;
use crate::error::{Error, Result};
use crate::results::schema::{CaptionRecord, CellResult, LogRecord, RunStamp};
use crate::results::stats_file::CaptionStats;
use crate::results::store::RunDir;
use crate::results::table::{Shown, write_number};

/// The runs that a report shows: normally one; with several, tables have a column for the run.
#[derive(Debug, Clone)]
pub struct ReportData {
    /// The runs, in the order given.
    pub runs: Vec<RunData>,
}

/// One run.
#[derive(Debug, Clone)]
pub struct RunData {
    /// Its stamp.
    pub stamp: RunStamp,
    /// The resolved recipe, as TOML.
    pub recipe_toml: String,
    /// Its finished cells, in the order of the table's rows.
    pub cells: Vec<ReportCell>,
    /// The names of its cells that are not finished.
    pub unfinished: Vec<String>,
    /// The gallery's pictures, PNG or JPEG, by image id.
    pub pictures: BTreeMap<u64, Vec<u8>>,
}

/// One finished cell.
#[derive(Debug, Clone)]
pub struct ReportCell {
    /// Its scores, probes and cost.
    pub result: CellResult,
    /// Its training log; empty for floors.
    pub log: Vec<LogRecord>,
    /// Its captions of the test pictures.
    pub captions: Vec<CaptionRecord>,
    /// The statistics of its captions, where they were kept.
    pub stats: Option<CaptionStats>,
}

impl RunData {
    /// Reads a run's folder, its gallery (`report/gallery/IMAGE_ID.png`) included.
    ///
    /// # Errors
    ///
    /// `Input` if it is no run or a document in it is broken; `NothingToCompare` if no cell is
    /// finished.
    pub fn open(run_dir: &Path) -> Result<Self> {
        let run = RunDir::open(run_dir)?;
        let mut cells = Vec::new();
        let mut unfinished = Vec::new();
        for cell in run.cells()? {
            let Some(result) = cell.result()? else {
                unfinished.push(cell.name());
                continue;
            };
            // A floor may have no captions of its own to keep.
            let captions = if cell.has_captions() {
                cell.read_captions()?
            } else {
                Vec::new()
            };
            cells.push(ReportCell {
                result,
                log: cell.read_log()?,
                captions,
                stats: cell.read_stats()?,
            });
        }
        if cells.is_empty() {
            return Err(Error::NothingToCompare(format!(
                "{} has no finished cell to report on (not finished: {}); go on with \
                 `bench run --resume --out {0}`",
                run_dir.display(),
                unfinished.join(", ")
            )));
        }
        Ok(Self {
            stamp: run.stamp().clone(),
            recipe_toml: run.recipe_toml()?,
            cells,
            unfinished,
            pictures: gallery::load(run_dir)?,
        })
    }
}

impl ReportData {
    /// Reads several runs. Runs of the same name are told apart by their folders.
    ///
    /// # Errors
    ///
    /// As [`RunData::open`]; `Input` if no folder or one folder twice is given.
    pub fn open(run_dirs: &[PathBuf]) -> Result<Self> {
        if run_dirs.is_empty() {
            return Err(Error::input("no run was given to report on"));
        }
        for (i, dir) in run_dirs.iter().enumerate() {
            if run_dirs[..i].contains(dir) {
                return Err(Error::input(format!("{} is given twice", dir.display())));
            }
        }
        let mut runs = run_dirs
            .iter()
            .map(|d| RunData::open(d))
            .collect::<Result<Vec<_>>>()?;
        let names: Vec<String> = runs.iter().map(|r| r.stamp.name.clone()).collect();
        for ((run, dir), name) in runs.iter_mut().zip(run_dirs).zip(&names) {
            if names.iter().filter(|other| *other == name).count() > 1 {
                run.stamp.name = dir.display().to_string();
            }
        }
        Ok(Self { runs })
    }

    /// The results of all cells, each with its run's name.
    pub fn results(&self) -> Vec<(&str, &CellResult)> {
        self.runs
            .iter()
            .flat_map(|run| {
                run.cells
                    .iter()
                    .map(|c| (run.stamp.name.as_str(), &c.result))
            })
            .collect()
    }

    /// The statistics of a cell of a run, where they were kept.
    pub fn stats(&self, run: &str, cell: &str) -> Option<&CaptionStats> {
        let run = self.runs.iter().find(|found| found.stamp.name == run)?;
        let cell = run.cells.iter().find(|found| found.result.cell == cell)?;
        cell.stats.as_ref()
    }

    /// What the runs were trained and scored on, in a phrase.
    pub fn described(&self) -> String {
        let mut all: Vec<String> = Vec::new();
        for RunStamp {
            data,
            pictures: [train, validation, test],
            ..
        } in self.runs.iter().map(|r| &r.stamp)
        {
            let [train, validation, test] =
                [train, validation, test].map(|n| write_number(*n as f64, Shown::Count));
            let one = format!("{data}, {train} / {validation} / {test} pictures");
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all.join("; ")
    }

    /// Whether there are several runs.
    pub fn is_comparison(&self) -> bool {
        self.runs.len() > 1
    }

    /// What the report is called: the runs' names.
    pub fn name(&self) -> String {
        self.runs
            .iter()
            .map(|r| r.stamp.name.as_str())
            .collect::<Vec<_>>()
            .join(" · ")
    }
}

impl From<RunData> for ReportData {
    fn from(run: RunData) -> Self {
        Self { runs: vec![run] }
    }
}
