//! A recipe's fingerprint: what makes two runs the same experiment.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Recipe;

/// Every value of the recipe by dotted key (`train.epochs`), sorted.
pub fn flatten(recipe: &Recipe) -> BTreeMap<String, Value> {
    dotted(serde_json::to_value(recipe).expect("a recipe has no keys but strings"))
}

/// Every value of a document by dotted key, sorted.
pub fn dotted(document: Value) -> BTreeMap<String, Value> {
    fn walk(value: Value, prefix: String, out: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let dotted = match prefix.as_str() {
                        "" => key,
                        _ => format!("{prefix}.{key}"),
                    };
                    walk(value, dotted, out);
                }
            }
            leaf => {
                out.insert(prefix, leaf);
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(document, String::new(), &mut out);
    out
}

/// Keys that came after runs and baselines had been hashed, with the value, as JSON, that changes nothing. At
/// that value they do not count, so that what was trained before them stays comparable.
const LATER: [(&str, &str); 3] = [
    ("loss.free_bits", "0.0"),
    ("loss.kl_annealing", "0.0"),
    ("train.precision", "\"f32\""),
];

/// SHA-256 over the sorted dotted keys and values, hexadecimal. The name does not count.
pub fn fingerprint(recipe: &Recipe) -> String {
    let mut hasher = Sha256::new();
    for (key, value) in flatten(recipe) {
        let text = value.to_string();
        let neutral = LATER.contains(&(key.as_str(), text.as_str()));
        if key != "name" && !neutral {
            hasher.update(format!("{key}={value}\n"));
        }
    }
    format!("{:x}", hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Source, resolve};

    #[test]
    fn a_later_key_counts_only_away_from_its_neutral_value() {
        let hash = |overrides: &[&str]| {
            let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
            fingerprint(&resolve(&Source::Preset("ci".into()), &overrides).unwrap())
        };
        let plain = hash(&[]);
        assert_eq!(hash(&["loss.free_bits=0", "name=other"]), plain);
        assert_ne!(hash(&["loss.free_bits=0.1"]), plain);
        assert_eq!(hash(&["train.precision=f32"]), plain);
        assert_ne!(hash(&["train.precision=bf16"]), plain);
        assert_ne!(hash(&["loss.kl_annealing=0.5"]), plain);
        assert_ne!(hash(&["loss.beta=0"]), plain);
    }
}
