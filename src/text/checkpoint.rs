//! Tokenizers of pretrained checkpoints, as Hugging Face's folders have them.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::tokenizer::{Family, Tokenizer};
use super::train::{bpe_json, wordpiece_json};
use crate::error::{Error, Result};

impl Tokenizer {
    /// GPT-2's tokenizer from a checkpoint folder: `tokenizer.json`, or else
    /// `vocab.json` with `merges.txt`.
    ///
    /// Cutting and padding that `tokenizer.json` may ask for are switched off.
    ///
    /// # Errors
    ///
    /// Bad input where neither is there, or a file is broken or of another family.
    pub fn gpt2_from(folder: &Path) -> Result<Self> {
        let [whole, vocab, merges] =
            ["tokenizer.json", "vocab.json", "merges.txt"].map(|n| folder.join(n));
        let tokenizer = if whole.is_file() {
            Self::load(&whole)?
        } else if vocab.is_file() && merges.is_file() {
            let document = gpt2_json(&vocab, &merges)?;
            from_parts(&document, &vocab)?
        } else {
            return Err(missing(
                folder,
                "tokenizer.json, or vocab.json with merges.txt",
            ));
        };
        of_family(tokenizer, Family::Bpe, folder)
    }

    /// BERT's tokenizer from a checkpoint folder: `tokenizer.json`, or else
    /// `vocab.txt`, lower-casing unless `tokenizer_config.json` says `"do_lower_case": false`.
    ///
    /// # Errors
    ///
    /// Bad input where neither is there, or a file is broken or of another family.
    pub fn bert_from(folder: &Path) -> Result<Self> {
        let [whole, vocab] = ["tokenizer.json", "vocab.txt"].map(|name| folder.join(name));
        let tokenizer = if whole.is_file() {
            Self::load(&whole)?
        } else if vocab.is_file() {
            let pieces: Map<String, Value> = read(&vocab)?
                .lines()
                .map(str::to_owned)
                .zip((0..).map(|id: u32| id.into()))
                .collect();
            from_parts(&wordpiece_json(&pieces, lowercases(folder)?), &vocab)?
        } else {
            return Err(missing(folder, "tokenizer.json or vocab.txt"));
        };
        of_family(tokenizer, Family::WordPiece, folder)
    }
}

fn gpt2_json(vocab_path: &Path, merges_path: &Path) -> Result<Value> {
    let vocab: Map<String, Value> = json_file(vocab_path)?;
    let mut merges: Vec<[&str; 2]> = Vec::new();
    let text = read(merges_path)?;
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || (number == 0 && line.starts_with("#version")) {
            continue;
        }
        let (left, right) = line.split_once(' ').ok_or_else(|| {
            Error::in_file(
                merges_path,
                format!("line {}", number + 1),
                "expected two pieces",
            )
        })?;
        merges.push([left, right]);
    }
    Ok(bpe_json(&vocab, json!(merges), false))
}

/// Whether a BERT checkpoint lower-cases, which it does unless it says otherwise.
fn lowercases(folder: &Path) -> Result<bool> {
    let path = folder.join("tokenizer_config.json");
    if !path.is_file() {
        return Ok(true);
    }
    let config: Map<String, Value> = json_file(&path)?;
    Ok(config
        .get("do_lower_case")
        .and_then(Value::as_bool)
        .unwrap_or(true))
}

fn from_parts(document: &Value, path: &Path) -> Result<Tokenizer> {
    let inner = tokenizers::Tokenizer::from_bytes(document.to_string()).map_err(|error| {
        Error::input(format!(
            "{}: expected a vocabulary: {error}",
            path.display()
        ))
    })?;
    Tokenizer::new(inner).map_err(|error| error.context(path.display()))
}

fn of_family(tokenizer: Tokenizer, family: Family, folder: &Path) -> Result<Tokenizer> {
    if tokenizer.family() != family {
        let (found, expected) = (tokenizer.family(), family);
        let message = format!(
            "{}: expected a {expected:?} tokenizer, found {found:?}",
            folder.display()
        );
        return Err(Error::input(message));
    }
    Ok(tokenizer)
}

fn missing(folder: &Path, expected: &str) -> Error {
    Error::input(format!(
        "{}: no tokenizer in this folder; expected {expected}",
        folder.display()
    ))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| Error::reading(path, error))
}

fn json_file(path: &Path) -> Result<Map<String, Value>> {
    serde_json::from_str(&read(path)?).map_err(|error| {
        Error::in_file(
            path,
            format!("line {}", error.line()),
            format!("broken JSON: {error}"),
        )
    })
}
