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
