//! What a model is made of: the four variants, their towers' sizes, and the two presets.

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

/// The sizes a preset sets, shared by its towers.
struct Sizes {
    image: usize,
    patch: usize,
    width: usize,
    layers: usize,
    heads: usize,
    gpt2_positions: usize,
    bert_positions: usize,
    dropout: f32,
    latent: usize,
    projection: usize,
}

impl ModelConfig {
    /// The small model that trains in minutes on two CPU cores: 64 × 64 pictures in patches of 8,
    /// width 128, 3 + 3 layers, 4 heads; patch latents of 64 dimensions.
    ///
    /// `vocab` is the size of the text's vocabulary, special tokens included.
    pub fn tiny(variant: Variant, vocab: usize) -> Self {
        Self::preset(
            variant,
            vocab,
            &Sizes {
                image: 64,
                patch: 8,
                width: 128,
                layers: 3,
                heads: 4,
                gpt2_positions: 64,
                bert_positions: 64,
                dropout: 0.0,
                latent: 64,
                projection: 64,
            },
        )
    }

    /// The paper's sizes: ViT-B/16 on 224 × 224 pictures, GPT2-base, BERT-base; patch latents of
    /// 768 dimensions. Dropout of the text towers is Hugging Face's default, 0.1.
    pub fn base(variant: Variant, vocab: usize) -> Self {
        Self::preset(
            variant,
            vocab,
            &Sizes {
                image: 224,
                patch: 16,
                width: 768,
                layers: 12,
                heads: 12,
                gpt2_positions: 1024,
                bert_positions: 512,
                dropout: 0.1,
                latent: 768,
                projection: 768,
            },
        )
    }

    fn preset(variant: Variant, vocab: usize, sizes: &Sizes) -> Self {
        let &Sizes {
            width,
            layers,
            heads,
            dropout,
            ..
        } = sizes;
        let mlp = 4 * width;
        Self {
            variant,
            vit: VitConfig {
                image: sizes.image,
                patch: sizes.patch,
                width,
                layers,
                heads,
                mlp,
                norm_eps: 1e-12,
                dropout: 0.0,
            },
            gpt2: variant.generates().then_some(Gpt2Config {
                vocab,
                positions: sizes.gpt2_positions,
                width,
                layers,
                heads,
                mlp,
                norm_eps: 1e-5,
                dropout,
            }),
            bert: (!variant.generates()).then_some(BertConfig {
                vocab,
                positions: sizes.bert_positions,
                width,
                layers,
                heads,
                mlp,
                norm_eps: 1e-12,
                dropout,
            }),
            vae: variant.has_bottleneck().then_some(VaeConfig {
                latent: LatentType::Patch,
                size: sizes.latent,
                kl_reduction: KlReduction::Mean,
            }),
            contrastive: variant.is_contrastive().then_some(ContrastiveConfig {
                width: sizes.projection,
                text_pass: TextPass::Unimodal,
                sigma: 0.07,
            }),
        }
    }

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

    /// Checks that the parts are those of the variant and that every size makes sense.
    ///
    /// # Errors
    /// [`Error::Input`] that names the field, its value and what was expected.
    pub fn validate(&self) -> Result<()> {
        let variant = self.variant;
        let parts = [
            ("gpt2", self.gpt2.is_some(), variant.generates()),
            ("bert", self.bert.is_some(), !variant.generates()),
            ("vae", self.vae.is_some(), variant.has_bottleneck()),
            (
                "contrastive",
                self.contrastive.is_some(),
                variant.is_contrastive(),
            ),
        ];
        for (part, present, needed) in parts {
            if present != needed {
                let verb = if needed { "needs" } else { "has no" };
                return Err(Error::input(format!(
                    "model configuration: the variant {variant} {verb} `{part}`"
                )));
            }
        }

        let VitConfig { image, patch, .. } = self.vit;
        positive("vit.patch", patch)?;
        positive("vit.image", image)?;
        if !image.is_multiple_of(patch) {
            return Err(Error::input(format!(
                "model configuration: vit.image = {image} is not a multiple of vit.patch = {patch}"
            )));
        }
        let v = self.vit;
        Blocks::new("vit", v.width, v.layers, v.heads, v.mlp).validate(v.norm_eps, v.dropout)?;
        if let Some(c) = self.gpt2 {
            text("gpt2", c.vocab, c.positions)?;
            Blocks::new("gpt2", c.width, c.layers, c.heads, c.mlp)
                .validate(c.norm_eps, c.dropout)?;
        }
        if let Some(c) = self.bert {
            text("bert", c.vocab, c.positions)?;
            Blocks::new("bert", c.width, c.layers, c.heads, c.mlp)
                .validate(c.norm_eps, c.dropout)?;
        }
        if let Some(c) = self.vae {
            positive("vae.size", c.size)?;
        }
        if let Some(c) = self.contrastive {
            positive("contrastive.width", c.width)?;
            if !(c.sigma.is_finite() && c.sigma > 0.0) {
                return Err(Error::input(format!(
                    "model configuration: contrastive.sigma = {} is not a positive number",
                    c.sigma
                )));
            }
        }
        Ok(())
    }
}

