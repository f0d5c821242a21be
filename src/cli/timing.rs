//! How long a training step and a caption take on this machine, measured on random pictures.

use std::time::Instant;

use crate::Result;
use crate::decode;
use crate::models::{
    Batch, Inference, LatentNoise, Model, Objective, Specials, Workspace, loss_and_gradients,
    losses_only,
};
use crate::nn::adamw::{self, AdamW};
use crate::nn::{Params, Precision, Workers};
use crate::train::{Optimizer, Stream};

/// The learning rate of the timed steps.
pub const RATE: f64 = 1e-4;

/// Normalised pictures of random pixels.
pub fn random_pictures(model: &Model, count: usize) -> Vec<f32> {
    let mut stream = Stream::new(0, 1, 2);
    (0..count * model.config().vit.pixels())
        .map(|_| stream.below(256) as f32 / 127.5 - 1.0)
        .collect()
}

/// The last token of the vocabulary for all of them.
pub fn specials(model: &Model) -> Specials {
    Specials::single(model.config().vocab() as u32 - 1)
}

/// The same with an end that no word is, so that captions have all the words they may have.
pub fn endless(specials: Specials) -> Specials {
    Specials {
        end: u32::MAX,
        ..specials
    }
}

/// What a timed step minimises: each loss that the variant has; with dropout if there is to be `noise`.
pub fn objective(
    model: &Model,
    step: u64,
    noise: bool,
    precision: Precision,
) -> Objective<'static> {
    let variant = model.config().variant;
    let weight = |has: bool| if has { 0.2 } else { 0.0 };
    Objective {
        alpha: if variant.generates() { 1.0 } else { 0.0 },
        beta: weight(variant.has_bottleneck()),
        gamma: weight(variant.is_contrastive()),
        free_bits: 0.0,
        latent: LatentNoise::Sample { seed: step },
        dropout: noise.then_some(step),
        precision,
    }
}

/// Work of a given size: a model, random pictures and fixed captions.
pub struct Bench<'a> {
    model: &'a Model,
    workers: &'a Workers,
    params: Params,
    optimizer: Optimizer,
    workspace: Workspace,
    pixels: Vec<f32>,
    captions: Vec<Vec<u32>>,
    specials: Specials,
    noise: bool,
    precision: Precision,
    steps: u64,
}

impl<'a> Bench<'a> {
    /// Work for a batch of these captions in `shards` parts.
    pub fn new(
        model: &'a Model,
        workers: &'a Workers,
        captions: Vec<Vec<u32>>,
        shards: usize,
    ) -> Self {
        let params = model.init(0);
        let pixels = random_pictures(model, captions.len());
        Self {
            optimizer: Optimizer::with(AdamW::default(), params.values.len()),
            workspace: Workspace::new(model, shards),
            model,
            workers,
            params,
            pixels,
            captions,
            specials: specials(model),
            noise: false,
            precision: Precision::F32,
            steps: 0,
        }
    }

    /// Trains as recipes do: with dropout where the model has it, if there is to be `noise`, gradients
    /// scaled down to the norm `clip` unless that is 0, and linear maps in `precision`.
    pub fn training(&mut self, noise: bool, clip: f32, precision: Precision) {
        self.noise = noise;
        self.precision = precision;
        self.optimizer.clip = clip;
    }

    /// The losses of the batch alone, as in validation. Returns wall seconds.
    ///
    /// # Errors
    /// Those of the model.
    pub fn losses(&mut self) -> Result<f64> {
        self.timed(false).map(|(seconds, _)| seconds)
    }

    /// Embeds captions. Returns wall seconds.
    ///
    /// # Errors
    /// Those of the model.
    pub fn embed(&self, captions: &[Vec<u32>]) -> Result<f64> {
        let captions: Vec<&[u32]> = captions.iter().map(Vec::as_slice).collect();
        let mut inference = Inference::new(self.model, &self.params, self.workers);
        let started = Instant::now();
        inference.text_embeddings(&captions, self.specials)?;
        Ok(started.elapsed().as_secs_f64())
    }

    /// A whole training step: forward, backward, reduction and AdamW. Returns its wall seconds and loss.
    ///
    /// # Errors
    /// Those of the model.
    pub fn step(&mut self) -> Result<(f64, f64)> {
        self.timed(true)
    }

    fn timed(&mut self, training: bool) -> Result<(f64, f64)> {
        let size = self.model.config().vit.pixels();
        let pixels = &self.pixels;
        let pictures =
            |i: usize, out: &mut [f32]| out.copy_from_slice(&pixels[i * size..(i + 1) * size]);
        let captions: Vec<&[u32]> = self.captions.iter().map(Vec::as_slice).collect();
        let batch = Batch {
            pictures: &pictures,
            captions: &captions,
            specials: self.specials,
        };
        self.steps += 1;
        let objective = objective(self.model, self.steps, self.noise, self.precision);
        let started = Instant::now();
        let (params, workspace) = (&mut self.params, &mut self.workspace);
        let (model, workers) = (self.model, self.workers);
        let loss = match training {
            true => {
                let loss =
                    loss_and_gradients(model, params, &batch, &objective, workers, workspace)?;
                let norm = adamw::gradient_norm(workspace.gradients(), workers);
                self.optimizer
                    .update(params, workspace, RATE, norm, workers);
                loss
            }
            false => losses_only(model, params, &batch, &objective, workers, workspace)?,
        };
        Ok((started.elapsed().as_secs_f64(), loss.loss))
    }

    /// Captions `count` pictures greedily with `words` words each. Returns wall seconds a picture.
    ///
    /// # Errors
    /// Those of the decoder.
    pub fn caption(&self, count: usize, words: usize) -> Result<f64> {
        let size = self.model.config().vit.pixels();
        let pictures = |i: usize, out: &mut [f32]| {
            let i = i % self.captions.len();
            out.copy_from_slice(&self.pixels[i * size..(i + 1) * size]);
        };
        let started = Instant::now();
        let request = decode::Request {
            model: self.model,
            params: &self.params,
            specials: endless(self.specials),
            count,
            pictures: &pictures,
            latent_seed: None,
            max_tokens: words,
        };
        decode::generate(&request, &decode::Method::Greedy, self.workers, &|_| ())?;
        Ok(started.elapsed().as_secs_f64() / count as f64)
    }
}
