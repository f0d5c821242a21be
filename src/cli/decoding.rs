//! The flags that say how captions are written, for verbs that use a trained checkpoint.

use clap::Args;

use super::checkpoint::Checkpoint;
use crate::decode::{Beams, Method, Sampling};
use crate::{Error, Result};

/// Flags of `bench caption` and `bench eval`; without any the checkpoint's own way counts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Decoding (default: as the checkpoint was captioned with)")]
pub struct DecodingArgs {
    /// Beam search with K beams; 1 is greedy decoding
    #[arg(long, value_name = "K", conflicts_with = "sample")]
    pub beams: Option<usize>,
    /// A hypothesis scores its summed log-probability / tokens^P [default: 1]
    #[arg(
        long,
        value_name = "P",
        requires = "beams",
        allow_negative_numbers = true
    )]
    pub length_penalty: Option<f64>,
    /// Draw each token from the model's distribution
    #[arg(long)]
    pub sample: bool,
    /// Divide logits by this before drawing [default: 1]
    #[arg(
        long,
        value_name = "T",
        requires = "sample",
        allow_negative_numbers = true
    )]
    pub temperature: Option<f64>,
    /// Draw from the K likeliest tokens [default: 0, all]
    #[arg(long, value_name = "K", requires = "sample")]
    pub top_k: Option<usize>,
    /// Draw from the likeliest tokens that have probability P together [default: 1, all]
    #[arg(
        long,
        value_name = "P",
        requires = "sample",
        allow_negative_numbers = true
    )]
    pub top_p: Option<f64>,
    /// What the draws are a function of [default: 0]
    #[arg(long, value_name = "N", requires = "sample")]
    pub seed: Option<u64>,
}

impl DecodingArgs {
    /// Has `checkpoint` write its captions as the flags say.
    ///
    /// # Errors
    /// [`Error::Input`] for values that cannot be meant, and for a model that retrieves its captions.
    pub fn apply(&self, checkpoint: &mut Checkpoint) -> Result<()> {
        let method = match (self.beams, self.sample) {
            (None, false) => return Ok(()),
            (Some(1), _) => Method::Greedy,
            (Some(beams), _) => Method::Beam(Beams {
                beams,
                length_penalty: self.length_penalty.unwrap_or(1.0),
            }),
            (None, true) => Method::Sample(Sampling {
                temperature: self.temperature.unwrap_or(1.0),
                top_k: self.top_k.unwrap_or(0),
                top_p: self.top_p.unwrap_or(1.0),
                seed: self.seed.unwrap_or(0),
            }),
        };
        method.validate()?;
        if !checkpoint.model.config().variant.generates() {
            return Err(Error::input(
                "--beams and --sample: a dual-encoder retrieves its captions and writes none; leave them out",
            ));
        }
        checkpoint.settings.decode = method;
        Ok(())
    }
}
