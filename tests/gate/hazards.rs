//! What must never open the gate unseen: many scores, few captions, another order, edited or lost files.

use std::fs;

use serde_json::Value;

use crate::bench::{Bench, Cell, VAE, contains};
use crate::saved;

/// Files of three captions and their references, and their baseline `files`.
fn files() -> Bench {
    let bench = Bench::new();
    let write = |name: &str, lines: [&str; 3]| {
        fs::write(bench.path(name), lines.join("\n") + "\n").unwrap();
    };
    let line = |id: usize, text: &str| format!("{{\"image_id\": {id}, \"caption\": \"{text}\"}}");
    let captions = [
        line(7, "a red ball on the grass"),
        line(30, "two green stars and a moon"),
        line(4, "a dog runs over the beach"),
    ];
    let [a, b, c] = captions.each_ref().map(String::as_str);
    write("captions.jsonl", [a, b, c]);
    write("shuffled.jsonl", [c, a, b]);
    write("references.jsonl", [a, b, c]);
    write("shuffled_references.jsonl", [b, c, a]);
    let worse = [
        line(7, "a red ball on grass"),
        line(30, "two green stars and moon"),
        line(4, "a dog runs over beach"),
    ];
    let [a, b, c] = worse.each_ref().map(String::as_str);
    write("worse.jsonl", [a, b, c]);
    bench.exits(
        0,
        "baseline save files --hyp captions.jsonl --ref references.jsonl",
    );
    bench
}

#[test]
fn captions_have_no_order() {
    let bench = files();
    for (captions, references) in [
        ("shuffled", "references"),
        ("captions", "shuffled_references"),
    ] {
        let line = format!("gate --baseline files --hyp {captions}.jsonl --ref {references}.jsonl");
        bench.exits(0, &line);
    }
    fs::write(
        bench.path("fewer.jsonl"),
        "{\"image_id\": 7, \"caption\": \"a red ball on the grass\"}\n",
    )
    .unwrap();
    let text = bench.exits(
        5,
        "gate --baseline files --hyp fewer.jsonl --ref references.jsonl",
    );
    contains(&text, &["of 3 captions then, 1 now"]);
}

#[test]
fn three_captions_prove_no_fall() {
    let bench = files();
    let line = "gate --baseline files --hyp worse.jsonl --ref references.jsonl --json out.json";
    contains(&bench.exits(0, line), &["unconfirmed"]);
    let document: Value = serde_json::from_str(&bench.read("out.json")).unwrap();
    for check in document["checks"].as_array().unwrap() {
        // Of three pictures all exchanged or none, one in four is as far apart: half of that on one side.
        assert!(check["p_fall"].as_f64().unwrap() > 0.1, "{check}");
    }
    bench.exits(3, &format!("{line} --strict"));
}

#[test]
fn a_level_that_no_score_could_reach_is_refused() {
    let bench = saved();
    bench.write_run("worse", &[Cell { wrong: 1, ..VAE }]);
    let worse = "gate --baseline ci --run worse";
    // Sixty captions that are all wrong are a fall at any level that can be tested.
    bench.write_run(
        "all-wrong",
        &[crate::bench::PLAIN, Cell { wrong: 1, ..VAE }],
    );
    let gate = "gate --baseline ci --run all-wrong";
    for alpha in ["0.05", "0.0003", "0.0001"] {
        bench.exits(3, &format!("{gate} --alpha {alpha}"));
    }
    let text = bench.exits(2, &format!("{worse} --alpha 1e-9"));
    contains(&text, &["too small for 10 scores", "or more"]);
}

#[test]
fn a_file_that_cannot_be_written_hides_no_regression() {
    let bench = saved();
    bench.write_run(
        "all-wrong",
        &[crate::bench::PLAIN, Cell { wrong: 1, ..VAE }],
    );
    fs::create_dir(bench.path("folder")).unwrap();
    bench.exits(
        2,
        "gate --baseline ci --run all-wrong --json folder --junit gate.xml",
    );
    let text = bench.exits(3, "gate --baseline ci --run all-wrong --json -");
    let document = &text[..text.rfind("}\n").unwrap() + 2];
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["verdict"], "regression");
    assert!(!bench.path("-").exists());
}

#[test]
fn scores_that_were_edited_are_not_those_of_the_statistics() {
    let bench = saved();
    let mut baseline: Value = serde_json::from_str(&bench.read("baselines/ci.json")).unwrap();
    let points = &mut baseline["rows"][0]["metrics"]["hf.bleu"]["points"];
    *points = (points.as_f64().unwrap() - 10.0).into();
    fs::write(bench.path("baselines/ci.json"), baseline.to_string()).unwrap();
    let text = bench.exits(2, "gate --baseline ci --run before");
    contains(&text, &["hf.bleu has ", "its statistics give"]);
}

#[test]
fn lost_statistics_are_made_anew_by_force() {
    let bench = saved();
    fs::remove_file(bench.path("baselines/ci.parquet")).unwrap();
    let text = bench.exits(2, "gate --baseline ci --run before");
    contains(&text, &["ci.parquet", "committed together", "--force"]);
    bench.exits(2, "baseline save ci --run before");
    bench.exits(0, "baseline save ci --run before --force");
    bench.exits(0, "gate --baseline ci --run before");
}
