//! From a cell's recipe to the model's configuration and the weights that training starts from.

use crate::models::weights::{self, Need, bert_config, folder_of, gpt2_config, vit_config};
use crate::models::{
    BertConfig, ContrastiveConfig, Gpt2Config, Model, ModelConfig, VaeConfig, Variant, VitConfig,
};
use crate::nn::Params;
use crate::recipe::Recipe;
use crate::text::Tokenizer;
use crate::{Error, Result};

/// The model of `variant` under `recipe`, for a vocabulary of `vocab` entries.
///
/// A tower with pretrained weights has its checkpoint's sizes, but for the side of the picture and
/// dropout, which are the recipe's.
///
/// # Errors
/// [`Error::Input`] for pretrained weights that are not there, or too small for vocabulary or captions.
pub fn model_config(recipe: &Recipe, variant: Variant, vocab: usize) -> Result<ModelConfig> {
    let m = &recipe.model;
    // Room for start and end token beside the longest caption.
    let positions = recipe.tokenizer.max_tokens + 2;
    let fits = |name: &str, key: &str, their_vocab: usize, their_positions: usize| {
        let fault = |what, has, wanted| {
            Err(Error::input(format!(
                "model.{key} `{name}`: {has} {what}, expected at least {wanted}"
            )))
        };
        if their_positions < positions {
            return fault("positions", their_positions, positions);
        }
        match their_vocab < vocab {
            true => fault("vocabulary entries", their_vocab, vocab),
            false => Ok(()),
        }
    };
    let vit = match m.vision_weights.as_str() {
        "" => VitConfig {
            image: m.image,
            patch: m.patch,
            width: m.width,
            layers: m.encoder_layers,
            heads: m.heads,
            mlp: m.mlp,
            norm_eps: 1e-12,
            dropout: m.dropout,
        },
        name => VitConfig {
            image: m.image,
            dropout: m.dropout,
            ..vit_config(&folder_of(name)?)?
        },
    };
    let gpt2 = match m.decoder_weights.as_str() {
        _ if !variant.generates() => None,
        "" => Some(Gpt2Config {
            vocab,
            positions,
            width: m.width,
            layers: m.decoder_layers,
            heads: m.heads,
            mlp: m.mlp,
            norm_eps: 1e-5,
            dropout: m.dropout,
        }),
        name => {
            let theirs = gpt2_config(&folder_of(name)?)?;
            fits(name, "decoder_weights", theirs.vocab, theirs.positions)?;
            Some(Gpt2Config {
                dropout: m.dropout,
                ..theirs
            })
        }
    };
    let bert = match m.text_weights.as_str() {
        _ if variant.generates() => None,
        "" => Some(BertConfig {
            vocab,
            positions,
            width: m.width,
            layers: m.decoder_layers,
            heads: m.heads,
            mlp: m.mlp,
            norm_eps: 1e-12,
            dropout: m.dropout,
        }),
        name => {
            let theirs = bert_config(&folder_of(name)?)?;
            fits(name, "text_weights", theirs.vocab, theirs.positions)?;
            Some(BertConfig {
                dropout: m.dropout,
                ..theirs
            })
        }
    };
    Ok(ModelConfig {
        variant,
        vit,
        gpt2,
        bert,
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
    })
}

/// The pretrained models that `variants` start from, and what of them is needed.
pub fn pretrained<'a>(recipe: &'a Recipe, variants: &[Variant]) -> Vec<(&'a str, Need)> {
    let m = &recipe.model;
    let any = |generates: bool| variants.iter().any(|v| v.generates() == generates);
    let towers = [
        (m.vision_weights.as_str(), Need::Weights, true),
        (&m.decoder_weights, Need::Gpt2, any(true)),
        (&m.text_weights, Need::Bert, any(false)),
    ];
    let wanted = |(name, need, wanted): (&'a str, Need, bool)| {
        (wanted && !name.is_empty()).then_some((name, need))
    };
    towers.into_iter().filter_map(wanted).collect()
}

/// Refuses pretrained weights that are not there, or do not fit the recipe.
///
/// # Errors
/// [`Error::Input`] as [`model_config`].
pub fn check_pretrained(recipe: &Recipe, variant: Variant) -> Result<()> {
    model_config(recipe, variant, 1).map(|_| ())
}

/// The vocabulary of the pretrained text tower, if there is one: GPT-2's for a decoder, else BERT's.
///
/// # Errors
/// [`Error::Input`] for a folder that is not there or has no vocabulary.
pub fn pretrained_tokenizer(recipe: &Recipe, generates: bool) -> Result<Option<Tokenizer>> {
    let (name, open): (_, fn(&std::path::Path) -> Result<Tokenizer>) = match generates {
        true => (&recipe.model.decoder_weights, Tokenizer::gpt2_from),
        false => (&recipe.model.text_weights, Tokenizer::bert_from),
    };
    match name.as_str() {
        "" => Ok(None),
        name => open(&folder_of(name)?).map(Some),
    }
}

/// The weights that training starts from: random, and over them those that are pretrained. What a
/// checkpoint lacks or has too much of is said on the standard error.
///
/// # Errors
/// [`Error::Input`] for weights that are not there, are broken, or do not fit.
pub fn initial_weights(recipe: &Recipe, model: &Model, seed: u64) -> Result<Params> {
    let mut params = model.init(seed);
    let variant = model.config().variant;
    type Load = fn(&Model, &mut Params, &std::path::Path) -> Result<weights::Coverage>;
    let towers: [(&str, bool, Load); 3] = [
        (&recipe.model.vision_weights, true, weights::load_vit),
        (
            &recipe.model.decoder_weights,
            variant.generates(),
            weights::load_gpt2,
        ),
        (
            &recipe.model.text_weights,
            !variant.generates(),
            weights::load_bert,
        ),
    ];
    for (name, wanted, load) in towers {
        if !name.is_empty() && wanted {
            for note in load(model, &mut params, &folder_of(name)?)?.notes() {
                eprintln!("note: {name}: {note}");
            }
        }
    }
    let name = &recipe.model.vision_weights;
    if !name.is_empty() {
        let folder = folder_of(name)?;
        let side = vit_config(&folder)?.image;
        // Weights that are trained further may get used to it, those that are only evaluated cannot.
        if let Err(fault) = weights::check_preprocessor(&folder, side) {
            eprintln!("note: {name}: {fault}");
        }
    }
    Ok(params)
}
