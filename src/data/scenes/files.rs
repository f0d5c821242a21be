//! The embedded set as files, in COCO's layout, with the truth beside the captions.
//!
//! ```text
//! DIR/annotations/captions_{train,val,test}.json   as COCO has them
//! DIR/annotations/scenes_{train,val,test}.json     image_id and truth of each picture
//! DIR/images/000001000001.png                      64×64 RGB
//! ```

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{SIDE, Scene, draw, split_sizes, splits};
use crate::data::dataset::{Example, Picture, Split};
use crate::data::image::Rgb;
use crate::error::{Error, Result};

/// The truth of one picture in `scenes_{train,val,test}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// The picture.
    pub image_id: u64,
    /// What is in it.
    pub scene: Scene,
}

/// Writes a set of `pictures` training pictures to `folder`, which must be new
/// or empty. `progress` hears how many of how many pictures are written.
///
/// # Errors
///
/// Bad input where the folder holds something already; a failure where it
/// cannot be written.
pub fn write(
    folder: &Path,
    pictures: usize,
    seed: u64,
    progress: &dyn Fn(usize, usize),
) -> Result<()> {
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("{} is not empty; expected a new folder", folder.display());
        return Err(Error::input(message));
    }
    for part in ["annotations", "images"] {
        let part = folder.join(part);
        std::fs::create_dir_all(&part).map_err(|error| Error::writing(&part, error))?;
    }
    let sets = splits(seed, split_sizes(pictures));
    let total = sets.iter().map(Vec::len).sum();
    let mut done = 0;
    for (split, examples) in Split::ALL.into_iter().zip(&sets) {
        for (example, scene) in with_scenes(examples) {
            let rgb = Rgb {
                width: SIDE,
                height: SIDE,
                pixels: draw(scene),
            };
            let path = folder.join("images").join(file_name(example.image_id));
            std::fs::write(&path, rgb.png()?).map_err(|error| Error::writing(&path, error))?;
            done += 1;
            progress(done, total);
        }
        let annotations = folder.join("annotations");
        let name = split.short_name();
        let captions = captions(examples, split, seed);
        write_json(
            &annotations.join(format!("captions_{name}.json")),
            &captions,
        )?;
        let truths: Vec<Truth> = with_scenes(examples)
            .map(|(example, scene)| Truth {
                image_id: example.image_id,
                scene: scene.clone(),
            })
            .collect();
        write_json(&annotations.join(format!("scenes_{name}.json")), &truths)?;
    }
    Ok(())
}

fn file_name(image_id: u64) -> String {
    format!("{image_id:012}.png")
}

fn with_scenes(examples: &[Example]) -> impl Iterator<Item = (&Example, &Scene)> {
    examples.iter().filter_map(|example| match &example.image {
        Picture::Scene(scene) => Some((example, scene)),
        Picture::File(_) => None,
    })
}

fn captions(examples: &[Example], split: Split, seed: u64) -> serde_json::Value {
    let images: Vec<_> = examples
        .iter()
        .map(|example| {
            let id = example.image_id;
            json!({ "id": id, "file_name": file_name(id), "width": SIDE, "height": SIDE })
        })
        .collect();
    let annotations: Vec<_> = examples
        .iter()
        .flat_map(|example| example.captions.iter().map(move |caption| (example.image_id, caption)))
        .map(|(image_id, caption)| {
            json!({ "id": caption.annotation_id, "image_id": image_id, "caption": caption.text })
        })
        .collect();
    let description = format!("Drawn scenes, {} split, seed {seed}", split.name());
    json!({ "info": { "description": description }, "images": images, "annotations": annotations })
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut bytes = serde_json::to_vec(value).map_err(|error| Error::writing(path, error))?;
    bytes.push(b'\n');
    std::fs::write(path, bytes).map_err(|error| Error::writing(path, error))
}
