//! A linear map added to a residual stream, and the layer norm that follows.

use super::Dropout;
use crate::nn::layout::{Linear, Norm};
use crate::nn::tape::{Tape, Var};

impl Tape<'_> {
    /// residual + dropout(x Wᵀ + b).
    pub fn linear_residual(
        &mut self,
        x: Var,
        linear: Linear,
        residual: Var,
        dropout: Option<Dropout>,
    ) -> Var {
        let _ = (x, linear, residual, dropout);
        unimplemented!()
    }

    /// (sum, norm(sum)) with sum = residual + dropout(x Wᵀ + b), in one pass.
    ///
    /// Either may stay unused.
    pub fn linear_residual_norm(
        &mut self,
        x: Var,
        linear: Linear,
        residual: Var,
        norm: Norm,
        dropout: Option<Dropout>,
    ) -> (Var, Var) {
        let _ = (x, linear, residual, norm, dropout);
        unimplemented!()
    }
}
