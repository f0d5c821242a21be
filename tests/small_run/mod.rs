//! A training of seconds through the binary, and what it leaves.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A run of seconds: 64 pictures, a narrow model, two epochs.
const SMALL: [&str; 12] = [
    "data.spec=scenes:64",
    "train.epochs=2",
    "train.batch=16",
    "train.warmup_steps=2",
    "train.validation_pictures=8",
    "model.width=32",
    "model.mlp=64",
    "model.heads=2",
    "model.encoder_layers=1",
    "model.decoder_layers=1",
    "latent.size=16",
    "tokenizer.vocab=300",
];

/// The binary, with nothing on its standard input and no network.
pub fn bench() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.stdin(Stdio::null()).env("HF_HUB_OFFLINE", "1");
    command
}

/// `bench run` of seconds; further arguments are recipe keys until the first flag.
pub fn small(out: &Path) -> Command {
    let mut command = bench();
    command
        .arg("run")
        .arg("--out")
        .arg(out)
        .arg("--set")
        .args(SMALL);
    command
}

/// Runs to exit code 0.
pub fn finish(command: &mut Command) -> Output {
    let output = command.output().expect("bench starts");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Runs to exit code 2 and returns what was said.
pub fn refused(command: &mut Command) -> String {
    let output = command.output().expect("bench starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{command:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// The folder of the one cell of a variant.
pub fn cell(run: &Path, variant: &str) -> PathBuf {
    let prefix = format!("{variant}-");
    let mut found: Vec<PathBuf> = std::fs::read_dir(run.join("cells"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.strip_prefix(&prefix)
                .is_some_and(|hash| hash.len() == 8 && !hash.contains('-'))
        })
        .collect();
    assert_eq!(found.len(), 1, "one cell of {variant}: {found:?}");
    found.remove(0)
}

/// A JSON document.
pub fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
