//! The loops that the operations are made of.

pub mod decode;
pub(crate) mod elementwise;
pub(crate) mod noise;
