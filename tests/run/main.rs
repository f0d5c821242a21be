//! `bench run` from end to end, in miniature: what lands on disk, that it is the same twice, that it
//! survives being stopped, and that bad input is refused.

mod cached;
mod leakage;
#[path = "../small_run/mod.rs"]
mod small_run;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use small_run::{bench, cell, finish, json, refused, small};

/// What must be the same bits in two runs of the same recipe and seed.
fn bits(cell: &Path) -> Vec<(String, Vec<u8>)> {
    [
        "captions.jsonl",
        "stats.parquet",
        "checkpoint/model.safetensors",
        "checkpoint/optimizer.safetensors",
    ]
    .iter()
    .map(|name| (name.to_string(), std::fs::read(cell.join(name)).unwrap()))
    .collect()
}

fn assert_same_bits(a: &Path, b: &Path) {
    for ((name, a), (_, b)) in bits(a).into_iter().zip(bits(b)) {
        assert!(a == b, "{name} differs");
    }
    for key in ["metrics", "probes", "diagnostics", "attribute_accuracy"] {
        assert_eq!(
            json(&a.join("result.json"))[key],
            json(&b.join("result.json"))[key]
        );
    }
}

#[test]
fn all_variants_are_trained_captioned_scored_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let output = finish(small(&out).arg("--all-variants"));
    let said = String::from_utf8_lossy(&output.stdout);
    for row in [
        "Dual-Encoder",
        "Encoder-Decoder",
        "Baseline+VAE",
        "Baseline+VAE+CL",
    ] {
        assert!(said.contains(row), "the table has no {row}: {said}");
    }
    assert!(said.contains("report.html"), "{said}");
    assert!(out.join("report/report.html").is_file());
    for variant in ["dual-encoder", "encoder-decoder", "vae", "vae-cl"] {
        let cell = cell(&out, variant);
        let result = json(&cell.join("result.json"));
        assert_eq!(result["variant"], variant);
        assert_eq!(result["n"], 8);
        for key in ["hf.bleu", "hf.rouge1", "hf.rougeL", "hf.meteor"] {
            let score = &result["metrics"][key];
            let (value, points) = (
                score["value"].as_f64().unwrap(),
                score["points"].as_f64().unwrap(),
            );
            assert!((value * 100.0 - points).abs() < 1e-9, "{key}");
            assert!(!score["signature"].as_str().unwrap().is_empty());
        }
        assert!(result["attribute_accuracy"]["all"].as_f64().unwrap() <= 1.0);
        let log = std::fs::read_to_string(cell.join("log.jsonl")).unwrap();
        assert_eq!(log.lines().count(), 8, "four steps an epoch, two epochs");
        let captions = json(&cell.join("captions.coco.json"));
        assert_eq!(captions.as_array().unwrap().len(), 8);
    }

    // Everything is done: going on does nothing but report, and without --resume it is refused.
    finish(small(&out).args(["--all-variants", "--resume"]));
    assert!(refused(small(&out).arg("--all-variants")).contains("--resume"));
    let other =
        refused(small(&out).args(["--all-variants", "--resume", "--set", "train.epochs=3"]));
    assert!(other.contains("another recipe"), "{other}");

    // The checkpoints caption and evaluate on their own.
    let pictures = folder.path().join("scenes");
    finish(
        bench()
            .args(["data", "scenes", "--count", "16", "--out"])
            .arg(&pictures),
    );
    let image = std::fs::read_dir(pictures.join("images"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    for variant in ["dual-encoder", "vae-cl"] {
        let model = cell(&out, variant);
        let output = finish(
            bench()
                .arg("caption")
                .arg("--model")
                .arg(&model)
                .arg(&image)
                .arg("--json"),
        );
        let captions: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(captions[0]["caption"].is_string() && captions[0]["tokens"].is_array());

        let (scores, losses) = (
            folder.path().join("scores.json"),
            folder.path().join("losses.jsonl"),
        );
        let mut eval = bench();
        eval.arg("eval")
            .arg("--model")
            .arg(model.join("checkpoint"));
        eval.arg("--data")
            .arg(format!("coco:{}", pictures.display()));
        eval.arg("--json").arg(&scores);
        if variant == "vae-cl" {
            eval.arg("--per-caption").arg(&losses);
        }
        finish(&mut eval);
        let scores = json(&scores);
        assert!(scores["metrics"]["hf.meteor"]["value"].is_number());
        assert_eq!(scores["lm_loss"].is_number(), variant == "vae-cl");
    }
    let losses = std::fs::read_to_string(folder.path().join("losses.jsonl")).unwrap();
    let first: Value = serde_json::from_str(losses.lines().next().unwrap()).unwrap();
    for key in ["image_id", "annotation_id", "lm_loss", "tokens"] {
        assert!(first[key].is_number(), "{key}: {first}");
    }
}

#[test]
fn a_grid_has_every_latent_and_of_its_learning_rates_the_better_one() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("grid");
    let mut run = small(&out);
    run.args(["train.epochs=1", "grid.learning_rates=[1e-3,1e-5]"]);
    let output = finish(run.args(["--grid", "paper", "--variant", "vae"]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("12 cells to train (vae): about "), "{said}");
    let cells = json(&out.join("run.json"))["cells"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(cells, 12 + 2, "with both floors");
    let shown = String::from_utf8_lossy(&output.stdout);
    for row in [
        "(cls, 64)",
        "(cls, 128)",
        "(cls, 768)",
        "(patch, 64)",
        "(patch, 128)",
        "(patch, 768)",
    ] {
        assert!(shown.contains(row), "{row} in {shown}");
    }
    assert!(
        !shown.contains("learning_rate="),
        "one row of both rates: {shown}"
    );
    for table in ["Table 1:", "Table 2:", "Table 3:", "Table 4:"] {
        assert!(shown.contains(table), "{table} in {shown}");
    }
    let html = std::fs::read_to_string(out.join("report/report.html")).unwrap();
    assert!(
        html.contains("best validation value"),
        "what was chosen is said"
    );
}

#[test]
fn a_run_starts_from_pretrained_weights_and_their_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first");
    finish(small(&first).args(["train.epochs=12", "--variant", "encoder-decoder"]));
    let checkpoint = cell(&first, "encoder-decoder").join("checkpoint");
    let trained = checkpoint.join("best").display().to_string();
    let trained = if Path::new(&trained).is_dir() {
        trained
    } else {
        checkpoint.display().to_string()
    };
    let second = folder.path().join("second");
    let weights = |run: &mut Command| {
        run.arg(format!("model.vision_weights={trained}"))
            .arg(format!("model.decoder_weights={trained}"))
            .arg("model.width=96");
    };
    let mut run = small(&second);
    weights(&mut run);
    let output = finish(run.args(["--variant", "vae"]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("newly initialised"), "{said}");
    let result = json(&cell(&second, "vae").join("result.json"));
    assert!(
        result["cost"]["parameters"].as_u64().unwrap() < 100_000,
        "the checkpoint's width"
    );
    let first_loss = |cell: &Path| -> f64 {
        let log = std::fs::read_to_string(cell.join("log.jsonl")).unwrap();
        let record: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
        record["lm"].as_f64().unwrap()
    };
    let (cold, warm) = (
        first_loss(&cell(&first, "encoder-decoder")),
        first_loss(&cell(&second, "vae")),
    );
    assert!(warm < cold - 0.5, "{warm} after {cold}");

    let mut missing = small(&folder.path().join("none"));
    let said = refused(missing.args(["model.vision_weights=no/such", "--variant", "vae"]));
    assert!(said.contains("hf download no/such"), "{said}");
    let mut long = small(&folder.path().join("none"));
    weights(&mut long);
    let said = refused(long.args(["tokenizer.max_tokens=400", "--variant", "vae"]));
    assert!(
        said.contains("model.decoder_weights") && said.contains("positions"),
        "{said}"
    );
    assert!(!folder.path().join("none").exists());
}

#[test]
fn one_thread_and_two_give_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    for threads in ["1", "2"] {
        let out = folder.path().join(threads);
        finish(small(&out).args([
            "--all-variants",
            "--threads",
            threads,
            "--set",
            "model.dropout=0.1",
        ]));
    }
    for variant in ["dual-encoder", "encoder-decoder", "vae", "vae-cl"] {
        let [one, two] = ["1", "2"].map(|threads| cell(&folder.path().join(threads), variant));
        assert_same_bits(&one, &two);
    }
}

#[cfg(unix)]
#[test]
fn stopped_and_killed_it_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let straight = folder.path().join("straight");
    let stopped = folder.path().join("stopped");
    let long = ["--variant", "vae-cl", "--set", "train.epochs=60"];
    finish(small(&straight).args(long));

    let mut child = small(&stopped)
        .args(long)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_steps(&stopped, 20, &mut child);
    signal(&child, "INT");
    assert_eq!(
        child.wait().unwrap().code(),
        Some(130),
        "Ctrl-C saves and exits 130"
    );
    let cut = cell(&stopped, "vae-cl");
    assert!(cut.join("checkpoint/state.json").is_file() && !cut.join("result.json").exists());

    let mut child = small(&stopped)
        .args(long)
        .arg("--resume")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_steps(&stopped, 40, &mut child);
    signal(&child, "KILL");
    child.wait().unwrap();

    finish(small(&stopped).args(long).arg("--resume"));
    assert_same_bits(&cell(&straight, "vae-cl"), &cell(&stopped, "vae-cl"));
    let steps = |run: &Path| -> Vec<u64> {
        let log = std::fs::read_to_string(cell(run, "vae-cl").join("log.jsonl")).unwrap();
        let step = |line: &str| {
            serde_json::from_str::<Value>(line).unwrap()["step"]
                .as_u64()
                .unwrap()
        };
        log.lines().map(step).collect()
    };
    assert_eq!(
        steps(&stopped),
        steps(&straight),
        "no step twice, none missing"
    );
}

