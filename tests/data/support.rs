//! What the tests of data share.

use std::path::{Path, PathBuf};

use caption_bench::data::Rgb;
use serde_json::{Value, json};

/// The folder that an environment variable names, or `None` after saying that the test is skipped.
pub fn folder_of(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: {variable} is not set");
    }
    folder
}

/// A picture that no other number gives.
pub fn picture(number: u8) -> Rgb {
    let (width, height) = (12 + usize::from(number % 5), 9);
    let pixels = (0..width * height * 3)
        .map(|i| (i as u8).wrapping_mul(number + 3))
        .collect();
    Rgb {
        width,
        height,
        pixels,
    }
}

/// Captions in COCO's format: two to each of the images `ids`.
pub fn captions(ids: std::ops::Range<u64>) -> Value {
    let images: Vec<Value> = ids
        .clone()
        .map(|id| json!({"id": id, "file_name": format!("{id}.png")}))
        .collect();
    let annotations: Vec<Value> = ids
        .flat_map(|id| {
            [
                (2 * id, id, "a thing"),
                (2 * id + 1, id, "another thing here"),
            ]
        })
        .map(|(id, image, text)| json!({"id": id, "image_id": image, "caption": text}))
        .collect();
    json!({"images": images, "annotations": annotations})
}

/// A sound data set in COCO's layout: 8 training, 2 validation and 2 test pictures.
pub fn sound_set(folder: &Path) {
    std::fs::create_dir_all(folder.join("annotations")).unwrap();
    std::fs::create_dir_all(folder.join("images")).unwrap();
    for id in 1..13_u8 {
        let file = folder.join("images").join(format!("{id}.png"));
        std::fs::write(file, picture(id).png().unwrap()).unwrap();
    }
    for (name, ids) in [("train", 1..9), ("val", 9..11), ("test", 11..13)] {
        write(
            &folder
                .join("annotations")
                .join(format!("captions_{name}.json")),
            &captions(ids),
        );
    }
}

/// Writes a JSON document.
pub fn write(path: &Path, document: &Value) {
    std::fs::write(path, document.to_string()).unwrap();
}

/// Reads a JSON document, changes it, and writes it back.
pub fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut document = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut document);
    write(path, &document);
}
