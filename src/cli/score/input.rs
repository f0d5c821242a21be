//! Captions and references from files.

mod records;
mod source;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use serde::Deserialize;

use self::records::{Id, Text, texts};
pub use self::source::Source;
use self::source::{Format, is_standard_input};
use crate::error::{Error, Result};
use crate::metrics::Case;

/// Image ids that an error names.
const NAMED: usize = 3;

/// Captions with their references.
#[derive(Debug)]
pub struct Captions<'a> {
    /// The cases, in the order of the hypotheses.
    pub cases: Vec<Case<'a>>,
    /// That some images of the references have no caption and are not scored.
    pub note: Option<String>,
}

/// A line of a cases file.
#[derive(Debug, Deserialize)]
struct CaseLine<'a> {
    #[serde(borrow)]
    id: Id<'a>,
    #[serde(borrow)]
    hypothesis: Cow<'a, str>,
    references: Vec<Text<'a>>,
}

/// The text of what is to be scored, in files of their own for captions and references.
#[derive(Debug)]
pub struct Files {
    hypotheses: Source,
    references: Vec<Source>,
}

impl Files {
    /// Reads the files. One of the paths may be `-`.
    ///
    /// # Errors
    /// [`Error::Input`] for a file that cannot be read.
    pub fn read(hypotheses: &Path, references: &[PathBuf]) -> Result<Self> {
        let paths = std::iter::once(hypotheses).chain(references.iter().map(PathBuf::as_path));
        if paths.filter(|path| is_standard_input(path)).count() > 1 {
            return Err(Error::input(
                "`-` is given more than once: the standard input can be read once only",
            ));
        }
        Ok(Self {
            hypotheses: Source::read(hypotheses)?,
            references: references
                .iter()
                .map(|path| Source::read(path))
                .collect::<Result<_>>()?,
        })
    }

    /// The captions with their references.
    ///
    /// Either all files name images and go together by image id, where only the images that have a
    /// caption are kept, or all have one caption a line and go together line by line.
    ///
    /// # Errors
    /// [`Error::Input`] for files that are broken or do not fit together, for no caption at all, and
    /// for a caption without a reference.
    pub fn captions(&self, threads: usize) -> Result<Captions<'_>> {
        let format = records::format(&self.hypotheses);
        let mut others = Vec::with_capacity(self.references.len());
        for other in &self.references {
            let found = records::format(other);
            if (found == Format::Lines) != (format == Format::Lines) {
                return Err(Error::input(format!(
                    "{} is {format}, but {other} is {found}: either both name images, or both have one caption a line",
                    self.hypotheses
                )));
            }
            others.push((other, found));
        }
        if format == Format::Lines {
            let cases = by_line(&self.hypotheses, &self.references)?;
            return Ok(Captions { cases, note: None });
        }
        by_image(&self.hypotheses, format, &others, threads)
    }
}

/// The cases of a text with one `{"id","hypothesis","references":[…]}` a line; blank lines are skipped.
///
/// # Errors
/// [`Error::Input`] for a text without a case, and for a line that is no case, has no reference, or an
/// id that was there before.
pub fn cases(source: &Source, threads: usize) -> Result<Vec<Case<'_>>> {
    let expected = r#"a case {"id":…,"hypothesis":"…","references":["…",…]}"#;
    let cases = source.parse_lines(expected, threads, |case: CaseLine| {
        if case.references.is_empty() {
            return Err(format!("case {:?} has no reference", case.id.0));
        }
        Ok(Case {
            id: case.id.0,
            hypothesis: case.hypothesis,
            references: texts(case.references),
        })
    })?;
    let mut seen = FxHashSet::with_capacity_and_hasher(cases.len(), FxBuildHasher);
    for (i, case) in cases.iter().enumerate() {
        if !seen.insert(&case.id) {
            let message = format!("a second case with the id {:?}", case.id);
            return Err(source.fault(format_args!("line {}", source.line_of(i)), message));
        }
    }
    match cases.is_empty() {
        true => Err(source.empty("case")),
        false => Ok(cases),
    }
}

