//! `bench score` as a user runs it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use flate2::{Compression, write::GzEncoder};
use polars::prelude::{ParquetReader, SerReader};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with files in it.
struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            fs::write(folder.path(name), text).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `bench score` in this folder.
    fn score(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
        command
            .current_dir(self.0.path())
            .env_remove("CAPTION_BENCH_METEOR_DATA")
            .arg("score")
            .args(args.split(' '));
        command
    }

    /// What `bench score --json -` prints.
    fn json(&self, args: &str) -> Value {
        let output = self.score(&format!("{args} --json -")).assert().success();
        serde_json::from_slice(&output.get_output().stdout).unwrap()
    }
}

/// Three pictures, of which the results name two; two references each.
fn coco() -> Files {
    let results = json!([
        {"image_id": 7, "caption": "a red ball lies on the grass"},
        {"image_id": "9", "caption": "two dogs run past a wall"},
    ]);
    let first = json!({"info": {}, "images": [], "annotations": [
        {"id": 1, "image_id": 9, "caption": "two dogs run along a wall"},
        {"id": 2, "image_id": 8, "caption": "nobody wrote about this one"},
        {"id": 3, "image_id": 7, "caption": "a ball on the grass"},
    ]});
    let second = json!({"annotations": [
        {"image_id": 7, "caption": "a red ball lies on the lawn"},
        {"image_id": 9, "caption": "a pair of hounds running"},
    ]});
    Files::new(&[
        ("hyp.json", &results.to_string()),
        ("first.json", &first.to_string()),
        ("second.json", &second.to_string()),
    ])
}

/// The same captions, one a line.
fn lines() -> Files {
    Files::new(&[
        (
            "hyp.txt",
            "a red ball lies on the grass\r\ntwo dogs run past a wall\n",
        ),
        (
            "first.txt",
            "a ball on the grass\ntwo dogs run along a wall\n",
        ),
        (
            "second.txt",
            "a red ball lies on the lawn\na pair of hounds running",
        ),
    ])
}

#[test]
fn json_and_lines_and_cases_score_alike() {
    let cases = "{\"id\":1,\"hypothesis\":\"a red ball lies on the grass\",\"references\":[\"a ball on the grass\",\"a red ball lies on the lawn\"]}\n\n\
                 {\"id\":\"b\",\"hypothesis\":\"two dogs run past a wall\",\"references\":[\"two dogs run along a wall\",\"a pair of hounds running\"]}\n";
    let by_image = coco().json("--hyp hyp.json --ref first.json --ref second.json");
    let by_line = lines().json("--hyp hyp.txt --ref first.txt --ref second.txt");
    let by_case = Files::new(&[("cases.jsonl", cases)]).json("--cases cases.jsonl");
    assert_eq!(by_image, by_line);
    assert_eq!(by_image, by_case);
    assert_eq!(by_image["schema"], 1);
    assert_eq!(by_image["n"], 2);
    let metrics = by_image["metrics"].as_object().unwrap();
    let keys: Vec<&str> = metrics.keys().map(String::as_str).collect();
    assert_eq!(keys, ["hf.bleu", "hf.meteor", "hf.rouge1", "hf.rougeL"]);
    for score in metrics.values() {
        let value = score["value"].as_f64().unwrap();
        assert!(0.0 < value && value < 1.0, "{score}");
        assert_eq!(score["points"].as_f64().unwrap(), 100.0 * value);
        assert!(
            score["signature"].as_str().unwrap().starts_with("nrefs:2|"),
            "{score}"
        );
        assert_eq!(score["ci95"].as_array().unwrap().len(), 2);
    }
}

/// Packs with gzip.
fn gzip(text: &[u8]) -> Vec<u8> {
    let mut pack = GzEncoder::new(Vec::new(), Compression::fast());
    pack.write_all(text).unwrap();
    pack.finish().unwrap()
}

