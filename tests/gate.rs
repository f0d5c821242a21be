//! `bench gate` and `bench baseline`, driven as a user and a CI would.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use caption_bench::gate::baseline::Baseline;
use caption_bench::gate::compare::compare;
use caption_bench::gate::snapshot::{ATTRIBUTES, Snapshot};
use caption_bench::gate::tolerance::Tolerances;
use caption_bench::metrics::{self, Case, StatsTable};
use caption_bench::results::schema::{
    AttributeAccuracy, CellKind, CellResult, Cost, RunStamp, SCHEMA, Scores,
};
use caption_bench::results::scores::scores;
use caption_bench::results::stats_file::CaptionStats;
use caption_bench::results::store::RunDir;
use serde_json::Value;

/// A folder to work in, with the binary at hand.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `bench` here with a line of arguments.
    fn run(&self, line: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_bench"))
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .env("GITHUB_STEP_SUMMARY", self.path("summary.md"))
            .output()
            .unwrap()
    }

    /// Runs `bench`, which must exit with `code` and not panic; gives standard output and error together.
    fn exits(&self, code: i32, line: &str) -> String {
        let output = self.run(line);
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        let text = text.concat();
        assert_eq!(output.status.code(), Some(code), "bench {line}\n{text}");
        assert!(!text.contains("panicked"), "{text}");
        text
    }

    /// Writes a finished run with one cell for each of `cells`.
    fn write_run(&self, name: &str, cells: &[Cell]) {
        write_run(&self.path(name), "recipe-a", "data-a", cells);
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from:?}:\n{text}");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }
}

/// A cell of a run; of `n` captions, every `wrong`-th is wrong.
#[derive(Clone)]
struct Cell {
    name: &'static str,
    n: usize,
    wrong: usize,
    seed: u64,
}

const VAE: Cell = Cell {
    name: "vae",
    n: 60,
    wrong: 5,
    seed: 1,
};
const PLAIN: Cell = Cell {
    name: "encoder-decoder",
    n: 60,
    wrong: 6,
    seed: 1,
};

fn cases(cell: &Cell) -> Vec<Case<'static>> {
    let case = |i: usize| {
        let good = format!("a red ball beside the blue cube number {i}");
        let wrong = format!("two green stars number {i}");
        Case {
            id: i.to_string().into(),
            hypothesis: match i.is_multiple_of(cell.wrong) {
                true => wrong.into(),
                false => good.clone().into(),
            },
            references: vec![
                (good + " on grass").into(),
                format!("the picture of a red ball, number {i}").into(),
            ],
        }
    };
    (0..cell.n).map(case).collect()
}

fn scored(cell: &Cell) -> (Scores, CaptionStats) {
    let suite = metrics::suite("paper").unwrap();
    let evaluation = metrics::evaluate(&suite, &cases(cell), 1, 0);
    let mut tables = evaluation.tables.clone();
    let right = |i: usize| {
        if i.is_multiple_of(cell.wrong) {
            0.0
        } else {
            3.0
        }
    };
    let attributes = StatsTable {
        width: 2,
        rows: (0..cell.n).flat_map(|i| [right(i), 3.0]).collect(),
    };
    tables.insert(ATTRIBUTES.into(), attributes);
    let ids = (0..cell.n as u64).collect();
    (scores(&suite, &evaluation), CaptionStats { ids, tables })
}

fn write_run(path: &Path, recipe_hash: &str, fingerprint: &str, cells: &[Cell]) {
    let stamp = RunStamp {
        schema: SCHEMA,
        name: "ci".into(),
        recipe_hash: recipe_hash.into(),
        version: "0.1.0".into(),
        data: "scenes:480".into(),
        data_fingerprint: fingerprint.into(),
        pictures: [480, 60, 60],
        cells: cells.iter().map(|cell| cell.name.to_string()).collect(),
        started_unix: 1_700_000_000,
        notes: vec![],
    };
    let run = RunDir::create(path, &stamp, "").unwrap();
    for cell in cells {
        let folder = run.cell(cell.name).unwrap();
        let (metrics, stats) = scored(cell);
        let sums = stats.tables[ATTRIBUTES].sums();
        let all = sums[0] / sums[1];
        folder.write_stats(&stats).unwrap();
        let result = CellResult {
            schema: SCHEMA,
            cell: cell.name.into(),
            kind: CellKind::Model,
            variant: "vae".into(),
            label: if cell.seed == 1 {
                cell.name.into()
            } else {
                "vae".into()
            },
            latent: None,
            latent_size: None,
            seed: cell.seed,
            recipe: BTreeMap::new(),
            n: cell.n,
            metrics,
            attribute_accuracy: Some(AttributeAccuracy {
                all,
                ci95: [all - 0.05, all + 0.05],
                shapes: all,
                colours: all,
                relations: all,
            }),
            diagnostics: BTreeMap::new(),
            probes: BTreeMap::new(),
            warnings: vec![],
            validation: None,
            cost: Cost::default(),
        };
        folder.write_result(&result).unwrap();
    }
}

