//! COCO's captions format: `images` (`id`, `file_name`, perhaps `license`), `annotations` (`id`,
//! `image_id`, `caption`) and perhaps `licenses` (`id`, `name`, `url`).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::dataset::{Caption, Example, Picture, Split};
use super::fault::Fault;
use super::json::{document, number, text};

/// Pictures of each licence, by its name.
pub type Licences = BTreeMap<String, usize>;

#[derive(Deserialize)]
struct Document {
    images: Vec<ImageRecord>,
    annotations: Vec<AnnotationRecord>,
    #[serde(default)]
    licenses: Value,
}

/// Fields are read leniently, so that a wrong one can be named by its record.
#[derive(Deserialize)]
struct ImageRecord {
    id: Option<Value>,
    file_name: Option<Value>,
    license: Option<Value>,
}

#[derive(Deserialize)]
struct AnnotationRecord {
    id: Option<Value>,
    image_id: Option<Value>,
    caption: Option<Value>,
}

/// Reads a folder as COCO unpacks: `annotations/captions_{train,val,test}*.json`
/// with images in `images/`, in `images/train2014/` or in `train2014/`.
pub fn read_folder(
    folder: &Path,
    faults: &mut Vec<Fault>,
    licences: &mut Licences,
) -> [Option<Vec<Example>>; 3] {
    let mut files: [Vec<PathBuf>; 3] = Default::default();
    let annotations = folder.join("annotations");
    let entries = match std::fs::read_dir(&annotations) {
        Ok(entries) => entries,
        Err(error) => {
            let what = "cannot read the folder of captions_*.json files";
            faults.push(Fault::of(&annotations, format!("{what}: {error}")));
            return [None, None, None];
        }
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let split = |split: &Split| stem(&path).is_some_and(|s| s.starts_with(split.short_name()));
        if let Some(split) = Split::ALL.into_iter().find(split) {
            files[split as usize].push(path);
        }
    }
    if files.iter().all(Vec::is_empty) {
        let what = "no captions_train*.json, captions_val*.json or captions_test*.json in it";
        faults.push(Fault::of(&annotations, what));
    }
    files.map(|mut paths| {
        paths.sort();
        if let [first, second, ..] = paths.as_slice() {
            let file = second.file_name().unwrap_or_default().display();
            let what = format!("{file} is for the same split; expected one file a split, or coco:CAPTIONS.json,IMAGES_DIR");
            faults.push(Fault::of(first, what));
        }
        let path = paths.first()?;
        let name = stem(path)?;
        let images = folder.join("images");
        let folders = [images.join(&name), folder.join(&name), images];
        Some(read_file(path, &folders, faults, licences))
    })
}

/// `train2014` of `captions_train2014.json`.
fn stem(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    Some(
        name.strip_prefix("captions_")?
            .strip_suffix(".json")?
            .to_owned(),
    )
}

/// Reads one captions file with its images in the first of `folders` that has them.
pub fn read_file(
    path: &Path,
    folders: &[PathBuf],
    faults: &mut Vec<Fault>,
    licences: &mut Licences,
) -> Vec<Example> {
    let Some(document) = document::<Document>(path, faults) else {
        return Vec::new();
    };
    let present: Vec<&PathBuf> = folders.iter().filter(|folder| folder.is_dir()).collect();
    if present.is_empty() {
        let named: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
        let message = format!("no folder with its images; expected {}", named.join(" or "));
        faults.push(Fault::of(path, message));
    }
    let (mut examples, places) = images(path, &document.images, &present, faults);
    captions(path, &document.annotations, &places, &mut examples, faults);
    count_licences(&document, licences);
    if document.images.is_empty() {
        faults.push(Fault::of(path, "`images` is empty; expected at least one"));
    }
    for example in examples
        .iter()
        .filter(|example| example.captions.is_empty())
    {
        let place = format!("image id {}", example.image_id);
        faults.push(Fault::at(
            path,
            place,
            "has no caption; expected at least one",
        ));
    }
    examples
}

/// Adds a file's pictures to those of their licences; records without what they need are no faults here.
fn count_licences(document: &Document, licences: &mut Licences) {
    let mut names: HashMap<u64, &str> = HashMap::new();
    for record in document.licenses.as_array().into_iter().flatten() {
        let name = text(record.get("name")).or_else(|| text(record.get("url")));
        if let (Some(id), Some(name)) = (number(record.get("id")), name) {
            names.insert(id, name);
        }
    }
    for image in &document.images {
        let name = match number(image.license.as_ref()) {
            None => "no licence given".to_owned(),
            Some(id) => names.get(&id).map_or_else(
                || format!("licence {id}, which `licenses` does not name"),
                ToString::to_string,
            ),
        };
        *licences.entry(name).or_default() += 1;
    }
}

/// The place of each image id among the examples; `None` where its record has a fault.
type Places = HashMap<u64, Option<usize>>;

/// Images in their order, and where they are.
fn images(
    path: &Path,
    records: &[ImageRecord],
    folders: &[&PathBuf],
    faults: &mut Vec<Fault>,
) -> (Vec<Example>, Places) {
    let mut examples = Vec::with_capacity(records.len());
    let mut places = Places::with_capacity(records.len());
    for (record, image) in records.iter().enumerate() {
        let mut fault =
            |message: String| faults.push(Fault::at(path, format!("images[{record}]"), message));
        let Some(id) = number(image.id.as_ref()) else {
            fault("no `id`; expected a whole number".to_owned());
            continue;
        };
        if places.contains_key(&id) {
            fault(format!(
                "the id {id} is used twice; expected each image once"
            ));
            continue;
        }
        let Some(name) = text(image.file_name.as_ref()) else {
            fault(format!("image id {id} has no `file_name`; expected a text"));
            places.insert(id, None);
            continue;
        };
        let file = folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|file| file.is_file());
        if let (None, [folder, ..]) = (&file, folders) {
            fault(format!(
                "the image file {} is missing",
                folder.join(name).display()
            ));
        }
        let image = Picture::File(file.unwrap_or_else(|| PathBuf::from(name)));
        places.insert(id, Some(examples.len()));
        examples.push(Example {
            image_id: id,
            image,
            captions: Vec::new(),
        });
    }
    (examples, places)
}

/// Adds captions to their images.
fn captions(
    path: &Path,
    records: &[AnnotationRecord],
    places: &Places,
    examples: &mut [Example],
    faults: &mut Vec<Fault>,
) {
    let mut seen = HashSet::with_capacity(records.len());
    for (record, annotation) in records.iter().enumerate() {
        let mut fault = |message: String| {
            faults.push(Fault::at(path, format!("annotations[{record}]"), message));
        };
        let Some(id) = number(annotation.id.as_ref()) else {
            fault("no `id`; expected a whole number".to_owned());
            continue;
        };
        if !seen.insert(id) {
            fault(format!(
                "the id {id} is used twice; expected each caption once"
            ));
        }
        let Some(image) = number(annotation.image_id.as_ref()) else {
            fault("no `image_id`; expected a whole number".to_owned());
            continue;
        };
        let Some(caption) = text(annotation.caption.as_ref()) else {
            fault("no `caption`, or an empty one; expected a text".to_owned());
            continue;
        };
        match places.get(&image) {
            None => fault(format!("the image id {image} is not in `images`")),
            Some(None) => {}
            Some(Some(at)) => {
                let text = caption.to_owned();
                examples[*at].captions.push(Caption {
                    annotation_id: id,
                    text,
                });
            }
        }
    }
}
