//! Captions and references from files.

mod records;
mod source;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use self::records::Id;
use self::source::{Format, Source, is_standard_input};
use crate::error::{Error, Result};
use crate::metrics::Case;

/// Image ids that an error names.
const NAMED: usize = 3;

/// Captions with their references.
#[derive(Debug)]
pub struct Captions {
    /// The cases, in the order of the hypotheses.
    pub cases: Vec<Case>,
    /// That some images of the references have no caption and are not scored.
    pub note: Option<String>,
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
/// Either all files name images and go together by image id, where only the images that have a caption
/// are kept, or all have one caption a line and go together line by line. One of the paths may be `-`.
///
/// # Errors
/// [`Error::Input`] for files that cannot be read or do not fit together, for no caption at all, and
/// for a caption without a reference.
pub fn captions(hypotheses: &Path, references: &[PathBuf]) -> Result<Captions> {
    let paths = std::iter::once(hypotheses).chain(references.iter().map(PathBuf::as_path));
    if paths.filter(|path| is_standard_input(path)).count() > 1 {
        return Err(Error::input(
            "`-` is given more than once: the standard input can be read once only",
        ));
    }
    let hypotheses = Source::read(hypotheses)?;
    let format = records::format(&hypotheses);
    let mut others = Vec::with_capacity(references.len());
    for path in references {
        let other = Source::read(path)?;
        let found = records::format(&other);
        if (found == Format::Lines) != (format == Format::Lines) {
            return Err(Error::input(format!(
                "{hypotheses} is {format}, but {other} is {found}: either both name images, or both have one caption a line"
            )));
        }
        others.push((other, found));
    }
    if format == Format::Lines {
        let cases = by_line(&hypotheses, &others)?;
        return Ok(Captions { cases, note: None });
    }
    by_image(&hypotheses, format, &others)
}

/// The cases of a file with one `{"id","hypothesis","references":[…]}` a line; blank lines are skipped.
///
/// # Errors
/// [`Error::Input`] for a file that cannot be read or has no case, and for a line that is no case, has
/// no reference, or an id that was there before.
pub fn cases(path: &Path) -> Result<Vec<Case>> {
    let source = Source::read(path)?;
    let mut seen = HashSet::new();
    let mut cases = Vec::new();
    for (i, line) in source.lines() {
        let expected = r#"a case {"id":…,"hypothesis":"…","references":["…",…]}"#;
        let case: CaseLine = source.parse(line, i, expected)?;
        let fault = |message| source.fault(format_args!("line {}", i + 1), message);
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
        return Err(source.empty("case"));
    }
    Ok(cases)
}

/// The captions of a file for training, in any format of references; of a file that has splits those
/// of `train` and `restval`.
///
/// # Errors
/// [`Error::Input`] for the standard input, for a file that cannot be read, and for no caption.
pub fn training(path: &Path) -> Result<Vec<String>> {
    if is_standard_input(path) {
        return Err(Error::input(
            "--train cannot be `-`: give the captions of the training set as a file",
        ));
    }
    let source = Source::read(path)?;
    let captions: Vec<String> = match records::format(&source) {
        Format::Lines => source.lines().map(|(_, line)| line.to_owned()).collect(),
        format => records::references(&source, format)?
            .into_iter()
            .filter(|image| matches!(image.split.as_deref(), None | Some("train" | "restval")))
            .flat_map(|image| image.captions)
            .collect(),
    };
    match captions.is_empty() {
        true => Err(source.empty("caption for training")),
        false => Ok(captions),
    }
}

fn by_image(
    hypotheses: &Source,
    format: Format,
    references: &[(Source, Format)],
) -> Result<Captions> {
    let results = records::results(hypotheses, format)?;
    let mut cases: Vec<Case> = Vec::with_capacity(results.len());
    let mut places: HashMap<String, (usize, String)> = HashMap::with_capacity(results.len());
    for (i, (place, result)) in results.into_iter().enumerate() {
        let id = result.image_id.to_string();
        if let Some((_, first)) = places.get(&id) {
            let message = format!("a second caption of image {id}, which {first} has");
            return Err(hypotheses.fault(place, message));
        }
        places.insert(id.clone(), (i, place));
        cases.push(Case {
            id,
            hypothesis: result.caption,
            references: Vec::new(),
        });
    }
    let mut uncaptioned: HashMap<Option<String>, HashSet<String>> = HashMap::new();
    let mut captioned: HashMap<Option<String>, HashSet<String>> = HashMap::new();
    for (source, format) in references {
        for image in records::references(source, *format)? {
            if let Some((place, _)) = places.get(&image.id) {
                cases[*place].references.extend(image.captions);
                captioned.entry(image.split).or_default().insert(image.id);
            } else {
                uncaptioned.entry(image.split).or_default().insert(image.id);
            }
        }
    }
    let missing: Vec<&str> = cases
        .iter()
        .filter(|case| case.references.is_empty())
        .map(|case| case.id.as_str())
        .collect();
    if missing.is_empty() {
        let note = unscored(&captioned, &uncaptioned);
        return Ok(Captions { cases, note });
    }
    let (image, more) = match missing.len() {
        1 => ("image", ""),
        ..=NAMED => ("images", ""),
        _ => ("images", " and so on"),
    };
    Err(Error::input(format!(
        "{hypotheses}: {} of {} images have no reference: {image} {}{more}",
        missing.len(),
        cases.len(),
        missing[..missing.len().min(NAMED)].join(", ")
    )))
}

/// How many images of the references have no caption, of the splits in which any has one: who scores
/// captions of a test set is not short of captions for the training set.
fn unscored(
    captioned: &HashMap<Option<String>, HashSet<String>>,
    uncaptioned: &HashMap<Option<String>, HashSet<String>>,
) -> Option<String> {
    let count = |images: &HashMap<Option<String>, HashSet<String>>| -> usize {
        let split = |split: &Option<String>| images.get(split).map_or(0, HashSet::len);
        captioned.keys().map(split).sum()
    };
    let without = count(uncaptioned);
    let mut splits: Vec<&str> = captioned.keys().flatten().map(String::as_str).collect();
    splits.sort_unstable();
    let of = match splits[..] {
        [] => "the references".to_owned(),
        _ => format!("the references ({})", splits.join(", ")),
    };
    (without > 0).then(|| {
        format!(
            "{without} of {} images of {of} have no caption and are not scored",
            without + count(captioned)
        )
    })
}

fn by_line(hypotheses: &Source, references: &[(Source, Format)]) -> Result<Vec<Case>> {
    let mut cases: Vec<Case> = hypotheses
        .text()
        .lines()
        .enumerate()
        .map(|(i, line)| Case {
            id: (i + 1).to_string(),
            hypothesis: line.to_owned(),
            references: Vec::with_capacity(references.len()),
        })
        .collect();
    if cases.is_empty() {
        return Err(hypotheses.empty("caption"));
    }
    for (other, _) in references {
        let count = other.text().lines().count();
        if count != cases.len() {
            return Err(Error::input(format!(
                "{hypotheses} has {} lines, but {other} has {count}: line n of each must belong to the same picture",
                cases.len(),
            )));
        }
        for (case, line) in cases.iter_mut().zip(other.text().lines()) {
            case.references.push(line.to_owned());
        }
    }
    Ok(cases)
}
