//! Character classes as Python sees them, for texts that must be cut where Python cuts them.
//!
//! There are two Pythons: NLTK's contractions go through the standard `re`, everything else of its
//! tokenizers through the package `regex`, and the two do not agree on words and white space.

use super::python_tables::{DECIMAL, MORE_REGEX_WORD, NOT_RE_WORD};

fn within(ranges: &[(u32, u32)], c: char) -> bool {
    let point = c as u32;
    let after = ranges.partition_point(|range| range.0 <= point);
    after > 0 && point <= ranges[after - 1].1
}

/// White space to `str` and to `re`'s `\s`: Unicode's and the four ASCII separators.
///
/// The latter, U+001C to U+001F, are no white space to Unicode, nor to `regex`, whose `\s` is
/// [`char::is_whitespace`].
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `\w` of `re`: letters, numbers and the underscore, but no combining marks.
pub fn is_re_word(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || c == '_'
    } else {
        c.is_alphanumeric() && !within(&NOT_RE_WORD, c)
    }
}

/// `\w` of `regex`: letters, combining marks, decimal digits, connectors; but no `½` or `²`.
pub fn is_regex_word(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || c == '_'
    } else {
        c.is_alphabetic() || within(&MORE_REGEX_WORD, c)
    }
}

/// `\d` of either: decimal digits of any script.
pub fn is_digit(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_digit()
    } else {
        within(&DECIMAL, c)
    }
}

/// The lower-case ASCII letter that `c` stands for in a case-insensitive pattern, or `c` itself.
///
/// Beside the upper-case letters these are the long s, the Kelvin sign and the two Turkish i.
pub fn fold(c: char) -> char {
    match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        'İ' | 'ı' => 'i',
        _ => c.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_unicode_and_the_ascii_separators() {
        for c in ['\u{a0}', '\u{85}', '\u{1c}', '\u{1f}', '\u{3000}', '\t'] {
            assert!(is_space(c), "{c:?}");
        }
        for c in ['\u{200b}', '\u{feff}', 'a'] {
            assert!(!is_space(c), "{c:?}");
        }
    }

    #[test]
    fn the_two_engines_differ_on_marks_and_fractions() {
        for c in ['é', 'ß', '中', '٣', 'Ⅷ', '_'] {
            assert!(is_re_word(c) && is_regex_word(c), "{c:?}");
        }
        for c in ['½', '²', '①'] {
            assert!(is_re_word(c) && !is_regex_word(c), "{c:?}");
        }
        for c in ['\u{93e}', '\u{345}', '\u{301}', 'Ⓐ', '\u{200d}'] {
            assert!(!is_re_word(c) && is_regex_word(c), "{c:?}");
        }
        for c in ['’', '-', '\u{200b}', '€'] {
            assert!(!is_re_word(c) && !is_regex_word(c), "{c:?}");
        }
    }

    #[test]
    fn digits_are_decimal() {
        assert!("09٣９".chars().all(is_digit));
        assert!(!"½²Ⅷa".chars().any(is_digit));
    }

    #[test]
    fn lower_case_is_pythons() {
        assert_eq!("ΟΔΟΣ ΟΔΟΣΑ İ K".to_lowercase(), "οδος οδοσα i\u{307} k");
    }
}
