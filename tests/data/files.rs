//! Data sets as files: the embedded set written and read back, COCO's and Karpathy's layouts.

use std::collections::HashSet;
use std::path::Path;

use caption_bench::data::scenes::{self, Truth, attributes};
use caption_bench::data::{
    Dataset, Example, ImageStore, OpenOptions, Picture, Spec, Split, SplitRule, open,
};
use serde_json::json;

use super::support::{captions, picture, sound_set, write};

fn opened(spec: &str) -> Dataset {
    opened_with(spec, &OpenOptions::default())
}

fn opened_with(spec: &str, options: &OpenOptions) -> Dataset {
    let spec: Spec = spec.parse().expect("a specification");
    open(&spec, options).unwrap_or_else(|error| panic!("{spec}: {error}"))
}

fn texts(examples: &[Example]) -> Vec<(u64, u64, &str)> {
    let of = |e: &Example| e.image_id;
    examples
        .iter()
        .flat_map(|e| {
            e.captions
                .iter()
                .map(move |c| (of(e), c.annotation_id, c.text.as_str()))
        })
        .collect()
}

#[test]
fn scenes_written_as_files_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    scenes::write(&out, 40, 7, &|_, _| {}).unwrap();
    let drawn = opened_with(
        "scenes:40",
        &OpenOptions {
            seed: 7,
            ..OpenOptions::default()
        },
    );
    let read = opened(&format!("coco:{}", out.display()));
    assert_eq!(read.fingerprint, drawn.fingerprint);
    assert!(read.notes.is_empty());
    for split in Split::ALL {
        let (drawn, read) = (drawn.split(split), read.split(split));
        assert_eq!(texts(read), texts(drawn));
        let build = |examples| ImageStore::build(examples, 64, 2, &|_, _| Ok(())).unwrap();
        let (drawn_pixels, read_pixels) = (build(drawn), build(read));
        assert!((0..drawn.len()).all(|i| drawn_pixels.rgb(i) == read_pixels.rgb(i)));
        let truths: Vec<Truth> = serde_json::from_slice(
            &std::fs::read(out.join(format!("annotations/scenes_{}.json", split.short_name())))
                .unwrap(),
        )
        .unwrap();
        for (truth, example) in truths.iter().zip(drawn) {
            assert_eq!(truth.image_id, example.image_id);
            assert_eq!(Picture::Scene(truth.scene.clone()), example.image);
            let (right, total) = attributes(&truth.scene, &example.captions[0].text).all();
            assert_eq!(right, total);
        }
        assert_eq!(truths.len(), drawn.len());
    }
    let again = scenes::write(&out, 40, 7, &|_, _| {}).unwrap_err();
    assert_eq!(again.exit_code(), 2);
}

#[test]
fn coco_folders_are_read_as_they_unpack() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("annotations")).unwrap();
    for (name, ids) in [("train2014", 1..41_u8), ("val2014", 41..61)] {
        std::fs::create_dir_all(root.join(name)).unwrap();
        for id in ids.clone() {
            let file = root.join(name).join(format!("{id}.png"));
            std::fs::write(file, picture(id).png().unwrap()).unwrap();
        }
        let document = captions(u64::from(ids.start)..u64::from(ids.end));
        write(
            &root.join(format!("annotations/captions_{name}.json")),
            &document,
        );
    }
    write(
        &root.join("annotations/instances_val2014.json"),
        &json!({"images": []}),
    );
    let data = opened(&format!("coco:{}", root.display()));
    assert_eq!(
        [data.train.len(), data.validation.len(), data.test.len()],
        [40, 10, 10]
    );
    assert!(
        data.notes.iter().any(|note| note.contains("no test split")),
        "{:?}",
        data.notes
    );
    assert_eq!(data.leakage.test_pictures_in_training, 0);
    assert_eq!(data, opened(&format!("coco:{}", root.display())));

    let file = root.join("annotations/captions_train2014.json");
    let data = opened(&format!(
        "coco:{},{}",
        file.display(),
        root.join("train2014").display()
    ));
    assert_eq!(
        [data.train.len(), data.validation.len(), data.test.len()],
        [32, 4, 4]
    );
    let ids: HashSet<u64> = Split::ALL
        .iter()
        .flat_map(|&split| data.split(split))
        .map(|example| example.image_id)
        .collect();
    assert_eq!(ids.len(), 40);
}

#[test]
fn karpathy_files_count_restval_as_training() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    karpathy_set(root);
    let (json, images) = (root.join("dataset.json"), root.join("photos"));
    let data = opened(&format!("karpathy:{},{}", json.display(), images.display()));
    let ids = |examples: &[Example]| examples.iter().map(|e| e.image_id).collect::<Vec<_>>();
    assert_eq!(ids(&data.train), [101, 102]);
    assert_eq!(
        (ids(&data.validation), ids(&data.test)),
        (vec![103], vec![104])
    );
    assert_eq!(
        texts(&data.test),
        [(104, 8, "A thing."), (104, 9, "two things")]
    );
    assert!(ImageStore::build(&data.train, 8, 1, &|_, _| Ok(())).is_ok());
}

fn karpathy_set(root: &Path) {
    let mut images = Vec::new();
    for (number, split) in ["train", "restval", "val", "test"].into_iter().enumerate() {
        let below = root.join("photos/val2014");
        std::fs::create_dir_all(&below).unwrap();
        let name = format!("{number}.png");
        std::fs::write(below.join(&name), picture(number as u8).png().unwrap()).unwrap();
        let id = number as u64 + 1;
        images.push(json!({
            "filepath": "val2014", "filename": name, "imgid": number, "cocoid": 100 + id,
            "split": split,
            "sentences": [
                {"raw": "A thing.", "sentid": 2 * id, "tokens": ["a", "thing"]},
                {"raw": "two things", "sentid": 2 * id + 1, "tokens": ["two", "things"]},
            ],
        }));
    }
    write(
        &root.join("dataset.json"),
        &json!({"images": images, "dataset": "coco"}),
    );
}

#[test]
fn a_split_by_pairs_says_what_it_leaks() {
    let folder = tempfile::tempdir().unwrap();
    sound_set(folder.path());
    let spec = format!("coco:{}", folder.path().display());
    let options = OpenOptions {
        split_rule: SplitRule::Pairs,
        ..OpenOptions::default()
    };
    let data = opened_with(&spec, &options);
    let pairs = |split| {
        data.split(split)
            .iter()
            .map(|e| e.captions.len())
            .sum::<usize>()
    };
    assert_eq!(Split::ALL.map(pairs), [16, 4, 4]);
    assert!(data.leakage.test_pictures_in_training > 0);
    assert!(
        data.notes
            .iter()
            .any(|note| note.contains("seen in training")),
        "{:?}",
        data.notes
    );
    assert_ne!(data.fingerprint, opened(&spec).fingerprint);
}
