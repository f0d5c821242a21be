//! The operations of a [`DeviceTape`](super::DeviceTape), one file each, as those of the CPU in `nn/ops`.

mod attention;
mod bottleneck;
mod cross_entropy;
mod decoding;
mod elementwise;
mod embedding;
mod linear;
mod logits;
mod norm;
mod patch_embedding;
pub(super) mod product;
mod rows;

pub(super) use attention::SpansOnDevice;
pub use decoding::{KeysAndValues, Places};
pub use logits::Logits;
