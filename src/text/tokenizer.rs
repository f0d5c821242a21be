//! A tokenizer, whatever its family, with the ids that a model asks for.

use std::path::Path;

use crate::error::{Error, Result};

/// The token that starts, ends and pads a text in GPT-2's family.
pub(super) const END_OF_TEXT: &str = "<|endoftext|>";

/// `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` of BERT's family.
pub(super) const BERT_SPECIALS: [&str; 4] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];

/// How a tokenizer cuts words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Byte-level byte pair encoding, as GPT-2: every text can be told, and is told exactly.
    Bpe,
    /// WordPiece, as BERT: unknown characters become `[UNK]`.
    WordPiece,
}

/// The ids around and behind a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialTokens {
    /// In front of a text: `<|endoftext|>` or `[CLS]`.
    pub start: u32,
    /// Behind a text: `<|endoftext|>` or `[SEP]`.
    pub end: u32,
    /// Where a batch's shorter texts have nothing: `<|endoftext|>` or `[PAD]`.
    pub pad: u32,
}

/// Turns captions into token ids and back.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    family: Family,
    specials: SpecialTokens,
}

impl Tokenizer {
    /// Takes a tokenizer as read, and switches off what a file may have switched
    /// on: cutting, padding, and special tokens within texts.
    pub(super) fn new(mut inner: tokenizers::Tokenizer) -> Result<Self> {
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|error| Error::failed(error.to_string()))?;
        inner.set_encode_special_tokens(true);
        let id = |token: &str| inner.token_to_id(token);
        let (family, specials) = if let Some(end) = id(END_OF_TEXT) {
            (
                Family::Bpe,
                SpecialTokens {
                    start: end,
                    end,
                    pad: end,
                },
            )
        } else if let [Some(pad), Some(_), Some(start), Some(end)] = BERT_SPECIALS.map(id) {
            (Family::WordPiece, SpecialTokens { start, end, pad })
        } else {
            let expected = format!("{END_OF_TEXT}, or {}", BERT_SPECIALS.join(" "));
            return Err(Error::input(format!(
                "its special tokens are missing; expected {expected}"
            )));
        };
        Ok(Self {
            inner,
            family,
            specials,
        })
    }

    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// Bad input where the file is missing, is no tokenizer, or lacks special tokens.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::reading(path, error))?;
        let inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(|error| {
            Error::input(format!(
                "{}: expected a tokenizer.json: {error}",
                path.display()
            ))
        })?;
        Self::new(inner).map_err(|error| error.context(path.display()))
    }

    /// Writes a `tokenizer.json`; the same tokenizer gives the same bytes.
    ///
    /// # Errors
    ///
    /// A failure where the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        std::fs::write(path, self.to_json()?).map_err(|error| Error::writing(path, error))
    }

    /// The content of a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// A failure where the tokenizer cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        self.inner
            .to_string(true)
            .map_err(|error| Error::failed(format!("cannot write the tokenizer as JSON: {error}")))
    }

    /// Writes the `tokenizer_config.json` with which transformers' `AutoTokenizer` opens the
    /// `tokenizer.json` beside it.
    ///
    /// # Errors
    ///
    /// A failure where the file cannot be written.
    pub fn save_config(&self, folder: &Path) -> Result<()> {
        let mut config = serde_json::Map::new();
        config.insert("tokenizer_class".into(), "PreTrainedTokenizerFast".into());
        config.insert("clean_up_tokenization_spaces".into(), false.into());
        let SpecialTokens { start, end, pad } = self.specials;
        for (name, id) in [("bos_token", start), ("eos_token", end), ("pad_token", pad)] {
            config.insert(name.into(), self.token(id).into());
        }
        let path = folder.join("tokenizer_config.json");
        let text = serde_json::to_string_pretty(&config).map_err(|e| Error::writing(&path, e))?;
        std::fs::write(&path, text).map_err(|e| Error::writing(&path, e))
    }

    /// The ids of a text, without special tokens; a special token's name within
    /// the text is text. Nothing is cut off.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        match self.inner.encode_fast(text, false) {
            Ok(encoding) => encoding.get_ids().to_vec(),
            Err(error) => unreachable!("a tokenizer with all its parts encodes any text: {error}"),
        }
    }

    /// The text of `ids`; special tokens and ids beyond the vocabulary are skipped.
    ///
    /// What a byte-level BPE has encoded comes back exactly.
    pub fn decode(&self, ids: &[u32]) -> String {
        match self.inner.decode(ids, true) {
            Ok(text) => text,
            Err(error) => unreachable!("a tokenizer with all its parts decodes any ids: {error}"),
        }
    }

    /// The number of ids, special tokens included: the rows of an embedding table.
    pub fn vocab_size(&self) -> usize {
        let last = self.inner.get_vocab(true).into_values().max();
        last.map_or(0, |id| id as usize + 1)
    }

    /// How it cuts words.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The ids around and behind a text.
    pub fn specials(&self) -> SpecialTokens {
        self.specials
    }

    /// The id of a token by its name.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The name of a token by its id.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }
}
