//! Captions to token ids and back.
//!
//! From-scratch recipes train a small byte-level BPE (for GPT-2) or WordPiece (for
//! BERT) on the training captions; checkpoints bring their own. All of them
//! are a [`Tokenizer`], saved as Hugging Face's `tokenizer.json`.

mod checkpoint;
mod merges;
mod tokenizer;
mod train;

pub use tokenizer::{Family, SpecialTokens, Tokenizer};
