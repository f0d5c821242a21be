//! From pictures to captions with a trained model.
//!
//! Generation is greedy with a KV cache. Pictures are decoded in groups of a
//! fixed size, so that captions do not depend on the number of threads or on
//! which pictures stand beside which in a request.

mod greedy;
mod retrieve;
mod teacher_forced;

pub use greedy::greedy;
pub use retrieve::TextBank;
pub use teacher_forced::{Forced, teacher_forced};

/// Pictures that are decoded together; part of the numbers' definition, as products of other sizes may
/// round differently.
const GROUP: usize = 16;

/// Pictures that are encoded before any of them is decoded: what bounds the memory.
const BLOCK: usize = 256;
