//! Which pairs a step learns from, and their pictures before a device asks for them.

use std::thread::{Scope, ScopedJoinHandle};

use super::sampler::{Pair, epoch, steps_per_epoch};
use super::{Job, SplitData};
use crate::recipe::CaptionsPerEpoch;

/// The pairs of every step, in the order of a seed.
pub(super) struct Order<'a> {
    data: &'a SplitData<'a>,
    seed: u64,
    captions: CaptionsPerEpoch,
    batch: usize,
    /// The pairs of the epoch that was asked for last, and its number.
    epoch: Option<(usize, Vec<Pair>)>,
}

impl<'a> Order<'a> {
    /// The order of a training.
    pub fn new(job: &Job<'a>) -> Self {
        Self {
            data: job.train,
            seed: job.seed,
            captions: job.recipe.train.captions,
            batch: job.recipe.train.batch,
            epoch: None,
        }
    }

    /// Steps of an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        steps_per_epoch(self.data.caption_counts(), self.captions, self.batch)
    }

    /// The pairs of a step.
    pub fn pairs(&mut self, step: usize) -> Vec<Pair> {
        let per_epoch = self.steps_per_epoch();
        let number = step / per_epoch;
        let known = self.epoch.take().filter(|(epoch, _)| *epoch == number);
        let (_, pairs) = self.epoch.insert(known.unwrap_or_else(|| {
            let counts = self.data.caption_counts();
            (number, epoch(self.seed, number, counts, self.captions))
        }));
        let first = step % per_epoch * self.batch;
        pairs[first..(first + self.batch).min(pairs.len())].to_vec()
    }
}

/// The pictures of a step, read by a thread of their own while a device computes the step before.
///
/// The CPU has no use for it: all of its threads compute, and read what they need where they need it.
pub(super) struct Ahead<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    reading: Option<ScopedJoinHandle<'scope, Vec<f32>>>,
}

impl<'scope, 'env> Ahead<'scope, 'env> {
    /// Nothing is read yet.
    pub fn new(scope: &'scope Scope<'scope, 'env>) -> Self {
        Self {
            scope,
            reading: None,
        }
    }

    /// Begins to read the pictures of some pairs, `pixels` numbers each.
    pub fn begin(&mut self, data: &'env SplitData<'env>, pairs: Vec<Pair>, pixels: usize) {
        self.reading = Some(self.scope.spawn(move || {
            let mut values = vec![0.0; pairs.len() * pixels];
            for (pair, picture) in pairs.iter().zip(values.chunks_exact_mut(pixels)) {
                data.images().normalized(pair.picture, picture);
            }
            values
        }));
    }

    /// What was begun last, when it is read.
    pub fn take(&mut self) -> Option<Vec<f32>> {
        let values = self.reading.take()?.join();
        Some(values.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}
