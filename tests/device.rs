//! `bench run` on a device, emulated on the CPU: it trains what the CPU trains, and writes what it writes.
#![cfg(feature = "cuda-emulator")]

mod small_run;

use std::path::Path;

use serde_json::Value;
use small_run::{cell, finish, json, refused, small};

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
fn a_device_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for device in ["cuda:x", "cuda", "gpu"] {
        let said = refused(small(&folder.path().join("run")).args(["--device", device]));
        assert!(said.contains("expected auto, cpu or cuda:N"), "{said}");
    }
}
