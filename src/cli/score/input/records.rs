//! Captions that name their image, in the formats that captioning uses.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};

use super::source::{Format, Source};
use crate::error;

/// An id, a whole number or a text; `1` and `"1"` are the same.
#[derive(Debug, Clone)]
pub struct Id<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Id<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Id<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id, a whole number or a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Id<'de>, E> {
                Ok(Id(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Id<'de>, E> {
                Ok(Id(text.to_owned().into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Id<'de>, E> {
                Ok(Id(number.to_string().into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Id<'de>, E> {
                Ok(Id(number.to_string().into()))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

/// A text, borrowed from the file if nothing in it is escaped.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// Texts as they are.
pub fn texts<'a>(texts: Vec<Text<'a>>) -> Vec<Cow<'a, str>> {
    texts.into_iter().map(|text| text.0).collect()
}

/// A caption of an image: an entry of COCO results, or an annotation.
#[derive(Debug, Deserialize)]
pub struct Caption<'a> {
    /// The image.
    #[serde(borrow)]
    pub image_id: Id<'a>,
    /// What is written about it.
    #[serde(borrow)]
    pub caption: Cow<'a, str>,
}

/// What a file says about an image: one caption of several, or all of them.
#[derive(Debug)]
pub struct Image<'a> {
    /// The image.
    pub id: Cow<'a, str>,
    /// The part of the data set it is in, where the file says so.
    pub split: Option<Cow<'a, str>>,
    /// Captions.
    pub captions: Vec<Cow<'a, str>>,
}

/// A file of references: COCO's captions have `annotations`, Karpathy's data sets `images` that
/// bring their `sentences`.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    annotations: Option<Vec<Caption<'a>>>,
    images: Option<Vec<KarpathyImage<'a>>>,
}

#[derive(Deserialize)]
struct KarpathyImage<'a> {
    #[serde(borrow)]
    cocoid: Option<Id<'a>>,
    imgid: Option<Id<'a>>,
    split: Option<Text<'a>>,
    sentences: Option<Vec<Sentence<'a>>>,
}

#[derive(Deserialize)]
struct Sentence<'a> {
    #[serde(borrow)]
    raw: Cow<'a, str>,
}

const EXPECTED_LINE: &str = r#"a caption {"image_id":…,"caption":"…"} on each line"#;
const EXPECTED_RESULTS: &str = r#"COCO results [{"image_id":…,"caption":"…"},…]"#;
const EXPECTED_REFERENCES: &str = r#"COCO captions {"annotations":[{"image_id":…,"caption":"…"},…]} or Karpathy's data set {"images":[{"cocoid":…,"sentences":[{"raw":"…"},…]},…]}"#;

/// How a file of captions is laid out.
pub fn format(source: &Source) -> Format {
    let keys = |line: &str| serde_json::from_str::<HashMap<String, IgnoredAny>>(line);
    source.format(|line| keys(line).is_ok_and(|keys| keys.contains_key("image_id")))
}

/// The captions of a results file: a list in one JSON document, or one a line.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) for anything else, and for no caption.
pub fn results(source: &Source, format: Format, threads: usize) -> error::Result<Vec<Caption<'_>>> {
    let captions = match format {
        Format::JsonLines => lines(source, threads)?,
        Format::Json | Format::Lines => source.parse(EXPECTED_RESULTS)?,
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
pub fn references(
    source: &Source,
    format: Format,
    threads: usize,
) -> error::Result<Vec<Image<'_>>> {
    if format == Format::JsonLines {
        let captions = lines(source, threads)?;
        return match captions.is_empty() {
            true => Err(source.empty("caption")),
            false => Ok(captions.into_iter().map(Image::from).collect()),
        };
    }
    let document: Document = source.parse(EXPECTED_REFERENCES)?;
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
fn karpathy<'a>(
    source: &Source,
    record: usize,
    image: KarpathyImage<'a>,
) -> error::Result<Image<'a>> {
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
        id: id.0,
        split: image.split.map(|split| split.0),
        captions: sentences.into_iter().map(|s| s.raw).collect(),
    })
}

/// The captions of a file with one a line.
fn lines(source: &Source, threads: usize) -> error::Result<Vec<Caption<'_>>> {
    source.parse_lines(EXPECTED_LINE, threads, Ok)
}

impl<'a> From<Caption<'a>> for Image<'a> {
    fn from(caption: Caption<'a>) -> Self {
        Self {
            id: caption.image_id.0,
            split: None,
            captions: vec![caption.caption],
        }
    }
}
