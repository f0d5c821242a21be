//! Baseline files: `baselines/NAME.json`, made to be read and committed, and `NAME.parquet` beside it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::gate::history::Accepted;
use crate::gate::snapshot::Snapshot;
use crate::gate::statistics;
use crate::results::atomic;
use crate::results::schema::SCHEMA;

/// What kind of document this is, said in its first lines.
const KIND: &str = "caption-bench baseline";

/// The ending of the file of statistics.
const STATISTICS: &str = "parquet";

/// Scores that later ones must not fall below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// [`SCHEMA`].
    pub schema: u32,
    /// `caption-bench baseline`.
    pub kind: String,
    /// The name it was saved under.
    pub name: String,
    /// When it was saved or accepted, seconds since 1970.
    pub created_unix: u64,
    /// SHA-256 of the file of per-caption statistics beside it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub statistics_sha256: Option<String>,
    /// What it took the place of, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub history: Vec<Accepted>,
    /// The scores.
    #[serde(flatten)]
    pub snapshot: Snapshot,
}

impl Baseline {
    /// A baseline of `snapshot`, the first of its name.
    pub fn new(name: &str, created_unix: u64, snapshot: Snapshot) -> Self {
        Self {
            schema: SCHEMA,
            kind: KIND.into(),
            name: name.into(),
            created_unix,
            statistics_sha256: None,
            history: Vec::new(),
            snapshot,
        }
    }

    /// Reads a baseline file, and the statistics beside it.
    ///
    /// # Errors
    /// [`Error::NothingToCompare`] if it is not there, is empty or has no score; [`Error::Input`] if it
    /// is no baseline, its statistics are lost or others, or its scores are not those of its statistics.
    pub fn read(path: &Path) -> Result<Self> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message = format!("there is no baseline {}{}", path.display(), others(path));
                return Err(Error::NothingToCompare(message));
            }
            other => other.map_err(|e| Error::reading(path, e))?,
        };
        if text.trim().is_empty() {
            let message = format!("the baseline {} is empty", path.display());
            return Err(Error::NothingToCompare(message));
        }
        let mut baseline: Self = parse(path, &text)?;
        if baseline.metrics().is_empty() {
            let message = format!("the baseline {} has no score", path.display());
            return Err(Error::NothingToCompare(message));
        }
        if let Some(expected) = &baseline.statistics_sha256 {
            let beside = path.with_extension(STATISTICS);
            statistics::read(&beside, expected, &mut baseline.snapshot.rows)?;
        }
        for row in &baseline.snapshot.rows {
            if let Some(score) = row.other_than_its_statistics() {
                return Err(Error::in_file(path, format!("row {}", row.row), score));
            }
        }
        Ok(baseline)
    }

    /// Writes the baseline and the statistics beside it, making the folder if need be.
    ///
    /// # Errors
    /// [`Error::Failed`] if the disk refuses.
    pub fn write(&mut self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| Error::writing(folder, e))?;
        }
        let beside = path.with_extension(STATISTICS);
        self.statistics_sha256 = statistics::write(&beside, &self.snapshot.rows)?;
        atomic::write_json(path, self)
    }

    /// The keys of all metrics in it.
    pub fn metrics(&self) -> BTreeSet<&str> {
        let rows = self.snapshot.rows.iter();
        rows.flat_map(|row| row.metrics.keys().map(String::as_str))
            .collect()
    }
}

/// Whether a file was written as a baseline, whole or not, of this version or another.
pub fn is_one(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    let head: Option<Head> = serde_json::from_str(&text).ok();
    head.is_some_and(|head| head.kind.as_deref() == Some(KIND))
}

/// The head alone, to tell a broken baseline from a file that never was one.
#[derive(Deserialize)]
struct Head {
    kind: Option<String>,
    schema: Option<u32>,
}

fn parse(path: &Path, text: &str) -> Result<Baseline> {
    let broken = |e: serde_json::Error| {
        let place = format!("line {}, column {}", e.line(), e.column());
        Error::in_file(path, place, format!("no baseline: {e}"))
    };
    let head: Head = serde_json::from_str(text).map_err(broken)?;
    if head.kind.as_deref() != Some(KIND) {
        let message =
            format!("expected {KIND:?}: this file was not written by `bench baseline save`");
        return Err(Error::in_file(path, "kind", message));
    }
    if head.schema != Some(SCHEMA) {
        let message = format!(
            "this version reads schema {SCHEMA}: remove the file and save the baseline again"
        );
        return Err(Error::in_file(path, "schema", message));
    }
    serde_json::from_str(text).map_err(broken)
}

/// The baselines that do lie beside a missing one, as the end of a sentence.
fn others(path: &Path) -> String {
    let Some(entries) = path.parent().and_then(|folder| fs::read_dir(folder).ok()) else {
        return String::new();
    };
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let name = name.strip_suffix(".json")?.to_string();
        parse(&entry.path(), &fs::read_to_string(entry.path()).ok()?).ok()?;
        Some(name)
    });
    let names: BTreeSet<_> = names.collect();
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<_> = names.into_iter().collect();
    format!(" (there is {})", names.join(", "))
}

/// The file of a baseline given as `FILE|NAME`: a path if it looks like one, else a name in `folder`.
///
/// # Errors
/// [`Error::Input`] for what can be neither.
pub fn locate(given: &str, folder: &Path) -> Result<PathBuf> {
    let is_path = given.ends_with(".json") || given.contains(['/', '\\']);
    if is_path {
        Ok(given.into())
    } else {
        file(given, folder)
    }
}

/// The file of the baseline `name` in `folder`.
///
/// # Errors
/// [`Error::Input`] for a name that could lead out of the folder.
pub fn file(name: &str, folder: &Path) -> Result<PathBuf> {
    let letters = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(letters) {
        return Err(Error::input(format!(
            "{name:?} is no name for a baseline: letters, digits, dots, hyphens and underscores, beginning with a \
             letter or digit"
        )));
    }
    Ok(folder.join(format!("{name}.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_lies_in_the_folder_and_a_path_where_it_says() {
        let folder = Path::new("baselines");
        assert_eq!(
            locate("ci", folder).unwrap(),
            Path::new("baselines/ci.json")
        );
        assert_eq!(locate("ci.json", folder).unwrap(), Path::new("ci.json"));
        assert_eq!(locate("a/ci", folder).unwrap(), Path::new("a/ci"));
        for name in ["", "..", ".hidden", "a/b", "a b", "-x"] {
            assert_eq!(file(name, folder).unwrap_err().exit_code(), 2, "{name:?}");
        }
    }
}
