//! The contrastive loss of matching images and texts, over a whole batch.
//!
//! Both sides are L2-normalised; logits are their cosines divided by the temperature σ
//! itself (CLIP keeps a logarithm). The cross-entropies of images against texts and of texts
//! against images are added and divided by the batch size, which is twice CLIP's loss.

/// The loss and the gradients that seed the shards' backward passes.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrastive {
    /// The loss in nats, not yet weighted.
    pub loss: f64,
    /// Its gradient by the image projections: (batch, width).
    pub d_image: Vec<f32>,
    /// Its gradient by the text projections: (batch, width).
    pub d_text: Vec<f32>,
    /// Its gradient by the temperature.
    pub d_sigma: f32,
    /// Cosines: (images, texts).
    pub similarities: Vec<f32>,
}

/// Loss and gradients of the un-normalised projections `image` and `text`, both
/// (`batch`, `width`), where row i of one belongs to row i of the other.
pub fn contrastive(
    image: &[f32],
    text: &[f32],
    batch: usize,
    width: usize,
    sigma: f32,
) -> Contrastive {
    let _ = (image, text, batch, width, sigma);
    unimplemented!()
}
