//! `bench baseline save | show | accept`, and the files they leave.

use std::fs;

use caption_bench::gate::baseline::Baseline;
use caption_bench::gate::snapshot::Snapshot;
use caption_bench::results::store::RunDir;
use serde_json::Value;

use crate::bench::{Bench, Cell, PLAIN, VAE, contains, write_run};
use crate::saved;

#[test]
fn an_improvement_is_said_and_accepted() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, Cell { wrong: 30, ..VAE }]);
    let text = bench.exits(0, "gate --baseline ci --run now");
    contains(&text, &["improved", "bench baseline accept"]);
    let text = bench.exits(0, "baseline accept ci --run now --reason better");
    contains(&text, &["80.00", "96.67", "+16.67", "saved 10 scores"]);
    let json: Value = serde_json::from_str(&bench.read("baselines/ci.json")).unwrap();
    let accepted = &json["history"][0];
    assert_eq!(accepted["reason"], "better");
    assert_eq!(accepted["by"], "somebody-else");
    assert!(accepted["accepted_unix"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!(accepted["points"]["vae"]["attribute_accuracy"], 80.0);
    contains(
        &bench.exits(0, "baseline show ci"),
        &["by somebody-else: better"],
    );
    // What passed before is a regression from here on.
    bench.exits(3, "gate --baseline ci --run before");
    bench.exits(
        0,
        "gate --baseline baselines/ci.json --run now --tolerance 0",
    );
}

#[test]
fn accept_takes_another_recipe_and_says_so() {
    let bench = saved();
    write_run(&bench.path("now"), "recipe-b", "data-b", &[PLAIN]);
    bench.exits(5, "gate --baseline ci --run now");
    let text = bench.exits(0, "baseline accept ci --run now");
    contains(
        &text,
        &[
            "recipe: recipe-a → recipe-b",
            "data: data-a → data-b",
            "none",
        ],
    );
    bench.exits(0, "gate --baseline ci --run now");
    bench.exits(4, "baseline accept other --run now");
}

#[test]
fn a_file_that_is_no_baseline_is_named_with_its_fault() {
    let bench = saved();
    let whole = bench.read("baselines/ci.json");
    let faults = [
        (whole[..whole.len() / 2].to_string(), "no baseline: EOF"),
        (
            "{\"table\": [32.7]}".into(),
            "was not written by `bench baseline save`",
        ),
        ("[1, 2]".into(), "line 1"),
        (
            whole.replace("\"schema\": 1", "\"schema\": 99"),
            "this version reads schema 1",
        ),
        (whole.replacen("\"points\": ", "\"points\": x", 1), "line "),
    ];
    for (text, expected) in faults {
        fs::write(bench.path("baselines/broken.json"), text).unwrap();
        let text = bench.exits(2, "gate --baseline broken --run before");
        contains(&text, &["baselines/broken.json", expected]);
    }
}

#[test]
fn save_replaces_only_what_it_may() {
    let bench = saved();
    bench.write_run("now", &[PLAIN]);
    let before = bench.read("baselines/ci.json");
    bench.exits(2, "baseline save ci --run now");
    assert_eq!(bench.read("baselines/ci.json"), before);
    bench.exits(0, "baseline save ci --run now --force");
    contains(&bench.exits(0, "baseline show ci"), &["encoder-decoder"]);

    fs::write(bench.path("baselines/paper.json"), "{\"tables\": []}").unwrap();
    bench.exits(2, "baseline save paper --run now --force");
    assert_eq!(bench.read("baselines/paper.json"), "{\"tables\": []}");

    bench.write_run("unfinished", &[PLAIN, VAE]);
    fs::remove_file(bench.path("unfinished/cells/vae/result.json")).unwrap();
    let text = bench.exits(6, "baseline save half --run unfinished");
    contains(&text, &["not done: vae"]);
    assert!(!bench.path("baselines/half.json").exists());
}

#[test]
fn show_prints_scores_with_their_signatures() {
    let bench = saved();
    let text = bench.exits(0, "baseline show ci");
    contains(
        &text,
        &[
            "ci: of a run, scenes:480",
            "recipe recipe-a",
            "80.00",
            "nrefs:2",
        ],
    );
    bench.exits(4, "baseline show other");
}

#[test]
fn two_seeds_of_one_row_are_told_apart() {
    let bench = Bench::new();
    let seeds = [
        Cell {
            seed: 2,
            name: "vae-s2",
            ..VAE
        },
        Cell {
            seed: 3,
            name: "vae-s3",
            ..VAE
        },
    ];
    bench.write_run("seeds", &seeds);
    bench.exits(0, "baseline save ci --run seeds");
    contains(
        &bench.exits(0, "baseline show ci"),
        &["vae, seed 2", "vae, seed 3"],
    );
}

#[test]
fn a_baseline_file_is_small_and_comes_back_as_written() {
    let bench = Bench::new();
    bench.write_run("before", &[Cell { n: 500, ..VAE }]);
    bench.exits(0, "baseline save ci --run before");
    let size = |name: &str| fs::metadata(bench.path(name)).unwrap().len();
    assert!(size("baselines/ci.json") < 4000);
    let statistics = size("baselines/ci.parquet");
    assert!(statistics < 40_000, "{statistics} bytes for 500 captions");
    let path = bench.path("baselines/ci.json");
    let mut baseline = Baseline::read(&path).unwrap();
    baseline.write(&bench.path("again.json")).unwrap();
    assert_eq!(bench.read("again.json"), bench.read("baselines/ci.json"));
    let now = Snapshot::of_run(&RunDir::open(&bench.path("before")).unwrap()).unwrap();
    assert_eq!(baseline.snapshot, now);
}

#[test]
fn statistics_belong_to_their_baseline() {
    let bench = saved();
    bench.write_run("other", &[PLAIN, Cell { wrong: 7, ..VAE }]);
    bench.exits(0, "baseline save other --run other");
    let gate = "gate --baseline ci --run before";
    let statistics = bench.path("baselines/ci.parquet");
    fs::copy(bench.path("baselines/other.parquet"), &statistics).unwrap();
    let text = bench.exits(2, gate);
    contains(&text, &["ci.parquet", "both files belong together"]);
    fs::remove_file(&statistics).unwrap();
    contains(&bench.exits(2, gate), &["ci.parquet"]);
}

#[test]
fn without_statistics_the_size_of_a_fall_decides_and_that_is_said() {
    let bench = Bench::new();
    bench.write_run("before", &[PLAIN, VAE]);
    for cell in ["encoder-decoder", "vae"] {
        fs::remove_file(bench.path(&format!("before/cells/{cell}/stats.parquet"))).unwrap();
    }
    bench.exits(0, "baseline save ci --run before");
    assert!(!bench.path("baselines/ci.parquet").exists());
    bench.write_run("now", &[PLAIN, Cell { wrong: 4, ..VAE }]);
    let text = bench.exits(3, "gate --baseline ci --run now");
    contains(&text, &["--max-drop alone decides"]);
    let text = bench.exits(5, "gate --baseline ci --run now --rule stat");
    contains(&text, &["there is no test of these"]);
}
