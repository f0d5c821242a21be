//! What to train on what: a typed recipe, read from TOML.
//!
//! A recipe is a document. The presets are commented files inside the binary;
//! a user's own file names the preset it `extends` and changes what it wants
//! changed; `--set key=value` changes single keys on top. What results is
//! complete and checked, and its hash names the run's cells.

mod grid;
mod hash;
mod keys;
pub mod presets;
mod resolve;
mod schema;
mod validate;

pub use grid::{Cell, cells};
pub use hash::{dotted, fingerprint, flatten};
pub use resolve::{Source, resolve};
pub use schema::{
    ArchitectureRecipe, Bank, CaptionsPerEpoch, ContrastiveRecipe, DataRecipe, DecodeRecipe,
    GridRecipe, LatentRecipe, LossRecipe, Optimizer, Recipe, References, ScheduleStep, ScoreRecipe,
    SplitRule, Strategy, TestLatent, TokenizerRecipe, TrainRecipe,
};
