//! sacreBLEU's tokenizers that know nothing of language: `none` and `char`.

use super::python::is_space;

/// `none`: what white space separates.
pub fn words(text: &str) -> Vec<String> {
    text.split(is_space)
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `char`: every code point but white space, so that a letter and its combining mark are two.
pub fn characters(text: &str) -> Vec<String> {
    text.chars()
        .filter(|&c| !is_space(c))
        .map(String::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_pythons() {
        assert_eq!(words(" a b,\u{a0}c\u{1c}d\n"), ["a", "b,", "c", "d"]);
        assert_eq!(
            characters("a 犬\u{3000}e\u{301}"),
            ["a", "犬", "e", "\u{301}"]
        );
        assert!(words("").is_empty() && characters(" ").is_empty());
    }
}
