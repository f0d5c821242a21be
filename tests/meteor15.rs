//! Native METEOR 1.5 against the jar's scores, statistic by statistic.
//!
//! Compared where `CAPTION_BENCH_REFERENCE` names the folder that holds `metrics/`, and
//! `CAPTION_BENCH_METEOR_DATA` a folder with METEOR's data; neither is part of this repository.

use std::path::{Path, PathBuf};

use caption_bench::metrics::meteor15::Meteor15;
use serde_json::Value;

/// How far a score may be from the jar's.
const TOLERANCE: f64 = 1e-6;

/// The folder that a variable names, or `None` with a note that the test is skipped.
fn folder(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable);
    if folder.is_none() {
        println!("skipped: {variable} is not set");
    }
    folder.map(PathBuf::from)
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_statistic_is_the_jars() {
    let Some(reference) = folder("CAPTION_BENCH_REFERENCE") else {
        return;
    };
    let Some(data) = folder("CAPTION_BENCH_METEOR_DATA") else {
        return;
    };
    let meteor = Meteor15::open(&data).unwrap();
    let mut sums = vec![0.0; Meteor15::WIDTH];
    let mut wrong = Vec::new();
    let cases = lines(&reference.join("metrics/coco.jsonl"));
    for case in &cases {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let references: Vec<String> = case["refs_tok"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect();
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        let mut row = Vec::new();
        meteor.stats(&text(&case["hyp_tok"]), &references, &mut row);
        assert_eq!(row.len(), Meteor15::WIDTH);
        let stats = text(&case["meteor15_stats"]);
        let expected: Vec<f64> = stats
            .split(' ')
            .map(|number| number.parse().unwrap())
            .collect();
        let score = case["meteor15"].as_f64().unwrap();
        let close = (Meteor15::caption_score(&row) - score).abs() <= TOLERANCE;
        if !close || row[..expected.len()] != expected {
            wrong.push(format!(
                "{}: {row:?}\n  not {expected:?}, {score}",
                case["id"]
            ));
        }
        sums.iter_mut()
            .zip(&row)
            .for_each(|(sum, value)| *sum += value);
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );

    let corpus = std::fs::read_to_string(reference.join("metrics/corpus.json")).unwrap();
    let corpus: Value = serde_json::from_str(&corpus).unwrap();
    let expected = corpus["pycocoevalcap"]["all"]["METEOR1.5"]
        .as_f64()
        .unwrap();
    assert!((Meteor15::score(&sums) - expected).abs() <= TOLERANCE);
}
