//! Which files of a model's repository are needed.

use std::path::Path;

use crate::error::Result;

use super::super::file::{IN_A_FOLDER, weight_map};

/// Files that are small, change how a model is used, and may be absent.
const EXTRA: [&str; 4] = [
    "preprocessor_config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
];

/// What a model is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Its sizes and weights.
    Weights,
    /// These, and a byte-level BPE.
    Gpt2,
    /// These, and a WordPiece vocabulary.
    Bert,
    /// All that captions pictures: an encoder-decoder, or a checkpoint of this crate.
    Captioner,
}

impl Need {
    /// What describes the model, each alternative enough.
    fn descriptions(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Captioner => &[&["config.json"], &["captioner.json"]],
            _ => &[&["config.json"]],
        }
    }

    /// The tokenizer's files, each alternative enough, the preferred one first.
    fn tokenizers(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Weights => &[],
            Self::Gpt2 => &[&["tokenizer.json"], &["vocab.json", "merges.txt"]],
            Self::Bert => &[&["tokenizer.json"], &["vocab.txt"]],
            Self::Captioner => &[
                &["tokenizer.json"],
                &["vocab.json", "merges.txt"],
                &["vocab.txt"],
            ],
        }
    }

    /// Files that are taken if they are there.
    fn extras(self) -> impl Iterator<Item = &'static str> {
        let own: &[&str] = match self {
            Self::Captioner => &["captioner.json", "bank.jsonl"],
            _ => &[],
        };
        EXTRA.into_iter().chain(own.iter().copied())
    }
}

/// The files that a repository must have, as far as its listing tells: those of an index come beside it.
///
/// # Errors
/// What is missing.
fn required(need: Need, has: &dyn Fn(&str) -> bool) -> Result<Vec<&'static str>, String> {
    let weights = IN_A_FOLDER.map(|name| [name]);
    let weights = weights.each_ref().map(|one| &one[..]);
    let mut files = Vec::new();
    for alternatives in [need.descriptions(), &weights, need.tokenizers()] {
        let complete = |names: &&&[&str]| names.iter().all(|name| has(name));
        match alternatives.iter().find(complete) {
            Some(names) => files.extend(names.iter().copied()),
            None if alternatives.is_empty() => {}
            None => {
                let all: Vec<String> = alternatives
                    .iter()
                    .map(|names| names.join(" with "))
                    .collect();
                return Err(all.join(" or "));
            }
        }
    }
    Ok(files)
}

/// The first file that a snapshot lacks.
pub(super) fn lacking(folder: &Path, need: Need) -> Option<String> {
    let has = |name: &str| folder.join(name).is_file();
    match required(need, &has) {
        Err(missing) => Some(missing),
        // A broken index is not lacking: who opens it says what is wrong with it.
        Ok(files) => {
            let index = files.iter().find(|name| is_index(name))?;
            let parts = shards(&folder.join(index)).unwrap_or_default();
            parts.into_iter().find(|name| !has(name))
        }
    }
}

/// The files to take of those that a repository has; an index without its parts.
///
/// # Errors
/// What is missing.
pub(super) fn wanted(listed: &[String], need: Need) -> Result<Vec<&'static str>, String> {
    let has = |name: &str| listed.iter().any(|listed| listed == name);
    let mut files = required(need, &has)?;
    for extra in need.extras() {
        if has(extra) && !files.contains(&extra) {
            files.push(extra);
        }
    }
    Ok(files)
}

/// Whether a file places weights in others.
pub(super) fn is_index(name: &str) -> bool {
    name.ends_with(".index.json")
}

/// The files that an index places weights in, in order.
///
/// # Errors
/// [`crate::Error::Input`] for a broken index.
pub(super) fn shards(index: &Path) -> Result<Vec<String>> {
    let mut parts: Vec<String> = weight_map(index)?.into_values().collect();
    parts.sort_unstable();
    parts.dedup();
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn one_format_and_one_tokenizer_are_taken() {
        let all = listed(&[
            "README.md",
            "config.json",
            "flax_model.msgpack",
            "merges.txt",
            "model.safetensors",
            "onnx/model.onnx",
            "preprocessor_config.json",
            "pytorch_model.bin",
            "tokenizer.json",
            "vocab.json",
        ]);
        let weights = ["config.json", "model.safetensors"];
        let extra = "preprocessor_config.json";
        assert_eq!(
            wanted(&all, Need::Weights).unwrap(),
            [&weights[..], &[extra]].concat()
        );
        assert_eq!(
            wanted(&all, Need::Gpt2).unwrap(),
            [&weights[..], &["tokenizer.json", extra]].concat()
        );
        let older = listed(&[
            "config.json",
            "pytorch_model.bin",
            "vocab.json",
            "merges.txt",
        ]);
        assert_eq!(
            wanted(&older, Need::Captioner).unwrap(),
            [
                "config.json",
                "pytorch_model.bin",
                "vocab.json",
                "merges.txt"
            ]
        );
        let own = listed(&[
            "bank.jsonl",
            "captioner.json",
            "model.safetensors",
            "tokenizer.json",
        ]);
        assert_eq!(
            wanted(&own, Need::Captioner).unwrap(),
            [
                "captioner.json",
                "model.safetensors",
                "tokenizer.json",
                "bank.jsonl"
            ]
        );
        assert_eq!(
            wanted(&older, Need::Bert).unwrap_err(),
            "tokenizer.json or vocab.txt"
        );
    }

    #[test]
    fn a_snapshot_lacks_what_its_index_names() {
        let folder = tempfile::tempdir().unwrap();
        let lacks = |need| lacking(folder.path(), need);
        assert_eq!(lacks(Need::Weights).as_deref(), Some("config.json"));
        std::fs::write(folder.path().join("config.json"), "{}").unwrap();
        assert!(
            lacks(Need::Weights)
                .unwrap()
                .starts_with("model.safetensors or ")
        );
        let index = r#"{"weight_map": {"a": "model-2.safetensors", "b": "model-1.safetensors"}}"#;
        std::fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
        assert_eq!(lacks(Need::Weights).as_deref(), Some("model-1.safetensors"));
        for part in ["model-1.safetensors", "model-2.safetensors"] {
            std::fs::write(folder.path().join(part), "").unwrap();
        }
        assert_eq!(lacks(Need::Weights), None);
        assert_eq!(
            lacks(Need::Gpt2).as_deref(),
            Some("tokenizer.json or vocab.json with merges.txt")
        );
    }
}