/// The sizes that all three towers have, for their common checks.
struct Blocks {
    tower: &'static str,
    width: usize,
    layers: usize,
    heads: usize,
    mlp: usize,
}

impl Blocks {
    fn new(tower: &'static str, width: usize, layers: usize, heads: usize, mlp: usize) -> Self {
        Self {
            tower,
            width,
            layers,
            heads,
            mlp,
        }
    }

    fn validate(&self, norm_eps: f32, dropout: f32) -> Result<()> {
        let tower = self.tower;
        for (field, value) in [
            ("width", self.width),
            ("layers", self.layers),
            ("heads", self.heads),
            ("mlp", self.mlp),
        ] {
            positive(&format!("{tower}.{field}"), value)?;
        }
        if !self.width.is_multiple_of(self.heads) {
            return Err(Error::input(format!(
                "model configuration: {tower}.width = {} is not a multiple of {tower}.heads = {}",
                self.width, self.heads
            )));
        }
        if !(norm_eps.is_finite() && norm_eps > 0.0) {
            return Err(Error::input(format!(
                "model configuration: {tower}.norm_eps = {norm_eps} is not a positive number"
            )));
        }
        if !(0.0..1.0).contains(&dropout) {
            return Err(Error::input(format!(
                "model configuration: {tower}.dropout = {dropout} is not in 0 ≤ p < 1"
            )));
        }
        Ok(())
    }
}

fn positive(field: &str, value: usize) -> Result<()> {
    if value == 0 {
        return Err(Error::input(format!(
            "model configuration: {field} is 0, expected at least 1"
        )));
    }
    Ok(())
}

fn text(tower: &str, vocab: usize, positions: usize) -> Result<()> {
    positive(&format!("{tower}.vocab"), vocab)?;
    if positions < 3 {
        return Err(Error::input(format!(
            "model configuration: {tower}.positions = {positions} holds no word between start and end"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid_and_survive_json() {
        for variant in Variant::ALL {
            for config in [
                ModelConfig::tiny(variant, 500),
                ModelConfig::base(variant, 50_257),
            ] {
                config.validate().unwrap();
                let text = serde_json::to_string(&config).unwrap();
                assert_eq!(serde_json::from_str::<ModelConfig>(&text).unwrap(), config);
                assert_eq!(variant.as_str().parse::<Variant>().unwrap(), variant);
            }
        }
        assert_eq!(ModelConfig::tiny(Variant::Vae, 9).memory_tokens(), 65);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let sound = ModelConfig::tiny(Variant::VaeCl, 500);
        let refused = |change: &dyn Fn(&mut ModelConfig), words: &str| {
            let mut config = sound;
            change(&mut config);
            let error = config.validate().unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(
                error.message().contains(words),
                "{error} does not say {words}"
            );
        };
        refused(&|c| c.vit.patch = 7, "not a multiple of vit.patch = 7");
        refused(&|c| c.vit.heads = 5, "not a multiple of vit.heads = 5");
        refused(&|c| c.vae = None, "vae-cl needs `vae`");
        refused(
            &|c| c.bert = ModelConfig::tiny(Variant::DualEncoder, 9).bert,
            "has no `bert`",
        );
        refused(&|c| c.vae.as_mut().unwrap().size = 0, "vae.size is 0");
        refused(
            &|c| c.gpt2.as_mut().unwrap().dropout = 1.0,
            "gpt2.dropout = 1",
        );
        refused(
            &|c| c.contrastive.as_mut().unwrap().sigma = f32::NAN,
            "contrastive.sigma",
        );
        refused(
            &|c| c.gpt2.as_mut().unwrap().positions = 2,
            "gpt2.positions = 2",
        );
    }
}
