//! Training a small tokenizer on captions.
//!
//! The same texts give the same `tokenizer.json`, byte for byte: words are
//! counted and merged in sorted order ([`super::merges`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};

use super::merges::learn;
use super::tokenizer::{BERT_SPECIALS, END_OF_TEXT, Tokenizer};
use crate::error::{Error, Result};

/// Marks a piece that goes on within a word.
const CONTINUING: &str = "##";

impl Tokenizer {
    /// Trains a byte-level BPE of at most `vocab` tokens (at least 257: `<|endoftext|>`,
    /// which is id 0, and every byte). Pairs that occur only once are not merged, so
    /// there may be fewer tokens.
    ///
    /// With `lowercase`, texts are lower-cased first, and come back so.
    ///
    /// # Errors
    ///
    /// Bad input where `vocab` is too small.
    pub fn train_bpe<'a>(
        texts: impl IntoIterator<Item = &'a str>,
        vocab: usize,
        lowercase: bool,
    ) -> Result<Self> {
        let alphabet: BTreeSet<char> = ByteLevel::alphabet().into_iter().collect();
        let mut pieces = vec![END_OF_TEXT.to_owned()];
        pieces.extend(alphabet.into_iter().map(String::from));
        enough("a byte-level vocabulary", vocab, pieces.len())?;
        let rules = parsed(&bpe_json(&vocabulary(&pieces), json!([]), lowercase))?;
        let words = count(&rules, texts, |_, character| character.to_string())?;
        let learnt = learn(pieces, &words, vocab, "");
        let merges = json!(learnt.merges);
        Self::new(parsed(&bpe_json(
            &vocabulary(&learnt.pieces),
            merges,
            lowercase,
        ))?)
    }

    /// Trains a WordPiece of at most `vocab` tokens, lower-cased as BERT's: `[PAD]`,
    /// `[UNK]`, `[CLS]`, `[SEP]` are ids 0 to 3, and every character of the texts is
    /// a token, at a word's start and within one as they occur.
    ///
    /// # Errors
    ///
    /// Bad input where `vocab` is too small for the characters of the texts.
    pub fn train_wordpiece<'a>(
        texts: impl IntoIterator<Item = &'a str>,
        vocab: usize,
    ) -> Result<Self> {
        let mut pieces: Vec<String> = BERT_SPECIALS.map(str::to_owned).to_vec();
        let rules = parsed(&wordpiece_json(&vocabulary(&pieces), true))?;
        let words = count(&rules, texts, |place, character| match place {
            0 => character.to_string(),
            _ => format!("{CONTINUING}{character}"),
        })?;
        pieces.extend(
            words
                .keys()
                .flatten()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .cloned(),
        );
        enough("a WordPiece vocabulary", vocab, pieces.len())?;
        let learnt = learn(pieces, &words, vocab, CONTINUING);
        Self::new(parsed(&wordpiece_json(&vocabulary(&learnt.pieces), true))?)
    }
}

fn enough(what: &str, vocab: usize, least: usize) -> Result<()> {
    if vocab < least {
        let message = format!("{what} of {vocab} tokens is too small; expected at least {least}");
        return Err(Error::input(message));
    }
    Ok(())
}

/// Counts the words of `texts` as `rules` normalizes and cuts them, each as pieces:
/// `piece` makes one of a character and its place in the word.
fn count<'a>(
    rules: &tokenizers::Tokenizer,
    texts: impl IntoIterator<Item = &'a str>,
    piece: impl Fn(usize, char) -> String,
) -> Result<BTreeMap<Vec<String>, u64>> {
    let failed = |error: tokenizers::Error| Error::failed(format!("cannot cut a caption: {error}"));
    let mut words: BTreeMap<String, u64> = BTreeMap::new();
    for text in texts {
        let mut text = NormalizedString::from(text);
        if let Some(normalizer) = rules.get_normalizer() {
            normalizer.normalize(&mut text).map_err(failed)?;
        }
        let mut text = PreTokenizedString::from(text);
        if let Some(cutter) = rules.get_pre_tokenizer() {
            cutter.pre_tokenize(&mut text).map_err(failed)?;
        }
        for (word, _, _) in text.get_splits(OffsetReferential::Normalized, OffsetType::Byte) {
            match words.get_mut(word) {
                Some(count) => *count += 1,
                None => drop(words.insert(word.to_owned(), 1)),
            }
        }
    }
    let cut = |word: String| word.chars().enumerate().map(|(i, c)| piece(i, c)).collect();
    Ok(words
        .into_iter()
        .map(|(word, count)| (cut(word), count))
        .collect())
}

fn parsed(document: &Value) -> Result<tokenizers::Tokenizer> {
    tokenizers::Tokenizer::from_bytes(document.to_string())
        .map_err(|error| Error::failed(format!("cannot build the tokenizer: {error}")))
}

fn vocabulary(pieces: &[String]) -> Map<String, Value> {
    pieces
        .iter()
        .cloned()
        .zip((0..pieces.len()).map(Value::from))
        .collect()
}

/// A `tokenizer.json` of GPT-2's kind.
pub(super) fn bpe_json(vocab: &Map<String, Value>, merges: Value, lowercase: bool) -> Value {
    let byte_level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
    });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens(vocab, &[END_OF_TEXT]),
        "normalizer": lowercase.then(|| json!({"type": "Lowercase"})),
        "pre_tokenizer": byte_level,
        "post_processor": null,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": false,
            "vocab": vocab,
            "merges": merges,
        },
    })
}

