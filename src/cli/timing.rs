//! How long a training step and a caption take on this machine, measured on random pictures.

use std::time::Instant;

use crate::Result;
use crate::decode;
use crate::models::{
    Batch, LatentNoise, Model, Objective, Specials, Workspace, loss_and_gradients,
};
use crate::nn::adamw::AdamW;
use crate::nn::{Params, Workers};
use crate::train::{Optimizer, Stream};

/// The learning rate of the timed steps.
const RATE: f64 = 1e-4;

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
    steps: u64,
}

impl<'a> Bench<'a> {
    /// Work for `batch` pairs in `shards` parts, each caption of `words` words out of `vocab`.
    pub fn new(
        model: &'a Model,
        workers: &'a Workers,
        batch: usize,
        shards: usize,
        words: usize,
        vocab: usize,
    ) -> Self {
        let settings = AdamW {
            lr: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.01,
            decoupled: true,
        };
        let params = model.init(0);
        let mut stream = Stream::new(0, 1, 2);
        let pixels = (0..batch * model.config().vit.pixels())
            .map(|_| stream.below(256) as f32 / 127.5 - 1.0)
            .collect();
        let word = |i: usize| ((i * 7919 + 13) % (vocab - 1)) as u32;
        let captions = (0..batch)
            .map(|caption| (0..words).map(|i| word(caption * words + i)).collect())
            .collect();
        let last = vocab as u32 - 1;
        Self {
            optimizer: Optimizer::with(settings, params.values.len()),
            workspace: Workspace::new(model, shards),
            model,
            workers,
            params,
            pixels,
            captions,
            specials: Specials {
                start: last,
                end: last,
                pad: last,
            },
            noise: false,
            steps: 0,
        }
    }

    /// Trains as recipes do: with dropout where the model has it, if there is to be `noise`, and gradients scaled down to the norm `clip` unless that is 0.
    pub fn training(&mut self, noise: bool, clip: f32) {
        self.noise = noise;
        self.optimizer.clip = clip;
    }

    /// A whole training step: forward, backward, reduction and AdamW. Returns its wall seconds and loss.
    ///
    /// # Errors
    /// Those of the model.
    pub fn step(&mut self) -> Result<(f64, f64)> {
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
        let variant = self.model.config().variant;
        let weight = |has: bool| if has { 0.2 } else { 0.0 };
        let objective = Objective {
            alpha: if variant.generates() { 1.0 } else { 0.0 },
            beta: weight(variant.has_bottleneck()),
            gamma: weight(variant.is_contrastive()),
            free_bits: 0.0,
            latent: LatentNoise::Sample { seed: self.steps },
            dropout: self.noise.then_some(self.steps),
        };
        let started = Instant::now();
        let loss = loss_and_gradients(
            self.model,
            &self.params,
            &batch,
            &objective,
            self.workers,
            &mut self.workspace,
        )?;
        let (params, workspace) = (&mut self.params, &mut self.workspace);
        self.optimizer.update(params, workspace, RATE, self.workers);
        Ok((started.elapsed().as_secs_f64(), loss.loss))
    }

    /// Captions `count` pictures greedily with at most `words` words. Returns wall seconds a picture.
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
            specials: self.specials,
            count,
            pictures: &pictures,
            latent_seed: None,
            max_tokens: words,
        };
        decode::generate(&request, &decode::Method::Greedy, self.workers, &|_| ())?;
        Ok(started.elapsed().as_secs_f64() / count as f64)
    }
}
