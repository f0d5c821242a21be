//! Differentiable operations over flat `f32` memory: what the models are made of.
//!
//! * [`Layout`] names the parameters of a model as slices ([`Slot`]) of one flat
//!   buffer and [`Params`] holds their values; the optimizer's moments are flat
//!   buffers of the same length.
//! * [`Gradients`] holds a buffer a parameter, in which the shards of a batch are
//!   summed as soon as each is done with the parameter.
//! * [`Tape`] runs the forward pass operation by operation, remembers how to go
//!   back, and [`Tape::backward`] adds to the weights' gradients.
//!   Activations are matrices ([`Var`]) of batch × tokens rows.
//! * [`Workers`] runs the shards of a batch side by side, one thread each. A shard
//!   never uses more than one thread and shards are summed in their order, so
//!   results do not depend on the number of threads.
//! * [`contrastive`] is the one loss that needs the whole batch: all shards go
//!   forward, it turns their embeddings into a loss and seeds, and all shards go
//!   backward.
//! * [`adamw`] updates the parameters in one pass.
//! * [`kernels`] holds the loops themselves, compiled for several instruction sets
//!   and picked at run time. [`kernels::decode`] is what a decoder with a
//!   key/value cache needs outside of a tape.
//!
//! Wrong shapes are a programmer's mistake here and panic with a message; user
//! input is checked before it arrives.

#[macro_use]
mod graph;

pub mod adamw;
mod buffer;
mod compute;
pub mod contrastive;
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
pub mod cuda;
mod gradients;
pub mod kernels;
mod layout;
mod likeliest;
mod ops;
mod params;
mod pool;
mod precision;
pub(crate) mod random;
mod spans;
mod tape;
mod values;
mod workers;

pub use buffer::Buffer;
pub use compute::Compute;
pub use gradients::Gradients;
pub use graph::Graph;
pub use layout::{Init, Layout, LayoutBuilder, Linear, Norm, Slot};
pub use likeliest::Likeliest;
pub use ops::{Attention, Cols, Dropout, Gelu, Kl, Mask, Noise, PatchEmbedding, TokenLosses};
pub use params::Params;
pub use pool::Pool;
pub use precision::Precision;
pub use spans::Spans;
pub use tape::{Tape, Var};
pub use workers::Workers;
