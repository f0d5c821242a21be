//! Pictures encoded for the decoder.

use std::ops::Range;

use super::Inference;
use crate::error::Result;
use crate::models::batch::Pictures;
use crate::models::blocks::Dropouts;
use crate::models::objective::LatentNoise;

/// Encoded pictures: what cross-attention reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    values: Vec<f32>,
    tokens: usize,
    width: usize,
}

impl Memory {
    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.values.len() / (self.tokens * self.width)
    }

    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// States a picture.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Width of a state: the decoder's.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The states of some pictures, (pictures, tokens, width).
    pub fn states(&self, pictures: Range<usize>) -> &[f32] {
        let picture = self.tokens * self.width;
        &self.values[pictures.start * picture..pictures.end * picture]
    }
}

impl Inference<'_> {
    /// Encodes `count` pictures for the decoder.
    ///
    /// # Errors
    /// [`crate::Error::Input`] if the model has no decoder; [`crate::Error::Failed`] if a device fails.
    pub fn encode(
        &mut self,
        count: usize,
        pictures: Pictures,
        latent: LatentNoise,
    ) -> Result<Memory> {
        let model = self.model;
        let captioner = model.captioner()?;
        let chunks = self.pictures(count, pictures, |graph, pixels, range| {
            let noise = model.noise(latent, range, count);
            let encoded = captioner.encode(graph, pixels, noise, 0.0, &mut Dropouts::off());
            graph.value(encoded.memory.states)
        })?;
        Ok(Memory {
            values: chunks.concat(),
            tokens: model.config.memory_tokens(),
            width: captioner.gpt2.config.width,
        })
    }
}
