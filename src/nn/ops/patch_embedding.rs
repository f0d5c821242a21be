//! Images as tokens (Dosovitskiy et al. 2021, section 3.1).

use crate::nn::layout::{Linear, Slot};
use crate::nn::tape::{Tape, Var};

/// The parameters that turn an image into a class token and one token a patch.
#[derive(Debug, Clone, Copy)]
pub struct PatchEmbedding {
    /// width × (3 · patch · patch), the inputs in the order (channel, y, x), as a
    /// convolution's weight.
    pub projection: Linear,
    /// The class token: 1 × width.
    pub class_token: Slot,
    /// Position embeddings: (1 + patches) × width, the class token's first.
    pub positions: Slot,
    /// Side of an image in pixels, a multiple of `patch`.
    pub image: usize,
    /// Side of a patch in pixels.
    pub patch: usize,
}

impl PatchEmbedding {
    /// Tokens an image becomes, the class token included.
    pub fn tokens(&self) -> usize {
        (self.image / self.patch).pow(2) + 1
    }
}

impl Tape<'_> {
    /// Tokens of `images` (batch, 3, image, image), normalised: (batch · tokens, width).
    pub fn patch_embedding(&mut self, images: &[f32], patches: PatchEmbedding) -> Var {
        let _ = (images, patches);
        unimplemented!()
    }
}
