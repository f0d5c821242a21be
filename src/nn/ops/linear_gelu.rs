//! A linear map and the GELU after it (Hendrycks and Gimpel 2016).

use crate::nn::layout::Linear;
use crate::nn::tape::{Tape, Var};

/// Which GELU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gelu {
    /// x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))): GPT-2's `gelu_new`.
    Tanh,
    /// x/2 · (1 + erf(x/√2)): that of ViT and BERT.
    Erf,
}

impl Tape<'_> {
    /// gelu(x Wᵀ + b).
    pub fn linear_gelu(&mut self, x: Var, linear: Linear, gelu: Gelu) -> Var {
        let _ = (x, linear, gelu);
        unimplemented!()
    }
}
