//! What a model is made of: the four variants, their towers' sizes, and the two presets.

mod presets;
mod validate;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The four models that the paper compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// ViT and BERT side by side, trained with the contrastive loss; captions are retrieved.
    DualEncoder,
    /// ViT, and GPT-2 that attends to it, trained with the language-model loss: the baseline.
    EncoderDecoder,
    /// The baseline with a variational bottleneck between the two.
    Vae,
    /// The bottleneck and the contrastive loss.
    VaeCl,
}

impl Variant {
    /// All variants, in the order of the paper's Table 4.
    pub const ALL: [Self; 4] = [
        Self::DualEncoder,
        Self::EncoderDecoder,
        Self::Vae,
        Self::VaeCl,
    ];

    /// The name on the command line and in recipes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DualEncoder => "dual-encoder",
            Self::EncoderDecoder => "encoder-decoder",
            Self::Vae => "vae",
            Self::VaeCl => "vae-cl",
        }
    }

    /// Whether the model writes captions with a decoder (and does not retrieve them).
    pub fn generates(self) -> bool {
        self != Self::DualEncoder
    }

    /// Whether a variational bottleneck stands between picture and decoder.
    pub fn has_bottleneck(self) -> bool {
        matches!(self, Self::Vae | Self::VaeCl)
    }

    /// Whether the contrastive loss is part of training.
    pub fn is_contrastive(self) -> bool {
        matches!(self, Self::DualEncoder | Self::VaeCl)
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Variant {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|v| v.as_str() == name)
            .ok_or_else(|| {
                Error::input(format!(
                    "unknown variant `{name}`: expected dual-encoder, encoder-decoder, vae or vae-cl"
                ))
            })
    }
}

/// A vision transformer (Dosovitskiy et al. 2021) as Hugging Face's `ViTModel` builds it:
/// norms before each part, erf GELU, a final norm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VitConfig {
    /// Height and width of the picture in pixels.
    pub image: usize,
    /// Height and width of a patch in pixels; divides `image`.
    pub patch: usize,
    /// Width of a token's state.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads; divides `width`.
    pub heads: usize,
    /// Width of the hidden layer in each block.
    pub mlp: usize,
    /// Epsilon of the layer norms (1e-12).
    pub norm_eps: f32,
    /// Dropout probability after the embeddings, on attention weights and before each residual sum.
    pub dropout: f32,
}

impl VitConfig {
    /// Tokens of one picture: its patches and the class token.
    pub fn tokens(&self) -> usize {
        let side = self.image / self.patch;
        side * side + 1
    }

    /// Numbers of one picture: three channels.
    pub fn pixels(&self) -> usize {
        3 * self.image * self.image
    }
}

/// GPT-2 (Radford et al. 2019) with a cross-attention part in every block, as Hugging Face's
/// `GPT2LMHeadModel` with `add_cross_attention` builds it: norms before each part, tanh GELU, a
/// final norm, and the word embeddings again as the output layer.
///
/// Cross-attention reads states of the decoder's own width.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gpt2Config {
    /// Size of the vocabulary, special tokens included.
    pub vocab: usize,
    /// The most tokens a text may have, the start token included.
    pub positions: usize,
    /// Width of a token's state.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads; divides `width`.
    pub heads: usize,
    /// Width of the hidden layer in each block.
    pub mlp: usize,
    /// Epsilon of the layer norms (1e-5).
    pub norm_eps: f32,
    /// Dropout probability after the embeddings, on attention weights and before each residual sum.
    pub dropout: f32,
}

/// BERT (Devlin et al. 2019) as Hugging Face's `BertModel` builds it: norms after each residual
/// sum, erf GELU, a norm over the embeddings, token type 0 throughout.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BertConfig {
    /// Size of the vocabulary, special tokens included.
    pub vocab: usize,
    /// The most tokens a text may have, `[CLS]` and `[SEP]` included.
    pub positions: usize,
    /// Width of a token's state.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads; divides `width`.
    pub heads: usize,
    /// Width of the hidden layer in each block.
    pub mlp: usize,
    /// Epsilon of the layer norms (1e-12).
    pub norm_eps: f32,
    /// Dropout probability after the embeddings, on attention weights and before each residual sum.
    pub dropout: f32,
}

/// What of the picture goes through the bottleneck (paper, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LatentType {
    /// The `[CLS]` state alone: one latent vector.
    Cls,
    /// Every token's state by the same map: patches + 1 latent vectors.
    Patch,
}

impl LatentType {
    /// The name in recipes and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cls => "cls",
            Self::Patch => "patch",
        }
    }
}

/// How the KL divergence of a batch becomes one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KlReduction {
    /// The mean over batch, latent tokens and dimensions.
    Mean,
    /// Summed over latent tokens and dimensions; the mean over the batch.
    Sum,
}

/// The variational bottleneck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeConfig {
    /// What goes through it.
    pub latent: LatentType,
    /// Dimensions of one latent vector (64, 128 or 768 in the paper).
    pub size: usize,
    /// How the KL divergence is reduced.
    pub kl_reduction: KlReduction,
}

/// How the decoder reads a caption for the contrastive loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextPass {
    /// Without cross-attention, so the text has not seen the picture.
    Unimodal,
    /// With cross-attention: the literal reading of the paper, and a shortcut (the text embedding
    /// can copy the picture).
    Fused,
}

/// The contrastive head.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContrastiveConfig {
    /// Width of the common space that both sides are projected to.
    pub width: usize,
    /// How the caption is read; of no effect in the dual encoder.
    pub text_pass: TextPass,
    /// The temperature to start from (0.07).
    pub sigma: f32,
}

/// A whole model.
///
/// [`ModelConfig::validate`] checks that the parts present are the ones the variant needs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Which of the four models.
    pub variant: Variant,
    /// The picture's tower.
    pub vit: VitConfig,
    /// The decoder; absent from the dual encoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpt2: Option<Gpt2Config>,
    /// The text's tower; only in the dual encoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bert: Option<BertConfig>,
    /// The bottleneck; in `vae` and `vae-cl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vae: Option<VaeConfig>,
    /// The contrastive head; in `dual-encoder` and `vae-cl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contrastive: Option<ContrastiveConfig>,
}

impl ModelConfig {
    /// Vectors a picture that the decoder attends to: one for a CLS latent, otherwise patches + 1.
    pub fn memory_tokens(&self) -> usize {
        match self.vae {
            Some(VaeConfig {
                latent: LatentType::Cls,
                ..
            }) => 1,
            _ => self.vit.tokens(),
        }
    }

    /// The size of the text's vocabulary.
    pub fn vocab(&self) -> usize {
        let gpt2 = self.gpt2.map(|c| c.vocab);
        gpt2.or(self.bert.map(|c| c.vocab)).unwrap_or(0)
    }

    /// The longest caption that fits, in word tokens without start and end.
    pub fn max_words(&self) -> usize {
        let gpt2 = self.gpt2.map(|c| c.positions);
        let positions = gpt2.or(self.bert.map(|c| c.positions)).unwrap_or(0);
        positions.saturating_sub(2)
    }
}
