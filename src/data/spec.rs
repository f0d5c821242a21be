//! Naming a data set on the command line or in a recipe.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::scenes::{MAX_TRAINING_PICTURES, PICTURES};
use crate::error::{Error, Result};

/// What a user can write, for messages.
const FORMS: &str = "scenes[:N], coco:DIR, coco:CAPTIONS.json,IMAGES_DIR or \
                     karpathy:DATASET.json,IMAGES_DIR";

/// Which data set to use, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// `scenes[:N]`: drawn pictures, `N` of them for training, an eighth each for validation and test.
    Scenes {
        /// Training pictures.
        pictures: usize,
    },
    /// `coco:DIR`: `annotations/captions_*.json` and image folders, as COCO unpacks.
    CocoFolder(PathBuf),
    /// `coco:CAPTIONS.json,IMAGES_DIR`: one file in COCO's format, split here by image.
    CocoFile {
        /// The captions file.
        captions: PathBuf,
        /// The folder with its images.
        images: PathBuf,
    },
    /// `karpathy:DATASET.json,IMAGES_DIR`: Karpathy's splits of COCO or Flickr.
    Karpathy {
        /// The file with captions and splits.
        captions: PathBuf,
        /// The folder with its images, or with the folders they are in.
        images: PathBuf,
    },
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match (kind, rest) {
            ("scenes", "") if text == "scenes" => Ok(Self::Scenes { pictures: PICTURES }),
            ("scenes", number) => match number.parse() {
                Ok(pictures) if (8..=MAX_TRAINING_PICTURES).contains(&pictures) => {
                    Ok(Self::Scenes { pictures })
                }
                _ => Err(Error::input(format!(
                    "data `{text}`: expected a number of training pictures from 8 to \
                     {MAX_TRAINING_PICTURES} after `scenes:`"
                ))),
            },
            ("coco", rest) if !rest.is_empty() => match two_paths(rest) {
                Some((captions, images)) => Ok(Self::CocoFile { captions, images }),
                None if rest.trim_end_matches(',').ends_with(".json") => {
                    Err(Error::input(format!(
                        "data `{text}`: expected the image folder after the captions file: \
                     coco:CAPTIONS.json,IMAGES_DIR"
                    )))
                }
                None => Ok(Self::CocoFolder(PathBuf::from(rest))),
            },
            ("karpathy", rest) if !rest.is_empty() => {
                let (captions, images) = two_paths(rest).ok_or_else(|| {
                    Error::input(format!(
                        "data `{text}`: expected karpathy:DATASET.json,IMAGES_DIR"
                    ))
                })?;
                Ok(Self::Karpathy { captions, images })
            }
            _ => Err(Error::input(format!("data `{text}`: expected {FORMS}"))),
        }
    }
}

/// The two parts of `FILE.json,FOLDER`; both may contain commas.
fn two_paths(text: &str) -> Option<(PathBuf, PathBuf)> {
    let end = text.find(".json,")? + ".json".len();
    let folder = &text[end + 1..];
    (!folder.is_empty()).then(|| (PathBuf::from(&text[..end]), PathBuf::from(folder)))
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scenes { pictures: PICTURES } => f.write_str("scenes"),
            Self::Scenes { pictures } => write!(f, "scenes:{pictures}"),
            Self::CocoFolder(folder) => write!(f, "coco:{}", folder.display()),
            Self::CocoFile { captions, images } => {
                write!(f, "coco:{},{}", captions.display(), images.display())
            }
            Self::Karpathy { captions, images } => {
                write!(f, "karpathy:{},{}", captions.display(), images.display())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_written_back() {
        for text in [
            "scenes",
            "scenes:64",
            "coco:a/b",
            "coco:c.json,images",
            "karpathy:k.json,i, j",
        ] {
            let spec: Spec = text.parse().expect(text);
            assert_eq!(spec.to_string(), text);
        }
        assert_eq!(
            "scenes:4000".parse::<Spec>().unwrap(),
            Spec::Scenes { pictures: 4000 }
        );
    }

    #[test]
    fn nonsense_is_refused() {
        let bad = [
            "",
            "scene",
            "scenes:",
            "scenes:0",
            "scenes:-3",
            "scenes:x",
            "scenes:99999999",
            "coco:",
            "coco",
            "coco:a.json",
            "coco:a.json,",
            "karpathy:a.json",
            "imagenet:x",
        ];
        for text in bad {
            let error = text.parse::<Spec>().expect_err(text);
            assert_eq!(error.exit_code(), 2);
            assert!(error.message().contains(&format!("`{text}`")), "{error}");
        }
    }
}
