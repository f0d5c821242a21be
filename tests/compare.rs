//! `bench compare`, driven as a user would.

#[path = "gate/bench.rs"]
mod bench;

use std::fs;
use std::path::Path;

use bench::{Bench, Cell, PLAIN, VAE, cases, contains, write_run};
use caption_bench::results::schema::CaptionRecord;
use caption_bench::results::store::RunDir;
use serde_json::Value;

fn json(bench: &Bench, name: &str) -> Value {
    serde_json::from_str(&bench.read(name)).unwrap()
}

/// The differences of a document, by row and metric.
fn difference<'a>(document: &'a Value, row: &str, metric: &str) -> &'a Value {
    let lines = document["differences"].as_array().unwrap();
    let found = lines
        .iter()
        .find(|l| l["row"] == row && l["metric"] == metric);
    found.unwrap_or_else(|| panic!("no {metric} of {row} in {document:#}"))
}

#[test]
fn two_runs_are_compared_row_by_row() {
    let bench = Bench::new();
    bench.write_run("before", &[PLAIN, VAE]);
    bench.write_run("after", &[PLAIN, Cell { wrong: 30, ..VAE }]);
    let text = bench.exits(0, "compare before after --json out.json");
    contains(
        &text,
        &[
            "A: before",
            "B: after",
            "attribute_accuracy",
            "+16.67",
            "[0.00, 0.00]",
            "60 captions",
        ],
    );
    let found = json(&bench, "out.json");
    assert_eq!(found["differences"].as_array().unwrap().len(), 10);
    let same = difference(&found, "encoder-decoder", "hf.bleu");
    assert_eq!(
        (&same["difference"], &same["p"]),
        (&0.0.into(), &1.0.into())
    );
    let better = difference(&found, "vae", "attribute_accuracy");
    let number = |key: &str| better[key].as_f64().unwrap();
    assert!((number("b") - number("a") - number("difference")).abs() < 1e-9);
    assert!(number("p") < 0.01 && number("p_holm") >= number("p"));
    assert!(better["ci95"][0].as_f64().unwrap() > 0.0, "{better}");
    assert!(number("detectable") > 0.0);

    // One metric; and its p-value, which is corrected for no other.
    bench.exits(0, "compare before after --metric hf.meteor --json out.json");
    assert_eq!(
        json(&bench, "out.json")["differences"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn two_cells_of_one_run_show_the_captions_that_changed_most() {
    let bench = Bench::new();
    bench.write_run("run", &[PLAIN, VAE]);
    let run = RunDir::open(&bench.path("run")).unwrap();
    for cell in [PLAIN, VAE] {
        let records = cases(&cell).into_iter().map(|case| CaptionRecord {
            image_id: case.id.parse().unwrap(),
            caption: case.hypothesis.into_owned(),
            references: case.references.iter().map(|r| r.to_string()).collect(),
            diagnostics: Default::default(),
        });
        let folder = run.cell(cell.name).unwrap();
        folder.write_captions(&records.collect::<Vec<_>>()).unwrap();
    }
    let cells = "compare run/cells/encoder-decoder run/cells/vae";
    let text = bench.exits(0, &format!("{cells} --changed 3 --json out.json"));
    contains(
        &text,
        &[
            "captions that changed most (hf.meteor)",
            "A  two green stars number",
            "B  a red ball beside the blue cube number",
            "on grass",
        ],
    );
    let changed = json(&bench, "out.json")["changed"].clone();
    let sizes: Vec<f64> = changed
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["points"][1].as_f64().unwrap() - c["points"][0].as_f64().unwrap()).abs())
        .collect();
    assert_eq!(sizes.len(), 3);
    assert!(
        sizes.is_sorted_by(|a, b| a >= b) && sizes[2] > 0.0,
        "{sizes:?}"
    );
    contains(
        &bench.exits(0, &format!("{cells} --by hf.bleu")),
        &["changed most (hf.bleu)"],
    );
    let none = bench.exits(0, &format!("{cells} --changed 0"));
    assert!(!none.contains("changed most"), "{none}");
}

#[test]
fn several_seeds_are_one_row_with_their_spread() {
    let bench = Bench::new();
    let seeds = |wrong: [usize; 2]| {
        let [a, b] = [("vae-s2", 2), ("vae-s3", 3)];
        [(a, wrong[0]), (b, wrong[1])].map(|((name, seed), wrong)| Cell {
            name,
            seed,
            wrong,
            ..VAE
        })
    };
    bench.write_run("before", &seeds([5, 6]));
    bench.write_run("after", &seeds([20, 60]));
    let text = bench.exits(0, "compare before after --json out.json");
    contains(&text, &["over seeds", "±"]);
    let found = json(&bench, "out.json");
    assert_eq!(found["differences"].as_array().unwrap().len(), 5);
    let found = difference(&found, "vae", "attribute_accuracy");
    // 12 and 10 of 60 wrong, then 3 and 1.
    let mean = |wrong: [f64; 2]| 100.0 - 100.0 * (wrong[0] + wrong[1]) / 120.0;
    let expected = mean([3.0, 1.0]) - mean([12.0, 10.0]);
    assert!((found["difference"].as_f64().unwrap() - expected).abs() < 1e-9);
    let deviation = 100.0 / 60.0 * 2f64.sqrt();
    let both = (2.0 * deviation * deviation).sqrt();
    assert!((found["seed_sd"].as_f64().unwrap() - both).abs() < 1e-9);
}

/// Writes COCO results and captions of the cases of a cell.
fn write_coco(bench: &Bench, name: &str, cell: &Cell, order: &dyn Fn(usize) -> usize) {
    let cases = cases(cell);
    let results: Vec<Value> = (0..cases.len())
        .map(|at| &cases[order(at)])
        .map(|case| serde_json::json!({"image_id": case.id, "caption": case.hypothesis}))
        .collect();
    fs::write(bench.path(name), Value::from(results).to_string()).unwrap();
    let references: Vec<Value> = cases
        .iter()
        .flat_map(|case| case.references.iter().map(|r| (case.id.clone(), r.clone())))
        .map(|(id, text)| serde_json::json!({"image_id": id, "caption": text}))
        .collect();
    let references = serde_json::json!({"annotations": references});
    fs::write(bench.path("references.json"), references.to_string()).unwrap();
}

#[test]
fn captions_in_files_go_together_by_picture() {
    let bench = Bench::new();
    write_coco(&bench, "b.json", &Cell { n: 50, ..PLAIN }, &|at| at);
    write_coco(&bench, "a.json", &VAE, &|at| at);
    // The same captions in another order.
    write_coco(&bench, "turned.json", &VAE, &|at| 59 - at);
    let text = bench.exits(0, "compare a.json turned.json --ref references.json");
    contains(&text, &["hf.meteor", "[0.00, 0.00]"]);
    let line = "compare a.json b.json --ref references.json --suite coco --json -";
    let output = bench.run(line);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        found["differences"].as_array().unwrap().len(),
        6,
        "coco.meteor has no data"
    );
    assert_eq!(difference(&found, "captions", "coco.cider")["n"], 50);
    contains(
        found["notes"][0].as_str().unwrap(),
        &["50 pictures that both have (of 60 and 50)"],
    );
}

