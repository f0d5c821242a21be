//! Pictures and captions: where they come from, how they are split, and their pixels.
//!
//! ```text
//! Spec ── open ──→ Dataset { train, validation, test: Vec<Example> }
//!                      │ captions → text::Tokenizer
//!                      └ pictures → ImageStore (RGB bytes of one size)
//! ```
//!
//! A [`Spec`] names a data set: the embedded [`scenes`], a folder of photos in
//! COCO's layout, or Karpathy's splits. [`open`] reads it into a [`Dataset`], whose
//! splits never share a picture unless that was asked for, and [`ImageStore`]
//! has its pictures decoded, in memory or in a [`PictureCache`]. [`check`] names everything that is wrong with one.

pub mod near;
pub mod rng;
pub mod scenes;

mod cache;
mod check;
mod coco;
mod dataset;
mod fault;
mod image;
mod json;
mod karpathy;
mod loader;
mod resize;
mod spec;
mod split;
mod store;

pub use cache::{Filled, Filling, PictureCache, default_cache_dir};
pub use check::{Lengths, Report, check};
pub use dataset::{Caption, Dataset, Example, Limits, OpenOptions, Picture, Split, open};
pub use fault::Fault;
pub use image::{Rgb, decode, picture_png, read_picture};
pub use spec::Spec;
pub use split::{LEAKAGE, Leakage, SplitRule};
pub use store::{ImageStore, normalize};
