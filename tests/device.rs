//! `bench run` on a device, emulated on the CPU: it trains what the CPU trains, and writes what it writes.
#![cfg(feature = "cuda-emulator")]

mod small_run;

use std::path::Path;

use serde_json::Value;
use small_run::{bench, cell, finish, json, refused, small};

/// The training log's records.
fn log(run: &Path, variant: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(cell(run, variant).join("log.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The captions of the test pictures.
fn captions(run: &Path, variant: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(cell(run, variant).join("captions.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["caption"].clone())
        .collect()
}

/// Compares the numbers of two documents' objects, but for those that jump: ranks, and single dimensions in use.
fn close(here: &Path, there: &Path, object: &str) {
    let [here, there] = [here, there].map(|cell| json(&cell.join("result.json")));
    let numbers = here.pointer(object).and_then(Value::as_object).unwrap();
    assert!(numbers.len() > 10, "{numbers:?}");
    for (name, a) in numbers {
        if name.contains("retrieval") || name.contains("shortcut") || name == "active_units" {
            continue;
        }
        let b = there.pointer(object).and_then(|all| all.get(name));
        let (a, b) = (a.as_f64().unwrap(), b.and_then(Value::as_f64).unwrap());
        assert!(
            (a - b).abs() <= 2e-3 * a.abs().max(0.1),
            "{name}: {a} here, {b} there"
        );
    }
}

#[test]
fn a_training_on_a_device_goes_as_on_the_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let variants = ["dual-encoder", "vae-cl"];
    let run = |device: &str| {
        let out = folder.path().join(device);
        let mut command = small(&out);
        command.args(["model.image=16", "train.clip=1.0", "--device", device]);
        for variant in variants {
            command.args(["--variant", variant]);
        }
        let output = finish(&mut command);
        (out, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let ((here, _), (there, said)) = (run("cpu"), run("emulated"));
    assert!(said.contains("on the emulator"), "{said}");
    for variant in variants {
        for run in [&here, &there] {
            assert_eq!(json(&cell(run, variant).join("result.json"))["n"], 8);
        }
        let [a, b] = [&here, &there].map(|run| captions(run, variant));
        let same = a.iter().zip(&b).filter(|(a, b)| a == b).count();
        assert!(
            a.len() == 8 && b.len() == 8 && same >= 6,
            "{a:#?} here, {b:#?} there"
        );
        close(&cell(&here, variant), &cell(&there, variant), "/probes");
        let (here, there) = (log(&here, variant), log(&there, variant));
        assert_eq!(here.len(), there.len());
        assert!(here.len() >= 4, "{} steps", here.len());
        for (here, there) in here.iter().zip(&there) {
            for path in ["/loss", "/lm", "/kl", "/cl", "/validation/loss"] {
                let [a, b] =
                    [here, there].map(|record| record.pointer(path).and_then(Value::as_f64));
                assert_eq!(a.is_some(), b.is_some(), "{path}");
                let (a, b) = (a.unwrap_or(0.0), b.unwrap_or(0.0));
                assert!(
                    (a - b).abs() <= 1e-3 * a.abs().max(1e-2),
                    "{path}: {a} here, {b} there"
                );
            }
        }
    }
}

#[test]
fn a_trained_model_says_the_same_wherever_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let mut command = small(&out);
    command.args(["model.image=16", "--variant", "dual-encoder"]);
    finish(command.args(["--variant", "vae"]));
    let scenes = folder.path().join("scenes");
    finish(
        bench()
            .args(["data", "scenes", "--count", "12", "--out"])
            .arg(&scenes),
    );
    for variant in ["dual-encoder", "vae"] {
        let model = cell(&out, variant);
        let run = |device: &str| {
            let scores = folder.path().join(format!("{variant}-{device}.json"));
            let mut eval = bench();
            eval.args(["eval", "--data", "scenes:40", "--device", device]);
            finish(eval.arg("--model").arg(&model).arg("--json").arg(&scores));
            let mut caption = bench();
            caption.args(["caption", "--json", "--device", device]);
            caption.arg("--model").arg(&model);
            let pictures = std::fs::read_dir(scenes.join("images")).unwrap();
            let mut pictures: Vec<_> = pictures.map(|entry| entry.unwrap().path()).collect();
            pictures.sort();
            let captions: Value =
                serde_json::from_slice(&finish(caption.args(&pictures)).stdout).unwrap();
            (json(&scores), captions)
        };
        let ((scores, captions), (scores_there, captions_there)) = (run("cpu"), run("emulated"));
        assert_eq!(scores["metrics"], scores_there["metrics"]);
        if let Some(loss) = scores["lm_loss"].as_f64() {
            let there = scores_there["lm_loss"].as_f64().unwrap();
            assert!((loss - there).abs() < 1e-4, "{loss} here, {there} there");
        }
        let texts = |all: &Value| -> Vec<Value> {
            let all = all.as_array().unwrap().iter();
            all.map(|row| row["caption"].clone()).collect()
        };
        assert!(texts(&captions).len() >= 12);
        assert_eq!(texts(&captions), texts(&captions_there), "{variant}");
    }
}

#[test]
fn a_device_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for device in ["cuda:x", "cuda", "gpu"] {
        let said = refused(small(&folder.path().join("run")).args(["--device", device]));
        assert!(said.contains("expected auto, cpu or cuda:N"), "{said}");
        let said = refused(bench().args(["caption", "--model", ".", "a.jpg", "--device", device]));
        assert!(said.contains("expected auto, cpu or cuda:N"), "{said}");
    }
}
