//! rouge_score's tokenizer: lower case, then runs of ASCII letters and digits.
//!
//! So `don't` is `don` and `t`, and an accented letter cuts its word. The Kelvin sign counts: it
//! becomes `k` before anything is cut.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::metrics::porter;

/// The tokens of `text`, without stemming.
pub fn tokenize(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    each(text, |token| tokens.push(token.to_owned()));
    tokens
}

/// Calls `token` with each token of `text`, without stemming.
pub fn each(text: &str, token: impl FnMut(&str)) {
    let lower = match text.is_ascii() {
        true => text.to_ascii_lowercase(),
        false => text.to_lowercase(),
    };
    lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|token| !token.is_empty())
        .for_each(token);
}

/// Words whose stems a thread remembers before it starts afresh.
const MEMORY: usize = 1 << 20;

thread_local! {
    static STEMS: RefCell<FxHashMap<Box<str>, Box<str>>> = RefCell::default();
}

/// Calls `token` with each token of `text`, those of more than three letters as NLTK's Porter
/// stemmer leaves them.
pub fn each_stem(text: &str, mut token: impl FnMut(&str)) {
    STEMS.with_borrow_mut(|stems| {
        if stems.len() > MEMORY {
            stems.clear();
        }
        each(text, |word| {
            if word.len() <= 3 {
                return token(word);
            }
            if let Some(stem) = stems.get(word) {
                return token(stem);
            }
            let stem = porter::stem(word);
            token(&stem);
            stems.insert(word.into(), (*stem).into());
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_everything_but_ascii_letters_and_digits() {
        assert_eq!(
            tokenize("Don't pet the CAFÉ's 2 cats\u{a0}—ok?"),
            ["don", "t", "pet", "the", "caf", "s", "2", "cats", "ok"]
        );
        assert_eq!(tokenize("5\u{212a}"), ["5k"]);
        assert!(tokenize(" \n…").is_empty());
    }
}
