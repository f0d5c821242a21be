//! Looking a data set over: every fault by name, or a summary where there is none.

mod duplicates;
mod lengths;
mod look_alikes;
mod summary;

pub use lengths::Lengths;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::dataset::{Dataset, Example, OpenOptions, Picture, Source, assemble, read};
use super::fault::Fault;
use super::image::{decode, picture};
use super::loader::each;
use super::near::{PerceptualHash, Thumbnail};
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
    /// Of its file, where it has one.
    print: Option<Print>,
}

/// What tells whether two files are of one picture.
#[derive(Clone, Copy)]
struct Print {
    /// SHA-256 of the file.
    digest: [u8; 32],
    hash: PerceptualHash,
}

/// Of every file of a data set.
type Prints = HashMap<PathBuf, Print>;

/// Reads a data set whole, decodes every picture in `threads` workers, and names every fault.
///
/// Files of the same bytes are no fault, as published data sets have some: the summary names them,
/// and calls them a leak where they are in different splits, as it does pictures that look the same
/// (see [`crate::data::near`]).
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
    let prints = pictures
        .iter()
        .zip(&looked)
        .filter_map(|(example, looked)| {
            let Picture::File(path) = &example.image else {
                return None;
            };
            Some((path.clone(), looked.as_ref()?.print?))
        });
    let prints: Prints = prints.collect();
    let dataset = assemble(spec, splits, options)?;
    let sizes: Vec<(usize, usize)> = looked
        .iter()
        .flatten()
        .map(|found| (found.width, found.height))
        .collect();
    Ok(Report {
        faults,
        summary: summary::lines(&dataset, &licences, &sizes, &prints, threads)?,
        dataset: Some(dataset),
    })
}

/// Decodes a picture; the message of an error does not name the file.
fn look(example: &Example) -> Result<Looked> {
    let looked = |rgb: &Rgb, print| Looked {
        width: rgb.width,
        height: rgb.height,
        print,
    };
    match &example.image {
        Picture::File(path) => {
            let bytes = bytes_of(path)?;
            let rgb = decode(&bytes)?;
            let print = Print {
                digest: Sha256::digest(&bytes).into(),
                hash: PerceptualHash::of(&Thumbnail::of(&rgb)),
            };
            Ok(looked(&rgb, Some(print)))
        }
        Picture::Scene(_) => Ok(looked(&picture(example)?, None)),
    }
}

fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::input(format!("cannot read the picture: {error}")))
}