#[test]
fn every_format_scores_alike() {
    let files = coco();
    let plain = files.json("--hyp hyp.json --ref first.json --ref second.json");
    let write = |name: &str, text: &str| fs::write(files.path(name), text).unwrap();
    write(
        "hyp.jsonl",
        "{\"image_id\":\"7\",\"caption\":\"a red ball lies on the grass\"}\n\n{\"image_id\":9,\"caption\":\"two dogs run past a wall\"}\n",
    );
    fs::copy(files.path("hyp.jsonl"), files.path("hyp.out")).unwrap();
    let karpathy = json!({"dataset": "coco", "images": [
        {"cocoid": 9, "imgid": 7, "split": "test", "sentences": [
            {"raw": "two dogs run along a wall", "tokens": ["two"]},
            {"raw": "a pair of hounds running"}]},
        {"imgid": 7, "split": "test", "sentences": [
            {"raw": "a ball on the grass"}, {"raw": "a red ball lies on the lawn"}]},
        {"cocoid": 10, "imgid": 9, "split": "test", "sentences": [{"raw": "a cat"}]},
        {"cocoid": 11, "imgid": 10, "split": "train", "sentences": [{"raw": "a cow"}]},
    ]});
    write("dataset.json", &karpathy.to_string());
    for name in ["hyp.json", "hyp.out", "dataset.json"] {
        let packed = gzip(&fs::read(files.path(name)).unwrap());
        fs::write(files.path(&format!("{name}.gz")), packed).unwrap();
    }
    for args in [
        "--hyp hyp.jsonl --ref first.json --ref second.json",
        "--hyp hyp.out --ref first.json --ref second.json",
        "--hyp hyp.out.gz --ref dataset.json",
        "--hyp hyp.json.gz --ref dataset.json.gz",
    ] {
        assert_eq!(files.json(args), plain, "{args}");
    }
    let piped = |args: &str, name: &str| {
        let mut command = files.score(&format!("{args} --json -"));
        let output = command.write_stdin(fs::read(files.path(name)).unwrap());
        let output = output.assert().success().get_output().stdout.clone();
        serde_json::from_slice::<Value>(&output).unwrap()
    };
    assert_eq!(piped("--hyp - --ref dataset.json", "hyp.json.gz"), plain);
    assert_eq!(piped("--hyp - --ref dataset.json", "hyp.jsonl"), plain);
    assert_eq!(piped("--hyp hyp.json --ref -", "dataset.json"), plain);
}

#[test]
fn images_without_a_caption_are_told() {
    let files = coco();
    let note = |args: &str| {
        let output = files.score(args).assert().success();
        String::from_utf8(output.get_output().stderr.clone()).unwrap()
    };
    assert!(
        note("--hyp hyp.json --ref first.json")
            .contains("1 of 3 images of the references have no caption and are not scored")
    );
    assert_eq!(note("--hyp hyp.json --ref second.json"), "");
    let image = |id: usize, split: &str| json!({"cocoid": id, "split": split, "sentences": [{"raw": "a dog"}]});
    let karpathy = json!({"images": [
        image(7, "test"), image(9, "test"), image(10, "test"), image(11, "train"),
    ]});
    fs::write(files.path("dataset.json"), karpathy.to_string()).unwrap();
    assert!(
        note("--hyp hyp.json --ref dataset.json")
            .contains("1 of 3 images of the references (test) have no caption")
    );
}

#[test]
fn each_reference_file_adds_one() {
    let files = lines();
    let rouge = |args: &str| {
        files.json(args)["metrics"]["hf.rouge1"]["value"]
            .as_f64()
            .unwrap()
    };
    assert!(
        rouge("--hyp hyp.txt --ref first.txt")
            < rouge("--hyp hyp.txt --ref first.txt --ref second.txt")
    );
}

