//! A trained model's outputs: pictures encoded for the decoder, posteriors, and teacher-forced predictions.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::nn::{Noise, Params, Tape, Workers};

use super::Model;
use super::batch::{Batch, Pictures, check_captions};
use super::blocks::Dropouts;
use super::objective::LatentNoise;
use super::workspace::{Shard, Workspace};

/// Rows of states that one thread works on at a time, about: many enough for the products, and few
/// enough that a dozen pictures keep several threads busy.
const ROWS: usize = 1040;

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

/// What a decoder made of a caption when each token was predicted from the true ones before it.
#[derive(Debug, Clone, PartialEq)]
pub struct TeacherForced {
    /// The likeliest token at the place of every word and of the end token.
    pub predictions: Vec<u32>,
    /// The loss of the true token there, in nats.
    pub losses: Vec<f32>,
}

/// What a bottleneck makes of some pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// The posterior's means, (pictures, `tokens`, `size`).
    pub means: Vec<f32>,
    /// The logarithms of its variances, (pictures, `tokens`, `size`).
    pub log_variances: Vec<f32>,
    /// Latent vectors a picture.
    pub tokens: usize,
    /// Latent dimensions.
    pub size: usize,
    /// KL divergence from the prior of each dimension: the mean over pictures and latent tokens, in nats.
    pub kl_per_dimension: Vec<f64>,
}

impl Model {
    /// Encodes `count` pictures for the decoder.
    ///
    /// # Errors
    /// [`Error::Input`] if the model has no decoder.
    pub fn encode(
        &self,
        params: &Params,
        count: usize,
        pictures: Pictures,
        latent: LatentNoise,
        workers: &Workers,
        workspace: &mut Workspace,
    ) -> Result<Memory> {
        let captioner = self.captioner()?;
        let chunks = self.picture_chunks(count, workers, workspace, |shard, range| {
            let batch = self.read(pictures, range.clone(), &mut shard.pictures);
            let mut tape = Tape::inference(params, &mut shard.pool);
            let noise = self.noise(latent, range, count);
            let mut off = Dropouts::off();
            let encoded = captioner.encode(&mut tape, batch, noise, 0.0, &mut off);
            tape.value(encoded.memory.states).to_vec()
        });
        Ok(Memory {
            values: chunks.concat(),
            tokens: self.config.memory_tokens(),
            width: captioner.gpt2.config.width,
        })
    }

    /// What the bottleneck makes of `count` pictures.
    ///
    /// # Errors
    /// [`Error::Input`] if the model has no bottleneck.
    pub fn posterior(
        &self,
        params: &Params,
        count: usize,
        pictures: Pictures,
        workers: &Workers,
        workspace: &mut Workspace,
    ) -> Result<Posterior> {
        let captioner = self.captioner()?;
        let size =
            self.config.vae.map(|vae| vae.size).ok_or_else(|| {
                Error::input(format!("{} has no bottleneck", self.config.variant))
            })?;
        let chunks = self.picture_chunks(count, workers, workspace, |shard, range| {
            let batch = self.read(pictures, range, &mut shard.pictures);
            let mut tape = Tape::inference(params, &mut shard.pool);
            let posterior = captioner.posterior(&mut tape, batch);
            posterior.map(|p| {
                let values = [p.mean, p.log_variance].map(|var| tape.value(var).to_vec());
                (values, p.kl)
            })
        });
        let tokens = self.config.memory_tokens();
        let mut kl_per_dimension = vec![0.0; size];
        let mut means = Vec::with_capacity(count * tokens * size);
        let mut log_variances = Vec::with_capacity(count * tokens * size);
        for ([chunk_means, chunk_variances], kl) in chunks.into_iter().flatten() {
            means.extend(chunk_means);
            log_variances.extend(chunk_variances);
            for (sum, part) in kl_per_dimension.iter_mut().zip(kl.per_dimension) {
                *sum += part / (count * tokens) as f64;
            }
        }
        Ok(Posterior {
            means,
            log_variances,
            tokens,
            size,
            kl_per_dimension,
        })
    }

