//! Bad input: every fault is refused with exit code 2, and named with its file and place.

use std::path::Path;

use caption_bench::data::{ImageStore, OpenOptions, Spec, check, open};
use serde_json::json;

use super::support::{change, sound_set};

/// Breaks a sound set, and expects `open` to refuse it with all of `expected`.
fn refused(break_it: impl FnOnce(&Path), expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    sound_set(folder.path());
    break_it(folder.path());
    let spec: Spec = format!("coco:{}", folder.path().display()).parse().unwrap();
    let error = open(&spec, &OpenOptions::default()).expect_err("a broken set");
    assert_eq!(error.exit_code(), 2);
    for part in expected {
        assert!(
            error.message().contains(part),
            "expected `{part}` in: {error}"
        );
    }
    let report = check(&spec, &OpenOptions::default(), 1, &|_, _| {}).expect("a report");
    assert!(!report.faults.is_empty() && report.summary.is_empty());
}

/// Changes the training captions.
fn train(edit: impl FnOnce(&mut serde_json::Value) + 'static) -> impl FnOnce(&Path) {
    |folder| change(&folder.join("annotations/captions_train.json"), edit)
}

#[test]
fn missing_folders_and_files() {
    for spec in [
        "coco:no/such/folder",
        "coco:no.json,no",
        "karpathy:no.json,no",
    ] {
        let error = open(&spec.parse().unwrap(), &OpenOptions::default()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.message().contains("cannot read"), "{error}");
        assert!(error.message().contains("no"), "{error}");
    }
    refused(
        |f| std::fs::remove_dir_all(f.join("images")).unwrap(),
        &[
            "captions_train.json: no folder with its images; expected",
            "images/train or",
        ],
    );
    refused(
        |f| {
            for name in ["train", "val", "test"] {
                std::fs::remove_file(f.join(format!("annotations/captions_{name}.json"))).unwrap();
            }
        },
        &["annotations", "no captions_train*.json"],
    );
    refused(
        |f| std::fs::remove_file(f.join("images/3.png")).unwrap(),
        &["captions_train.json", "images[2]", "3.png is missing"],
    );
}

#[test]
fn broken_json_is_named_by_its_line() {
    refused(
        |f| {
            let broken = "{\n\"images\": [],\n\"annotations\": [}\n";
            std::fs::write(f.join("annotations/captions_val.json"), broken).unwrap();
        },
        &["captions_val.json", "line 3", "broken JSON"],
    );
    refused(
        |f| {
            std::fs::write(
                f.join("annotations/captions_val.json"),
                "{\n \"images\": 3 }",
            )
            .unwrap()
        },
        &["captions_val.json", "line 2", "unexpected JSON"],
    );
}

#[test]
fn records_without_what_they_need() {
    let at = "captions_train.json";
    refused(
        train(|d| d["annotations"][3]["caption"] = json!("  \n")),
        &[at, "annotations[3]", "empty one"],
    );
    refused(
        train(|d| d["annotations"][3]["image_id"] = json!(999)),
        &[at, "annotations[3]", "image id 999 is not in `images`"],
    );
    refused(
        train(|d| d["annotations"].as_array_mut().unwrap().truncate(14)),
        &[at, "image id 8", "has no caption"],
    );
    refused(
        train(|d| d["annotations"][1]["id"] = d["annotations"][0]["id"].clone()),
        &[at, "annotations[1]", "used twice"],
    );
    refused(
        train(|d| d["images"][1]["id"] = json!(1)),
        &[at, "images[1]", "the id 1 is used twice"],
    );
    refused(
        train(|d| d["images"][0]["id"] = json!("one")),
        &[at, "images[0]", "no `id`"],
    );
    refused(
        train(|d| drop(d["images"][0].as_object_mut().unwrap().remove("file_name"))),
        &[at, "images[0]", "no `file_name`"],
    );
    refused(
        train(|d| d["annotations"][0]["caption"] = json!(5)),
        &[at, "annotations[0]", "expected a text"],
    );
}

#[test]
fn empty_and_shared_splits() {
    refused(
        |f| {
            let empty = json!({"images": [], "annotations": []});
            change(&f.join("annotations/captions_test.json"), |d| *d = empty);
        },
        &["captions_test.json", "`images` is empty"],
    );
    refused(
        |f| {
            change(&f.join("annotations/captions_test.json"), |d| {
                d["images"][0]["id"] = json!(1);
                d["annotations"][0]["image_id"] = json!(1);
                d["annotations"][1]["image_id"] = json!(1);
            });
        },
        &["image id 1", "training", "test split"],
    );
    refused(
        |f| {
            change(&f.join("annotations/captions_test.json"), |d| {
                d["images"][0]["file_name"] = json!("1.png");
            });
        },
        &["1.png", "image ids 1 and 11"],
    );
    refused(
        |f| {
            let train = f.join("annotations/captions_train.json");
            std::fs::copy(train, f.join("annotations/captions_train2017.json")).unwrap();
        },
        &[
            "captions_train.json",
            "captions_train2017.json is for the same split",
        ],
    );
}

