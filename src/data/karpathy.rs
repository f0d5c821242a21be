//! Karpathy's splits: `images` with `filename`, `split` and `sentences`, captions included.
//!
//! `dataset_coco.json` splits COCO 2014 into train, restval, val and test; as all
//! who use it do, restval counts as training.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::dataset::{Caption, Example, Picture, Split};
use super::fault::Fault;
use super::json::{document, number, text};

#[derive(Deserialize)]
struct Document {
    images: Vec<ImageRecord>,
}

#[derive(Deserialize)]
struct ImageRecord {
    filename: Option<Value>,
    filepath: Option<Value>,
    imgid: Option<Value>,
    cocoid: Option<Value>,
    split: Option<Value>,
    #[serde(default)]
    sentences: Vec<SentenceRecord>,
}

#[derive(Deserialize)]
struct SentenceRecord {
    raw: Option<Value>,
    sentid: Option<Value>,
}

/// Reads the file at `path`; images are at `images/filepath/filename` or `images/filename`.
pub fn read(path: &Path, images: &Path, faults: &mut Vec<Fault>) -> [Option<Vec<Example>>; 3] {
    let Some(document) = document::<Document>(path, faults) else {
        return [None, None, None];
    };
    let folder_is_there = images.is_dir();
    if !folder_is_there {
        faults.push(Fault::of(images, "the folder of images is missing"));
    }
    let mut splits: [Vec<Example>; 3] = Default::default();
    let mut seen = HashSet::new();
    let mut sentences = HashSet::new();
    for (record, image) in document.images.iter().enumerate() {
        let place = format!("images[{record}]");
        let mut fault = |message: String| faults.push(Fault::at(path, &*place, message));
        let Some(split) = text(image.split.as_ref()).and_then(split_of) else {
            fault("no `split`; expected train, restval, val or test".to_owned());
            continue;
        };
        let Some(id) = number(image.cocoid.as_ref()).or_else(|| number(image.imgid.as_ref()))
        else {
            fault("no `cocoid` and no `imgid`; expected a whole number".to_owned());
            continue;
        };
        if !seen.insert(id) {
            fault(format!(
                "the image id {id} is used twice; expected each image once"
            ));
        }
        let Some(name) = text(image.filename.as_ref()) else {
            fault("no `filename`; expected a text".to_owned());
            continue;
        };
        let below = text(image.filepath.as_ref()).unwrap_or("");
        let mut file = images.join(below).join(name);
        if !file.is_file() && images.join(name).is_file() {
            file = images.join(name);
        }
        if folder_is_there && !file.is_file() {
            fault(format!("the image file {} is missing", file.display()));
        }
        let captions = captions(&image.sentences, &mut sentences, &mut fault);
        if image.sentences.is_empty() {
            fault(format!(
                "image id {id} has no caption; expected at least one"
            ));
        }
        splits[split as usize].push(Example {
            image_id: id,
            image: Picture::File(file),
            captions,
        });
    }
    if document.images.is_empty() {
        faults.push(Fault::of(path, "`images` is empty; expected at least one"));
    }
    splits.map(|examples| (!examples.is_empty()).then_some(examples))
}

fn split_of(name: &str) -> Option<Split> {
    match name {
        "train" | "restval" => Some(Split::Train),
        "val" => Some(Split::Validation),
        "test" => Some(Split::Test),
        _ => None,
    }
}

fn captions(
    records: &[SentenceRecord],
    seen: &mut HashSet<u64>,
    fault: &mut impl FnMut(String),
) -> Vec<Caption> {
    let mut captions = Vec::with_capacity(records.len());
    for (record, sentence) in records.iter().enumerate() {
        let Some(id) = number(sentence.sentid.as_ref()) else {
            fault(format!(
                "sentences[{record}] has no `sentid`; expected a whole number"
            ));
            continue;
        };
        if !seen.insert(id) {
            fault(format!(
                "sentences[{record}]: the id {id} is used twice; expected each once"
            ));
        }
        let Some(text) = text(sentence.raw.as_ref()) else {
            fault(format!(
                "sentences[{record}] has no `raw`, or an empty one; expected a text"
            ));
            continue;
        };
        captions.push(Caption {
            annotation_id: id,
            text: text.to_owned(),
        });
    }
    captions
}