    /// Predicts every token of every caption from the true tokens before it.
    ///
    /// # Errors
    /// [`Error::Input`] if the model has no decoder or a caption does not fit.
    pub fn teacher_forced(
        &self,
        params: &Params,
        batch: &Batch,
        latent: LatentNoise,
        workers: &Workers,
        workspace: &mut Workspace,
    ) -> Result<Vec<TeacherForced>> {
        let captioner = self.captioner()?;
        check_captions(&self.config, batch.captions, batch.specials)?;
        let chunks = self.picture_chunks(batch.len(), workers, workspace, |shard, range| {
            let pictures = self.read(batch.pictures, range.clone(), &mut shard.pictures);
            let captions = &batch.captions[range.clone()];
            let mut tape = Tape::inference(params, &mut shard.pool);
            let mut off = Dropouts::off();
            let noise = self.noise(latent, range, batch.len());
            let encoded = captioner.encode(&mut tape, pictures, noise, 0.0, &mut off);
            let memory = encoded.memory;
            let losses =
                captioner.predict(&mut tape, memory, captions, batch.specials, 0.0, &mut off);
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
        });
        Ok(chunks.concat())
    }

    /// [`Self::chunks`] of pictures, with or without captions.
    pub(super) fn picture_chunks<R: Send>(
        &self,
        count: usize,
        workers: &Workers,
        workspace: &mut Workspace,
        work: impl Fn(&mut Shard, Range<usize>) -> R + Sync,
    ) -> Vec<R> {
        self.chunks(count, self.config.vit.tokens(), workers, workspace, work)
    }

    /// Runs `work` over chunks of `0..count`, each on one thread, and returns what it made in order.
    /// `tokens` are those that a sample has at least about, for chunks of a size that pays.
    pub(super) fn chunks<R: Send>(
        &self,
        count: usize,
        tokens: usize,
        workers: &Workers,
        workspace: &mut Workspace,
        work: impl Fn(&mut Shard, Range<usize>) -> R + Sync,
    ) -> Vec<R> {
        let lanes = workspace.shards.len();
        // Even chunks, by the model and the count alone: what is computed does not depend on how many
        // threads there are.
        let most = (ROWS / tokens).max(1);
        let chunks = count.div_ceil(most);
        let chunk = count.div_ceil(chunks.max(1));
        let made = workers.map(workspace.shards.iter_mut(), |lane, shard| {
            let mine = (lane..chunks).step_by(lanes);
            mine.map(|i| work(shard, i * chunk..count.min((i + 1) * chunk)))
                .collect::<Vec<_>>()
        });
        let mut made: Vec<_> = made.into_iter().map(Vec::into_iter).collect();
        (0..chunks).filter_map(|i| made[i % lanes].next()).collect()
    }

    /// Reads some pictures into a shard's memory.
    pub(super) fn read<'a>(
        &self,
        pictures: Pictures,
        range: Range<usize>,
        memory: &'a mut Option<crate::nn::Buffer>,
    ) -> &'a [f32] {
        let pixels = self.config.vit.pixels();
        let values = Shard::pictures_of(memory, range.len() * pixels);
        for (i, picture) in range.zip(values.chunks_exact_mut(pixels)) {
            pictures(i, picture);
        }
        values
    }

    /// What the bottleneck draws for some samples of a batch.
    pub(super) fn noise<'a>(
        &self,
        latent: LatentNoise<'a>,
        range: Range<usize>,
        batch: usize,
    ) -> Noise<'a> {
        match latent {
            LatentNoise::Mean => Noise::Mean,
            LatentNoise::Sample { seed } => Noise::Sample {
                seed,
                stream: 0,
                first_row: (range.start * self.config.memory_tokens()) as u64,
            },
            LatentNoise::Given(values) => {
                let sample = values.len() / batch;
                Noise::Given(&values[range.start * sample..range.end * sample])
            }
        }
    }
}
