//! Which pairs each step learns from.

use super::sampler::{Pair, epoch, steps_per_epoch};
use super::{Job, SplitData};
use crate::recipe::CaptionsPerEpoch;

/// The pairs of every step, in the order of a seed.
pub(super) struct Order<'a> {
    data: &'a SplitData<'a>,
    seed: u64,
    captions: CaptionsPerEpoch,
    batch: usize,
    /// The epoch that was asked for last, and its pairs.
    epoch: usize,
    pairs: Vec<Pair>,
}

impl<'a> Order<'a> {
    /// The order of a training.
    pub fn new(job: &Job<'a>) -> Self {
        Self {
            data: job.train,
            seed: job.seed,
            captions: job.recipe.train.captions,
            batch: job.recipe.train.batch,
            epoch: usize::MAX,
            pairs: Vec::new(),
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
        if self.epoch != number {
            let counts = self.data.caption_counts();
            self.pairs = epoch(self.seed, number, counts, self.captions);
            self.epoch = number;
        }
        let first = step % per_epoch * self.batch;
        self.pairs[first..(first + self.batch).min(self.pairs.len())].to_vec()
    }
}