/// The captions of a file for training, in any format of references; of a file that has splits those
/// of `train` and `restval`.
///
/// # Errors
/// [`Error::Input`] for the standard input, for a file that cannot be read, and for no caption.
pub fn training(path: &Path, threads: usize) -> Result<Vec<String>> {
    if is_standard_input(path) {
        return Err(Error::input(
            "--train cannot be `-`: give the captions of the training set as a file",
        ));
    }
    let source = Source::read(path)?;
    let captions: Vec<String> = match records::format(&source) {
        Format::Lines => source.lines().map(|(_, line)| line.to_owned()).collect(),
        format => records::references(&source, format, threads)?
            .into_iter()
            .filter(|image| matches!(image.split.as_deref(), None | Some("train" | "restval")))
            .flat_map(|image| image.captions)
            .map(Cow::into_owned)
            .collect(),
    };
    match captions.is_empty() {
        true => Err(source.empty("caption for training")),
        false => Ok(captions),
    }
}

fn by_image<'a>(
    hypotheses: &'a Source,
    format: Format,
    references: &[(&'a Source, Format)],
    threads: usize,
) -> Result<Captions<'a>> {
    let results = records::results(hypotheses, format, threads)?;
    let mut cases: Vec<Case> = Vec::with_capacity(results.len());
    let mut places = FxHashMap::with_capacity_and_hasher(results.len(), FxBuildHasher);
    for (i, result) in results.into_iter().enumerate() {
        let id = result.image_id.0;
        if let Some(first) = places.insert(id.clone(), i) {
            let place = |i| match format {
                Format::JsonLines => format!("line {}", hypotheses.line_of(i)),
                Format::Json | Format::Lines => format!("record {}", i + 1),
            };
            let message = format!("a second caption of image {id}, which {} has", place(first));
            return Err(hypotheses.fault(place(i), message));
        }
        cases.push(Case {
            id,
            hypothesis: result.caption,
            references: Vec::new(),
        });
    }
    let mut uncaptioned = ImagesBySplit::default();
    let mut captioned = ImagesBySplit::default();
    for (source, format) in references {
        for image in records::references(source, *format, threads)? {
            let known = places.get(&image.id);
            if let Some(place) = known {
                cases[*place].references.extend(image.captions);
            }
            let images = match known {
                Some(_) => &mut captioned,
                None => &mut uncaptioned,
            };
            images.entry(image.split).or_default().insert(image.id);
        }
    }
    let missing: Vec<&str> = cases
        .iter()
        .filter(|case| case.references.is_empty())
        .map(|case| &*case.id)
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

/// The ids of images by the part of the data set that they are in, where it is known.
type ImagesBySplit<'a> = FxHashMap<Option<Cow<'a, str>>, FxHashSet<Cow<'a, str>>>;

/// How many images of the references have no caption, of the splits in which any has one: who scores
/// captions of a test set is not short of captions for the training set.
fn unscored(captioned: &ImagesBySplit, uncaptioned: &ImagesBySplit) -> Option<String> {
    let count = |images: &ImagesBySplit| -> usize {
        let splits = captioned.keys();
        splits
            .filter_map(|split| images.get(split))
            .map(FxHashSet::len)
            .sum()
    };
    let without = count(uncaptioned);
    let mut splits: Vec<&str> = captioned.keys().flatten().map(|split| &**split).collect();
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

fn by_line<'a>(hypotheses: &'a Source, references: &'a [Source]) -> Result<Vec<Case<'a>>> {
    let mut cases: Vec<Case> = hypotheses
        .text()
        .lines()
        .enumerate()
        .map(|(i, line)| Case {
            id: (i + 1).to_string().into(),
            hypothesis: line.into(),
            references: Vec::with_capacity(references.len()),
        })
        .collect();
    if cases.is_empty() {
        return Err(hypotheses.empty("caption"));
    }
    for other in references {
        let count = other.text().lines().count();
        if count != cases.len() {
            return Err(Error::input(format!(
                "{hypotheses} has {} lines, but {other} has {count}: line n of each must belong to the same picture",
                cases.len(),
            )));
        }
        for (case, line) in cases.iter_mut().zip(other.text().lines()) {
            case.references.push(line.into());
        }
    }
    Ok(cases)
}
