//! One picture in two splits under two names: `bench data check` and `bench run` say so.

use std::fs;
use std::path::Path;

use super::small_run::{bench, finish, json, small};
use caption_bench::data::{Rgb, read_picture};

/// Eighty drawn pictures as files, of which a test and a validation picture are copies of training pictures: one
/// resized and brighter, one trimmed by a hundredth. Their names.
fn set(folder: &Path) -> [String; 2] {
    finish(
        bench()
            .args(["data", "scenes", "--count", "64", "--out"])
            .arg(folder),
    );
    let files = |split: &str| -> Vec<String> {
        let captions = json(&folder.join(format!("annotations/captions_{split}.json")));
        let images = captions["images"].as_array().unwrap().iter();
        images
            .map(|image| image["file_name"].as_str().unwrap().to_owned())
            .collect()
    };
    let [train, validation, test] = ["train", "val", "test"].map(files);
    let picture = |name: &str| read_picture(&folder.join("images").join(name)).unwrap();
    let write = |name: &str, picture: Rgb| {
        let path = folder.join("images").join(name);
        fs::write(path, picture.png().unwrap()).unwrap();
    };

    let mut brighter = picture(&train[3]).resized(100, 90);
    for level in &mut brighter.pixels {
        *level = (1.1 * f32::from(*level)).min(255.0) as u8;
    }
    write(&test[0], brighter);

    let whole = picture(&train[7]).resized(200, 200);
    let rows = whole.pixels.chunks_exact(3 * whole.width).skip(2).take(196);
    let trimmed = Rgb {
        width: 196,
        height: 196,
        pixels: rows.flat_map(|row| row[6..594].to_vec()).collect(),
    };
    write(&validation[2], trimmed);

    let id = |name: &str| name.trim_end_matches(".png").parse::<u64>().unwrap();
    [(&test[0], &train[3]), (&validation[2], &train[7])]
        .map(|(copy, of)| format!("{} = {}", id(copy), id(of)))
}

#[test]
fn copies_across_splits_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    let pairs = set(&photos);
    let spec = format!("coco:{}", photos.display());
    let expected = [
        format!(
            "leakage: 1 of 8 test pictures (12.5 %) look the same as a training picture of another id ({})",
            pairs[0]
        ),
        format!(
            "leakage: 1 of 8 validation pictures (12.5 %) look the same as a training picture of another id ({})",
            pairs[1]
        ),
    ];

    let checked = finish(bench().args(["data", "check", &spec]));
    let said = String::from_utf8(checked.stdout).unwrap();
    for note in &expected {
        assert!(said.contains(note), "{note} is not in\n{said}");
    }
    assert_eq!(said.matches("leakage").count(), 2, "{said}");

    let run = folder.path().join("run");
    finish(small(&run).args(["--variant", "dual-encoder", "--data", &spec]));
    let notes = json(&run.join("run.json"))["notes"].clone();
    assert_eq!(notes, serde_json::json!(expected));
    let report = fs::read_to_string(run.join("report/report.html")).unwrap();
    assert!(report.contains(&pairs[0]), "not in the report");
    let text = fs::read_to_string(run.join("report/report.txt")).unwrap();
    assert!(text.contains("look the same as a training"), "{text}");
}

#[test]
fn drawn_scenes_are_not_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    finish(small(&run).args(["--variant", "dual-encoder", "--data", "scenes:400"]));
    assert_eq!(json(&run.join("run.json"))["notes"], serde_json::json!([]));
}
