//! The text of a file or of the standard input, unpacked, and where in it a fault is.

use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::metrics::parallel::in_chunks;

/// How each file in gzip's format begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Bytes of text that a thread parses at a time.
const PIECE: usize = 1 << 17;

/// How the records of a text are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// A JSON document a line.
    JsonLines,
    /// A caption a line.
    Lines,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::JsonLines => "JSON, a document a line",
            Self::Lines => "one caption a line",
        })
    }
}

/// A text and the name it goes by in messages.
#[derive(Debug)]
pub struct Source {
    name: PathBuf,
    text: String,
}

impl Source {
    /// Reads a file, or the standard input for `-`. What is packed with gzip is unpacked, whatever its
    /// name; a byte order mark is left out.
    ///
    /// # Errors
    /// [`Error::Input`] if it cannot be read or unpacked or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self> {
        let (name, bytes) = if is_standard_input(path) {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            (PathBuf::from("standard input"), read.map(|_| bytes))
        } else {
            (path.to_owned(), std::fs::read(path))
        };
        let mut bytes = bytes.map_err(|error| Error::reading(&name, error))?;
        if bytes.starts_with(&GZIP) {
            let mut unpacked = Vec::new();
            MultiGzDecoder::new(&bytes[..])
                .read_to_end(&mut unpacked)
                .map_err(|error| Error::reading(&name, format_args!("broken gzip: {error}")))?;
            bytes = unpacked;
        }
        let mut text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
            Error::in_file(&name, format_args!("line {line}"), "text that is not UTF-8")
        })?;
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        Ok(Self { name, text })
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines that are not blank, each with the number of lines before it.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        not_blank(&self.text)
    }

    /// How it is laid out: by its name (`.json`, `.jsonl`), or because it begins as a list or an
    /// object of JSON does and a caption hardly ever; of objects, `is_record` tells whether the first
    /// line is one by itself.
    pub fn format(&self, is_record: impl Fn(&str) -> bool) -> Format {
        let named = |ending: &str| {
            let name = self.name.to_string_lossy().to_lowercase();
            name.strip_suffix(".gz").unwrap_or(&name).ends_with(ending)
        };
        let mut marks = self.text.chars().filter(|c| !c.is_whitespace());
        match (marks.next(), marks.next()) {
            _ if named(".json") => Format::Json,
            _ if named(".jsonl") => Format::JsonLines,
            (Some('['), Some('{')) => Format::Json,
            (Some('{'), Some('"')) => match self.lines().next() {
                Some((_, line)) if is_record(line) => Format::JsonLines,
                _ => Format::Json,
            },
            _ => Format::Lines,
        }
    }

    /// Parses the whole text as one JSON document.
    ///
    /// # Errors
    /// [`Error::Input`] with line, column and what was expected.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self, expected: &str) -> Result<T> {
        serde_json::from_str(&self.text).map_err(|error| self.broken(&error, 0, expected))
    }

    /// A fault of JSON that starts after `before` lines of the text.
    fn broken(&self, error: &serde_json::Error, before: usize, expected: &str) -> Error {
        let place = format!("line {}, column {}", before + error.line(), error.column());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message);
        let kind = match error.is_data() {
            true => "unexpected JSON",
            false => "broken JSON",
        };
        self.fault(
            place,
            format_args!("{kind}: {message}; expected {expected}"),
        )
    }

    /// Parses every line that is not blank as JSON, on several threads; `make` turns each document
    /// into a record or says what is wrong with it.
    ///
    /// # Errors
    /// [`Error::Input`] for the first line that is no record, with its number.
    pub fn parse_lines<'a, T: Deserialize<'a>, R: Send>(
        &'a self,
        expected: &str,
        threads: usize,
        make: impl Fn(T) -> std::result::Result<R, String> + Sync,
    ) -> Result<Vec<R>> {
        let pieces = self.pieces();
        let parsed = in_chunks(pieces.len(), 1, threads, |piece| {
            let start = pieces[piece.start].start;
            let before = || self.text[..start].matches('\n').count();
            let mut records = Vec::new();
            for (i, line) in not_blank(&self.text[pieces[piece.start].clone()]) {
                let document = serde_json::from_str(line)
                    .map_err(|error| self.broken(&error, before() + i, expected))?;
                let record = make(document).map_err(|message| {
                    self.fault(format_args!("line {}", before() + i + 1), message)
                })?;
                records.push(record);
            }
            Ok(records)
        });
        let mut all = Vec::new();
        for records in parsed {
            all.append(&mut records?);
        }
        Ok(all)
    }

    /// The text in pieces of about [`PIECE`] bytes, each of whole lines.
    fn pieces(&self) -> Vec<Range<usize>> {
        let mut pieces = Vec::with_capacity(self.text.len() / PIECE + 1);
        let bytes = self.text.as_bytes();
        let mut start = 0;
        while start < bytes.len() {
            let least = (start + PIECE).min(bytes.len());
            let rest = bytes[least..].iter().position(|&byte| byte == b'\n');
            let end = rest.map_or(bytes.len(), |at| least + at + 1);
            pieces.push(start..end);
            start = end;
        }
        pieces
    }

    /// The number of the `record`th line that is not blank, from 1.
    pub fn line_of(&self, record: usize) -> usize {
        self.lines().nth(record).map_or(0, |(before, _)| before + 1)
    }

    /// A fault at a place of the text.
    pub fn fault(&self, place: impl fmt::Display, message: impl fmt::Display) -> Error {
        Error::in_file(&self.name, place, message)
    }

    /// That there is no `what` at all.
    pub fn empty(&self, what: &str) -> Error {
        Error::input(format!("{self} has no {what}"))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.display().fmt(f)
    }
}

/// The lines that are not blank, each with the number of lines before it.
fn not_blank(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.filter(|(_, line)| !line.trim_start().is_empty())
}

/// Whether a path means the standard input.
pub fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Source {
        Source {
            name: name.into(),
            text: text.into(),
        }
    }

    #[test]
    fn formats_are_told_by_name_then_by_text() {
        for (name, text, format) in [
            ("a.json", "a dog", Format::Json),
            ("a.JSON.gz", "", Format::Json),
            ("a.jsonl", "a dog", Format::JsonLines),
            ("a.jsonl.gz", "", Format::JsonLines),
            ("a.txt", "a dog", Format::Lines),
            ("json", "", Format::Lines),
            ("-", "\n [\n {", Format::Json),
            ("-", "{\"a\":1}\n{\"a\":2}", Format::JsonLines),
            ("-", "{\"b\":1}", Format::Json),
            ("-", "[a dog]", Format::Lines),
        ] {
            let found = source(name, text).format(|line| line.contains("\"a\""));
            assert_eq!(found, format, "{name} {text:?}");
        }
    }

    #[test]
    fn what_is_packed_is_unpacked_member_by_member() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no ending");
        let mut bytes = Vec::new();
        for part in ["\u{feff}a dog\n", "a cat\n"] {
            let mut pack = flate2::write::GzEncoder::new(&mut bytes, Default::default());
            pack.write_all(part.as_bytes()).unwrap();
        }
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Source::read(&path).unwrap().text(), "a dog\na cat\n");
        std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
        let error = Source::read(&path).unwrap_err();
        assert!(error.message().contains("broken gzip"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}