#[test]
fn broken_pictures_are_named() {
    let folder = tempfile::tempdir().unwrap();
    sound_set(folder.path());
    let file = |name: &str| folder.path().join("images").join(name);
    let whole = std::fs::read(file("2.png")).unwrap();
    std::fs::write(file("2.png"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(file("5.png"), b"not a picture").unwrap();
    std::fs::write(file("9.png"), b"").unwrap();
    let spec: Spec = format!("coco:{}", folder.path().display()).parse().unwrap();
    let options = OpenOptions::default();
    let data = open(&spec, &options).expect("pictures are not looked at yet");
    let built = |threads| ImageStore::build(&data.train, 16, threads, &|_, _| Ok(()));
    let error = built(1).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(
        error.message().contains("2.png") && error.message().contains("5.png"),
        "{error}"
    );
    assert_eq!(built(3).unwrap_err(), error);

    let report = check(&spec, &options, 2, &|_, _| {}).unwrap();
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), 3, "{faults:?}");
    let named = [
        ("2.png", "decode"),
        ("5.png", "expected a JPEG or PNG"),
        ("9.png", "is empty"),
    ];
    for (fault, (file, what)) in faults.iter().zip(named) {
        assert!(fault.contains(file) && fault.contains(what), "{fault}");
    }
}

#[test]
fn a_check_names_every_fault_and_a_sound_set_has_none() {
    let folder = tempfile::tempdir().unwrap();
    sound_set(folder.path());
    let spec: Spec = format!("coco:{}", folder.path().display()).parse().unwrap();
    let options = OpenOptions::default();
    let report = check(&spec, &options, 2, &|_, _| {}).unwrap();
    assert!(report.faults.is_empty(), "{:?}", report.faults);
    let summary = report.summary.join("\n");
    for part in [
        "8 pictures, 16 captions",
        "2 to 3 a caption",
        "12 to 16 wide, 9 high",
    ] {
        assert!(summary.contains(part), "{summary}");
    }

    for id in 1..9 {
        std::fs::remove_file(folder.path().join(format!("images/{id}.png"))).unwrap();
    }
    std::fs::write(folder.path().join("images/12.png"), b"x").unwrap();
    let report = check(&spec, &options, 2, &|_, _| {}).unwrap();
    assert_eq!(report.faults.len(), 9, "{:?}", report.faults);
    let error = open(&spec, &options).unwrap_err();
    assert!(error.message().contains("and 3 more"), "{error}");
}

/// The summary of a sound set after `edit`.
fn summary(edit: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    sound_set(folder.path());
    edit(folder.path());
    let spec: Spec = format!("coco:{}", folder.path().display()).parse().unwrap();
    let report = check(&spec, &OpenOptions::default(), 2, &|_, _| {}).unwrap();
    assert!(report.faults.is_empty(), "{:?}", report.faults);
    report.summary.join("\n")
}

#[test]
fn licences_are_counted_by_name() {
    let said = summary(train(|d| {
        d["licenses"] = json!([
            {"id": 4, "name": "Attribution License", "url": "http://example.org/by"},
            {"id": 7, "url": "http://example.org/none"},
            {"name": "no id"}, 3,
        ]);
        for (image, licence) in [(0, json!(4)), (1, json!("4")), (2, json!(7)), (3, json!(9))] {
            d["images"][image]["license"] = licence;
        }
        d["images"][4]["license"] = json!(null);
    }));
    for line in [
        "licences     no licence given: 8 pictures",
        "             Attribution License: 2 pictures",
        "             http://example.org/none: 1 picture",
        "             licence 9, which `licenses` does not name: 1 picture",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
}

#[test]
fn copies_under_other_names_are_named_and_no_fault() {
    let copy = |folder: &Path, from: u8, to: u8| {
        let file = |id| folder.join(format!("images/{id}.png"));
        std::fs::copy(file(from), file(to)).unwrap();
    };
    assert!(!summary(|_| ()).contains("same bytes"));
    let said = summary(|f| copy(f, 1, 12));
    assert!(
        said.contains("leak         1 picture is in more than one split"),
        "{said}"
    );
    assert!(said.contains("1.png (image id 1, training) = "), "{said}");
    assert!(said.contains("12.png (image id 12, test)"), "{said}");
    assert!(!said.contains("duplicates"), "{said}");
    let said = summary(|f| {
        copy(f, 1, 2);
        copy(f, 1, 3);
        copy(f, 9, 10);
        copy(f, 4, 11);
    });
    assert!(said.contains("leak         1 picture is"), "{said}");
    assert!(
        said.contains("duplicates   2 pictures are more than once in a split"),
        "{said}"
    );
    assert!(said.contains("10.png (image id 10, validation)"), "{said}");
    let said = summary(|f| (2..9).for_each(|id| copy(f, 1, id)));
    assert!(said.contains("and 3 more"), "{said}");
}

#[test]
fn faults_of_karpathy_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("d.json");
    let refused = |document: serde_json::Value, expected: &str| {
        std::fs::write(&json, document.to_string()).unwrap();
        let spec = format!("karpathy:{},{}", json.display(), folder.path().display());
        let error = open(&spec.parse().unwrap(), &OpenOptions::default()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(
            error.message().contains(expected),
            "expected `{expected}` in: {error}"
        );
    };
    let image = json!({
        "filename": "x.jpg", "imgid": 1, "split": "train",
        "sentences": [{"raw": "a", "sentid": 1}],
    });
    let with = |key: &str, value: serde_json::Value| {
        let mut image = image.clone();
        image[key] = value;
        json!({"images": [image]})
    };
    refused(json!({"images": [image]}), "x.jpg is missing");
    refused(with("split", json!("dev")), "images[0]: no `split`");
    refused(with("imgid", json!(null)), "no `cocoid` and no `imgid`");
    refused(with("sentences", json!([])), "has no caption");
    refused(
        with("sentences", json!([{"sentid": 1}])),
        "sentences[0] has no `raw`",
    );
    refused(json!({"images": []}), "`images` is empty");
}
