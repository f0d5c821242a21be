//! What cannot be compared, and bad input.

use std::fs;

use caption_bench::results::store::RunDir;
use serde_json::Value;

use crate::bench::{Bench, Cell, PLAIN, VAE, contains, write_run};
use crate::saved;

#[test]
fn nothing_to_compare_with_exits_4() {
    let bench = saved();
    let text = bench.exits(4, "gate --baseline cii --run before");
    contains(
        &text,
        &["there is no baseline baselines/cii.json (there is ci)"],
    );
    bench.exits(4, "gate --baseline ci --baselines elsewhere --run before");
    fs::write(bench.path("baselines/empty.json"), "\n").unwrap();
    bench.exits(4, "gate --baseline empty --run before");
    let mut baseline: Value = serde_json::from_str(&bench.read("baselines/ci.json")).unwrap();
    for row in baseline["rows"].as_array_mut().unwrap() {
        row["metrics"] = serde_json::json!({});
    }
    fs::write(bench.path("baselines/scoreless.json"), baseline.to_string()).unwrap();
    bench.exits(4, "gate --baseline scoreless --run before");
    baseline["rows"] = serde_json::json!([]);
    fs::write(bench.path("baselines/rowless.json"), baseline.to_string()).unwrap();
    bench.exits(4, "gate --baseline rowless --run before");

    bench.write_run("stopped", &[PLAIN]);
    fs::remove_file(bench.path("stopped/cells/encoder-decoder/result.json")).unwrap();
    let text = bench.exits(4, "gate --baseline ci --run stopped");
    contains(&text, &["stopped has no finished cell"]);
    bench.exits(4, "baseline save other --run stopped");
}

/// Gates a run, which must end with this code and reason; gives the number of scores compared.
fn checks(bench: &Bench, code: i32, name: &str, reason: &str) -> usize {
    let text = bench.exits(
        code,
        &format!("gate --baseline ci --run {name} --json gate.json"),
    );
    contains(&text, &[reason]);
    let json: Value = serde_json::from_str(&bench.read("gate.json")).unwrap();
    let verdict = if code == 5 {
        "not-comparable"
    } else {
        "incomplete"
    };
    assert_eq!(json["verdict"], verdict);
    contains(json["summary"].as_str().unwrap(), &[reason]);
    json["checks"].as_array().unwrap().len()
}

#[test]
fn cells_that_are_missing_exit_6() {
    let bench = saved();
    bench.write_run("missing", &[PLAIN]);
    assert_eq!(checks(&bench, 6, "missing", "row vae (vae) is missing"), 5);
    bench.write_run("unfinished", &[PLAIN, VAE]);
    fs::remove_file(bench.path("unfinished/cells/vae/result.json")).unwrap();
    assert_eq!(
        checks(&bench, 6, "unfinished", "row vae (vae) is not finished"),
        5
    );
}

#[test]
fn another_recipe_is_named_by_its_values() {
    let bench = Bench::new();
    bench.write_run("before", &[PLAIN]);
    fs::write(
        bench.path("before/recipe.toml"),
        "[train]\nepochs = 4\nbatch = 8\n",
    )
    .unwrap();
    bench.exits(0, "baseline save ci --run before");
    write_run(&bench.path("now"), "recipe-b", "data-a", &[PLAIN]);
    fs::write(
        bench.path("now/recipe.toml"),
        "[train]\nepochs = 2\nbatch = 8\n",
    )
    .unwrap();
    checks(&bench, 5, "now", ": train.epochs 4 then, 2 now");
}

