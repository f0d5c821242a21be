//! From a cell's recipe to the model's configuration.

use crate::models::{
    BertConfig, ContrastiveConfig, Gpt2Config, ModelConfig, VaeConfig, Variant, VitConfig,
};
use crate::recipe::Recipe;

/// The model of `variant` under `recipe`, for a vocabulary of `vocab` entries.
pub fn model_config(recipe: &Recipe, variant: Variant, vocab: usize) -> ModelConfig {
    let m = &recipe.model;
    // Room for start and end token beside the longest caption.
    let positions = recipe.tokenizer.max_tokens + 2;
    ModelConfig {
        variant,
        vit: VitConfig {
            image: m.image,
            patch: m.patch,
            width: m.width,
            layers: m.encoder_layers,
            heads: m.heads,
            mlp: m.mlp,
            norm_eps: 1e-12,
            dropout: m.dropout,
        },
        gpt2: variant.generates().then_some(Gpt2Config {
            vocab,
            positions,
            width: m.width,
            layers: m.decoder_layers,
            heads: m.heads,
            mlp: m.mlp,
            norm_eps: 1e-5,
            dropout: m.dropout,
        }),
        bert: (!variant.generates()).then_some(BertConfig {
            vocab,
            positions,
            width: m.width,
            layers: m.decoder_layers,
            heads: m.heads,
            mlp: m.mlp,
            norm_eps: 1e-12,
            dropout: m.dropout,
        }),
        vae: variant.has_bottleneck().then_some(VaeConfig {
            latent: recipe.latent.kind,
            size: recipe.latent.size,
            kl_reduction: recipe.latent.kl_reduction,
        }),
        contrastive: variant.is_contrastive().then_some(ContrastiveConfig {
            width: recipe.contrastive.width,
            text_pass: recipe.contrastive.text_pass,
            sigma: recipe.contrastive.temperature,
        }),
    }
}
