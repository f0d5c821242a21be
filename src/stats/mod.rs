//! How sure a score is.

pub mod bootstrap;
mod columns;
mod draw;
pub mod paired;

pub use draw::Draws;
