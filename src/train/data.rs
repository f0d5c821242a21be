//! A split as training sees it: decoded pictures and tokenized captions.

use super::sampler::Pair;
use crate::Result;
use crate::data::ImageStore;
use crate::models::{Batch, Model, Specials};

/// The captions of every picture, as word ids without specials.
pub type TokenizedCaptions = Vec<Vec<Vec<u32>>>;

/// A split's pictures and captions.
pub struct SplitData<'a> {
    images: &'a ImageStore,
    captions: &'a TokenizedCaptions,
    counts: Vec<usize>,
    specials: Specials,
}

impl<'a> SplitData<'a> {
    /// Pictures and captions in the same order.
    pub fn new(
        images: &'a ImageStore,
        captions: &'a TokenizedCaptions,
        specials: Specials,
    ) -> Self {
        Self {
            images,
            captions,
            counts: captions.iter().map(Vec::len).collect(),
            specials,
        }
    }

    /// The number of captions of every picture.
    pub fn caption_counts(&self) -> &[usize] {
        &self.counts
    }

    /// The number of pictures.
    pub fn len(&self) -> usize {
        self.captions.len()
    }

    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.captions.is_empty()
    }

    /// Calls `work` with the batch of `pairs`; captions longer than the model's positions are cut.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn with_batch<T>(
        &self,
        model: &Model,
        pairs: &[Pair],
        work: impl FnOnce(&Batch) -> Result<T>,
    ) -> Result<T> {
        let longest = model.config().max_words();
        let captions: Vec<&[u32]> = pairs
            .iter()
            .map(|pair| {
                let words = self.captions[pair.picture][pair.caption].as_slice();
                &words[..words.len().min(longest)]
            })
            .collect();
        work(&Batch {
            pictures: &|i, out| self.images.normalized(pairs[i].picture, out),
            captions: &captions,
            specials: self.specials,
        })
    }

    /// Every picture with its first caption.
    pub fn first_captions(&self) -> Vec<Pair> {
        let pair = |picture| Pair {
            picture,
            caption: 0,
        };
        (0..self.len()).map(pair).collect()
    }

    /// The decoded pictures.
    pub fn images(&self) -> &ImageStore {
        self.images
    }

    /// The special tokens.
    pub fn specials(&self) -> Specials {
        self.specials
    }
}
