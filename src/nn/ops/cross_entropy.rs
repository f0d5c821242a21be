//! Logits and their cross-entropy, without keeping the logits.

use crate::nn::layout::Linear;
use crate::nn::tape::{Tape, Var};

/// What a language model got wrong, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLosses {
    /// −ln p(target) of each row in nats; 0 where there is no target.
    pub rows: Vec<f32>,
    /// The token with the highest logit in each row (the first, if several are equal).
    pub predictions: Vec<u32>,
}

impl TokenLosses {
    /// Sum over all rows in nats.
    pub fn sum(&self) -> f64 {
        self.rows.iter().map(|&loss| f64::from(loss)).sum()
    }
}

impl Tape<'_> {
    /// Cross-entropy of softmax(x Wᵀ + b) against one target a row; `None` is padding.
    ///
    /// `head` is usually [`Linear::tied`] to the embedding table. `weight` is the derivative of
    /// the total loss by one row's: the weight of the term in the loss, over the number of
    /// tokens of the whole batch. In training the logits become their gradient at once, a
    /// chunk of rows at a time; the backward pass adds this loss's gradient by itself.
    pub fn cross_entropy(
        &mut self,
        x: Var,
        head: Linear,
        targets: &[Option<u32>],
        weight: f32,
    ) -> TokenLosses {
        let _ = (x, head, targets, weight);
        unimplemented!()
    }
}
