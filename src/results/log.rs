//! `log.jsonl`: one line a training step, appended as it happens.
//!
//! A process killed in mid-write leaves a torn last line. It is dropped when
//! the log is read; a line that is broken anywhere else is a fault of the file
//! and is named.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::results::schema::LogRecord;

/// Appends records to a log, each whole line in one write.
#[derive(Debug)]
pub struct LogWriter {
    path: PathBuf,
    file: File,
}

impl LogWriter {
    /// Opens a log to go on after step `last_step`: later records, and a torn last line, are cut off.
    ///
    /// With `last_step` 0 the log starts anew. A log that is not there is created.
    ///
    /// # Errors
    /// [`Error::Input`] if a line before the last is broken, [`Error::Failed`] if the disk refuses.
    pub fn resume(path: &Path, last_step: usize) -> Result<Self> {
        let bytes = read_bytes(path)?;
        let kept: u64 = lines(path, &bytes)?
            .iter()
            .take_while(|line| line.record.step <= last_step)
            .last()
            .map_or(0, |line| line.end as u64);
        let open = || {
            let file = OpenOptions::new().append(true).create(true).open(path)?;
            file.set_len(kept)?;
            if kept > 0 && bytes[kept as usize - 1] != b'\n' {
                (&file).write_all(b"\n")?;
            }
            Ok(file)
        };
        let file = open().map_err(|e: io::Error| Error::writing(path, e))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
        })
    }

    /// Appends one record as a line.
    ///
    /// # Errors
    /// [`Error::Failed`] if the disk refuses.
    pub fn append(&mut self, record: &LogRecord) -> Result<()> {
        let mut line = serde_json::to_vec(record).map_err(|e| Error::writing(&self.path, e))?;
        line.push(b'\n');
        self.file
            .write_all(&line)
            .map_err(|e| Error::writing(&self.path, e))
    }

    /// Flushes the log to the disk; call it before saving a checkpoint, so that no checkpoint is
    /// ahead of its log even after a power cut.
    ///
    /// # Errors
    /// [`Error::Failed`] if the disk refuses.
    pub fn sync(&self) -> Result<()> {
        self.file
            .sync_data()
            .map_err(|e| Error::writing(&self.path, e))
    }
}

/// Reads a whole log; a torn last line is dropped, and a log that is not there is empty.
///
/// # Errors
/// [`Error::Input`] with the line, if a line before the last is broken.
pub fn read_log(path: &Path) -> Result<Vec<LogRecord>> {
    let bytes = read_bytes(path)?;
    Ok(lines(path, &bytes)?
        .into_iter()
        .map(|line| line.record)
        .collect())
}

struct Line {
    record: LogRecord,
    /// The offset behind the line, its newline included where it has one.
    end: usize,
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(|e| Error::reading(path, e)),
    }
}

fn lines(path: &Path, bytes: &[u8]) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut end = 0;
    for (index, line) in bytes.split_inclusive(|&b| b == b'\n').enumerate() {
        end += line.len();
        match serde_json::from_slice(line) {
            Ok(record) => lines.push(Line { record, end }),
            Err(_) if !line.ends_with(b"\n") => break,
            Err(error) => {
                let place = format!("line {}", index + 1);
                return Err(Error::in_file(
                    path,
                    place,
                    format!("expected a log record as JSON: {error}"),
                ));
            }
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: usize) -> LogRecord {
        LogRecord {
            step,
            epoch: step as f64 / 4.0,
            loss: Some(1.0 / step as f64),
            lm: None,
            kl: None,
            cl: None,
            lr: Some(1e-4),
            images_per_s: None,
            validation: None,
        }
    }

    fn write(path: &Path, steps: std::ops::RangeInclusive<usize>) {
        let mut log = LogWriter::resume(path, steps.start() - 1).unwrap();
        for step in steps {
            log.append(&record(step)).unwrap();
        }
        log.sync().unwrap();
    }

    #[test]
    fn records_come_back_as_written() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("log.jsonl");
        assert_eq!(read_log(&path).unwrap(), []);
        write(&path, 1..=5);
        let expected: Vec<_> = (1..=5).map(record).collect();
        assert_eq!(read_log(&path).unwrap(), expected);
    }

    /// Cuts the file at every byte, as a kill -9 in mid-write would, and resumes after step 2.
    #[test]
    fn a_log_torn_anywhere_resumes_to_the_same_bytes() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("log.jsonl");
        write(&path, 1..=4);
        let whole = fs::read(&path).unwrap();
        let through_2 = whole
            .split_inclusive(|&b| b == b'\n')
            .take(2)
            .map(<[u8]>::len)
            .sum::<usize>();
        // One byte less than the second line's newline: the record is whole, its newline is not there.
        for cut in through_2 - 1..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(read_log(&path).unwrap().len() >= 2, "cut at {cut}");
            write(&path, 3..=4);
            assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn both_records_of_the_last_step_are_kept() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("log.jsonl");
        write(&path, 1..=2);
        let mut log = LogWriter::resume(&path, 2).unwrap();
        log.append(&record(2)).unwrap();
        log.append(&record(3)).unwrap();
        drop(log);
        LogWriter::resume(&path, 2).unwrap();
        let steps: Vec<_> = read_log(&path).unwrap().iter().map(|r| r.step).collect();
        assert_eq!(steps, [1, 2, 2]);
    }

    #[test]
    fn a_broken_line_before_the_last_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("log.jsonl");
        write(&path, 1..=3);
        let broken = fs::read_to_string(&path)
            .unwrap()
            .replace("\"step\":2", "\"step\":two");
        fs::write(&path, broken).unwrap();
        let error = read_log(&path).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.message().contains("log.jsonl: line 2:"), "{error}");
    }
}
