//! What Punkt knows of English: the embedded word lists, read once.
//!
//! `data/punkt/english.txt` is NLTK's English Punkt model reduced to what a decision can depend on;
//! `fixtures/make/punkt.py` makes it, and `data/punkt/NOTICE` says where it comes from.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// In which case a word was seen while the model was trained, if ever in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// In lower case, and never with a capital inside a sentence.
    Lower,
    /// In lower case, and with a capital inside a sentence.
    LowerAndCapitalInside,
    /// In lower case even at the start of a sentence, and never with a capital.
    LowerOpening,
}

/// The English model.
pub(super) struct Model {
    /// Abbreviations, in lower case, without their last period.
    pub abbreviations: HashSet<&'static str>,
    /// Pairs of types that a period between them does not part.
    pub collocations: HashSet<(&'static str, &'static str)>,
    /// Types that often start a sentence.
    pub starters: HashSet<&'static str>,
    /// The types that were seen in lower case.
    pub seen: HashMap<&'static str, Seen>,
}

impl Model {
    /// The embedded model.
    pub fn english() -> &'static Self {
        static MODEL: OnceLock<Model> = OnceLock::new();
        MODEL.get_or_init(|| Self::parse(include_str!("../../../data/punkt/english.txt")))
    }

    fn parse(text: &'static str) -> Self {
        let section = |name: &'static str| {
            let entries = text.lines().skip_while(move |line| !is_heading(line, name));
            entries.skip(1).take_while(|line| !line.starts_with('['))
        };
        let words = |name, seen| section(name).map(move |word| (word, seen));
        Self {
            abbreviations: section("abbreviations").collect(),
            collocations: section("collocations")
                .filter_map(|pair| pair.split_once('\t'))
                .collect(),
            starters: section("sentence starters").collect(),
            seen: words("lower", Seen::Lower)
                .chain(words("lower, capital inside", Seen::LowerAndCapitalInside))
                .chain(words("lower opening", Seen::LowerOpening))
                .collect(),
        }
    }
}

/// Whether a line is the heading `[name]`.
fn is_heading(line: &str, name: &str) -> bool {
    line.strip_prefix('[')
        .and_then(|line| line.strip_suffix(']'))
        == Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_read() {
        let model = Model::english();
        assert_eq!(model.abbreviations.len(), 156);
        assert_eq!(model.collocations.len(), 37);
        assert_eq!(model.starters.len(), 39);
        assert!(model.abbreviations.contains("mr") && model.abbreviations.contains(". . "));
        assert!(model.starters.contains("the"));
        let count = |seen| model.seen.values().filter(|&&s| s == seen).count();
        assert_eq!(count(Seen::Lower), 12_344);
        assert_eq!(count(Seen::LowerAndCapitalInside), 2_354);
        assert_eq!(count(Seen::LowerOpening), 4);
    }
}