#[test]
fn what_cannot_be_compared_says_why() {
    let bench = Bench::new();
    bench.write_run("run", &[PLAIN, VAE]);
    write_run(&bench.path("data"), "recipe-a", "data-b", &[PLAIN, VAE]);
    contains(&bench.exits(5, "compare run data"), &["of other data"]);
    bench.write_run("fewer", &[Cell { n: 50, ..PLAIN }, Cell { n: 50, ..VAE }]);
    contains(&bench.exits(5, "compare run fewer"), &["of other pictures"]);
    bench.write_run("signature", &[PLAIN, VAE]);
    bench.edit("signature/cells/vae/result.json", "nrefs:2", "nrefs:1");
    contains(
        &bench.exits(5, "compare run signature"),
        &["hf.bleu of vae: other signature"],
    );
    let other = Cell {
        name: "vae-cl",
        ..VAE
    };
    bench.write_run("others", &[other.clone(), Cell { name: "x", ..VAE }]);
    contains(&bench.exits(4, "compare run others"), &["no row of run"]);
    bench.write_run("more", &[PLAIN, other]);
    contains(
        &bench.exits(0, "compare run more"),
        &["note: vae is in run alone", "note: vae-cl is in more alone"],
    );
    fs::remove_file(bench.path("run/cells/vae/stats.parquet")).unwrap();
    contains(
        &bench.exits(4, "compare run/cells/vae run"),
        &["stats.parquet"],
    );
}

