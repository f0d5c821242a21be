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

/// Calls `token` with each token of [`word_tokenize`].
pub fn each_word(text: &str, mut token: impl FnMut(&str)) {
    // White space at the end is in no sentence.
    let trimmed = text.trim_end_matches(python::is_space);
    if !is_plain(trimmed) {
        return word_tokenize(text).iter().for_each(|word| token(word));
    }
    let mut start = 0;
    let mut part = |range: Range<usize>| {
        if !range.is_empty() {
            token(&trimmed[range]);
        }
    };
    for (at, byte) in trimmed.bytes().enumerate() {
        match byte {
            b' ' => part(std::mem::replace(&mut start, at + 1)..at),
            b',' | b'.' => {
                part(std::mem::replace(&mut start, at + 1)..at);
                part(at..at + 1);
            }
            b'\'' => part(std::mem::replace(&mut start, at)..at),
            _ => {}
        }
    }
    part(start..trimmed.len());
}

/// Whether a text is nothing but ASCII words, numbers and spaces, with single commas before spaces, a
/// period at its end, hyphens inside words and `'s` behind them, and none of the words is split in two.
fn is_plain(text: &str) -> bool {
    const TWO: [&str; 6] = ["cannot", "gimme", "gonna", "gotta", "lemme", "wanna"];
    let bytes = text.as_bytes();
    let inside = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_alphanumeric)
    };
    let mut start = 0;
    let mut whole = |at: usize| {
        let word = &bytes[std::mem::replace(&mut start, at + 1)..at];
        !matches!(word.len(), 5 | 6)
            || !TWO
                .iter()
                .any(|two| word.eq_ignore_ascii_case(two.as_bytes()))
    };
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b' ' => whole(at),
        b',' => whole(at) && bytes.get(at + 1) == Some(&b' '),
        b'.' => whole(at) && at + 1 == bytes.len(),
        b'-' => inside(at.checked_sub(1)) && inside(Some(at + 1)) && whole(at),
        b'\'' => {
            let after = bytes.get(at + 2);
            inside(at.checked_sub(1))
                && bytes.get(at + 1) == Some(&b's')
                && matches!(after, None | Some(b' ' | b',' | b'.'))
                && whole(at)
        }
        byte => byte.is_ascii_alphanumeric(),
    }) && whole(bytes.len())
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
            each_word(&text, |word| words.push(word.to_owned()));
            assert_eq!(words, word_tokenize(&text), "{text:?}");
            plain += usize::from(is_plain(&text));
        }
        assert!(plain > 500, "{plain}");
    }
}
