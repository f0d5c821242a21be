//! The four models: what they are made of, what they compute, and their weights on disk.
//!
//! ```text
//!            ┌ vit ┐      ┌ vae ┐       ┌ gpt2 ┐
//! picture ──▶│     │─────▶│     │──────▶│      │──▶ caption tokens
//!            └──┬──┘      └─────┘       └──┬───┘
//!             [CLS] ──▶ contrastive ◀── end token
//! ```
//!
//! That is `vae-cl`; without the contrastive head it is `vae`, without the bottleneck too it is
//! `encoder-decoder`. `dual-encoder` has BERT in GPT-2's place and the contrastive head alone.
//!
//! * [`ModelConfig`] says what a model is; [`Model`] lays its parameters out.
//! * [`loss_and_gradients`] is one training step's arithmetic, on a [`Batch`] cut into shards.
//! * [`Decoder`] writes captions token by token; [`Inference`] looks inside, on the CPU
//!   or on a device.
//! * [`weights`] reads and writes Hugging Face checkpoints and this crate's own.

mod batch;
mod bert;
mod blocks;
mod captioner;
mod config;
mod contrastive;
mod decoder;
mod dual_encoder;
mod free_bits;
mod gpt2;
mod inference;
mod objective;
#[cfg(test)]
mod peers;
mod prior;
mod team;
#[cfg(test)]
mod towers;
mod vae;
mod vit;
pub mod weights;
mod workspace;
mod zero;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::nn::{Graph, Kl, Layout, Noise, Params, Slot, TokenLosses, Var};

use captioner::Captioner;
use contrastive::ContrastiveHead;
use dual_encoder::DualEncoder;

pub use batch::{Batch, Pictures, Specials, check_captions};
pub use config::{
    BertConfig, ContrastiveConfig, Gpt2Config, KlReduction, LatentType, ModelConfig, TextPass,
    VaeConfig, Variant, VitConfig,
};
pub use decoder::{Decoder, Likeliest, NextTokens};
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
pub use decoder::{DeviceDecoder, PicturesOnTheirWay};
pub use inference::{Embeddings, Inference, Memory, Posterior, TeacherForced};
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
pub use objective::{Cut, loss_and_gradients_on_device, losses_on_device};
pub use objective::{LatentNoise, Losses, Objective, loss_and_gradients, losses_only};
pub use workspace::Workspace;
pub use zero::ZeroGradient;

/// The least temperature of the contrastive loss, at which cosines become logits of ±100.
pub const LEAST_SIGMA: f32 = 0.01;

/// A model: its configuration and where its parameters lie. The values are apart, in [`Params`].
#[derive(Debug, Clone)]
pub struct Model {
    config: ModelConfig,
    layout: Arc<Layout>,
    parts: Parts,
}

/// The two shapes a model can have.
#[derive(Debug, Clone)]
enum Parts {
    Captioner(Captioner),
    DualEncoder(DualEncoder),
}

/// What a forward pass of a shard is to compute besides its values.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// The derivative of the total loss by one token's loss.
    pub lm_weight: f32,
    /// The derivative of the total loss by the KL divergence of one element.
    pub kl_weight: f32,
    /// What the bottleneck draws.
    pub noise: Noise<'a>,
    /// The seed of dropout masks; `None` switches dropout off.
    pub dropout: Option<u64>,
    /// The place of the shard's first sample in the batch.
    pub first_sample: usize,
}

/// What comes out of a forward pass of a shard. Language-model and KL terms are on the graph
/// already; the embeddings' gradients come from the contrastive loss over the whole batch.
#[derive(Debug)]
pub struct Forward {
    /// The loss of every caption token and end token, caption after caption.
    pub lm: Option<TokenLosses>,
    /// The bottleneck's divergence from its prior.
    pub kl: Option<Kl>,
    /// The posteriors' means and log variances, (batch × latent tokens, size).
    pub posterior: Option<(Var, Var)>,
    /// Image and text embeddings, (batch, width), projected and not normalised.
    pub embeddings: Option<(Var, Var)>,
}