/// A folder with the run `before` saved as the baseline `ci`.
fn saved() -> Bench {
    let bench = Bench::new();
    bench.write_run("before", &[PLAIN, VAE]);
    let text = bench.exits(0, "baseline save ci --run before");
    assert!(text.contains("10 scores of 2 rows"), "{text}");
    bench
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn the_same_scores_pass_with_a_difference_of_nothing() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, VAE]);
    let text = bench.exits(0, "gate --baseline ci --run now --tolerance 0");
    contains(
        &text,
        &[
            "attribute_accuracy",
            "hf.meteor",
            "[0.00, 0.00]",
            "all 10 scores hold",
        ],
    );
    assert!(!text.contains("REGRESSION"), "{text}");
}

#[test]
fn a_regression_exits_3_and_says_where_and_how_sure() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, Cell { wrong: 2, ..VAE }]);
    let text = bench.exits(3, "gate --baseline ci --run now --json out/gate.json");
    contains(
        &text,
        &[
            "REGRESSION",
            "5 of 10 scores fell below the baseline \"ci\"",
            "of vae by",
        ],
    );

    let json: Value = serde_json::from_str(&bench.read("out/gate.json")).unwrap();
    assert_eq!(json["verdict"], "regression");
    assert_eq!(json["checks"].as_array().unwrap().len(), 10);
    for check in json["checks"].as_array().unwrap() {
        let number = |key: &str| check[key].as_f64().unwrap();
        let difference = number("difference");
        assert!((number("now") - number("baseline") - difference).abs() < 1e-12);
        let end = |i: usize| check["difference_ci95"][i].as_f64().unwrap();
        assert!(
            end(0) <= difference + 1e-3 && difference <= end(1) + 1e-3,
            "{check}"
        );
        if check["row"] == "vae" {
            assert_eq!(check["verdict"], "regression");
            assert!(end(1) < 0.0, "a loss of this size is certain: {check}");
        } else {
            assert_eq!((check["verdict"].as_str(), difference), (Some("pass"), 0.0));
        }
    }
}

#[test]
fn tolerances_are_per_metric_and_in_points() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, Cell { wrong: 4, ..VAE }]);
    bench.exits(3, "gate --baseline ci --run now");
    bench.exits(0, "gate --baseline ci --run now --tolerance 20");
    // Attribute accuracy goes from 80 to 75.
    let others =
        "--metric hf.bleu=20 --metric hf.rouge1=20 --metric hf.rougeL=20 --metric hf.meteor=20";
    bench.exits(
        0,
        &format!("gate --baseline ci --run now --tolerance 5 {others}"),
    );
    bench.exits(
        3,
        &format!("gate --baseline ci --run now --tolerance 4.99 {others}"),
    );
    bench.exits(
        0,
        &format!("gate --baseline ci --run now {others} --metric attribute_accuracy=5"),
    );
}

#[test]
fn an_improvement_is_said_and_accepted() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, Cell { wrong: 30, ..VAE }]);
    let text = bench.exits(0, "gate --baseline ci --run now");
    contains(&text, &["improved", "bench baseline accept"]);
    let text = bench.exits(0, "baseline accept ci --run now");
    contains(&text, &["80.00", "96.67", "+16.67", "saved 10 scores"]);
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
fn junit_names_every_score() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, Cell { wrong: 3, ..VAE }]);
    bench.exits(3, "gate --baseline ci --run now --junit gate.xml");
    let xml = bench.read("gate.xml");
    contains(
        &xml,
        &["<testsuites name=\"bench gate\" tests=\"10\" failures=\"5\" errors=\"0\">"],
    );
    assert_eq!(xml.matches("<testcase ").count(), 10);
    assert_eq!(xml.matches("<failure ").count(), 5);
    contains(&xml, &["<testcase classname=\"vae\" name=\"hf.bleu\">"]);

    write_run(&bench.path("other"), "recipe-b", "data-a", &[PLAIN, VAE]);
    bench.exits(5, "gate --baseline ci --run other --junit gate.xml");
    let xml = bench.read("gate.xml");
    contains(
        &xml,
        &[
            "tests=\"1\" failures=\"0\" errors=\"1\"",
            "<error ",
            "other recipe",
        ],
    );
}