#[test]
fn bad_input_exits_2() {
    let bench = Bench::new();
    bench.write_run("run", &[PLAIN]);
    write_coco(&bench, "a.json", &VAE, &|at| at);
    for (line, expected) in [
        ("compare run", "<B>"),
        ("compare run nowhere", "expected two runs"),
        ("compare run a.json", "expected two runs"),
        ("compare a.json a.json", "--ref"),
        (
            "compare a.json none.json --ref references.json",
            "none.json",
        ),
        (
            "compare run run --ref references.json",
            "--ref is for files",
        ),
        ("compare run run --metric hf.blue", "hf.bleu"),
        ("compare run run --by hf.rouge2", "not both scored"),
        ("compare run run --resamples 0", "0"),
        ("compare run run --json none/out.json", "no folder"),
        ("compare run baselines", "expected two runs"),
    ] {
        contains(&bench.exits(2, line), &[expected]);
    }
    assert!(!Path::new("none").exists());
}

#[test]
fn what_is_not_compared_is_said() {
    let bench = Bench::new();
    let line = |id: usize, text: &str| format!("{{\"image_id\": {id}, \"caption\": \"{text}\"}}\n");
    let captions: String = (0..30)
        .map(|id| line(id, "a red ball on the grass"))
        .collect();
    let mut other = captions.clone();
    other.replace_range(.., &captions.replacen("red", "blue", 2));
    for (name, text) in [
        ("a.jsonl", captions.as_str()),
        ("b.jsonl", &other),
        ("one.jsonl", &line(3, "a red ball")),
    ] {
        fs::write(bench.path(name), text).unwrap();
    }
    let files = "compare a.jsonl b.jsonl --ref a.jsonl";
    let text = bench.exits(0, &format!("{files} --suite coco --json out.json"));
    let document = json(&bench, "out.json");
    let line = difference(&document, "captions", "coco.bleu1");
    assert_eq!(line["differing"], 2);
    contains(
        &text,
        &[
            "captions: 2 of 30 captions differ under coco.bleu1, ",
            "too narrow",
        ],
    );
    if difference_of(&document, "coco.meteor").is_none() {
        contains(&text, &["coco.meteor is unavailable"]);
    }
    // A test takes two captions.
    let text = bench.exits(4, "compare a.jsonl one.jsonl --ref a.jsonl");
    contains(&text, &["nothing to test"]);
    bench.exits(2, &format!("{files} --resamples 1"));
    // Identical captions could show nothing, whatever were true.
    let text = bench.exits(0, "compare a.jsonl a.jsonl --ref a.jsonl --json out.json");
    contains(&text, &["none"]);
    assert!(json(&bench, "out.json")["differences"][0]["detectable"].is_null());
}

fn difference_of<'a>(document: &'a Value, metric: &str) -> Option<&'a Value> {
    let lines = document["differences"].as_array().unwrap();
    lines.iter().find(|line| line["metric"] == metric)
}

#[test]
fn statistics_of_another_width_are_no_metric() {
    let bench = Bench::new();
    bench.write_run("before", &[PLAIN]);
    bench.write_run("after", &[PLAIN]);
    let run = RunDir::open(&bench.path("after")).unwrap();
    let cell = run.cell(PLAIN.name).unwrap();
    let mut stats = cell.read_stats().unwrap().unwrap();
    let table = stats.tables.get_mut("hf.meteor").unwrap();
    (table.width, table.rows) = (1, vec![0.5; PLAIN.n]);
    cell.write_stats(&stats).unwrap();
    let text = bench.exits(0, "compare before after");
    contains(
        &text,
        &["hf.meteor: its statistics of every caption are none"],
    );
}
