//! Captions whose every token is predicted from the true ones before it.

use super::Inference;
use crate::error::Result;
use crate::models::batch::{Batch, check_captions};
use crate::models::blocks::Dropouts;
use crate::models::objective::LatentNoise;

/// What a decoder made of a caption when each token was predicted from the true ones before it.
#[derive(Debug, Clone, PartialEq)]
pub struct TeacherForced {
    /// The likeliest token at the place of every word and of the end token.
    pub predictions: Vec<u32>,
    /// The loss of the true token there, in nats.
    pub losses: Vec<f32>,
}

impl Inference<'_> {
    /// Predicts every token of every caption from the true tokens before it.
    ///
    /// # Errors
    /// [`crate::Error::Input`] if the model has no decoder or a caption does not fit; [`crate::Error::Failed`] if
    /// a device fails.
    pub fn teacher_forced(
        &mut self,
        batch: &Batch,
        latent: LatentNoise,
    ) -> Result<Vec<TeacherForced>> {
        let model = self.model;
        let captioner = model.captioner()?;
        check_captions(&model.config, batch.captions, batch.specials)?;
        let chunks = self.pictures(batch.len(), batch.pictures, |graph, pixels, range| {
            let captions = &batch.captions[range.clone()];
            let mut off = Dropouts::off();
            let noise = model.noise(latent, range, batch.len());
            let encoded = captioner.encode(graph, pixels, noise, 0.0, &mut off);
            let memory = encoded.memory;
            let losses = captioner.predict(graph, memory, captions, batch.specials, 0.0, &mut off);
            let (mut predictions, mut rows) = (&losses.predictions[..], &losses.rows[..]);
            let split = captions.iter().map(|caption| {
                let (these, later) = predictions.split_at(caption.len() + 1);
                let (these_rows, later_rows) = rows.split_at(caption.len() + 1);
                (predictions, rows) = (later, later_rows);
                TeacherForced {
                    predictions: these.to_vec(),
                    losses: these_rows.to_vec(),
                }
            });
            split.collect::<Vec<_>>()
        })?;
        Ok(chunks.concat())
    }
}
