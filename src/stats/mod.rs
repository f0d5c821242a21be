//! How sure a score is.

pub mod bootstrap;
mod draw;

pub use draw::Draws;