#[test]
fn what_was_not_measured_alike_exits_5() {
    let bench = saved();
    let gate = |name: &str, reason: &str| checks(&bench, 5, name, reason);
    write_run(&bench.path("recipe"), "recipe-b", "data-a", &[PLAIN, VAE]);
    assert_eq!(
        gate("recipe", "other recipe (recipe-a then, recipe-b now)"),
        0
    );
    write_run(&bench.path("data"), "recipe-a", "data-b", &[PLAIN, VAE]);
    assert_eq!(gate("data", "other data (data-a then, data-b now)"), 0);
    bench.write_run("fewer", &[PLAIN, Cell { n: 59, ..VAE }]);
    assert_eq!(
        gate("fewer", "row vae (vae) had 60 captions then, 59 now"),
        5
    );

    bench.write_run("signature", &[PLAIN, VAE]);
    bench.edit("signature/cells/vae/result.json", "nrefs:2", "nrefs:1");
    assert_eq!(gate("signature", "hf.bleu of row vae: other signature"), 6);
    bench.write_run("metric", &[PLAIN, VAE]);
    bench.edit("metric/cells/vae/result.json", "hf.bleu", "hf.rouge2");
    assert_eq!(
        gate("metric", "hf.bleu of row vae: was not measured now"),
        9
    );

    bench.write_run("pictures", &[PLAIN, VAE]);
    let run = RunDir::open(&bench.path("pictures")).unwrap();
    let cell = run.cell("vae").unwrap();
    let mut stats = cell.read_stats().unwrap().unwrap();
    stats.ids.reverse();
    cell.write_stats(&stats).unwrap();
    assert_eq!(gate("pictures", "row vae (vae) is of other pictures"), 5);
}

#[test]
fn a_regression_among_what_is_there_counts_more_than_what_is_missing() {
    let bench = saved();
    bench.write_run("now", &[Cell { wrong: 3, ..PLAIN }]);
    let text = bench.exits(3, "gate --baseline ci --run now --junit gate.xml");
    contains(&text, &["REGRESSION", "missing: row vae (vae) is missing"]);
    contains(&bench.read("gate.xml"), &["failures=\"5\" errors=\"1\""]);
}

#[test]
fn rows_and_metrics_that_are_new_are_noted_and_pass() {
    let bench = Bench::new();
    bench.write_run("before", &[PLAIN]);
    bench.edit(
        "before/cells/encoder-decoder/result.json",
        "hf.bleu",
        "hf.rouge2",
    );
    bench.edit(
        "before/cells/encoder-decoder/result.json",
        "hf.rouge2",
        "hf.rouge1",
    );
    bench.exits(0, "baseline save ci --run before");
    bench.write_run("now", &[PLAIN, VAE]);
    let text = bench.exits(0, "gate --baseline ci --run now --tolerance 100");
    contains(
        &text,
        &[
            "Row vae (vae) is not in the baseline.",
            "hf.bleu of row encoder-decoder is not in",
        ],
    );
}

#[test]
fn bad_input_exits_2_and_says_what_was_expected() {
    let bench = saved();
    let cases = [
        ("gate --run before", "--baseline"),
        ("gate --baseline ci", "--run"),
        ("gate --baseline ci --run nowhere", "no run at nowhere"),
        ("gate --baseline ci --run baselines", "run.json"),
        ("gate --baseline ci --run before --hyp h --ref r", "--hyp"),
        ("gate --baseline ci --hyp h.txt", "--ref"),
        ("gate --baseline ci --ref r.txt", "--hyp"),
        (
            "gate --baseline ci --hyp none.txt --ref none.txt",
            "none.txt",
        ),
        (
            "gate --baseline ci --run before --tolerance -1",
            "from 0 up",
        ),
        (
            "gate --baseline ci --run before --tolerance nan",
            "from 0 up",
        ),
        (
            "gate --baseline ci --run before --alpha 0",
            "between 0 and 1",
        ),
        (
            "gate --baseline ci --run before --alpha -1",
            "between 0 and 1",
        ),
        ("gate --baseline ci --run before --rule none", "tolerance"),
        ("gate --baseline ci --run before --tolerance much", "much"),
        (
            "gate --baseline ci --run before --metric hf.bleu",
            "KEY=POINTS",
        ),
        (
            "gate --baseline ci --run before --metric hf.blue=1",
            "did you mean hf.bleu?",
        ),
        (
            "gate --baseline .hidden --run before",
            "no name for a baseline",
        ),
        ("baseline save ../up --run before", "no name for a baseline"),
        ("baseline save ci --run before", "--force"),
        ("baseline save", "NAME"),
        ("baseline", "save"),
    ];
    for (line, expected) in cases {
        contains(&bench.exits(2, line), &[expected]);
    }
}