#[cfg(unix)]
fn wait_for_steps(run: &Path, steps: usize, child: &mut Child) {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(120) {
        let cells = std::fs::read_dir(run.join("cells"))
            .into_iter()
            .flatten()
            .flatten();
        let taken = cells
            .filter_map(|cell| std::fs::read_to_string(cell.path().join("log.jsonl")).ok())
            .map(|log| log.lines().count())
            .max();
        if taken.unwrap_or(0) >= steps {
            return;
        }
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before step {steps}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("no step {steps} in two minutes");
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &id])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[test]
fn bad_input_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("never");
    let run = || {
        let mut command = bench();
        command.arg("run").arg("--out").arg(&out);
        command
    };
    assert!(refused(run().args(["--set", "train.epoch=3"])).contains("train.epochs"));
    assert!(refused(run().args(["--set", "train.batch=0"])).contains("train.batch"));
    assert!(refused(run().args(["--set", "train.precision=fp8"])).contains("bf16"));
    assert!(refused(run().args(["--recipe", "nothing"])).contains("tiny"));
    assert!(refused(run().args(["--variant", "gan"])).contains("vae-cl"));
    assert!(refused(run().args(["--data", "coco:/no/such/folder"])).contains("/no/such/folder"));
    assert!(refused(run().args(["--data", "webdataset:x"])).contains("scenes"));
    assert!(refused(run().args(["--max-minutes", "-1"])).contains("--max-minutes"));
    assert!(refused(run().args(["--device", "cuda:0"])).contains("CUDA"));
    assert!(refused(run().args(["--threads", "0"])).contains("--threads"));
    assert!(refused(run().arg("--no-such-flag")).contains("--no-such-flag"));
    assert!(
        refused(bench().args(["caption", "--model", "/no/such/model", "x.png"]))
            .contains("/no/such/model")
    );
    assert!(
        refused(bench().args(["eval", "--model", "/no/such/model", "--data", "scenes:8"]))
            .contains("/no/such/model")
    );
    assert!(!out.exists(), "nothing was written");

    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("thesis.tex"), "mine").unwrap();
    refused(run().args(["--set", "data.spec=scenes:64"]));
    assert_eq!(
        std::fs::read_to_string(out.join("thesis.tex")).unwrap(),
        "mine"
    );
}

#[test]
fn every_verb_has_an_example() {
    for verb in [
        "run", "score", "eval", "caption", "report", "gate", "baseline", "data", "speed", "doctor",
    ] {
        let output = finish(bench().args([verb, "--help"]));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.contains("Example") && said.contains("bench "),
            "{verb}: {said}"
        );
    }
    let said = finish(bench().args(["doctor", "--json"])).stdout;
    let found: Value = serde_json::from_slice(&said).unwrap();
    assert!(found["cores"].is_string());
}
