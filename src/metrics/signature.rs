//! Signatures: everything that two scores must share to be comparable, in sacreBLEU's notation.

use std::fmt::Write;

/// `nrefs:N|key:value|…`, with `var` where the number of references varies.
pub(super) fn signature(references: Option<usize>, fields: &[(&str, &str)]) -> String {
    let mut text = match references {
        Some(count) => format!("nrefs:{count}"),
        None => "nrefs:var".to_owned(),
    };
    for (key, value) in fields {
        let _ = write!(text, "|{key}:{value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_sacrebleus() {
        assert_eq!(signature(Some(5), &[("tok", "13a")]), "nrefs:5|tok:13a");
        assert_eq!(signature(None, &[]), "nrefs:var");
    }
}
