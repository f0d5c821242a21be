//! Real captioning systems on COCO's Karpathy test split: the numbers that were published, and those
//! that pycocoevalcap 1.2 gives, from `bench score` as a user runs it.
//!
//! Needs `CAPTION_BENCH_DATA`; `coco.meteor` is compared where `CAPTION_BENCH_METEOR_DATA` is set too.

use std::path::PathBuf;

use assert_cmd::Command;
use caption_bench::metrics::{self, Case};
use serde_json::Value;

fn outputs() -> Option<PathBuf> {
    let folder = std::env::var_os("CAPTION_BENCH_DATA");
    if folder.is_none() {
        println!("skipped: CAPTION_BENCH_DATA is not set");
    }
    folder.map(|folder| PathBuf::from(folder).join("system-outputs"))
}

/// Rounded to as many digits as were published.
fn rounded(value: f64, digits: usize) -> String {
    format!("{value:.digits$}")
}

#[test]
fn published_scores_are_reproduced() {
    let Some(folder) = outputs() else { return };
    let keys = [
        "coco.bleu1",
        "coco.bleu4",
        "coco.meteor",
        "coco.rougeL",
        "coco.cider",
    ];
    for (name, n, expected) in [
        ("magic", 4982, ["0.568", "0.129", "0.174", "0.399", "0.493"]),
        (
            "magic",
            4982,
            ["0.5682", "0.1288", "0.17362", "0.39879", "0.49289"],
        ),
        (
            "zerocap",
            5000,
            ["0.4979", "0.0698", "0.1543", "0.3180", "0.3447"],
        ),
        (
            "contrastive",
            5000,
            ["0.3945", "0.0298", "0.1084", "0.3076", "0.0765"],
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_bench"))
            .args(["score", "--suite", "coco", "--json", "-", "--hyp"])
            .arg(folder.join(format!("{name}.json")))
            .arg("--ref")
            .arg(folder.join("references.json"))
            .assert()
            .success();
        let scores: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
        assert_eq!(scores["n"], n, "{name}");
        for (key, expected) in keys.iter().zip(expected) {
            match scores["metrics"][key]["value"].as_f64() {
                Some(value) => assert_eq!(
                    rounded(value, expected.len() - 2),
                    expected,
                    "{key} of {name}"
                ),
                None => {
                    assert_eq!(*key, "coco.meteor");
                    println!("skipped: {key} needs CAPTION_BENCH_METEOR_DATA");
                }
            }
        }
    }
}

#[test]
fn integer_statistics_are_reproduced() {
    let Some(folder) = outputs() else { return };
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
    };
    let (results, references) = (read("magic.json"), read("references.json"));
    let id = |record: &Value| record["image_id"].to_string();
    let caption = |record: &Value| record["caption"].as_str().unwrap().to_owned();
    let cases: Vec<Case> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|result| Case {
            id: id(result).into(),
            hypothesis: caption(result).into(),
            references: references["annotations"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|annotation| annotation["image_id"] == result["image_id"])
                .map(|annotation| caption(annotation).into())
                .collect(),
        })
        .collect();
    let bleu = metrics::named("coco.bleu4").unwrap();
    let sums = metrics::stats_table(bleu, &cases, 2).sums();
    assert_eq!(
        sums,
        [
            47153., 47168., 26801., 9496., 2857., 902., 47153., 42171., 37189., 32207.
        ]
    );
}
