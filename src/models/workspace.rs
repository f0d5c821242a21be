//! What a training step works in, kept from step to step: one set of buffers a shard.

use std::sync::Arc;

use crate::nn::{Buffer, Gradients, Layout, Pool};

use super::Model;

/// The memory of a fixed number of shards: activations and pictures of each, and the gradients.
///
/// The number of shards is the recipe's and not the machine's: it decides in which order
/// gradients are added, and so the last bits of the result.
#[derive(Debug)]
pub struct Workspace {
    pub(super) shards: Vec<Shard>,
    /// There once training has begun.
    pub(super) gradients: Option<Gradients>,
    layout: Arc<Layout>,
}

/// One shard's memory.
#[derive(Debug, Default)]
pub(super) struct Shard {
    pub pool: Pool,
    pub pictures: Option<Buffer>,
}

impl Workspace {
    /// Memory for `shards` shards (at least one) of a model. Nothing is allocated until it is used.
    pub fn new(model: &Model, shards: usize) -> Self {
        Self {
            shards: (0..shards.max(1)).map(|_| Shard::default()).collect(),
            gradients: None,
            layout: Arc::clone(model.layout()),
        }
    }

    /// The gradients, summed over shards. All zero before the first step, and again after
    /// [`crate::nn::adamw::update`].
    pub fn gradients(&mut self) -> &mut Gradients {
        let layout = &self.layout;
        self.gradients
            .get_or_insert_with(|| Gradients::zeros(layout))
    }
}

impl Shard {
    /// Memory for `len` numbers of pictures, with unspecified content.
    pub fn pictures_of(pictures: &mut Option<Buffer>, len: usize) -> &mut [f32] {
        if pictures.as_ref().is_none_or(|buffer| buffer.len() < len) {
            *pictures = Some(Buffer::zeros(len));
        }
        let buffer = pictures.get_or_insert_with(|| Buffer::zeros(len));
        &mut buffer[..len]
    }
}

/// Which samples go into which of `shards` shards: equally many in each, and dealt out from the
/// longest caption to the shortest, to and fro, so that threads are done at the same time. Leaves no
/// shard empty but for lack of samples.
pub(super) fn cut(lengths: &[usize], shards: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
    let shards = shards.clamp(1, lengths.len().max(1));
    let mut pieces = vec![Vec::with_capacity(lengths.len().div_ceil(shards)); shards];
    for (round, samples) in order.chunks(shards).enumerate() {
        for (i, &sample) in samples.iter().enumerate() {
            let fro = round % 2 == 1;
            pieces[if fro { shards - 1 - i } else { i }].push(sample);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_equal_in_pictures_and_in_words() {
        let lengths = [5, 1, 9, 3, 7, 2, 8, 4, 6];
        let of = |shard: &Vec<usize>| shard.iter().map(|&i| lengths[i]).collect::<Vec<_>>();
        let shards: Vec<Vec<usize>> = cut(&lengths, 4).iter().map(of).collect();
        assert_eq!(shards, [vec![9, 2, 1], vec![8, 3], vec![7, 4], vec![6, 5]]);
    }

    #[test]
    fn every_sample_is_in_one_shard() {
        for samples in 1..20 {
            for shards in 1..8 {
                let lengths: Vec<usize> = (0..samples).map(|i| i * 7 % 5).collect();
                let cut = cut(&lengths, shards);
                assert_eq!(cut.len(), shards.min(samples));
                let sizes = cut.iter().map(Vec::len);
                assert!(sizes.clone().max() <= sizes.min().map(|least| least + 1));
                let mut all: Vec<usize> = cut.into_iter().flatten().collect();
                all.sort_unstable();
                assert_eq!(all, (0..samples).collect::<Vec<_>>());
            }
        }
    }
}
