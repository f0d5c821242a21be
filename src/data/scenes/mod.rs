//! The embedded data set: pictures drawn from a seed, with captions and the truth behind them.
//!
//! A picture has one to three objects, each with shape, colour, size, texture
//! and place, on one of a few backgrounds. Everything follows from the seed:
//! `layout` chooses what is where, `draw` paints it, `grammar` describes it
//! in five ways, and [`attributes()`] checks any caption against the `truth`.
//!
//! ```text
//! (seed, split, index) → Scene → 64×64 RGB
//!                              → 5 captions
//!        a model's caption + Scene → attributes right, of how many
//! ```

mod attributes;
mod draw;
mod files;
mod grammar;
mod layout;
mod parse;
mod phrases;
mod set;
mod truth;
mod words;

pub use attributes::{Attributes, attributes};
pub use draw::draw;
pub use files::{Truth, write};
pub use grammar::{CAPTIONS, captions};
pub use layout::scene;
pub use parse::{Claim, Mention, Reading, read};
pub use set::{MAX_TRAINING_PICTURES, PICTURES, split_sizes, splits};
pub use truth::{
    Background, CLEAR_GAP, Colour, Object, Relation, SIDE, Scene, Shape, Size, Texture,
};
