//! rouge_score's tokenizer: lower case, then runs of ASCII letters and digits.
//!
//! So `don't` is `don` and `t`, and an accented letter cuts its word. The Kelvin sign counts: it
//! becomes `k` before anything is cut.

/// The tokens of `text`, without stemming.
pub fn tokenize(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
        .collect()
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
