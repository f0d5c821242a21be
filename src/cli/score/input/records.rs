//! Captions that name their image, in the formats that captioning uses.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::source::{Format, Source};
use crate::error::Result;

/// An image id, a number or a text; `1` and `"1"` are the same.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "an id that is neither a whole number nor a text"
)]
pub enum Id {
    /// A whole number.
    Number(i64),
    /// A text.
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
pub struct Caption {
    /// The image.
    pub image_id: Id,
    /// What is written about it.
    pub caption: String,
}

/// What a file says about an image: one caption of several, or all of them.
#[derive(Debug)]
pub struct Image {
    /// The image.
    pub id: String,
    /// The part of the data set it is in, where the file says so.
    pub split: Option<String>,
    /// Captions.
    pub captions: Vec<String>,
}

/// A file of references: COCO's captions have `annotations`, Karpathy's data sets `images` that
/// bring their `sentences`.
#[derive(Deserialize)]
struct Document {
    annotations: Option<Vec<Caption>>,
    images: Option<Vec<KarpathyImage>>,
}

#[derive(Deserialize)]
struct KarpathyImage {
    cocoid: Option<Id>,
    imgid: Option<Id>,
    split: Option<String>,
    sentences: Option<Vec<Sentence>>,
}

#[derive(Deserialize)]
struct Sentence {
    raw: String,
}

const EXPECTED_LINE: &str = r#"a caption {"image_id":…,"caption":"…"} on each line"#;
const EXPECTED_RESULTS: &str = r#"COCO results [{"image_id":…,"caption":"…"},…]"#;
const EXPECTED_REFERENCES: &str = r#"COCO captions {"annotations":[{"image_id":…,"caption":"…"},…]} or Karpathy's data set {"images":[{"cocoid":…,"sentences":[{"raw":"…"},…]},…]}"#;

/// How a file of captions is laid out.
pub fn format(source: &Source) -> Format {
    let keys = |line: &str| serde_json::from_str::<HashMap<String, IgnoredAny>>(line);
    source.format(|line| keys(line).is_ok_and(|keys| keys.contains_key("image_id")))
}

/// The captions of a results file, each with its place: a list in one JSON document, or one a line.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) for anything else, and for no caption.
pub fn results(source: &Source, format: Format) -> Result<Vec<(String, Caption)>> {
    let captions: Vec<(String, Caption)> = match format {
        Format::JsonLines => lines(source)
            .map(|caption| caption.map(|(i, caption)| (format!("line {}", i + 1), caption)))
            .collect::<Result<_>>()?,
        Format::Json | Format::Lines => {
            let captions: Vec<Caption> = source.parse(source.text(), 0, EXPECTED_RESULTS)?;
            let place = |(i, caption)| (format!("record {}", i + 1), caption);
            captions.into_iter().enumerate().map(place).collect()
        }
    };
    match captions.is_empty() {
        true => Err(source.empty("caption")),
        false => Ok(captions),
    }
}

/// The images of a file of references, those of COCO and of JSON lines once for each caption.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) for a file in no known format, and for one with no reference.
pub fn references(source: &Source, format: Format) -> Result<Vec<Image>> {
    if format == Format::JsonLines {
        let images: Vec<Image> = lines(source)
            .map(|caption| caption.map(|(_, caption)| caption.into()))
            .collect::<Result<_>>()?;
        return match images.is_empty() {
            true => Err(source.empty("caption")),
            false => Ok(images),
        };
    }
    let document: Document = source.parse(source.text(), 0, EXPECTED_REFERENCES)?;
    match (document.annotations, document.images) {
        (Some(annotations), _) if annotations.is_empty() => Err(source.empty("annotation")),
        (Some(annotations), _) => Ok(annotations.into_iter().map(Image::from).collect()),
        (None, Some(images)) if images.is_empty() => Err(source.empty("image")),
        (None, Some(images)) => {
            let image = |(i, image)| karpathy(source, i, image);
            images.into_iter().enumerate().map(image).collect()
        }
        (None, None) => Err(source.fault(
            "document",
            format_args!("no `annotations` and no `images`; expected {EXPECTED_REFERENCES}"),
        )),
    }
}

/// An image of Karpathy's data sets: its id is COCO's where it has one.
fn karpathy(source: &Source, record: usize, image: KarpathyImage) -> Result<Image> {
    let fault = |message: String| source.fault(format_args!("images[{record}]"), message);
    let Some(sentences) = image.sentences else {
        let message = format!("no `sentences`; expected {EXPECTED_REFERENCES}");
        return Err(fault(message));
    };
    let Some(id) = image.cocoid.or(image.imgid) else {
        let message = "no `cocoid` and no `imgid`; expected an image id";
        return Err(fault(message.to_owned()));
    };
    Ok(Image {
        id: id.to_string(),
        split: image.split,
        captions: sentences.into_iter().map(|s| s.raw).collect(),
    })
}

/// The captions of a file with one a line, each with the number of lines before it.
fn lines(source: &Source) -> impl Iterator<Item = Result<(usize, Caption)>> {
    let lines = source.lines();
    lines.map(|(i, line)| Ok((i, source.parse(line, i, EXPECTED_LINE)?)))
}

impl From<Caption> for Image {
    fn from(caption: Caption) -> Self {
        Self {
            id: caption.image_id.to_string(),
            split: None,
            captions: vec![caption.caption],
        }
    }
}
