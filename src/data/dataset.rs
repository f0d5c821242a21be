//! A data set as everything later sees it: three lists of pictures with captions.

use std::collections::HashMap;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::fault::{Fault, refuse};
use super::scenes::{self, Scene};
use super::split::{self, Leakage, SplitRule};
use super::{Spec, coco, karpathy};
use crate::error::{Error, Result};

/// One caption of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// The caption's own number, as its data set has it.
    pub annotation_id: u64,
    /// The text as it was written.
    pub text: String,
}

/// Where a picture's pixels come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picture {
    /// Drawn from this truth.
    Scene(Scene),
    /// Decoded from this file.
    File(PathBuf),
}

/// A picture with its captions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The picture's number, as its data set has it.
    pub image_id: u64,
    /// The picture.
    pub image: Picture,
    /// Its captions, at least one.
    pub captions: Vec<Caption>,
}

/// The part that a picture plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// To learn from.
    Train,
    /// To choose the best checkpoint by.
    Validation,
    /// To score.
    Test,
}

impl Split {
    /// All three, in the order in which data sets list them.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// `train`, `val` or `test`, as files are named.
    pub fn short_name(self) -> &'static str {
        ["train", "val", "test"][self as usize]
    }

    /// `training`, `validation` or `test`, as sentences say it.
    pub fn name(self) -> &'static str {
        ["training", "validation", "test"][self as usize]
    }
}

/// The most to use of each split: pictures, or pairs where the split is by pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// For training; `None` uses all.
    pub train: Option<usize>,
    /// For validation; `None` uses all.
    pub validation: Option<usize>,
    /// For the test; `None` uses all.
    pub test: Option<usize>,
}

/// How to open a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenOptions {
    /// Draws scenes, splits that a data set lacks, and what a limit keeps.
    pub seed: u64,
    /// By image, or by pair as the paper words it.
    pub split_rule: SplitRule,
    /// The most to use.
    pub limits: Limits,
}

/// Pictures and captions for training, validation and test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The specification that it was opened by.
    pub name: String,
    /// To learn from.
    pub train: Vec<Example>,
    /// To choose the best checkpoint by.
    pub validation: Vec<Example>,
    /// To score.
    pub test: Vec<Example>,
    /// SHA-256 over split names, picture ids and captions, hexadecimal.
    pub fingerprint: String,
    /// What a report's reader should know: how a missing split was made, leakage, limits.
    pub notes: Vec<String>,
    /// Test pictures that are trained on as well.
    pub leakage: Leakage,
}

impl Dataset {
    /// The pictures of one split.
    pub fn split(&self, split: Split) -> &[Example] {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }

    /// Every caption to learn from, in order: what tokenizers are trained on.
    pub fn training_captions(&self) -> impl Iterator<Item = &str> {
        self.train
            .iter()
            .flat_map(|example| &example.captions)
            .map(|caption| caption.text.as_str())
    }
}

/// What a specification's files hold, before anything is split or limited.
pub(super) struct Source {
    /// Training, validation, test; `None` where there are no files for it.
    pub splits: [Option<Vec<Example>>; 3],
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
    /// Pictures of each licence; empty where the format has no place for one.
    pub licences: coco::Licences,
}

/// Reads what `spec` names and notes every fault that shows without decoding a picture.
pub(super) fn read(spec: &Spec, seed: u64) -> Source {
    let mut faults = Vec::new();
    let mut licences = coco::Licences::new();
    let splits = match spec {
        Spec::Scenes { pictures } => scenes::splits(seed, scenes::split_sizes(*pictures)).map(Some),
        Spec::CocoFolder(folder) => coco::read_folder(folder, &mut faults, &mut licences),
        Spec::CocoFile { captions, images } => [
            Some(coco::read_file(
                captions,
                std::slice::from_ref(images),
                &mut faults,
                &mut licences,
            )),
            None,
            None,
        ],
        Spec::Karpathy { captions, images } => karpathy::read(captions, images, &mut faults),
    };
    shared_pictures(&splits, &mut faults);
    Source {
        splits,
        faults,
        licences,
    }
}

