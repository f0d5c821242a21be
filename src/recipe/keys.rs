//! Known keys, and the nearest one to a key that is not known.

use toml::{Table, Value};

/// Calls `visit` with the dotted key and value of every leaf of `table`.
pub(super) fn leaves(table: &Table, prefix: &str, visit: &mut impl FnMut(String, &Value)) {
    for (key, value) in table {
        let dotted = match prefix {
            "" => key.clone(),
            _ => format!("{prefix}.{key}"),
        };
        match value {
            Value::Table(inner) => leaves(inner, &dotted, visit),
            leaf => visit(dotted, leaf),
        }
    }
}

/// The dotted keys of every leaf of `table`.
pub(super) fn dotted(table: &Table) -> Vec<String> {
    let mut keys = Vec::new();
    leaves(table, "", &mut |key, _| keys.push(key));
    keys
}

/// The key among `known` that looks most like `key`, compared in full and by its last part.
pub(super) fn nearest<'a>(key: &str, known: &'a [String]) -> Option<&'a str> {
    fn last(key: &str) -> &str {
        key.rsplit('.').next().unwrap_or(key)
    }
    known
        .iter()
        .map(|candidate| {
            let whole = strsim::jaro_winkler(key, candidate);
            let tail = strsim::jaro_winkler(last(key), last(candidate));
            (whole.max(tail), candidate)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_key() {
        let known = ["train.epochs", "train.batch", "latent.size"].map(String::from);
        assert_eq!(nearest("train.epoch", &known), Some("train.epochs"));
        assert_eq!(nearest("epochs", &known), Some("train.epochs"));
        assert_eq!(nearest("latent.sise", &known), Some("latent.size"));
    }
}
