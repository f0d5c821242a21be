//! A run's folder: made, refused to strangers, opened again.
//!
//! ```text
//! runs/NAME/run.json      the stamp; its presence makes the folder a run
//! runs/NAME/recipe.toml   the resolved recipe
//! runs/NAME/run.lock      locked by the one process that writes here
//! runs/NAME/cells/CELL/   see [`CellDir`]
//! runs/NAME/report/
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};
use crate::results::atomic;
use crate::results::cell::{CellDir, read_json};
use crate::results::schema::{CellResult, RunStamp, SCHEMA};

const STAMP: &str = "run.json";
const RECIPE: &str = "recipe.toml";
const LOCK: &str = "run.lock";

/// A run on disk.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    stamp: RunStamp,
    is_new: bool,
    /// Held by the writer as long as it lives; the system lets go of it when the process ends, however it ends.
    _lock: Option<File>,
}

impl RunDir {
    /// Makes a run's folder, or opens the one that is there for writing if it is the same recipe's.
    ///
    /// A folder that is there keeps its stamp; cells that `stamp` has and it has not are added, so
    /// that variants of one recipe may be run one after the other. What a killed process left
    /// undone is finished.
    ///
    /// # Errors
    /// [`Error::Input`], with the folder untouched, if `path` holds a run of another recipe or of
    /// other data, is a non-empty folder that is no run, is no folder, or if another process is
    /// writing to it; [`Error::Failed`] if the disk refuses.
    pub fn create(path: &Path, stamp: &RunStamp, recipe_toml: &str) -> Result<Self> {
        let found = inspect(path, stamp)?;
        fs::create_dir_all(path).map_err(|e| Error::writing(path, e))?;
        let lock = lock(path)?;
        atomic::remove_leftovers(path)?;
        let is_new = found.is_none();
        let merged = merge(found.as_ref(), stamp);
        if found.as_ref() != Some(&merged) {
            atomic::write_json(&path.join(STAMP), &merged)?;
        }
        if !path.join(RECIPE).is_file() {
            atomic::write_file(&path.join(RECIPE), recipe_toml.as_bytes())?;
        }
        let run = Self {
            path: path.to_path_buf(),
            stamp: merged,
            is_new,
            _lock: lock,
        };
        for cell in run.cells()? {
            cell.prepare()?;
        }
        Ok(run)
    }

    /// Opens a run for reading; nothing on disk is changed.
    ///
    /// # Errors
    /// [`Error::Input`] if `path` is no run.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            let message = format!("no run at {}: no such folder", path.display());
            return Err(Error::input(message));
        }
        if !path.join(STAMP).is_file() {
            let message = format!("{} is no run: it has no {STAMP}", path.display());
            return Err(Error::input(message));
        }
        Ok(Self {
            path: path.to_path_buf(),
            stamp: read_stamp(path)?,
            is_new: false,
            _lock: None,
        })
    }

    /// The run's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's stamp.
    pub fn stamp(&self) -> &RunStamp {
        &self.stamp
    }

    /// Whether [`RunDir::create`] found nothing of this run before.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Puts notes for the report's reader into the stamp, each once.
    ///
    /// # Errors
    /// [`Error::Failed`] if the disk refuses.
    pub fn add_notes(&mut self, notes: &[String]) -> Result<()> {
        for note in notes {
            if !self.stamp.notes.contains(note) {
                self.stamp.notes.push(note.clone());
            }
        }
        atomic::write_json(&self.path.join(STAMP), &self.stamp)
    }

    /// The text of `recipe.toml`.
    ///
    /// # Errors
    /// [`Error::Input`] if it cannot be read.
    pub fn recipe_toml(&self) -> Result<String> {
        let path = self.path.join(RECIPE);
        fs::read_to_string(&path).map_err(|e| Error::reading(&path, e))
    }

    /// One cell of the run by name.
    ///
    /// # Errors
    /// [`Error::Input`] if the run has no such cell, or its name would lead out of the run.
    pub fn cell(&self, name: &str) -> Result<CellDir> {
        if !self.stamp.cells.iter().any(|cell| cell == name) {
            let message = format!(
                "{} has no cell {name:?}; it has {}",
                self.path.display(),
                self.stamp.cells.join(", ")
            );
            return Err(Error::input(message));
        }
        let mut components = Path::new(name).components();
        match (components.next(), components.next()) {
            (Some(Component::Normal(_)), None) => {
                Ok(CellDir::new(self.path.join("cells").join(name)))
            }
            _ => Err(Error::in_file(
                &self.path.join(STAMP),
                "cells",
                format!("{name:?} is no folder name"),
            )),
        }
    }

    /// All cells, done or not, in the order of the table's rows.
    ///
    /// # Errors
    /// As [`RunDir::cell`].
    pub fn cells(&self) -> Result<Vec<CellDir>> {
        self.stamp
            .cells
            .iter()
            .map(|name| self.cell(name))
            .collect()
    }

    /// The results of the cells that are done, in the order of the table's rows.
    ///
    /// # Errors
    /// As [`CellDir::result`].
    pub fn results(&self) -> Result<Vec<CellResult>> {
        let mut results = Vec::new();
        for cell in self.cells()? {
            results.extend(cell.result()?);
        }
        Ok(results)
    }

    /// The names of the cells that are not done.
    ///
    /// # Errors
    /// As [`RunDir::cell`].
    pub fn unfinished(&self) -> Result<Vec<String>> {
        let cells = self.cells()?;
        let open = cells.iter().filter(|cell| !cell.is_done());
        Ok(open.map(CellDir::name).collect())
    }

    /// The folder of the run's report, which need not be there yet.
    pub fn report_path(&self) -> PathBuf {
        self.path.join("report")
    }
}

