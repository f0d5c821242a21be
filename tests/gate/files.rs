//! Caption files in place of runs.

use std::fs;

use caption_bench::metrics::Case;
use serde_json::Value;

use crate::bench::{Bench, Cell, VAE, cases, contains};

/// Writes one caption a line, and two files of references.
fn write_files(bench: &Bench, name: &str, cell: &Cell) {
    let lines = |text: &dyn Fn(&Case) -> String| {
        let lines: Vec<_> = cases(cell).iter().map(text).collect();
        lines.join("\n") + "\n"
    };
    fs::write(bench.path(name), lines(&|case| case.hypothesis.to_string())).unwrap();
    for (i, file) in ["first.txt", "second.txt"].iter().enumerate() {
        fs::write(
            bench.path(file),
            lines(&|case| case.references[i].to_string()),
        )
        .unwrap();
    }
}

#[test]
fn caption_files_are_gated_as_runs_are() {
    let bench = Bench::new();
    let refs = "--ref first.txt --ref second.txt";
    write_files(&bench, "now.txt", &Cell { wrong: 2, ..VAE });
    write_files(&bench, "before.txt", &VAE);
    bench.exits(0, &format!("baseline save mine --hyp before.txt {refs}"));
    let text = bench.exits(
        0,
        &format!("gate --baseline mine --hyp before.txt {refs} --tolerance 0"),
    );
    contains(&text, &["all 4 scores hold", "[0.00, 0.00]"]);
    let text = bench.exits(3, &format!("gate --baseline mine --hyp now.txt {refs}"));
    contains(&text, &["4 of 4 scores fell"]);
    // The scores are those of `bench score`.
    bench.exits(0, &format!("score --hyp now.txt {refs} --json score.json"));
    bench.exits(
        3,
        &format!("gate --baseline mine --hyp now.txt {refs} --json gate.json"),
    );
    let score: Value = serde_json::from_str(&bench.read("score.json")).unwrap();
    let gate: Value = serde_json::from_str(&bench.read("gate.json")).unwrap();
    for check in gate["checks"].as_array().unwrap() {
        let metric = check["metric"].as_str().unwrap();
        assert_eq!(check["now"], score["metrics"][metric]["points"], "{metric}");
    }

    // One reference less, and references that were edited.
    let text = bench.exits(5, "gate --baseline mine --hyp before.txt --ref first.txt");
    contains(&text, &["other data"]);
    bench.edit("first.txt", "number 7 on grass", "number 7 on sand");
    bench.exits(5, &format!("gate --baseline mine --hyp before.txt {refs}"));
    bench.write_run("run", &[VAE]);
    let text = bench.exits(5, "gate --baseline mine --run run");
    contains(&text, &["it is of caption files, and this is a run"]);
}
