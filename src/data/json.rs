//! Reading JSON documents whose records may have faults of their own.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fault::Fault;

/// Parses a file; where that fails, one fault with the line.
pub fn document<T: DeserializeOwned>(path: &Path, faults: &mut Vec<Fault>) -> Option<T> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            faults.push(Fault::of(
                path,
                format!("cannot read the captions file: {error}"),
            ));
            return None;
        }
    };
    match serde_json::from_slice(&bytes) {
        Ok(document) => Some(document),
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or(&text);
            let kind = if error.is_data() {
                "unexpected JSON"
            } else {
                "broken JSON"
            };
            faults.push(Fault::at(path, place, format!("{kind}: {text}")));
            None
        }
    }
}

/// A whole number that is not negative, also where it is written as a string.
pub fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    }
}

/// A text that is not blank.
pub fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.trim().is_empty())
}
