//! `bench run` and `bench eval` with pictures from the cache: the same bits as without, and never other pixels.

use std::path::{Path, PathBuf};
use std::process::Output;

use super::small_run::{bench, cell, finish, json, refused, small};
use serde_json::Value;

/// What a run leaves that must not depend on where pictures come from.
fn left(run: &Path, variant: &str) -> Vec<(String, Vec<u8>)> {
    let cell = cell(run, variant);
    let mut left: Vec<(String, Vec<u8>)> = ["captions.jsonl", "stats.parquet"]
        .iter()
        .map(|name| (name.to_string(), std::fs::read(cell.join(name)).unwrap()))
        .collect();
    let weights = std::fs::read(cell.join("checkpoint/model.safetensors")).unwrap();
    left.push(("weights".into(), weights));
    for line in std::fs::read_to_string(cell.join("log.jsonl"))
        .unwrap()
        .lines()
    {
        let mut record: Value = serde_json::from_str(line).unwrap();
        record["images_per_s"] = Value::Null;
        left.push(("log".into(), record.to_string().into()));
    }
    for key in ["metrics", "probes", "diagnostics"] {
        let value = json(&cell.join("result.json"))[key].to_string();
        left.push((key.into(), value.into()));
    }
    left
}

/// The embedded set as picture files, `count` of them and a quarter more, and a cache folder.
fn photos(folder: &Path, count: &str) -> (String, PathBuf) {
    let set = folder.join("set");
    finish(
        bench()
            .args(["data", "scenes", "--count", count, "--out"])
            .arg(&set),
    );
    (format!("coco:{}", set.display()), folder.join("cache"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_run_from_the_cache_has_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (spec, cache) = photos(folder.path(), "64");
    let run = |name: &str| {
        let out = folder.path().join(name);
        let mut command = small(&out);
        command.args(["--variant", "vae-cl", "dual-encoder", "--data", &spec]);
        let output = finish(command.env("CAPTION_BENCH_CACHE", &cache));
        let left = ["vae-cl", "dual-encoder"].map(|variant| left(&out, variant));
        (left, said(&output))
    };
    let eval = || {
        let mut command = bench();
        command.args(["eval", "--data", &spec, "--split", "train", "--json", "-"]);
        command
            .arg("--model")
            .arg(cell(&folder.path().join("plain"), "vae-cl"));
        finish(command.env("CAPTION_BENCH_CACHE", &cache))
    };
    let (plain, notes) = run("plain");
    assert!(!notes.contains("are taken from"), "{notes}");
    let scores = eval().stdout;
    assert!(!cache.exists(), "small sets leave nothing behind");

    let prepare = || {
        let mut prepare = bench();
        prepare.args(["data", "prepare", &spec, "--recipe", "tiny"]);
        let output = finish(prepare.env("CAPTION_BENCH_CACHE", &cache));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(prepare().starts_with("80 pictures decoded, 0 were there"));
    let (cached, notes) = run("cached");
    assert!(notes.contains("pictures are taken from"), "{notes}");
    assert!(cached == plain, "the cache changes a run");
    let output = eval();
    assert!(said(&output).contains("pictures are taken from"));
    assert!(output.stdout == scores, "the cache changes an evaluation");

    // A corrupt record is decoded again, at once and by the next `prepare`.
    let file = cache.join("pictures-64.bin");
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 70;
    bytes[last] ^= 0x10;
    bytes[64 + 1024 * 32 + 5] ^= 0x10;
    std::fs::write(&file, bytes).unwrap();
    let (healed, notes) = run("healed");
    assert!(
        notes.contains("2 pictures were corrupt in the cache"),
        "{notes}"
    );
    assert!(healed == plain, "a corrupt cache changes a run");
    assert!(prepare().starts_with("2 pictures decoded, 78 were there"));
    let (again, notes) = run("again");
    assert!(again == plain && !notes.contains("corrupt"), "{notes}");
}

#[test]
fn large_sets_go_through_the_cache_without_being_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (spec, cache) = photos(folder.path(), "72");
    let run = |name: &str, cache: &Path| {
        let out = folder.path().join(name);
        let mut command = small(&out);
        // 90 pictures of 3 MiB.
        command.args(["model.image=1024", "model.patch=128", "train.epochs=1"]);
        command.args(["--variant", "encoder-decoder", "--data", &spec]);
        let output = finish(command.env("CAPTION_BENCH_CACHE", cache));
        (left(&out, "encoder-decoder"), said(&output))
    };
    let (cached, notes) = run("cached", &cache);
    assert!(notes.contains("pictures are taken from"), "{notes}");
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 1);

    let taken = folder.path().join("taken");
    std::fs::write(&taken, "").unwrap();
    let (plain, notes) = run("plain", &taken);
    for part in ["cannot write", "taken", "kept in memory"] {
        assert!(notes.contains(part), "{notes}");
    }
    assert!(plain == cached, "the cache changes a run");
}

#[test]
fn a_file_that_is_no_cache_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (spec, cache) = photos(folder.path(), "64");
    std::fs::create_dir(&cache).unwrap();
    let file = cache.join("pictures-64.bin");
    std::fs::write(&file, "holiday pictures, 64 of them").unwrap();
    let mut prepare = bench();
    prepare.args(["data", "prepare", &spec, "--size", "64", "--cache"]);
    let message = refused(prepare.arg(&cache));
    assert!(
        message.contains("pictures-64.bin: expected a cache"),
        "{message}"
    );
    let mut run = small(&folder.path().join("out"));
    run.args(["--variant", "encoder-decoder", "--data", &spec]);
    finish(run.env("CAPTION_BENCH_CACHE", &cache));
    let kept = std::fs::read_to_string(&file).unwrap();
    assert_eq!(kept, "holiday pictures, 64 of them");
}