/// A `tokenizer.json` of BERT's kind.
pub(super) fn wordpiece_json(vocab: &Map<String, Value>, lowercase: bool) -> Value {
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens(vocab, &BERT_SPECIALS),
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": true,
            "handle_chinese_chars": true,
            "strip_accents": null,
            "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": null,
        "decoder": {"type": "WordPiece", "prefix": CONTINUING, "cleanup": true},
        "model": {
            "type": "WordPiece",
            "unk_token": BERT_SPECIALS[1],
            "continuing_subword_prefix": CONTINUING,
            "max_input_chars_per_word": 100,
            "vocab": vocab,
        },
    })
}

/// The special tokens that are in the vocabulary, as `tokenizer.json` lists them.
fn added_tokens(vocab: &Map<String, Value>, names: &[&str]) -> Vec<Value> {
    let token = |name: &&str| {
        Some(json!({
            "id": vocab.get(*name)?,
            "content": name,
            "single_word": false,
            "lstrip": false,
            "rstrip": false,
            "normalized": false,
            "special": true,
        }))
    };
    names.iter().filter_map(token).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Family;

    const TEXTS: [&str; 5] = [
        "A big red circle above a blue square.",
        "two small red circles, one above the other",
        "a red circle's shadow   (over 3 blue squares) – naïve ☃",
        "this <|endoftext|> is text\nand so is [CLS]",
        " leading and trailing ",
    ];

    #[test]
    fn bpe_gives_texts_back_exactly() {
        let trained = Tokenizer::train_bpe(TEXTS, 400, false).unwrap();
        assert_eq!(trained.family(), Family::Bpe);
        let specials = trained.specials();
        assert_eq!([specials.start, specials.end, specials.pad], [0, 0, 0]);
        assert!((258..=400).contains(&trained.vocab_size()));
        for text in TEXTS.into_iter().chain(["never seen: Ω≈ç√ 日本語", ""]) {
            let ids = trained.encode(text);
            assert!(
                ids.iter()
                    .all(|&id| id != 0 && (id as usize) < trained.vocab_size())
            );
            assert_eq!(trained.decode(&ids), text);
            let with_ends: Vec<u32> = [&[0][..], &ids, &[0]].concat();
            assert_eq!(trained.decode(&with_ends), text);
        }
        assert!(trained.encode("a red circle").len() <= 3);
        let lower = Tokenizer::train_bpe(TEXTS, 400, true).unwrap();
        assert_eq!(lower.decode(&lower.encode("A RED Circle")), "a red circle");
    }

    #[test]
    fn wordpiece_knows_its_words() {
        let trained = Tokenizer::train_wordpiece(TEXTS, 300).unwrap();
        assert_eq!(trained.family(), Family::WordPiece);
        let specials = trained.specials();
        assert_eq!([specials.pad, specials.start, specials.end], [0, 2, 3]);
        let ids = trained.encode("A RED circle");
        assert_eq!(trained.decode(&ids), "a red circle");
        assert!(ids.iter().all(|&id| id > 3));
        assert_eq!(trained.encode("日"), [1]);
        assert!(trained.encode("[CLS]").iter().all(|&id| id != 2));
    }

    #[test]
    fn training_again_gives_the_same_bytes() {
        let bpe = || {
            Tokenizer::train_bpe(TEXTS, 350, false)
                .unwrap()
                .to_json()
                .unwrap()
        };
        assert_eq!(bpe(), bpe());
        let mut reversed = TEXTS;
        reversed.reverse();
        assert_eq!(
            bpe(),
            Tokenizer::train_bpe(reversed, 350, false)
                .unwrap()
                .to_json()
                .unwrap()
        );
        let wordpiece = || {
            Tokenizer::train_wordpiece(TEXTS, 120)
                .unwrap()
                .to_json()
                .unwrap()
        };
        assert_eq!(wordpiece(), wordpiece());
    }

    #[test]
    fn a_saved_tokenizer_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        for trained in [
            Tokenizer::train_bpe(TEXTS, 330, true).unwrap(),
            Tokenizer::train_wordpiece(TEXTS, 120).unwrap(),
        ] {
            trained.save(&path).unwrap();
            let loaded = Tokenizer::load(&path).unwrap();
            assert_eq!(loaded.to_json().unwrap(), trained.to_json().unwrap());
            assert_eq!(loaded.encode(TEXTS[2]), trained.encode(TEXTS[2]));
        }
    }

    #[test]
    fn too_small_a_vocabulary_is_refused() {
        let error = Tokenizer::train_bpe(TEXTS, 100, false).unwrap_err();
        assert!(error.message().contains("at least 257"), "{error}");
        assert_eq!(
            Tokenizer::train_wordpiece(TEXTS, 10)
                .unwrap_err()
                .exit_code(),
            2
        );
    }

    /// Where nothing is tied, Hugging Face's own trainer learns the same.
    #[test]
    fn merges_agree_with_the_reference_trainer() {
        use tokenizers::models::TrainerWrapper;
        use tokenizers::models::bpe::BpeTrainer;
        let ours = Tokenizer::train_bpe(TEXTS, 290, false).unwrap();
        let vocab = vocabulary(&[END_OF_TEXT.to_owned()]);
        let mut theirs = parsed(&bpe_json(&vocab, json!([]), false)).unwrap();
        let trainer = BpeTrainer::builder()
            .show_progress(false)
            .vocab_size(290)
            .min_frequency(2)
            .special_tokens(vec![tokenizers::AddedToken::from(END_OF_TEXT, true)])
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .build();
        theirs
            .train(&mut TrainerWrapper::BpeTrainer(trainer), TEXTS.iter())
            .unwrap();
        let vocab = |tokenizer: &tokenizers::Tokenizer| {
            tokenizer
                .get_vocab(true)
                .into_iter()
                .collect::<BTreeMap<_, _>>()
        };
        let ours = parsed(&serde_json::from_str(&ours.to_json().unwrap()).unwrap()).unwrap();
        assert_eq!(vocab(&ours), vocab(&theirs));
    }
}
