//! A recipe's fingerprint: what makes two runs the same experiment.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Recipe;

/// Every value of the recipe by dotted key (`train.epochs`), sorted.
pub fn flatten(recipe: &Recipe) -> BTreeMap<String, Value> {
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
    let value = serde_json::to_value(recipe).expect("a recipe has no keys but strings");
    walk(value, String::new(), &mut out);
    out
}

/// SHA-256 over the sorted dotted keys and values, hexadecimal. The name does not count.
pub fn fingerprint(recipe: &Recipe) -> String {
    let mut hasher = Sha256::new();
    for (key, value) in flatten(recipe) {
        if key != "name" {
            hasher.update(format!("{key}={value}\n"));
        }
    }
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
