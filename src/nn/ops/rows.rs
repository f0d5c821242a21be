//! Some rows of a matrix.

use crate::nn::tape::{Tape, Var};

impl Tape<'_> {
    /// The rows of `x` at `indices`, in that order; one may come several times.
    pub fn rows(&mut self, x: Var, indices: &[usize]) -> Var {
        let _ = (x, indices);
        unimplemented!()
    }
}
