//! Products of a linear map of few rows, as decoding has them, and training on a few captions.
//!
//! With one row to a few dozen the weights are read for little work each, and a general product spends its
//! time packing them. Here they are read as they lie: by the forward product as vectors along the inputs
//! (`dots`), by both gradients as vectors across them (`spread`).

mod dots;
mod spread;

pub(crate) use dots::forward;
pub(crate) use spread::{input_gradient, weight_gradient};