/// Looks at what is at `path` without touching it: the stamp of a run that `stamp` may write to, or
/// `None` if there is nothing.
fn inspect(path: &Path, stamp: &RunStamp) -> Result<Option<RunStamp>> {
    let shown = path.display();
    if path.join(STAMP).is_file() {
        let found = read_stamp(path)?;
        if found.recipe_hash != stamp.recipe_hash {
            return Err(Error::input(format!(
                "{shown} belongs to another recipe ({}, not {}): give another --out, or remove that folder",
                short_hash(&found.recipe_hash),
                short_hash(&stamp.recipe_hash)
            )));
        }
        if found.data_fingerprint != stamp.data_fingerprint {
            return Err(Error::input(format!(
                "{shown} was run on other data ({} had the fingerprint {}, and {} has {} now): give another --out, or \
                 remove that folder",
                found.data,
                short_hash(&found.data_fingerprint),
                stamp.data,
                short_hash(&stamp.data_fingerprint)
            )));
        }
        return Ok(Some(found));
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(Error::input(format!(
                "{shown} is a file: --out wants a folder"
            )));
        }
        Err(error) => return Err(Error::reading(path, error)),
    };
    for entry in entries {
        let name = entry.map_err(|e| Error::reading(path, e))?.file_name();
        let name = name.to_string_lossy();
        // What a process killed before it had written the stamp leaves behind.
        if name != LOCK && !atomic::is_temporary(&name) {
            return Err(Error::input(format!(
                "{shown} holds {name:?} but no {STAMP}, so it is no run: give a new or an empty folder as --out"
            )));
        }
    }
    Ok(None)
}

fn read_stamp(path: &Path) -> Result<RunStamp> {
    let path = path.join(STAMP);
    let stamp: RunStamp = read_json(&path)?;
    if stamp.schema != SCHEMA {
        let message = format!(
            "this version reads schema {SCHEMA}, not {}; it was written by version {}",
            stamp.schema, stamp.version
        );
        return Err(Error::in_file(&path, "schema", message));
    }
    Ok(stamp)
}

/// The stamp that was there with the new one's cells and notes added, in the new one's order.
fn merge(found: Option<&RunStamp>, stamp: &RunStamp) -> RunStamp {
    let Some(found) = found else {
        return stamp.clone();
    };
    let mut merged = found.clone();
    merged.cells = stamp.cells.clone();
    for (merged, old) in [
        (&mut merged.cells, &found.cells),
        (&mut merged.notes, &stamp.notes),
    ] {
        for item in old {
            if !merged.contains(item) {
                merged.push(item.clone());
            }
        }
    }
    merged
}

/// Takes the run's lock; `None` on a file system that knows no locks.
fn lock(path: &Path) -> Result<Option<File>> {
    let lock_path = path.join(LOCK);
    let file = File::create(&lock_path).map_err(|e| Error::writing(&lock_path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(Error::input(format!(
            "{} is being written to by another process",
            path.display()
        ))),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::writing(&lock_path, error)),
    }
}

/// The beginning of a hash, enough to tell two apart by eye.
pub(crate) fn short_hash(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
