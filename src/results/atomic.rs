//! Files and folders that are there whole or not at all, kill -9 at any moment included.
//!
//! A file is written beside its place under a temporary name, flushed to the
//! disk and renamed over the old one, which POSIX does in one step. A folder
//! cannot be renamed over another that is not empty, so a folder goes through
//! three names:
//!
//! ```text
//! NAME.partial   being written; worth nothing
//! NAME.new       whole, and newer than NAME
//! NAME           whole
//! NAME.old       being removed; worth nothing
//!
//! write partial → partial becomes new → NAME becomes old → new becomes NAME → remove old
//! ```
//!
//! At every moment after the first time, `NAME.new` or `NAME` is there and
//! whole; [`newest_folder`] finds it and [`recover_folder`] finishes the steps
//! that a killed process left undone.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::error::{Error, Result};

/// The ending of names that are worth nothing after a crash.
const PARTIAL: &str = ".partial";

/// Writes `bytes` to `path`, replacing what was there in one step.
///
/// # Errors
/// [`Error::Failed`] if the disk refuses; the old file is then untouched.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// Writes a document as indented JSON with a final newline, replacing what was there in one step.
///
/// # Errors
/// As [`write_file`].
pub fn write_json<T: Serialize>(path: &Path, document: &T) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(document).map_err(|e| Error::writing(path, e))?;
    bytes.push(b'\n');
    write_file(path, &bytes)
}

/// Writes one JSON document a line, replacing what was there in one step.
///
/// # Errors
/// As [`write_file`].
pub fn write_json_lines<T: Serialize>(path: &Path, records: &[T]) -> Result<()> {
    let mut bytes = Vec::new();
    for record in records {
        serde_json::to_writer(&mut bytes, record).map_err(|e| Error::writing(path, e))?;
        bytes.push(b'\n');
    }
    write_file(path, &bytes)
}

/// Lets `write` fill a temporary file beside `path`, then puts it in place in one step.
///
/// # Errors
/// As [`write_file`]; what `write` returns is reported against `path`.
pub fn write_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    let temporary = temporary_beside(path);
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)?;
        write(&mut file)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_folder(parent(path))
    })();
    written.map_err(|e| {
        // The error that matters is the first one; a temporary file may not even be there.
        let _ = fs::remove_file(&temporary);
        Error::writing(path, e)
    })
}

/// A hidden name in the folder of `path` that no other writer uses.
fn temporary_beside(path: &Path) -> PathBuf {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let write = WRITES.fetch_add(1, Ordering::Relaxed);
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}-{write}{PARTIAL}", std::process::id()));
    path.with_file_name(name)
}

/// Whether this file name is one that a killed [`write_with`] leaves behind.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(PARTIAL)
}

/// Removes what killed writers left in `folder` (not in the folders below it).
///
/// # Errors
/// [`Error::Failed`] if the folder cannot be listed or a leftover not be removed.
pub fn remove_leftovers(folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).map_err(|e| Error::writing(folder, e))?;
    for entry in entries {
        let entry = entry.map_err(|e| Error::writing(folder, e))?;
        if is_temporary(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path()).map_err(|e| Error::writing(&entry.path(), e))?;
        }
    }
    Ok(())
}

/// Lets `write` fill a new folder, then puts it in the place of `folder`.
///
/// If `write` fails, `folder` stays as it was. There must be one writer at a time.
///
/// # Errors
/// What `write` returns, or [`Error::Failed`] if the disk refuses.
pub fn replace_folder(folder: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    recover_folder(folder)?;
    let partial = suffixed(folder, PARTIAL);
    fs::create_dir_all(&partial).map_err(|e| Error::writing(&partial, e))?;
    if let Err(error) = write(&partial) {
        // Whatever cannot be removed now is removed by the next recovery.
        let _ = fs::remove_dir_all(&partial);
        return Err(error);
    }
    let publish = || {
        sync_tree(&partial)?;
        fs::rename(&partial, suffixed(folder, ".new"))?;
        sync_folder(parent(folder))
    };
    publish().map_err(|e: io::Error| Error::writing(folder, e))?;
    recover_folder(folder)
}

/// Finishes what a killed [`replace_folder`] left undone, and removes what is worth nothing.
///
/// Only for the one writer: a reader asks [`newest_folder`].
///
/// # Errors
/// [`Error::Failed`] if the disk refuses.
pub fn recover_folder(folder: &Path) -> Result<()> {
    let (partial, new, old) = (
        suffixed(folder, PARTIAL),
        suffixed(folder, ".new"),
        suffixed(folder, ".old"),
    );
    let recover = || {
        remove_if_there(&partial)?;
        if new.exists() {
            if folder.exists() {
                remove_if_there(&old)?;
                fs::rename(folder, &old)?;
            }
            fs::rename(&new, folder)?;
            sync_folder(parent(folder))?;
        }
        remove_if_there(&old)
    };
    recover().map_err(|e: io::Error| Error::writing(folder, e))
}

