//! The linear map.

use crate::nn::layout::Linear;
use crate::nn::tape::{Tape, Var};

impl Tape<'_> {
    /// x Wᵀ + b. With [`Linear::tied`] this gives a language model's logits.
    pub fn linear(&mut self, x: Var, linear: Linear) -> Var {
        let _ = (x, linear);
        unimplemented!()
    }
}
