//! How sure a score is, and how sure a difference.

pub mod bootstrap;
mod columns;
mod draw;
mod holm;
pub mod numpy;
pub mod paired;
mod redraws;
mod resample;

pub use draw::Draws;
pub use holm::holm;
