//! The models as a user of the library drives them: gradients, determinism, decoding, weights on
//! disk, and PyTorch's own numbers where they are at hand.

mod decoding;
mod determinism;
mod formats;
mod generation;
mod gradients;
mod reference;
mod saved;
mod small;
mod weights;