#[test]
fn metrics_are_chosen_by_suite_and_name() {
    let files = lines();
    let keys = |args: &str| {
        let scores = files.json(&format!("--hyp hyp.txt --ref first.txt {args}"));
        scores["metrics"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys("--metric hf.meteor"), ["hf.meteor"]);
    assert_eq!(
        keys("--metric hf.rouge2 --metric hf.bleu"),
        ["hf.bleu", "hf.rouge2"]
    );
    assert_eq!(
        keys("--suite sacrebleu --metric hf.bleu"),
        ["hf.bleu", "sacrebleu.bleu"]
    );
    assert_eq!(keys("--suite coco")[0], "coco.bleu1");
    assert_eq!(keys("--suite all").len(), 14);
}

#[test]
fn sacrebleu_has_its_settings() {
    let files = Files::new(&[
        ("h.txt", "Ein Hund, so ‚groß‘!\nzwei\n"),
        ("r.txt", "ein Hund , so ‚ groß ‘ !\nzwei\n"),
    ]);
    let score = |args: &str| {
        let args = format!("--hyp h.txt --ref r.txt --suite sacrebleu {args}");
        let scores = files.json(args.trim_end());
        let score = &scores["metrics"]["sacrebleu.bleu"];
        (
            score["value"].as_f64().unwrap(),
            score["signature"].as_str().unwrap().to_owned(),
        )
    };
    let (value, signature) = score("");
    assert!(value < 50.0, "{value}");
    assert_eq!(
        signature,
        "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
    );
    let (value, signature) = score("--sacrebleu-tokenize intl --sacrebleu-lowercase");
    assert!((value - 100.0).abs() < 1e-9, "{value}");
    assert!(signature.contains("case:lc|eff:no|tok:intl"), "{signature}");
    let (_, signature) =
        score("--sacrebleu-smooth add-k --sacrebleu-smooth-value 0.5 --sacrebleu-effective-order");
    assert!(
        signature.contains("eff:yes|tok:13a|smooth:add-k[0.50]"),
        "{signature}"
    );
    assert!(score("--sacrebleu-smooth floor").1.contains("floor[0.10]"));
}

#[test]
fn the_table_shows_points_interval_and_signature() {
    let output = lines()
        .score("--hyp hyp.txt --ref first.txt")
        .assert()
        .success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("hf.rougeL"))
        .unwrap();
    assert!(
        line.contains(" – ") && line.contains("nrefs:1|tok:rouge"),
        "{text}"
    );
    assert!(text.starts_with("2 captions\n"), "{text}");
}

#[test]
fn a_single_caption_has_no_interval() {
    let files = Files::new(&[("h.txt", "a dog"), ("r.txt", "a dog")]);
    let scores = files.json("--hyp h.txt --ref r.txt");
    assert!(
        scores["metrics"]["hf.rouge1"].get("ci95").is_none(),
        "{scores}"
    );
    files.score("--hyp h.txt --ref r.txt").assert().success();
}

