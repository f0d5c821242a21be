//! The folder of one cell: its log, checkpoint, captions, statistics and result.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::results::atomic;
use crate::results::log::{self, LogWriter};
use crate::results::schema::{CaptionRecord, CellResult, LogRecord};
use crate::results::stats_file::{self, CaptionStats};

/// `cells/CELL/` of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellDir {
    path: PathBuf,
}

impl CellDir {
    /// The cell in this folder, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder's name, which is the cell's.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Whether the cell is done: its `result.json` is there.
    pub fn is_done(&self) -> bool {
        self.result_path().is_file()
    }

    /// The cell's result, or `None` while it is not done.
    ///
    /// # Errors
    /// [`Error::Input`] if `result.json` is not such a document.
    pub fn result(&self) -> Result<Option<CellResult>> {
        if !self.is_done() {
            return Ok(None);
        }
        read_json(&self.result_path()).map(Some)
    }

    /// Writes `result.json`, which marks the cell as done: write everything else first.
    ///
    /// # Errors
    /// [`Error::Failed`] if the disk refuses.
    pub fn write_result(&self, result: &CellResult) -> Result<()> {
        atomic::write_json(&self.result_path(), result)
    }

    /// Opens `log.jsonl` to go on after `last_step`, the checkpoint's (0 to start anew); records of
    /// later steps are cut off.
    ///
    /// # Errors
    /// As [`LogWriter::resume`].
    pub fn log_writer(&self, last_step: usize) -> Result<LogWriter> {
        LogWriter::resume(&self.log_path(), last_step)
    }

    /// The records of `log.jsonl`, none if it is not there; a torn last line is dropped.
    ///
    /// # Errors
    /// [`Error::Input`] with the line, if a line before the last is broken.
    pub fn read_log(&self) -> Result<Vec<LogRecord>> {
        log::read_log(&self.log_path())
    }

    /// Saves a checkpoint: `write` fills the folder it is given, which then takes the place of
    /// `checkpoint/` whole or not at all.
    ///
    /// # Errors
    /// What `write` returns, or [`Error::Failed`] if the disk refuses; the old checkpoint stays.
    pub fn save_checkpoint(&self, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        atomic::replace_folder(&self.checkpoint_path(), write)
    }

    /// The folder of the newest whole checkpoint, if there is one.
    pub fn checkpoint(&self) -> Option<PathBuf> {
        atomic::newest_folder(&self.checkpoint_path())
    }

    /// Writes `captions.jsonl`, and `captions.coco.json` (`[{"image_id","caption"}]`) for other tools.
    ///
    /// # Errors
    /// [`Error::Failed`] if the disk refuses.
    pub fn write_captions(&self, captions: &[CaptionRecord]) -> Result<()> {
        #[derive(Serialize)]
        struct CocoResult<'a> {
            image_id: u64,
            caption: &'a str,
        }
        let coco: Vec<_> = captions
            .iter()
            .map(|record| CocoResult {
                image_id: record.image_id,
                caption: &record.caption,
            })
            .collect();
        atomic::write_json(&self.path.join("captions.coco.json"), &coco)?;
        atomic::write_json_lines(&self.captions_path(), captions)
    }

    /// Whether there is a `captions.jsonl`.
    pub fn has_captions(&self) -> bool {
        self.captions_path().is_file()
    }

    /// The records of `captions.jsonl`.
    ///
    /// # Errors
    /// [`Error::Input`] if the file is not there, or with the line that is broken.
    pub fn read_captions(&self) -> Result<Vec<CaptionRecord>> {
        let path = self.captions_path();
        let text = fs::read_to_string(&path).map_err(|e| Error::reading(&path, e))?;
        text.lines()
            .enumerate()
            .map(|(index, line)| {
                serde_json::from_str(line).map_err(|e| {
                    let place = format!("line {}", index + 1);
                    Error::in_file(&path, place, format!("expected a caption as JSON: {e}"))
                })
            })
            .collect()
    }

    /// Writes `stats.parquet`.
    ///
    /// # Errors
    /// As [`stats_file::write`].
    pub fn write_stats(&self, stats: &CaptionStats) -> Result<()> {
        stats_file::write(&self.stats_path(), stats)
    }

    /// The statistics of `stats.parquet`, or `None` if it is not there.
    ///
    /// # Errors
    /// As [`stats_file::read`].
    pub fn read_stats(&self) -> Result<Option<CaptionStats>> {
        let path = self.stats_path();
        if !path.is_file() {
            return Ok(None);
        }
        stats_file::read(&path).map(Some)
    }

    /// Makes the folder, and puts in order what a killed writer left in it.
    pub(super) fn prepare(&self) -> Result<()> {
        fs::create_dir_all(&self.path).map_err(|e| Error::writing(&self.path, e))?;
        atomic::remove_leftovers(&self.path)?;
        atomic::recover_folder(&self.checkpoint_path())
    }

    fn result_path(&self) -> PathBuf {
        self.path.join("result.json")
    }

    fn log_path(&self) -> PathBuf {
        self.path.join("log.jsonl")
    }

    fn captions_path(&self) -> PathBuf {
        self.path.join("captions.jsonl")
    }

    fn stats_path(&self) -> PathBuf {
        self.path.join("stats.parquet")
    }

    fn checkpoint_path(&self) -> PathBuf {
        self.path.join("checkpoint")
    }
}

/// Reads a JSON document, with file and line in the error.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).map_err(|e| Error::reading(path, e))?;
    serde_json::from_slice(&bytes).map_err(|e| {
        let place = format!("line {}, column {}", e.line(), e.column());
        Error::in_file(path, place, e)
    })
}
