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
    if is_plain(text) {
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let (word, mark) = match word.strip_suffix([',', '.']) {
                Some(bare) => (bare, &word[bare.len()..]),
                None => (word, ""),
            };
            [word, mark]
                .into_iter()
                .filter(|part| !part.is_empty())
                .for_each(&mut token);
        }
    } else {
        word_tokenize(text).iter().for_each(|word| token(word));
    }
}

/// Whether a text is nothing but ASCII words and numbers with single spaces, commas and a period at
/// its end, and none of the words is split in two.
fn is_plain(text: &str) -> bool {
    const TWO: [&str; 6] = ["cannot", "gimme", "gonna", "gotta", "lemme", "wanna"];
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b',' => bytes.get(at + 1) == Some(&b' '),
        b'.' => at + 1 == bytes.len(),
        byte => byte.is_ascii_alphanumeric() || *byte == b' ',
    }) && !text
        .split([' ', ',', '.'])
        .any(|word| TWO.iter().any(|two| word.eq_ignore_ascii_case(two)))
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
            " etc", "and",
        ];
        let mut state = 1u64;
        let mut plain = 0;
        for _ in 0..20_000 {
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
