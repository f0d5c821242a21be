//! A trained model's outputs: pictures encoded for the decoder, posteriors, teacher-forced predictions and
//! embeddings, by the threads of the CPU or on a device.

mod embeddings;
mod memory;
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
mod on_device;
mod posterior;
mod read;
mod teacher_forced;
#[cfg(all(test, feature = "cuda-emulator"))]
mod tests;

use std::ops::Range;

pub use embeddings::Embeddings;
pub use memory::Memory;
pub use posterior::Posterior;
pub use teacher_forced::TeacherForced;

use super::Model;
use super::batch::Pictures;
use super::objective::LatentNoise;
use super::workspace::Shard;
use crate::error::Result;
use crate::nn::{Compute, Graph, Noise, Params, Tape, Workers};

#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
use on_device::OnDevice;
pub(super) use read::Read;

/// Rows of states that one thread works on at a time, about: many enough for the products, and few
/// enough that a dozen pictures keep several threads busy.
const ROWS: usize = 1040;

/// A model with its weights, to be asked for its outputs as often as one likes.
///
/// Everything is computed in f32, whatever the model was trained in, so that what is measured of a model does
/// not depend on where. On the CPU outputs do not depend on the number of threads; on a device they may depend, in
/// their last bits, on how much of its memory is free.
#[derive(Debug)]
pub struct Inference<'a> {
    model: &'a Model,
    workers: &'a Workers,
    place: Place<'a>,
}

/// Where outputs are computed.
#[derive(Debug)]
enum Place<'a> {
    /// On the CPU, with memory for each thread.
    Cpu {
        params: &'a Params,
        shards: Vec<Shard>,
    },
    #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
    Device(OnDevice),
}

impl<'a> Inference<'a> {
    /// On the CPU.
    pub fn new(model: &'a Model, params: &'a Params, workers: &'a Workers) -> Self {
        let shards = (0..workers.threads()).map(|_| Shard::default()).collect();
        Self {
            model,
            workers,
            place: Place::Cpu { params, shards },
        }
    }

    /// Where `compute` says; a device gets a copy of the weights.
    pub fn on(
        compute: &Compute,
        model: &'a Model,
        params: &'a Params,
        workers: &'a Workers,
    ) -> Self {
        match compute {
            Compute::Cpu => Self::new(model, params, workers),
            #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
            Compute::Device(device) => Self {
                model,
                workers,
                place: Place::Device(OnDevice::new(device, params)),
            },
        }
    }

    /// The model.
    pub fn model(&self) -> &'a Model {
        self.model
    }

    /// The threads that read pictures, and compute if no device does.
    pub fn workers(&self) -> &'a Workers {
        self.workers
    }

    /// Runs `work` over chunks of so many pictures, with the pixels of each chunk, and returns what it made in
    /// order.
    fn pictures<R: Send>(
        &mut self,
        count: usize,
        pictures: Pictures,
        work: impl Fn(&mut dyn Graph, &[f32], Range<usize>) -> R + Sync,
    ) -> Result<Vec<R>> {
        let vit = &self.model.config.vit;
        let read = Read::new(pictures, vit.pixels());
        self.chunks(count, vit.tokens(), read, work)
    }

    /// Runs `work` over chunks of so many captions of about so many tokens each.
    fn captions<R: Send>(
        &mut self,
        count: usize,
        tokens: usize,
        work: impl Fn(&mut dyn Graph, Range<usize>) -> R + Sync,
    ) -> Result<Vec<R>> {
        self.chunks(count, tokens, Read::none(), |graph, _, range| {
            work(graph, range)
        })
    }

    /// Runs `work` over chunks of `0..count`, and returns what it made in order. `tokens` are those that a sample
    /// has at least about, for chunks of a size that pays.
    fn chunks<R: Send>(
        &mut self,
        count: usize,
        tokens: usize,
        read: Read,
        work: impl Fn(&mut dyn Graph, &[f32], Range<usize>) -> R + Sync,
    ) -> Result<Vec<R>> {
        let workers = self.workers;
        match &mut self.place {
            Place::Cpu { params, shards } => {
                let lanes = shards.len();
                // Even chunks, by the model and the count alone: what is computed does not depend on how many
                // threads there are.
                let most = (ROWS / tokens).max(1);
                let chunks = count.div_ceil(most);
                let chunk = count.div_ceil(chunks.max(1));
                let made = workers.map(shards.iter_mut(), |lane, shard| {
                    let mine = (lane..chunks).step_by(lanes);
                    let mine = mine.map(|i| i * chunk..count.min((i + 1) * chunk));
                    mine.map(|range| {
                        let pixels = read.chunk(range.clone(), &mut shard.pictures);
                        let mut tape = Tape::inference(params, &mut shard.pool);
                        work(&mut tape, pixels, range)
                    })
                    .collect::<Vec<_>>()
                });
                let mut made: Vec<_> = made.into_iter().map(Vec::into_iter).collect();
                Ok((0..chunks).filter_map(|i| made[i % lanes].next()).collect())
            }
            #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
            Place::Device(there) => there.chunks(count, tokens, read, workers, work),
        }
    }
}

impl Model {
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
