//! Where a trained model puts pictures and captions in the space that they share.

use crate::error::{Error, Result};
use crate::nn::{Params, Tape, Workers};

use super::batch::{Batch, Pictures, Specials, check_captions};
use super::blocks::Dropouts;
use super::objective::LatentNoise;
use super::workspace::Workspace;
use super::{Model, Parts, TextPass};

/// L2-normalised embeddings of pairs, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// (pairs, `image_width`).
    pub image: Vec<f32>,
    /// (pairs, `text_width`).
    pub text: Vec<f32>,
    /// Width of an image embedding; equal to the text's where there is a contrastive head.
    pub image_width: usize,
    /// Width of a text embedding.
    pub text_width: usize,
}

impl Model {
    /// The embeddings of pictures and of their captions: projected by the contrastive head, or,
    /// in a model without one, the states themselves (`[CLS]` of the encoder, and the decoder's
    /// state at the end token of a caption read without the picture). Captions are read as in
    /// training ([`Model::text_pass`]).
    ///
    /// # Errors
    /// [`Error::Input`] if a caption does not fit.
    pub fn embeddings(
        &self,
        params: &Params,
        batch: &Batch,
        latent: LatentNoise,
        workers: &Workers,
        workspace: &mut Workspace,
    ) -> Result<Embeddings> {
        let text_pass = self.text_pass();
        self.embeddings_read(params, batch, latent, text_pass, workers, workspace)
    }

    /// How captions are read for the contrastive loss; a model without one reads them alone.
    pub fn text_pass(&self) -> TextPass {
        match &self.parts {
            Parts::Captioner(model) if model.reads_fused() => TextPass::Fused,
            _ => TextPass::Unimodal,
        }
    }

    /// As [`Model::embeddings`], with captions read as `text_pass` says. The dual encoder has one way only.
    ///
    /// # Errors
    /// [`Error::Input`] if a caption does not fit.
    pub fn embeddings_read(
        &self,
        params: &Params,
        batch: &Batch,
        latent: LatentNoise,
        text_pass: TextPass,
        workers: &Workers,
        workspace: &mut Workspace,
    ) -> Result<Embeddings> {
        check_captions(&self.config, batch.captions, batch.specials)?;
        let chunks = self.picture_chunks(batch.len(), workers, workspace, |shard, range| {
            let pictures = self.read(batch.pictures, range.clone(), &mut shard.pictures);
            let captions = &batch.captions[range.clone()];
            let mut tape = Tape::inference(params, &mut shard.pool);
            let mut off = Dropouts::off();
            let (image, text) = match &self.parts {
                Parts::Captioner(model) => {
                    let noise = self.noise(latent, range, batch.len());
                    let encoded = model.encode(&mut tape, pictures, noise, 0.0, &mut off);
                    let fused = text_pass == TextPass::Fused;
                    model.embed(
                        &mut tape,
                        &encoded,
                        captions,
                        batch.specials,
                        fused,
                        &mut off,
                    )
                }
                Parts::DualEncoder(model) => (
                    model.embed_image(&mut tape, pictures, &mut off),
                    model.embed_text(&mut tape, captions, batch.specials, &mut off),
                ),
            };
            [image, text].map(|var| unit_rows(tape.value(var), var.cols))
        });
        let side = |i: usize| {
            chunks
                .iter()
                .flat_map(|chunk| chunk[i].iter().copied())
                .collect()
        };
        let (image_width, text_width) = self.embedding_widths();
        Ok(Embeddings {
            image: side(0),
            text: side(1),
            image_width,
            text_width,
        })
    }

    /// The normalised embeddings of `count` pictures, row by row, as in [`Model::embeddings`].
    pub fn image_embeddings(
        &self,
        params: &Params,
        count: usize,
        pictures: Pictures,
        workers: &Workers,
        workspace: &mut Workspace,
    ) -> Vec<f32> {
        let chunks = self.picture_chunks(count, workers, workspace, |shard, range| {
            let pictures = self.read(pictures, range, &mut shard.pictures);
            let mut tape = Tape::inference(params, &mut shard.pool);
            let image = match &self.parts {
                Parts::Captioner(model) => model.embed_image(&mut tape, pictures),
                Parts::DualEncoder(model) => {
                    model.embed_image(&mut tape, pictures, &mut Dropouts::off())
                }
            };
            unit_rows(tape.value(image), image.cols)
        });
        chunks.concat()
    }

    /// The normalised embeddings of captions alone, row by row, as in [`Model::embeddings`].
    ///
    /// # Errors
    /// [`Error::Input`] if a caption does not fit, or if the model reads a caption only together
    /// with its picture (`text_pass = "fused"`).
    pub fn text_embeddings(
        &self,
        params: &Params,
        captions: &[&[u32]],
        specials: Specials,
        workers: &Workers,
        workspace: &mut Workspace,
    ) -> Result<Vec<f32>> {
        check_captions(&self.config, captions, specials)?;
        if matches!(&self.parts, Parts::Captioner(model) if model.reads_fused()) {
            return Err(Error::input(
                "with text_pass = \"fused\" a caption has no embedding without its picture",
            ));
        }
        let tokens = captions.iter().map(|words| words.len() + 2).sum::<usize>();
        let tokens = tokens.div_ceil(captions.len().max(1)).max(1);
        let chunks = self.chunks(
            captions.len(),
            tokens,
            workers,
            workspace,
            |shard, range| {
                let captions = &captions[range];
                let mut tape = Tape::inference(params, &mut shard.pool);
                let mut off = Dropouts::off();
                let text = match &self.parts {
                    Parts::Captioner(model) => {
                        model.embed_text(&mut tape, None, captions, specials, &mut off)
                    }
                    Parts::DualEncoder(model) => {
                        model.embed_text(&mut tape, captions, specials, &mut off)
                    }
                };
                unit_rows(tape.value(text), text.cols)
            },
        );
        Ok(chunks.concat())
    }

    /// Widths of image and text embeddings.
    fn embedding_widths(&self) -> (usize, usize) {
        match (self.head(), &self.parts) {
            (Some(head), _) => (head.config.width, head.config.width),
            (None, Parts::Captioner(model)) => (model.vit.config.width, model.gpt2.config.width),
            (None, Parts::DualEncoder(model)) => (model.vit.config.width, model.bert.config.width),
        }
    }
}

/// Rows of `width` numbers, each divided by its length; a row of zeros stays.
fn unit_rows(values: &[f32], width: usize) -> Vec<f32> {
    let rows = values.chunks_exact(width);
    rows.flat_map(|row| {
        let squares: f64 = row.iter().map(|&v| f64::from(v).powi(2)).sum();
        let scale = 1.0 / squares.sqrt().max(f64::from(f32::MIN_POSITIVE));
        row.iter().map(move |&v| (f64::from(v) * scale) as f32)
    })
    .collect()
}
