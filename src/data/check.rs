//! Looking a data set over: every fault by name, or a summary where there is none.

use super::dataset::{Dataset, Example, OpenOptions, Picture, Source, Split, assemble, read};
use super::fault::Fault;
use super::loader::each;
use super::{Rgb, Spec};
use crate::error::Result;

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Everything that is wrong, in the order of the files.
    pub faults: Vec<Fault>,
    /// What there is, line by line; empty where the data set cannot be opened.
    pub summary: Vec<String>,
}

/// Reads a data set whole, decodes every picture in `threads` workers, and names every fault.
///
/// `progress` hears how many of how many pictures have been decoded.
///
/// # Errors
///
/// Only where a split is left empty though nothing else is wrong; all other
/// faults are in the report.
pub fn check(
    spec: &Spec,
    options: &OpenOptions,
    threads: usize,
    progress: &dyn Fn(usize, usize),
) -> Result<Report> {
    let Source { splits, mut faults } = read(spec, options.seed);
    let pictures: Vec<Example> = splits
        .iter()
        .flatten()
        .flatten()
        .filter(|example| match &example.image {
            Picture::File(path) => path.is_file(),
            Picture::Scene(_) => true,
        })
        .cloned()
        .collect();
    let mut sizes = vec![None; pictures.len()];
    let mut broken = Vec::new();
    let mut done = 0;
    each(
        &pictures,
        threads,
        |rgb: Rgb| (rgb.width, rgb.height),
        |at, result| {
            match (result, &pictures[at].image) {
                (Ok(size), _) => sizes[at] = Some(size),
                (Err(error), Picture::File(path)) => {
                    let named = format!("{}: ", path.display());
                    let message = error
                        .message()
                        .strip_prefix(&named)
                        .unwrap_or(error.message());
                    broken.push((at, Fault::of(path, message)));
                }
                (Err(error), Picture::Scene(_)) => return Err(error),
            }
            done += 1;
            progress(done, pictures.len());
            Ok(())
        },
    )?;
    broken.sort_by_key(|(at, _)| *at);
    faults.extend(broken.into_iter().map(|(_, fault)| fault));
    let summary = match faults.is_empty() {
        true => summary(&assemble(spec, splits, options)?, &sizes),
        false => Vec::new(),
    };
    Ok(Report { faults, summary })
}

fn summary(data: &Dataset, sizes: &[Option<(usize, usize)>]) -> Vec<String> {
    let mut lines = vec![format!("data         {}", data.name)];
    for split in Split::ALL {
        let examples = data.split(split);
        let captions: usize = examples.iter().map(|example| example.captions.len()).sum();
        lines.push(format!(
            "{:<12} {} pictures, {captions} captions",
            split.name(),
            examples.len()
        ));
    }
    let mut words: Vec<usize> = Split::ALL
        .iter()
        .flat_map(|&split| data.split(split))
        .flat_map(|example| &example.captions)
        .map(|caption| caption.text.split_whitespace().count())
        .collect();
    words.sort_unstable();
    if let [least, .., most] = words[..] {
        let mean = words.iter().sum::<usize>() as f64 / words.len() as f64;
        let median = words[words.len() / 2];
        lines.push(format!(
            "words        {least} to {most} a caption, mean {mean:.1}, median {median}"
        ));
    }
    let known = || sizes.iter().flatten();
    if let (Some(width), Some(height)) = (
        range(known().map(|size| size.0)),
        range(known().map(|size| size.1)),
    ) {
        lines.push(format!(
            "image sizes  {width} wide, {height} high, in pixels"
        ));
    }
    lines.push(format!("fingerprint  {}", data.fingerprint));
    lines.extend(data.notes.iter().map(|note| format!("note         {note}")));
    lines
}

fn range(values: impl Iterator<Item = usize> + Clone) -> Option<String> {
    let (least, most) = (values.clone().min()?, values.max()?);
    Some(if least == most {
        least.to_string()
    } else {
        format!("{least} to {most}")
    })
}