#[test]
fn github_gets_annotations_and_a_summary() {
    let bench = saved();
    bench.write_run(
        "now",
        &[Cell { wrong: 3, ..PLAIN }, Cell { wrong: 30, ..VAE }],
    );
    bench.exits(3, "gate --baseline ci --run now");
    assert!(
        !bench.path("summary.md").exists(),
        "a summary nobody asked for"
    );
    fs::write(bench.path("summary.md"), "an earlier step\n").unwrap();
    let text = bench.exits(3, "gate --baseline ci --run now --github");
    contains(
        &text,
        &[
            "\n::error title=Regression%3A encoder-decoder::",
            "\n::notice title=Improved%3A vae::",
        ],
    );
    assert_eq!(text.matches("::error ").count(), 5);
    let summary = bench.read("summary.md");
    contains(
        &summary,
        &[
            "an earlier step\n### ❌ bench gate:",
            "| vae | hf.bleu |",
            "| REGRESSION |",
        ],
    );
}

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

#[test]
fn what_was_not_measured_alike_exits_5() {
    let bench = saved();
    let gate = |name: &str, reason: &str| {
        let text = bench.exits(
            5,
            &format!("gate --baseline ci --run {name} --json gate.json"),
        );
        contains(&text, &["not comparable", reason]);
        let json: Value = serde_json::from_str(&bench.read("gate.json")).unwrap();
        assert_eq!(json["verdict"], "not-comparable");
        json["checks"].as_array().unwrap().len()
    };
    write_run(&bench.path("recipe"), "recipe-b", "data-a", &[PLAIN, VAE]);
    assert_eq!(
        gate("recipe", "other recipe (recipe-a then, recipe-b now)"),
        0
    );
    write_run(&bench.path("data"), "recipe-a", "data-b", &[PLAIN, VAE]);
    assert_eq!(gate("data", "other data (data-a then, data-b now)"), 0);
    bench.write_run("missing", &[PLAIN]);
    assert_eq!(gate("missing", "row vae (vae) is missing"), 5);
    bench.write_run("fewer", &[PLAIN, Cell { n: 59, ..VAE }]);
    assert_eq!(
        gate("fewer", "row vae (vae) had 60 captions then, 59 now"),
        5
    );

    bench.write_run("unfinished", &[PLAIN, VAE]);
    fs::remove_file(bench.path("unfinished/cells/vae/result.json")).unwrap();
    assert_eq!(gate("unfinished", "row vae (vae) is not finished"), 5);
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
fn a_regression_among_what_is_comparable_is_still_shown() {
    let bench = saved();
    bench.write_run("now", &[Cell { wrong: 3, ..PLAIN }]);
    let text = bench.exits(5, "gate --baseline ci --run now");
    contains(&text, &["REGRESSION", "row vae (vae) is missing"]);
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
fn a_reader_that_stops_reading_changes_no_exit_code() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, Cell { wrong: 3, ..VAE }]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["gate", "--baseline", "ci", "--run", "now"])
        .current_dir(bench.0.path())
        .stdout(writer)
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(3));
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
    write_files(&bench, "now.txt", &Cell { wrong: 3, ..VAE });
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
fn statistics_too_large_are_left_out_and_said_so() {
    let bench = saved();
    let snapshot = Snapshot::of_run(&RunDir::open(&bench.path("before")).unwrap()).unwrap();
    let whole = Baseline::new("ci", 0, snapshot.clone(), 1 << 20);
    assert_eq!(whole.notes, [""; 0]);
    let small = Baseline::new("ci", 0, snapshot.clone(), 1000);
    assert!(small.notes[0].contains("no interval"), "{:?}", small.notes);
    let of = |baseline| compare(baseline, &snapshot, &Tolerances::default());
    assert!(
        of(&whole)
            .checks
            .iter()
            .all(|check| check.difference_ci95.is_some())
    );
    assert!(
        of(&small)
            .checks
            .iter()
            .all(|check| check.difference_ci95.is_none())
    );
    assert_eq!(of(&small).checks.len(), 10);
    assert!(of(&small).notes[0].contains("no interval"));
}

#[test]
fn a_baseline_file_is_small_and_comes_back_as_written() {
    let bench = Bench::new();
    bench.write_run("before", &[Cell { n: 500, ..VAE }]);
    bench.exits(0, "baseline save ci --run before");
    let size = bench.read("baselines/ci.json").len();
    assert!(size < 60_000, "{size} bytes for 500 captions");
    let path = bench.path("baselines/ci.json");
    let baseline = Baseline::read(&path).unwrap();
    baseline.write(&bench.path("again.json")).unwrap();
    assert_eq!(bench.read("again.json"), bench.read("baselines/ci.json"));
    let now = Snapshot::of_run(&RunDir::open(&bench.path("before")).unwrap()).unwrap();
    assert_eq!(baseline.snapshot, now);
}
