//! Dropout (Srivastava et al. 2014) whose mask is never stored.

use crate::nn::tape::{Tape, Var};

/// Sets a fraction `p` of the values to 0 and divides the others by 1 − p.
///
/// The mask is a function of (seed, stream, row, column): the backward pass has it again,
/// and a row's mask does not depend on how the batch is cut into shards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// The fraction that is set to 0, at least 0 and less than 1. 0 costs nothing.
    pub p: f32,
    /// The run's seed.
    pub seed: u64,
    /// A number for this place in this step; places that share one share masks.
    pub stream: u64,
    /// Rows of this matrix in the shards before this one.
    pub first_row: u64,
}

impl Tape<'_> {
    /// Drops values of `x`.
    pub fn dropout(&mut self, x: Var, dropout: Dropout) -> Var {
        let _ = (x, dropout);
        unimplemented!()
    }
}
