//! Looking a data set over: every fault by name, or a summary where there is none.

mod duplicates;
mod lengths;
mod summary;

pub use lengths::Lengths;

use std::path::Path;

use sha2::{Digest, Sha256};

use super::dataset::{Dataset, Example, OpenOptions, Picture, Source, assemble, read};
use super::fault::Fault;
use super::image::{decode, picture};
use super::loader::each;
use super::{Rgb, Spec};
use crate::error::{Error, Result};

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Everything that is wrong, in the order of the files.
    pub faults: Vec<Fault>,
    /// What there is, line by line; empty where the data set cannot be opened.
    pub summary: Vec<String>,
    /// The data set, where nothing is wrong with it.
    pub dataset: Option<Dataset>,
}

/// What is kept of a picture that was looked at.
struct Looked {
    width: usize,
    height: usize,
    /// SHA-256 of its file.
    digest: Option<[u8; 32]>,
}

/// Reads a data set whole, decodes every picture in `threads` workers, and names every fault.
///
/// Files of the same bytes are no fault, as published data sets have some: the summary names them,
/// and calls them a leak where they are in different splits.
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
    let Source {
        splits,
        mut faults,
        licences,
    } = read(spec, options.seed);
    let pictures: Vec<&Example> = splits
        .iter()
        .flatten()
        .flatten()
        .filter(|example| match &example.image {
            Picture::File(path) => path.is_file(),
            Picture::Scene(_) => true,
        })
        .collect();
    let mut looked: Vec<Option<Looked>> = pictures.iter().map(|_| None).collect();
    let mut broken = Vec::new();
    let mut done = 0;
    each(&pictures, threads, look, |at, result| {
        match (result, &pictures[at].image) {
            (Ok(found), _) => looked[at] = Some(found),
            (Err(error), Picture::File(path)) => {
                broken.push((at, Fault::of(path, error.message())));
            }
            (Err(error), Picture::Scene(_)) => return Err(error),
        }
        done += 1;
        progress(done, pictures.len());
        Ok(())
    })?;
    broken.sort_by_key(|(at, _)| *at);
    faults.extend(broken.into_iter().map(|(_, fault)| fault));
    if !faults.is_empty() {
        return Ok(Report {
            faults,
            summary: Vec::new(),
            dataset: None,
        });
    }
    let digests = pictures
        .iter()
        .zip(&looked)
        .filter_map(|(example, looked)| {
            let Picture::File(path) = &example.image else {
                return None;
            };
            Some((path.clone(), looked.as_ref()?.digest?))
        });
    let digests = digests.collect();
    let dataset = assemble(spec, splits, options)?;
    let sizes: Vec<(usize, usize)> = looked
        .iter()
        .flatten()
        .map(|found| (found.width, found.height))
        .collect();
    Ok(Report {
        faults,
        summary: summary::lines(&dataset, &licences, &sizes, &digests),
        dataset: Some(dataset),
    })
}

/// Decodes a picture; the message of an error does not name the file.
fn look(example: &Example) -> Result<Looked> {
    let looked = |rgb: Rgb, digest| Looked {
        width: rgb.width,
        height: rgb.height,
        digest,
    };
    match &example.image {
        Picture::File(path) => {
            let bytes = bytes_of(path)?;
            Ok(looked(decode(&bytes)?, Some(Sha256::digest(&bytes).into())))
        }
        Picture::Scene(_) => Ok(looked(picture(example)?, None)),
    }
}

fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::input(format!("cannot read the picture: {error}")))
}
