//! Trains, captions, scores, compares and gates image-captioning models.
//!
//! Data flows one way, through the modules in this order; a module may use
//! those before it and never those after it:
//!
//! ```text
//! recipe → data → text → nn → models → train → decode
//!        → metrics → stats → probe → results → report → gate → cli
//! ```
//!
//! A *recipe* says what to train on what; *data* brings pictures and captions,
//! *text* turns captions into tokens; *nn* holds the differentiable operations
//! that the *models* are made of; *train* fits them and *decode* writes
//! captions with them; *metrics* scores captions, *stats* says how sure the
//! scores are, *probe* looks inside; *results* keeps all of it on disk,
//! *report* shows it, *gate* turns it into a verdict, and *cli* is the command
//! line over everything.
#![warn(missing_docs)]

pub mod error;

pub mod cli;
pub mod data;
pub mod decode;
pub mod gate;
pub mod metrics;
pub mod models;
pub mod nn;
pub mod probe;
pub mod recipe;
pub mod report;
pub mod results;
pub mod stats;
pub mod text;
pub mod train;

pub use error::{Error, Result};
