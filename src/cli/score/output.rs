//! Scores for the terminal and for files.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use serde::Serialize;

use super::conventions;
use crate::error::{Error, Result};
use crate::metrics::Metric;
use crate::results::atomic;
use crate::results::schema::ScoreDocument;

/// Whether an output path means the standard output.
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Finds out before any work whether a file can be written where it is wanted.
///
/// # Errors
/// [`Error::Input`] if its folder does not exist or if it is a folder itself.
pub fn check(path: &Path) -> Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(Error::input(format!(
            "cannot write {}: there is no folder {}",
            path.display(),
            folder.display()
        )));
    }
    if path.is_dir() {
        return Err(Error::input(format!(
            "cannot write {}: it is a folder",
            path.display()
        )));
    }
    Ok(())
}

/// Writes a document as JSON, to the standard output if that is what the path means.
///
/// # Errors
/// [`Error::Failed`] if the disk refuses.
pub fn json(path: &Path, document: &impl Serialize) -> Result<()> {
    let mut text =
        serde_json::to_string_pretty(document).map_err(|error| Error::writing(path, error))?;
    text.push('\n');
    write(path, text.as_bytes())
}

/// Prints the scores as a table: points, their interval, and the signature they must not travel without.
pub fn table(metrics: &[&dyn Metric], document: &ScoreDocument) -> Result<()> {
    let width = metrics
        .iter()
        .map(|metric| metric.key().len())
        .max()
        .unwrap_or(0);
    let captions = if document.n == 1 {
        "caption"
    } else {
        "captions"
    };
    let mut text = format!("{} {captions}\n", document.n);
    let _ = writeln!(
        text,
        "{:<width$}  {:>7}  {:<16}  signature",
        "metric", "points", "95 % interval"
    );
    for metric in metrics {
        let Some(score) = document.metrics.get(metric.key()) else {
            let why = metric.unavailable().unwrap_or_default();
            let _ = writeln!(text, "{:<width$}  unavailable: {why}", metric.key());
            continue;
        };
        let interval = match score.ci95 {
            Some([low, high]) => format!("{low:.2} – {high:.2}"),
            None => "one caption".to_owned(),
        };
        let (key, points, signature) = (metric.key(), score.points, &score.signature);
        let _ = writeln!(
            text,
            "{key:<width$}  {points:>7.2}  {interval:<16}  {signature}"
        );
    }
    text += &conventions::text(&document.metrics);
    print(&text)
}

/// Prints to the standard output.
pub fn print(text: &str) -> Result<()> {
    write("-".as_ref(), text.as_bytes())
}

/// Writes to a file, whole or not at all, or to the standard output.
///
/// What is there and no ordinary file (a pipe, a device) is written to as it is. A reader of the
/// standard output that has read enough is no failure.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if is_stdout(path) {
        let mut out = io::stdout().lock();
        let written = out.write_all(bytes).and_then(|()| out.flush());
        return match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::writing(path, error)),
            _ => Ok(()),
        };
    }
    if path.exists() && !path.is_file() {
        return std::fs::write(path, bytes).map_err(|error| Error::writing(path, error));
    }
    atomic::write_file(path, bytes)
}
