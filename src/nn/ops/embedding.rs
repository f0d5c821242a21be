//! Embeddings of tokens and of their positions.

use crate::nn::layout::Slot;
use crate::nn::tape::{Tape, Var};

impl Tape<'_> {
    /// words\[id\] + positions\[i mod tokens\] (+ one row of a further table): (ids, width).
    ///
    /// `ids` are samples of `tokens` ids each, one sample after the other. `extra` is a table
    /// and the row of it that is added everywhere, as BERT's token type 0.
    pub fn embedding(
        &mut self,
        ids: &[u32],
        tokens: usize,
        words: Slot,
        positions: Slot,
        extra: Option<(Slot, usize)>,
    ) -> Var {
        let _ = (ids, tokens, words, positions, extra);
        unimplemented!()
    }
}