impl Model {
    /// Lays out the parameters of a configuration.
    ///
    /// # Errors
    /// [`Error::Input`] if the configuration makes no sense; see [`ModelConfig::validate`].
    pub fn new(config: ModelConfig) -> Result<Self> {
        config.validate()?;
        let mut builder = Layout::builder();
        let parts = match config.variant {
            Variant::DualEncoder => DualEncoder::new(&mut builder, &config).map(Parts::DualEncoder),
            _ => Captioner::new(&mut builder, &config).map(Parts::Captioner),
        };
        let parts = parts.ok_or_else(|| Error::failed("the configuration lacks a part"))?;
        Ok(Self {
            config,
            layout: Arc::new(builder.build()),
            parts,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Where the parameters lie.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The number of trainable parameters.
    pub fn parameters(&self) -> usize {
        self.layout.parameter_count()
    }

    /// Bytes of the weights that a decoding step reads; 0 without a decoder.
    pub fn decoder_bytes(&self) -> usize {
        let slots = self.layout.slots();
        let decoder = slots.filter(|(name, _)| name.starts_with("gpt2."));
        decoder.map(|(_, slot)| 4 * slot.len()).sum()
    }

    /// Initial values: the same for the same seed, and for a part that two variants share.
    pub fn init(&self, seed: u64) -> Params {
        Params::init(Arc::clone(&self.layout), seed)
    }

    /// Where the temperature of the contrastive loss lies.
    pub fn sigma_slot(&self) -> Option<Slot> {
        self.head().map(|head| head.sigma)
    }

    /// Puts the temperature back to at least 0.01, to be called after every update.
    ///
    /// The contrastive loss falls with the temperature as soon as most pairs are ranked right, and
    /// an optimizer would drive it through 0, where it changes sign. CLIP (Radford et al. 2021,
    /// section 2.5) clips its logits' scale at 100 for the same reason.
    pub fn bound_sigma(&self, params: &mut Params) {
        if let Some(slot) = self.sigma_slot() {
            let sigma = &mut params.slice_mut(slot)[0];
            *sigma = sigma.max(LEAST_SIGMA);
        }
    }

    /// The weight of one element's KL divergence in the reduced KL loss of a batch; 0 without a
    /// bottleneck.
    pub fn kl_element_weight(&self, batch: usize) -> f64 {
        let tokens = self.config.memory_tokens();
        let vae = self.config.vae;
        vae.map_or(0.0, |vae| vae::kl_element_weight(vae, batch, tokens))
    }

    /// Runs one shard forward on `graph`: `pictures` are normalised, (captions, 3, image, image).
    ///
    /// # Panics
    /// If a caption does not fit the model; [`Batch::validate`] says so beforehand.
    pub fn forward(
        &self,
        graph: &mut dyn Graph,
        pictures: &[f32],
        captions: &[&[u32]],
        specials: Specials,
        pass: Pass,
    ) -> Forward {
        match &self.parts {
            Parts::Captioner(m) => m.forward(graph, pictures, captions, specials, pass),
            Parts::DualEncoder(m) => m.forward(graph, pictures, captions, specials, pass),
        }
    }

    fn head(&self) -> Option<&ContrastiveHead> {
        match &self.parts {
            Parts::Captioner(m) => m.head.as_ref(),
            Parts::DualEncoder(m) => Some(&m.head),
        }
    }

    /// The parts of a model that writes captions.
    fn captioner(&self) -> Result<&Captioner> {
        match &self.parts {
            Parts::Captioner(captioner) => Ok(captioner),
            Parts::DualEncoder(_) => Err(Error::input(
                "a dual-encoder has no decoder: it retrieves captions and cannot write them",
            )),
        }
    }
}
