//! Scaled dot-product attention over several heads (Vaswani et al. 2017, section 3.2).

use std::sync::Arc;

use super::Dropout;
use crate::nn::tape::{Tape, Var};

/// A block of columns of a matrix, such as the queries in packed queries, keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cols {
    /// The matrix.
    pub var: Var,
    /// The first column.
    pub start: usize,
    /// How many columns.
    pub width: usize,
}

impl Cols {
    /// All columns.
    pub fn all(var: Var) -> Self {
        Self {
            var,
            start: 0,
            width: var.cols,
        }
    }

    /// Part `i` of `parts` equal blocks of columns.
    pub fn part(var: Var, i: usize, parts: usize) -> Self {
        assert!(
            i < parts && var.cols.is_multiple_of(parts),
            "part {i} of {parts} of {} columns",
            var.cols
        );
        let width = var.cols / parts;
        Self {
            var,
            start: i * width,
            width,
        }
    }
}

/// Which keys a query may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mask {
    /// All.
    Full,
    /// Those at its own position and before.
    Causal,
    /// In each sample of the batch, the first so many, at least one (padding comes after).
    Lengths(Arc<[usize]>),
}

/// The shape of an attention: `batch` samples, each with its `queries` and `keys`.
#[derive(Debug, Clone)]
pub struct Attention {
    /// Samples in the shard.
    pub batch: usize,
    /// Heads; each has width / heads columns.
    pub heads: usize,
    /// Queries a sample.
    pub queries: usize,
    /// Keys (and values) a sample.
    pub keys: usize,
    /// Which keys a query may see.
    pub mask: Mask,
    /// Dropout of the attention weights; a row is one query of one head, and
    /// `first_row` counts queries, as if there were one head.
    pub dropout: Option<Dropout>,
}

impl Tape<'_> {
    /// softmax(q kᵀ / √(head width)) v, head by head: (batch · queries, width).
    ///
    /// `q` has batch · queries rows, `k` and `v` have batch · keys, and all three the same
    /// width; they may be blocks of one matrix.
    pub fn attention(&mut self, q: Cols, k: Cols, v: Cols, attention: Attention) -> Var {
        let _ = (q, k, v, attention);
        unimplemented!()
    }
}
