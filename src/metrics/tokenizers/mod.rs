//! Text to tokens, as each reference implementation does it.
//!
//! Every metric means its own tokenizer, and most disagreements between two
//! "BLEU" figures are disagreements about tokens. One file each:
//!
//! | tokenizer | used by | reference |
//! | --- | --- | --- |
//! | [`mod@thirteen_a`] | `hf.bleu`, `sacrebleu.bleu` | sacreBLEU's `13a` |
//! | [`international`], [`plain`] | `sacrebleu.bleu`, if asked to | sacreBLEU's `intl`, `none` and `char` |
//! | [`mod@rouge`] | `hf.rouge*` | rouge_score, without its stemmer |
//! | [`mod@ptb`] | `coco.*` | Stanford's PTBTokenizer, as coco-caption calls it |
//! | [`word_tokenize`] | `hf.meteor`, `nltk.bleu` | NLTK's `word_tokenize`: [`punkt`], then [`treebank`] |

use std::ops::Range;

pub mod international;
mod marks;
mod pairs;
pub mod plain;
pub mod ptb;
pub mod punkt;
mod punkt_model;
pub mod python;
mod python_tables;
pub mod rouge;
pub mod thirteen_a;
pub mod treebank;

pub use rouge::tokenize as rouge;
pub use thirteen_a::tokenize as thirteen_a;

/// Calls `token` with each token of [`word_tokenize`]: with a text and where in it the token is.
pub fn each_word(text: &str, mut token: impl FnMut(&str, Range<usize>)) {
    // White space at the end is in no sentence.
    let trimmed = text.trim_end_matches(python::is_space);
    if !is_plain(trimmed) {
        let words = word_tokenize(text);
        return words.iter().for_each(|word| token(word, 0..word.len()));
    }
    let bytes = trimmed.as_bytes();
    let clitics = bytes.contains(&b'\'');
    let mut word = |range: Range<usize>| {
        let clitic = match clitics {
            true => bytes[range.clone()].iter().position(|&byte| byte == b'\''),
            false => None,
        };
        let cut = clitic.map_or(range.end, |at| range.start + at);
        for part in [range.start..cut, cut..range.end] {
            if !part.is_empty() {
                token(trimmed, part);
            }
        }
    };
    let mut start = 0;
    marks::each(bytes, |at| {
        if bytes[at] != b'-' {
            word(start..at);
            start = at + 1;
        }
        if matches!(bytes[at], b',' | b'.') {
            word(at..at + 1);
        }
    });
    word(start..bytes.len());
}

/// Whether a text is nothing but ASCII words, numbers and spaces, with single commas before spaces, a
/// period at its end, hyphens inside words and `'s` behind them, and none of the words is split in two.
fn is_plain(text: &str) -> bool {
    const TWO: [&str; 6] = ["cannot", "gimme", "gonna", "gotta", "lemme", "wanna"];
    let bytes = text.as_bytes();
    let is = |at: usize, wanted: fn(u8) -> bool| bytes.get(at).is_some_and(|&byte| wanted(byte));
    let inside = |at: usize| is(at, |byte| byte.is_ascii_alphanumeric());
    let whole = |word: &[u8]| {
        let two = |two: &&str| word.eq_ignore_ascii_case(two.as_bytes());
        !matches!(word.len(), 5 | 6) || !TWO.iter().any(two)
    };
    let mut plain = bytes.is_ascii();
    let mut start = 0;
    marks::each(bytes, |at| {
        plain &= whole(&bytes[start..at]);
        plain &= match bytes[at] {
            b' ' => true,
            b',' => is(at + 1, |byte| byte == b' '),
            b'.' => at + 1 == bytes.len(),
            b'-' => inside(at.wrapping_sub(1)) && inside(at + 1),
            _ => false,
        };
        start = at + 1;
    });
    plain &= whole(&bytes[start..]);
    if plain && bytes.contains(&b'\'') {
        let quotes = (0..bytes.len()).filter(|&at| bytes[at] == b'\'');
        plain = quotes.into_iter().all(|at| {
            let before = bytes[..at]
                .iter()
                .rev()
                .take_while(|b| b.is_ascii_alphanumeric())
                .count();
            before > 0
                && whole(&bytes[at - before..at])
                && bytes.get(at + 1) == Some(&b's')
                && matches!(bytes.get(at + 2), None | Some(b' ' | b',' | b'.'))
        });
    }
    plain
}

/// NLTK's `word_tokenize`: sentences by Punkt, each split into words.
///
/// Sentences matter to words in one way only: a period is cut off at the end of its sentence, and
/// stays with its word elsewhere (`St. Bernard`).
pub fn word_tokenize(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    for sentence in punkt::sentences(&text) {
        treebank::tokenize(&text[sentence], &mut tokens);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_to_words_is_the_long_way() {
        let pieces = [
            "a", " ", " dog", ", ", ",", ".", " 7", "3.5", " cannot", "Gonna", " U.S", "'s",
            " etc", "and", "-", " x-ray", "'s ", "\n", " cannot-", "'",
        ];
        let mut state = 1u64;
        let mut plain = 0;
        for _ in 0..40_000 {
            let mut text = String::new();
            for _ in 0..6 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                text += pieces[(state >> 33) as usize % pieces.len()];
            }
            let mut words = Vec::new();
            each_word(&text, |text, at| words.push(text[at].to_owned()));
            assert_eq!(words, word_tokenize(&text), "{text:?}");
            plain += usize::from(is_plain(&text));
        }
        assert!(plain > 500, "{plain}");
    }
}
