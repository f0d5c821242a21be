//! The loops that the operations are made of.
//!
//! They are plain Rust over slices, compiled once for each instruction set and picked
//! at run time (`dispatch`), except for the matrix products: large ones are the `gemm`
//! crate's, the small ones inside attention, those of few rows and those of bf16 are
//! written out in intrinsics (`small_product`, `few_rows`, `bf16`). Everything that would
//! run on another device goes through here.

#[macro_use]
pub(crate) mod dispatch;
mod math;

pub mod decode;
pub mod meter;

mod operand;

pub(crate) mod adamw;
pub(crate) mod bf16;
pub(crate) mod bottleneck;
pub(crate) mod cross_entropy;
pub(crate) mod dropout;
pub(crate) mod elementwise;
pub(crate) mod few_rows;
pub(crate) mod gelu;
pub(crate) mod matmul;
pub(crate) mod noise;
pub(crate) mod norm;
pub(crate) mod small_product;
pub(crate) mod softmax;
pub(crate) mod transpose;

#[cfg(test)]
pub(crate) use dispatch::{at_level, levels};