#[test]
fn files_get_the_scores_of_all_and_of_each() {
    let files = coco();
    let args = "--hyp hyp.json --ref first.json --json all.json --per-caption each.jsonl --metric hf.rouge1";
    let output = files.score(args).assert().success();
    assert!(
        !output.get_output().stdout.is_empty(),
        "the table is printed too"
    );
    let all: Value = serde_json::from_slice(&fs::read(files.path("all.json")).unwrap()).unwrap();
    let each: Vec<Value> = fs::read_to_string(files.path("each.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(each[0]["id"], "7");
    assert_eq!(each[1]["id"], "9");
    let score = |line: &Value| line["scores"]["hf.rouge1"].as_f64().unwrap();
    let mean = (score(&each[0]) + score(&each[1])) / 2.0;
    assert!((all["metrics"]["hf.rouge1"]["value"].as_f64().unwrap() - mean).abs() < 1e-12);
}

#[test]
fn scores_of_each_also_come_as_parquet() {
    let files = coco();
    for each in ["each.jsonl", "each.parquet"] {
        let args = format!("--hyp hyp.json --ref first.json --per-caption {each}");
        files.score(&args).assert().success();
    }
    let file = fs::File::open(files.path("each.parquet")).unwrap();
    let table = ParquetReader::new(file).finish().unwrap();
    let names: Vec<&str> = table.columns().iter().map(|c| c.name().as_str()).collect();
    assert_eq!(
        names,
        ["id", "hf.bleu", "hf.rouge1", "hf.rougeL", "hf.meteor"]
    );
    let lines = fs::read_to_string(files.path("each.jsonl")).unwrap();
    assert_eq!(table.height(), lines.lines().count());
    for (i, line) in lines.lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        let id = table.column("id").unwrap().str().unwrap().get(i);
        assert_eq!(id, line["id"].as_str());
        for key in &names[1..] {
            let value = table.column(key).unwrap().f64().unwrap().get(i);
            assert_eq!(value, line["scores"][key].as_f64(), "{key}");
        }
    }
}

#[test]
fn captions_are_described_only_when_asked() {
    let files = lines();
    let train = json!({"images": [
        {"cocoid": 1, "split": "restval", "sentences": [{"raw": "Two dogs  run past a wall"}]},
        {"cocoid": 2, "split": "test", "sentences": [{"raw": "a red ball lies on the grass"}]},
    ]});
    fs::write(files.path("train.json"), train.to_string()).unwrap();
    let plain = files.json("--hyp hyp.txt --ref first.txt");
    assert!(plain.get("description").is_none(), "{plain}");
    let found = files.json("--hyp hyp.txt --ref first.txt --describe --train train.json");
    assert_eq!(found["metrics"], plain["metrics"]);
    let found = &found["description"];
    assert_eq!(found["n"], 2);
    assert_eq!(found["vocabulary"], 12);
    assert_eq!(found["words"]["max"], 7);
    assert_eq!(found["graphemes"]["min"], 24);
    assert_eq!(found["not_in_references"], 1.0);
    assert_eq!(found["not_in_training"], 0.5);
    let output = files
        .score("--hyp hyp.txt --ref first.txt --describe")
        .assert()
        .success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    for part in ["self-BLEU-4", "distinct-2", "shortest 6", "tok:uax29"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("not in training"), "{text}");
}

#[test]
fn threads_change_no_bit() {
    let line = |i: usize| format!("a dog number {i} of {} runs on the grass\n", i % 7);
    let other = |i: usize| format!("dog {i} runs over {} fields of grass\n", i % 5);
    let files = Files::new(&[
        ("h.txt", &(0..500).map(line).collect::<String>()),
        ("r.txt", &(0..500).map(other).collect::<String>()),
    ]);
    let scores = |threads: usize| {
        files.json(&format!(
            "--hyp h.txt --ref r.txt --suite all --threads {threads}"
        ))
    };
    assert_eq!(scores(1), scores(2));
    assert_eq!(scores(1), scores(5));
}

#[test]
fn empty_captions_are_scored_and_no_number_is_missing() {
    let files = Files::new(&[("h.txt", "\n\n"), ("r.txt", "a dog\n\n")]);
    let scores = files.json("--hyp h.txt --ref r.txt --suite all");
    for (key, score) in scores["metrics"].as_object().unwrap() {
        // coco-caption reads two empty texts as one equal, empty token.
        let expected = if key == "coco.rougeL" { 0.5 } else { 0.0 };
        assert_eq!(score["value"], expected, "{key}");
    }
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let good = r#"[{"image_id":1,"caption":"a"}]"#;
    let twice = r#"[{"image_id":1,"caption":"a"},{"image_id":2,"caption":"b"},{"image_id":1,"caption":"c"}]"#;
    let more = r#"[{"image_id":1,"caption":"a"},{"image_id":5,"caption":"b"}]"#;
    let refs = r#"{"annotations":[{"image_id":1,"caption":"a"}]}"#;
    let case = r#"{"id":"a","hypothesis":"x","references":["y"]}"#;
    let bare = r#"{"id":"b","hypothesis":"x","references":[]}"#;
    let line = r#"{"image_id":1,"caption":"a"}"#;
    let many: String = [1, 5, 6, 7, 8]
        .map(|id| format!("{{\"image_id\":{id},\"caption\":\"a\"}}\n"))
        .concat();
    let two_cases = format!("{case}\n{case}\n");
    let broken_case = format!("{case}\n{{\"id\":\"b\"\n");
    let bare_case = format!("{case}\n{bare}\n");
    let files = Files::new(&[
        ("good.json", good),
        ("refs.json", refs),
        ("twice.json", twice),
        ("more.json", more),
        ("broken.json", "[\n {\"image_id\": 1,\n  \"caption\": }]"),
        ("shape.json", r#"{"annotations":[]}"#),
        ("keyless.json", r#"[{"image":1,"caption":"a"}]"#),
        ("none.json", "[]"),
        ("many.jsonl", &many),
        ("twice.jsonl", &format!("{line}\n\n{line}")),
        ("wrong.jsonl", &format!("{line}\n{{\"image_id\":2}}\n")),
        (
            "idless.json",
            r#"{"images":[{"imgid":1,"sentences":[]},{"sentences":[{"raw":"a"}]}]}"#,
        ),
        ("bare.json", r#"{"images":[{"id":1,"file_name":"a.jpg"}]}"#),
        ("half.out", r#"{"image_id":1.5,"caption":"a"}"#),
        ("neither.json", r#"{"info":{}}"#),
        ("a.txt", "a\n"),
        ("ab.txt", "a\nb\n"),
        ("empty.txt", ""),
        ("two.jsonl", &two_cases),
        ("broken.jsonl", &broken_case),
        ("bare.jsonl", &bare_case),
    ]);
    fs::write(files.path("broken.gz"), b"\x1f\x8b\x08 and then nothing").unwrap();
    fs::write(files.path("latin.txt"), b"ok\ncaf\xe9\n").unwrap();
    for (args, parts) in [
        (
            "--hyp absent.json --ref refs.json",
            &["cannot read absent.json"][..],
        ),
        (
            "--hyp good.json --ref absent.json",
            &["cannot read absent.json"],
        ),
        (
            "--hyp broken.json --ref refs.json",
            &["broken.json: line 3, column 14", "image_id"],
        ),
        (
            "--hyp shape.json --ref refs.json",
            &["shape.json: line 1", "COCO results"],
        ),
        (
            "--hyp keyless.json --ref refs.json",
            &["missing field `image_id`"],
        ),
        (
            "--hyp good.json --ref good.json",
            &["good.json: line 1", "COCO captions"],
        ),
        (
            "--hyp twice.json --ref refs.json",
            &["record 3", "image 1", "record 1"],
        ),
        ("--hyp more.json --ref refs.json", &["1 of 2", "image 5"]),
        (
            "--hyp many.jsonl --ref refs.json",
            &["4 of 5", "images 5, 6, 7 and so on"],
        ),
        (
            "--hyp twice.jsonl --ref refs.json",
            &["twice.jsonl: line 3", "image 1", "line 1"],
        ),
        (
            "--hyp wrong.jsonl --ref refs.json",
            &["wrong.jsonl: line 2", "caption", "on each line"],
        ),
        (
            "--hyp half.out --ref refs.json",
            &["half.out: line 1", "whole number", "on each line"],
        ),
        (
            "--hyp good.json --ref idless.json",
            &["idless.json: images[1]", "`cocoid`"],
        ),
        (
            "--hyp good.json --ref bare.json",
            &["bare.json: images[0]", "`sentences`", "COCO captions"],
        ),
        (
            "--hyp good.json --ref neither.json",
            &["neither.json", "no `annotations` and no `images`"],
        ),
        ("--hyp broken.gz --ref a.txt", &["broken.gz", "gzip"]),
        ("--hyp - --ref -", &["`-`", "once"]),
        ("--hyp a.txt --ref a.txt --train a.txt", &["--describe"]),
        (
            "--hyp a.txt --ref a.txt --describe --train -",
            &["--train cannot be `-`"],
        ),
        (
            "--hyp a.txt --ref a.txt --describe --train empty.txt",
            &["empty.txt has no caption for training"],
        ),
        (
            "--hyp none.json --ref refs.json",
            &["none.json has no caption"],
        ),
        (
            "--hyp good.json --ref shape.json",
            &["shape.json has no annotation"],
        ),
        (
            "--hyp good.json --ref a.txt",
            &["good.json is JSON", "a.txt is one caption a line"],
        ),
        (
            "--hyp a.txt --ref ab.txt",
            &["a.txt has 1 lines", "ab.txt has 2"],
        ),
        (
            "--hyp empty.txt --ref empty.txt",
            &["empty.txt has no caption"],
        ),
        (
            "--hyp latin.txt --ref ab.txt",
            &["latin.txt: line 2", "UTF-8"],
        ),
        (
            "--cases two.jsonl",
            &["two.jsonl: line 2", "second case", "\"a\""],
        ),
        (
            "--cases broken.jsonl",
            &["broken.jsonl: line 2", "hypothesis"],
        ),
        (
            "--cases bare.jsonl",
            &["bare.jsonl: line 2", "no reference"],
        ),
        ("--cases empty.txt", &["empty.txt has no case"]),
        (
            "--hyp a.txt --ref a.txt --metric hf.rougel",
            &["hf.rougel", "`hf.rougeL`"],
        ),
        (
            "--hyp a.txt --ref a.txt --suite cocoa",
            &["cocoa", "paper, coco, sacrebleu and all"],
        ),
        (
            "--hyp a.txt --ref a.txt --json absent/s.json",
            &["no folder absent"],
        ),
        (
            "--hyp a.txt --ref a.txt --sacrebleu-lowercase",
            &["add --metric sacrebleu.bleu"],
        ),
        (
            "--hyp a.txt --ref a.txt --suite sacrebleu --sacrebleu-smooth-value 1",
            &["floor or add-k"],
        ),
        (
            "--hyp a.txt --ref a.txt --suite sacrebleu --sacrebleu-smooth floor --sacrebleu-smooth-value -1",
            &["0 or more"],
        ),
        (
            "--hyp a.txt --ref a.txt --sacrebleu-tokenize zh",
            &["13a, intl, none, char"],
        ),
        ("--hyp a.txt --ref a.txt --threads 0", &["--threads"]),
        ("--hyp a.txt", &["--ref"]),
        (
            "--hyp a.txt --ref a.txt --cases two.jsonl",
            &["cannot be used with"],
        ),
    ] {
        let mut command = files.score(args);
        if !args.contains("--json") {
            command.args(["--json", "scores.json"]);
        }
        let output = command.assert().code(2);
        let message = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        for part in parts {
            assert!(
                message.contains(part),
                "{args}: {part:?} is not in {message:?}"
            );
        }
        assert!(
            !files.path("scores.json").exists(),
            "{args}: something was written"
        );
    }
}

#[test]
fn published_system_outputs_are_scored_whole() {
    let Some(data) = std::env::var_os("CAPTION_BENCH_DATA") else {
        println!("skipped: CAPTION_BENCH_DATA is not set");
        return;
    };
    let folder = Path::new(&data).join("system-outputs");
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args(["score", "--json", "-", "--metric", "hf.meteor"]);
    command.arg("--hyp").arg(folder.join("magic.json"));
    command.arg("--ref").arg(folder.join("references.json"));
    let output = command.assert().success();
    let scores: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(scores["n"], 4982, "only the images of the results file");
    // What NLTK 3.10.4 answers to the same captions.
    let meteor = scores["metrics"]["hf.meteor"]["value"].as_f64().unwrap();
    assert!((meteor - MAGIC_METEOR).abs() < 1e-9, "{meteor}");
}

/// NLTK's METEOR of `system-outputs/magic.json`, the mean over its 4,982 captions.
const MAGIC_METEOR: f64 = 0.3603906355839187;

#[test]
fn scores_of_one_name_stand_side_by_side() {
    let files = Files::new(&[("h.txt", "a red ball\n"), ("r.txt", "the red ball .\n")]);
    let output = files
        .score("--hyp h.txt --ref r.txt --suite all")
        .assert()
        .success();
    let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    let (_, beside) = text.split_once("Same name, other convention").unwrap();
    for key in [
        "hf.bleu",
        "coco.bleu4",
        "sacrebleu.bleu",
        "nltk.bleu",
        "hf.rougeL",
        "coco.rougeL",
    ] {
        assert!(beside.contains(key), "{key}: {text}");
    }
    assert!(!beside.contains("METEOR"), "one METEOR alone: {text}");
    let output = files.score("--hyp h.txt --ref r.txt").assert().success();
    let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    assert!(!text.contains("Same name"), "{text}");
}

#[test]
fn meteor_without_its_data_is_unavailable_and_says_how_to_get_it() {
    let files = Files::new(&[("h.txt", "a dog\n"), ("r.txt", "a dog\n")]);
    let output = files
        .score("--hyp h.txt --ref r.txt --suite coco")
        .assert()
        .success();
    let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    let line = text
        .lines()
        .find(|line| line.starts_with("coco.meteor"))
        .unwrap();
    assert!(
        line.contains("unavailable") && line.contains("--meteor-data"),
        "{line}"
    );
    let scores = files.json("--hyp h.txt --ref r.txt --suite coco");
    assert!(
        scores["metrics"]["coco.meteor"].is_null(),
        "never another number"
    );

    let output = files
        .score("--hyp h.txt --ref r.txt --metric coco.meteor")
        .assert()
        .code(2);
    let text = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(text.contains("--meteor-data"), "{text}");
    let args = "--hyp h.txt --ref r.txt --suite coco --meteor-data absent";
    let output = files.score(args).assert().code(2);
    let text = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(text.contains("absent"), "{text}");
}