/// The newest whole version of a folder written by [`replace_folder`], without touching anything.
pub fn newest_folder(folder: &Path) -> Option<PathBuf> {
    [suffixed(folder, ".new"), folder.to_path_buf()]
        .into_iter()
        .find(|candidate| candidate.is_dir())
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    path.with_file_name(name)
}

fn remove_if_there(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The folder that `path` lies in; the current one for a bare name.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            File::open(&path)?.sync_all()?;
        }
    }
    sync_folder(folder)
}

/// Makes the names in a folder durable; only Unix knows how.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, text: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("weights"), text).unwrap();
    }

    fn weights(folder: &Path) -> Option<String> {
        let newest = newest_folder(folder)?;
        Some(fs::read_to_string(newest.join("weights")).unwrap())
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run.json");
        write_file(&path, b"old").unwrap();
        write_json(&path, &[1, 2]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "[\n  1,\n  2\n]\n");
        assert_eq!(names(temp.path()), ["run.json"]);
    }

    #[test]
    fn a_write_that_fails_keeps_the_old_file() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run.json");
        write_file(&path, b"old").unwrap();
        let error = write_with(&path, |file| {
            file.write_all(b"half of the ne")?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert!(error.message().contains("disk full"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(temp.path()), ["run.json"]);
    }

    #[test]
    fn leftovers_of_killed_writers_are_known_and_removed() {
        let temp = tempfile::tempdir().unwrap();
        let leftover = temporary_beside(&temp.path().join("result.json"));
        fs::write(&leftover, "half").unwrap();
        fs::write(temp.path().join("result.json"), "{}").unwrap();
        remove_leftovers(temp.path()).unwrap();
        assert_eq!(names(temp.path()), ["result.json"]);
    }

    #[test]
    fn a_folder_is_replaced_and_a_failed_write_keeps_the_old_one() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("checkpoint");
        assert_eq!(weights(&folder), None);
        replace_folder(&folder, |new| {
            put(new, "first");
            Ok(())
        })
        .unwrap();
        replace_folder(&folder, |new| {
            put(new, "second");
            Ok(())
        })
        .unwrap();
        let failed = replace_folder(&folder, |new| {
            put(new, "half");
            Err(Error::failed("disk full"))
        });
        assert_eq!(failed, Err(Error::failed("disk full")));
        assert_eq!(weights(&folder).as_deref(), Some("second"));
        assert_eq!(names(temp.path()), ["checkpoint"]);
    }

    /// Every state that the disk can be in between two steps of [`replace_folder`], and which
    /// version a reader must then find.
    #[test]
    fn a_kill_between_any_two_steps_leaves_a_whole_version() {
        /// Folders and what is in them, and the version that is whole.
        type State<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
        let states: [State; 8] = [
            (&[("checkpoint.partial", "half")], None),
            (&[("checkpoint.new", "1")], Some("1")),
            (&[("checkpoint", "1")], Some("1")),
            (
                &[("checkpoint", "1"), ("checkpoint.partial", "half")],
                Some("1"),
            ),
            (&[("checkpoint", "1"), ("checkpoint.new", "2")], Some("2")),
            (
                &[("checkpoint.old", "1"), ("checkpoint.new", "2")],
                Some("2"),
            ),
            (&[("checkpoint", "2"), ("checkpoint.old", "1")], Some("2")),
            (
                &[
                    ("checkpoint", "2"),
                    ("checkpoint.old", "1"),
                    ("checkpoint.new", "3"),
                ],
                Some("3"),
            ),
        ];
        for (state, expected) in states {
            let temp = tempfile::tempdir().unwrap();
            let folder = temp.path().join("checkpoint");
            for (name, text) in state {
                put(&temp.path().join(name), text);
            }
            assert_eq!(weights(&folder).as_deref(), expected, "before: {state:?}");
            recover_folder(&folder).unwrap();
            assert_eq!(weights(&folder).as_deref(), expected, "after: {state:?}");
            let left: &[&str] = if expected.is_some() {
                &["checkpoint"]
            } else {
                &[]
            };
            assert_eq!(names(temp.path()), left, "{state:?}");
        }
    }
}