/// A picture in two splits is a leak, and one file under two ids may be.
fn shared_pictures(splits: &[Option<Vec<Example>>; 3], faults: &mut Vec<Fault>) {
    let mut by_id: HashMap<u64, Split> = HashMap::new();
    let mut by_file: HashMap<&PathBuf, u64> = HashMap::new();
    for split in Split::ALL {
        for example in splits[split as usize].iter().flatten() {
            let Picture::File(file) = &example.image else {
                continue;
            };
            let id = example.image_id;
            if let Some(first) = by_id.insert(id, split).filter(|&first| first != split) {
                faults.push(Fault::of(
                    file,
                    format!(
                        "image id {id} is in the {} and in the {} split; expected one split",
                        first.name(),
                        split.name()
                    ),
                ));
            }
            if let Some(other) = by_file.insert(file, id).filter(|&other| other != id) {
                faults.push(Fault::of(
                    file,
                    format!("the same file has the image ids {other} and {id}; expected one"),
                ));
            }
        }
    }
}

/// Opens a data set: reads it, fills in missing splits, applies rule and limits.
///
/// Pictures are not decoded; that a picture is truncated shows when an
/// [`ImageStore`](super::ImageStore) is built, or by [`check`](super::check).
///
/// # Errors
///
/// Bad input, naming file and place: a missing file or folder, broken JSON, a
/// record without what it needs, a caption of no image, an image without caption
/// or file, an id twice, an empty split.
pub fn open(spec: &Spec, options: &OpenOptions) -> Result<Dataset> {
    let Source { splits, faults, .. } = read(spec, options.seed);
    refuse(&faults).map_err(|error| error.context(format!("data `{spec}`")))?;
    assemble(spec, splits, options)
}

/// Splits and limits what was read without fault.
pub(super) fn assemble(
    spec: &Spec,
    splits: [Option<Vec<Example>>; 3],
    options: &OpenOptions,
) -> Result<Dataset> {
    let mut notes = Vec::new();
    let splits = split::complete(splits, options.seed, &mut notes);
    let splits = split::apply(splits, options, &mut notes);
    for (split, examples) in Split::ALL.into_iter().zip(&splits) {
        if examples.is_empty() {
            return Err(Error::input(format!(
                "data `{spec}`: the {} split is empty; expected at least one picture",
                split.name()
            )));
        }
    }
    let leakage = split::leakage(&splits);
    notes.extend(leakage.note());
    let fingerprint = fingerprint(&splits);
    let [train, validation, test] = splits;
    Ok(Dataset {
        name: spec.to_string(),
        train,
        validation,
        test,
        fingerprint,
        notes,
        leakage,
    })
}

fn fingerprint(splits: &[Vec<Example>; 3]) -> String {
    let mut hash = Sha256::new();
    for (split, examples) in Split::ALL.into_iter().zip(splits) {
        hash.update(format!("split {} {}\n", split.short_name(), examples.len()));
        for example in examples {
            hash.update(format!(
                "image {} {}\n",
                example.image_id,
                example.captions.len()
            ));
            for caption in &example.captions {
                hash.update(format!("{} {}\n", caption.text.len(), caption.text));
            }
        }
    }
    format!("{:x}", hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenes(options: &OpenOptions) -> Dataset {
        open(&Spec::Scenes { pictures: 80 }, options).expect("scenes open")
    }

    #[test]
    fn scenes_have_three_splits_and_a_fingerprint() {
        let data = scenes(&OpenOptions::default());
        assert_eq!(
            [data.train.len(), data.validation.len(), data.test.len()],
            [80, 10, 10]
        );
        assert_eq!(data.fingerprint.len(), 64);
        assert_eq!(data, scenes(&OpenOptions::default()));
        let other = scenes(&OpenOptions {
            seed: 1,
            ..OpenOptions::default()
        });
        assert_ne!(data.fingerprint, other.fingerprint);
        assert_eq!(data.training_captions().count(), 400);
        assert_eq!(data.leakage.test_pictures_in_training, 0);
    }

    #[test]
    fn a_fingerprint_sees_a_single_letter() {
        let data = scenes(&OpenOptions::default());
        let mut splits = [data.train, data.validation, data.test];
        splits[2][3].captions[1].text.push('!');
        assert_ne!(fingerprint(&splits), data.fingerprint);
    }

    #[test]
    fn an_empty_split_is_refused() {
        let limits = Limits {
            test: Some(0),
            ..Limits::default()
        };
        let options = OpenOptions {
            limits,
            ..OpenOptions::default()
        };
        let error = open(&Spec::Scenes { pictures: 80 }, &options).unwrap_err();
        assert!(
            error.message().contains("the test split is empty"),
            "{error}"
        );
    }
}
