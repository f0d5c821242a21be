//! The operations of a [`Tape`](super::Tape), one file each: forward, backward, and a test
//! of the gradients against central differences.

mod add;
mod attention;
mod bottleneck;
#[cfg(test)]
pub(crate) mod check;
mod cross_entropy;
mod dropout;
mod embedding;
mod linear;
mod linear_gelu;
mod linear_residual;
mod norm;
mod patch_embedding;
mod rows;
mod stack;

pub use attention::{Attention, Cols, Mask};
pub use bottleneck::{Kl, Noise};
pub use cross_entropy::TokenLosses;
pub use dropout::Dropout;
pub use linear_gelu::Gelu;
pub use patch_embedding::PatchEmbedding;
