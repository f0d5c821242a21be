//! Where a trained model puts pictures and captions in the space that they share.

use super::Inference;
use crate::error::{Error, Result};
use crate::models::batch::{Batch, Pictures, Specials, check_captions};
use crate::models::blocks::Dropouts;
use crate::models::objective::LatentNoise;
use crate::models::{Model, Parts, TextPass};

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

impl Inference<'_> {
    /// The embeddings of pictures and of their captions: projected by the contrastive head, or,
    /// in a model without one, the states themselves (`[CLS]` of the encoder, and the decoder's
    /// state at the end token of a caption). Captions are read as `text_pass` says, which in training was as
    /// [`Model::text_pass`] says; the dual encoder has one way only.
    ///
    /// # Errors
    /// [`Error::Input`] if a caption does not fit; [`Error::Failed`] if a device fails.
    pub fn embeddings(
        &mut self,
        batch: &Batch,
        latent: LatentNoise,
        text_pass: TextPass,
    ) -> Result<Embeddings> {
        let model = self.model;
        check_captions(&model.config, batch.captions, batch.specials)?;
        let fused = text_pass == TextPass::Fused;
        let chunks = self.pictures(batch.len(), batch.pictures, |graph, pixels, range| {
            let (captions, specials) = (&batch.captions[range.clone()], batch.specials);
            let off = &mut Dropouts::off();
            let (image, text) = match &model.parts {
                Parts::Captioner(parts) => {
                    let noise = model.noise(latent, range, batch.len());
                    let encoded = parts.encode(graph, pixels, noise, 0.0, off);
                    parts.embed(graph, &encoded, captions, specials, fused, off)
                }
                Parts::DualEncoder(parts) => (
                    parts.embed_image(graph, pixels, off),
                    parts.embed_text(graph, captions, specials, off),
                ),
            };
            [image, text].map(|var| unit_rows(&graph.value(var), var.cols))
        })?;
        let side = |i: usize| {
            chunks
                .iter()
                .flat_map(|chunk| chunk[i].iter().copied())
                .collect()
        };
        let (image_width, text_width) = model.embedding_widths();
        Ok(Embeddings {
            image: side(0),
            text: side(1),
            image_width,
            text_width,
        })
    }

    /// The normalised embeddings of `count` pictures, row by row, as in [`Self::embeddings`].
    ///
    /// # Errors
    /// [`Error::Failed`] if a device fails.
    pub fn image_embeddings(&mut self, count: usize, pictures: Pictures) -> Result<Vec<f32>> {
        let model = self.model;
        let chunks = self.pictures(count, pictures, |graph, pixels, _| {
            let image = match &model.parts {
                Parts::Captioner(parts) => parts.embed_image(graph, pixels),
                Parts::DualEncoder(parts) => parts.embed_image(graph, pixels, &mut Dropouts::off()),
            };
            unit_rows(&graph.value(image), image.cols)
        })?;
        Ok(chunks.concat())
    }

    /// The normalised embeddings of captions alone, row by row, as in [`Self::embeddings`].
    ///
    /// # Errors
    /// [`Error::Input`] if a caption does not fit, or if the model reads a caption only together
    /// with its picture (`text_pass = "fused"`); [`Error::Failed`] if a device fails.
    pub fn text_embeddings(&mut self, captions: &[&[u32]], specials: Specials) -> Result<Vec<f32>> {
        let model = self.model;
        check_captions(&model.config, captions, specials)?;
        if matches!(&model.parts, Parts::Captioner(model) if model.reads_fused()) {
            return Err(Error::input(
                "with text_pass = \"fused\" a caption has no embedding without its picture",
            ));
        }
        let tokens = captions.iter().map(|words| words.len() + 2).sum::<usize>();
        let tokens = tokens.div_ceil(captions.len().max(1)).max(1);
        let chunks = self.captions(captions.len(), tokens, |graph, range| {
            let captions = &captions[range];
            let off = &mut Dropouts::off();
            let text = match &model.parts {
                Parts::Captioner(parts) => parts.embed_text(graph, None, captions, specials, off),
                Parts::DualEncoder(parts) => parts.embed_text(graph, captions, specials, off),
            };
            unit_rows(&graph.value(text), text.cols)
        })?;
        Ok(chunks.concat())
    }
}

impl Model {
    /// How captions are read for the contrastive loss; a model without one reads them alone.
    pub fn text_pass(&self) -> TextPass {
        match &self.parts {
            Parts::Captioner(model) if model.reads_fused() => TextPass::Fused,
            _ => TextPass::Unimodal,
        }
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
