//! Captions and references from files.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::metrics::Case;

/// An image id, a number or a text; `1` and `"1"` are the same.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Id {
    Number(i64),
    Text(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// A caption of an image: an entry of COCO results, or an annotation.
#[derive(Debug, Deserialize)]
struct Caption {
    image_id: Id,
    caption: String,
}

/// COCO captions, as far as they matter here.
#[derive(Debug, Deserialize)]
struct Annotations {
    annotations: Vec<Caption>,
}

/// A line of a cases file.
#[derive(Debug, Deserialize)]
struct CaseLine {
    id: Id,
    hypothesis: String,
    references: Vec<String>,
}

/// The captions of `hypotheses` with their references.
///
/// Either all files are JSON and go together by image id, where only the images that have a caption
/// are kept, or all have one caption a line and go together line by line.
///
/// # Errors
/// [`Error::Input`] for files that cannot be read or do not fit together, for no caption at all, and
/// for a caption without a reference.
pub fn captions(hypotheses: &Path, references: &[PathBuf]) -> Result<Vec<Case>> {
    let text = read(hypotheses)?;
    let json = is_json(hypotheses, &text);
    let references: Vec<(&Path, String)> = references
        .iter()
        .map(|path| Ok((path.as_path(), read(path)?)))
        .collect::<Result<_>>()?;
    for (path, text) in &references {
        if is_json(path, text) != json {
            let kind = |json| if json { "JSON" } else { "one caption a line" };
            return Err(Error::input(format!(
                "{} is {}, but {} is {}: both must be the same",
                hypotheses.display(),
                kind(json),
                path.display(),
                kind(!json)
            )));
        }
    }
    if json {
        by_image(hypotheses, &text, &references)
    } else {
        by_line(hypotheses, &text, &references)
    }
}

/// The cases of a file with one `{"id","hypothesis","references":[…]}` a line; blank lines are skipped.
///
/// # Errors
/// [`Error::Input`] for a file that cannot be read or has no case, and for a line that is no case, has
/// no reference, or an id that was there before.
pub fn cases(path: &Path) -> Result<Vec<Case>> {
    let text = read(path)?;
    let mut seen = HashSet::new();
    let mut cases = Vec::new();
    for (i, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let expected = r#"a case {"id":…,"hypothesis":"…","references":["…",…]}"#;
        let case: CaseLine = parse(path, line, i, expected)?;
        let fault = |message| Error::in_file(path, format_args!("line {}", i + 1), message);
        let id = case.id.to_string();
        if case.references.is_empty() {
            return Err(fault(format!("case {id:?} has no reference")));
        }
        if !seen.insert(id.clone()) {
            return Err(fault(format!("a second case with the id {id:?}")));
        }
        cases.push(Case {
            id,
            hypothesis: case.hypothesis,
            references: case.references,
        });
    }
    if cases.is_empty() {
        return Err(empty(path, "case"));
    }
    Ok(cases)
}

fn by_image(path: &Path, text: &str, references: &[(&Path, String)]) -> Result<Vec<Case>> {
    let expected = r#"COCO results [{"image_id":…,"caption":"…"},…]"#;
    let results: Vec<Caption> = parse(path, text, 0, expected)?;
    if results.is_empty() {
        return Err(empty(path, "caption"));
    }
    let mut cases: Vec<Case> = Vec::with_capacity(results.len());
    let mut places: HashMap<String, usize> = HashMap::with_capacity(results.len());
    for (i, result) in results.into_iter().enumerate() {
        let id = result.image_id.to_string();
        if let Some(first) = places.insert(id.clone(), i) {
            let message = format!(
                "a second caption of image {id}, which record {} has",
                first + 1
            );
            return Err(Error::in_file(
                path,
                format_args!("record {}", i + 1),
                message,
            ));
        }
        cases.push(Case {
            id,
            hypothesis: result.caption,
            references: Vec::new(),
        });
    }
    for (path, text) in references {
        let expected = r#"COCO captions {"annotations":[{"image_id":…,"caption":"…"},…]}"#;
        let file: Annotations = parse(path, text, 0, expected)?;
        if file.annotations.is_empty() {
            return Err(empty(path, "annotation"));
        }
        for annotation in file.annotations {
            if let Some(&place) = places.get(&annotation.image_id.to_string()) {
                cases[place].references.push(annotation.caption);
            }
        }
    }
    let missing: Vec<&str> = cases
        .iter()
        .filter(|case| case.references.is_empty())
        .map(|case| case.id.as_str())
        .collect();
    match missing[..] {
        [] => Ok(cases),
        [first, ..] => Err(Error::input(format!(
            "{}: {} of {} images have no reference, the first of them image {first}",
            path.display(),
            missing.len(),
            cases.len()
        ))),
    }
}

fn by_line(path: &Path, text: &str, references: &[(&Path, String)]) -> Result<Vec<Case>> {
    let mut cases: Vec<Case> = text
        .lines()
        .enumerate()
        .map(|(i, line)| Case {
            id: (i + 1).to_string(),
            hypothesis: line.to_owned(),
            references: Vec::with_capacity(references.len()),
        })
        .collect();
    if cases.is_empty() {
        return Err(empty(path, "caption"));
    }
    for (other, text) in references {
        let count = text.lines().count();
        if count != cases.len() {
            return Err(Error::input(format!(
                "{} has {} lines, but {} has {count}: line n of each must belong to the same picture",
                path.display(),
                cases.len(),
                other.display()
            )));
        }
        for (case, line) in cases.iter_mut().zip(text.lines()) {
            case.references.push(line.to_owned());
        }
    }
    Ok(cases)
}

fn empty(path: &Path, what: &str) -> Error {
    Error::input(format!("{} has no {what}", path.display()))
}

/// The text of a file, without a byte order mark.
fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| Error::reading(path, error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..at]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        Error::in_file(path, format_args!("line {line}"), "text that is not UTF-8")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Whether a file is to be read as JSON: by its name, or because it begins as a list or an object of
/// JSON does and a caption hardly ever.
fn is_json(path: &Path, text: &str) -> bool {
    let named = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let mut marks = text.chars().filter(|c| !c.is_whitespace());
    let begins = matches!(
        (marks.next(), marks.next()),
        (Some('['), Some('{')) | (Some('{'), Some('"'))
    );
    named || begins
}

/// Parses JSON that starts after `lines` lines of its file.
fn parse<'a, T: Deserialize<'a>>(
    path: &Path,
    text: &'a str,
    lines: usize,
    expected: &str,
) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!("line {}, column {}", lines + error.line(), error.column());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message);
        let kind = if error.is_data() {
            "unexpected JSON"
        } else {
            "broken JSON"
        };
        Error::in_file(
            path,
            place,
            format_args!("{kind}: {message}; expected {expected}"),
        )
    })
}
