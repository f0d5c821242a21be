//! What the probes say of models that were trained to be healthy, collapsed and aligned, on drawn scenes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Trains one variant and gives its result.
fn trained(variant: &str, settings: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["run", "--recipe", "ci", "--variant", variant, "--out"])
        .arg(&out)
        .arg("--set")
        .args(settings)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    result(&out, variant)
}

fn result(run: &Path, variant: &str) -> Value {
    let cells = fs::read_dir(run.join("cells")).unwrap();
    let mut results = cells.map(|cell| {
        let text = fs::read_to_string(cell.unwrap().path().join("result.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    });
    results.find(|result| result["variant"] == variant).unwrap()
}

fn probe(result: &Value, name: &str) -> f64 {
    let probe = result["probes"][name].as_f64();
    probe.unwrap_or_else(|| panic!("no probe {name} in {}", result["probes"]))
}

/// METEOR of the captions, of those with other pictures' z, and of those with z from the prior.
fn meteor(result: &Value) -> [f64; 3] {
    let points = |scores: &Value| scores["metrics"]["hf.meteor"]["points"].as_f64().unwrap();
    let diagnostics = &result["diagnostics"];
    [result, &diagnostics["z-swapped"], &diagnostics["z-prior"]].map(points)
}

#[test]
fn another_pictures_z_hurts_a_healthy_bottleneck_and_not_a_collapsed_one() {
    let healthy = trained(
        "vae",
        &["data.spec=scenes:1600", "train.epochs=6", "loss.beta=0"],
    );
    let collapsed = trained(
        "vae",
        &["data.spec=scenes:480", "train.epochs=3", "loss.beta=20"],
    );

    let [own, swapped, prior] = meteor(&healthy);
    assert!(
        own - swapped > 3.0 && own - prior > 3.0,
        "{own} {swapped} {prior}"
    );
    assert!(probe(&healthy, "active_units") > 64.0);
    // All of the test pictures are told apart.
    let (told, limit) = (
        probe(&healthy, "mutual_information"),
        probe(&healthy, "mutual_information_limit"),
    );
    assert!(
        told > 0.9 * limit && told <= limit + 1e-9,
        "{told} of {limit}"
    );

    let [own, swapped, prior] = meteor(&collapsed);
    assert!(
        (own - swapped).abs() < 0.5 && (own - prior).abs() < 2.0,
        "{own} {swapped} {prior}"
    );
    assert_eq!(probe(&collapsed, "active_units"), 0.0);
    for result in [&healthy, &collapsed] {
        let units = result["latent_units"].as_array().unwrap();
        assert_eq!(units.len() as f64, probe(result, "latent_dimensions"));
        let of = |unit: &Value, name: &str| unit[name].as_f64().unwrap();
        let mean = units.iter().map(|unit| of(unit, "kl")).sum::<f64>() / units.len() as f64;
        assert!((mean - probe(result, "kl_per_dimension")).abs() < 1e-9);
        let active = units.iter().filter(|unit| of(unit, "variance") > 0.01);
        assert_eq!(active.count() as f64, probe(result, "active_units"));
    }
    let told = probe(&collapsed, "mutual_information");
    assert!(
        told < 0.2 * probe(&collapsed, "mutual_information_limit"),
        "{told}"
    );
    assert!(
        collapsed["warnings"][0]
            .as_str()
            .unwrap()
            .contains("has collapsed")
    );
}

#[test]
fn contrastive_training_finds_pairs_and_narrows_the_gap() {
    let model = trained("vae-cl", &["train.epochs=5"]);
    // Of 60 pictures, chance finds one in 60 at once and one in six among ten.
    for split in ["", "validation."] {
        let of = |name: &str| probe(&model, &format!("{split}{name}"));
        assert!(
            of("retrieval_r10") > 0.4 && of("retrieval_text_r10") > 0.4,
            "{}",
            model["probes"]
        );
        assert!(
            of("gap") < 0.7 * probe(&model, "initial.gap"),
            "{}",
            model["probes"]
        );
        assert!(of("alignment") < probe(&model, "initial.alignment"));
        assert!(of("paired_cosine") > of("unpaired_cosine") + 0.2);
        assert!(of("cka") > probe(&model, "initial.cka"));
    }
    assert!(probe(&model, "initial.retrieval_r10") < 0.4);
    // Captions were read alone: beside another picture they are no copy of it.
    assert!(
        probe(&model, "shortcut.to_picture") < 0.2,
        "{}",
        model["probes"]
    );
    assert!(probe(&model, "fused.retrieval_r10").is_finite());
    assert_eq!(model["warnings"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_text_side_that_sees_the_picture_copies_it() {
    let fused = ["train.epochs=5", "contrastive.text_pass=fused"];
    let model = trained("vae-cl", &fused);
    let of = |name: &str| probe(&model, name);
    // Every pair is found, and nothing aligned: alone, captions find no more than chance does.
    assert!(of("retrieval_text_r10") > 0.9, "{}", model["probes"]);
    assert!(
        of("unimodal.retrieval_text_r10") < 0.4,
        "{}",
        model["probes"]
    );
    assert!(
        of("shortcut.to_picture") > 0.6 && of("shortcut.to_caption") < 0.1,
        "{}",
        model["probes"]
    );
    let warning = model["warnings"][0].as_str().unwrap();
    assert!(warning.contains("takes a shortcut"), "{warning}");
}
