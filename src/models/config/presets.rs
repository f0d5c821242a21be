//! The two sizes that models come in.

use super::{
    BertConfig, ContrastiveConfig, Gpt2Config, KlReduction, LatentType, ModelConfig, TextPass,
    VaeConfig, Variant, VitConfig,
};

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
}
