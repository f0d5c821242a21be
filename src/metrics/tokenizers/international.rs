//! The `intl` tokenizer of sacreBLEU, after mteval-v14's international tokenization.
//!
//! Symbols of any script become tokens of their own, and so does punctuation unless there are
//! numbers on both sides of it. Numbers, punctuation and symbols are Unicode's general categories N,
//! P and S: `½`, `Ⅷ` and `٣` are numbers. Entities are left as they are.
//!
//! Unlike `13a`, nothing is put around the text. A mark at its start or end therefore stays with a
//! number beside it, as in `in 1999.`: so mteval-v14 has it, and sacreBLEU with it.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::pairs;
use super::plain::words;

/// The tokens of `text`; sacreBLEU first strips trailing white space.
pub fn tokenize(text: &str) -> Vec<String> {
    let text = pairs::replace(text, no_number, is_punctuation, |a, b| [a, ' ', b, ' ']);
    let text = pairs::replace(&text, is_punctuation, no_number, |a, b| [' ', a, ' ', b]);
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_symbol(c) {
            out.extend([' ', c, ' ']);
        } else {
            out.push(c);
        }
    }
    words(&out)
}

fn no_number(c: char) -> bool {
    if c.is_ascii() {
        !c.is_ascii_digit()
    } else {
        c.general_category_group() != GeneralCategoryGroup::Number
    }
}

fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_punctuation() && !is_symbol(c)
    } else {
        c.general_category_group() == GeneralCategoryGroup::Punctuation
    }
}

fn is_symbol(c: char) -> bool {
    if c.is_ascii() {
        matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
    } else {
        c.general_category_group() == GeneralCategoryGroup::Symbol
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_is_in_unicodes_categories() {
        for c in (0..128u8).map(char::from) {
            let group = c.general_category_group();
            assert_eq!(no_number(c), group != GeneralCategoryGroup::Number, "{c:?}");
            assert_eq!(is_symbol(c), group == GeneralCategoryGroup::Symbol, "{c:?}");
            assert_eq!(
                is_punctuation(c),
                group == GeneralCategoryGroup::Punctuation,
                "{c:?}"
            );
        }
    }

    #[test]
    fn marks_stay_between_numbers_and_at_the_ends() {
        assert_eq!(
            tokenize("1,000.5 cats, in 1999."),
            ["1,000.5", "cats", ",", "in", "1999."]
        );
        assert_eq!(tokenize("(2) x-y 3-4"), ["(2", ")", "x", "-", "y", "3-4"]);
        assert_eq!(tokenize(".5 ٣,½"), [".5", "٣,½"]);
    }

    #[test]
    fn marks_and_symbols_of_any_script() {
        assert_eq!(
            tokenize("“don’t”、 5€ 犬。"),
            ["“", "don", "’", "t", "”", "、", "5", "€", "犬", "。"]
        );
        assert_eq!(tokenize("a🐶b 2+2"), ["a", "🐶", "b", "2", "+", "2"]);
        assert_eq!(tokenize("&amp; a\u{a0}b"), ["&", "amp", ";", "a", "b"]);
    }

    #[test]
    fn runs_are_cut_in_pairs() {
        assert_eq!(
            tokenize("so... 5..6"),
            ["so", ".", ".", ".", "5", ".", ".", "6"]
        );
        assert!(tokenize(" \n").is_empty());
    }
}
