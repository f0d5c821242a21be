//! Hugging Face's `config.json`, in and out.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::{Error, Result};

use super::super::batch::Specials;
use super::super::config::{BertConfig, Gpt2Config, ModelConfig, VitConfig};

/// The file of a model's configuration.
pub(super) const CONFIG: &str = "config.json";

/// The towers' sizes from the folder of a `VisionEncoderDecoderModel` of a ViT and a GPT-2.
///
/// # Errors
/// [`Error::Input`] that names the file, the key, what was found and what was expected.
pub fn vision_encoder_decoder_config(folder: &Path) -> Result<(VitConfig, Gpt2Config)> {
    let config = Section::open(folder)?;
    config.expect_text("model_type", "vision-encoder-decoder", None)?;
    let (encoder, decoder) = (config.section("encoder")?, config.section("decoder")?);
    decoder.expect_flag("add_cross_attention", true, false)?;
    if let Some(width) = decoder.value("cross_attention_hidden_size") {
        let fault = format!("is {width}, expected null: cross-attention reads the decoder's width");
        return Err(decoder.fault("cross_attention_hidden_size", fault));
    }
    Ok((vit(&encoder)?, gpt2(&decoder)?))
}

/// A vision transformer's sizes from its folder, or from that of an encoder-decoder or a dual encoder
/// (`VisionTextDualEncoderModel`) with one.
///
/// # Errors
/// [`Error::Input`] that names the file, the key, what was found and what was expected.
pub fn vit_config(folder: &Path) -> Result<VitConfig> {
    vit(&Section::open(folder)?.tower(&[ENCODER_DECODER.0, DUAL_ENCODER.0])?)
}

/// A GPT-2's sizes from its folder, or from that of an encoder-decoder with one.
///
/// # Errors
/// [`Error::Input`] that names the file, the key, what was found and what was expected.
pub fn gpt2_config(folder: &Path) -> Result<Gpt2Config> {
    gpt2(&Section::open(folder)?.tower(&[ENCODER_DECODER.1])?)
}

/// A BERT's sizes from its folder, or from that of a dual encoder (`VisionTextDualEncoderModel`).
///
/// # Errors
/// [`Error::Input`] that names the file, the key, what was found and what was expected.
pub fn bert_config(folder: &Path) -> Result<BertConfig> {
    let config = Section::open(folder)?.tower(&[DUAL_ENCODER.1])?;
    config.expect_text("model_type", "bert", None)?;
    config.expect_text("hidden_act", "gelu", Some("gelu"))?;
    config.expect_text("position_embedding_type", "absolute", Some("absolute"))?;
    Ok(BertConfig {
        vocab: config.count("vocab_size", Some(30_522))?,
        positions: config.count("max_position_embeddings", Some(512))?,
        width: config.count("hidden_size", Some(768))?,
        layers: config.count("num_hidden_layers", Some(12))?,
        heads: config.count("num_attention_heads", Some(12))?,
        mlp: config.count("intermediate_size", Some(3072))?,
        norm_eps: config.number("layer_norm_eps", 1e-12)?,
        dropout: config.number("hidden_dropout_prob", 0.1)?,
    })
}

fn vit(config: &Section) -> Result<VitConfig> {
    if config.value("model_type").and_then(Value::as_str) == Some("deit") {
        let fault = "is `deit`, whose distillation token is not supported, expected `vit` \
                     (DeiT without it is published as `vit`)";
        return Err(config.fault("model_type", fault));
    }
    config.expect_text("model_type", "vit", None)?;
    config.expect_text("hidden_act", "gelu", Some("gelu"))?;
    config.expect_flag("qkv_bias", true, true)?;
    let channels = config.count("num_channels", Some(3))?;
    if channels != 3 {
        return Err(config.fault("num_channels", format!("is {channels}, expected 3")));
    }
    Ok(VitConfig {
        image: config.count("image_size", Some(224))?,
        patch: config.count("patch_size", Some(16))?,
        width: config.count("hidden_size", Some(768))?,
        layers: config.count("num_hidden_layers", Some(12))?,
        heads: config.count("num_attention_heads", Some(12))?,
        mlp: config.count("intermediate_size", Some(3072))?,
        norm_eps: config.number("layer_norm_eps", 1e-12)?,
        dropout: config.number("hidden_dropout_prob", 0.0)?,
    })
}

fn gpt2(config: &Section) -> Result<Gpt2Config> {
    config.expect_text("model_type", "gpt2", None)?;
    config.expect_text("activation_function", "gelu_new", Some("gelu_new"))?;
    config.expect_flag("tie_word_embeddings", true, true)?;
    config.expect_flag("scale_attn_weights", true, true)?;
    config.expect_flag("scale_attn_by_inverse_layer_idx", false, false)?;
    let width = config.count("n_embd", Some(768))?;
    Ok(Gpt2Config {
        vocab: config.count("vocab_size", Some(50_257))?,
        positions: config.count("n_positions", Some(1024))?,
        width,
        layers: config.count("n_layer", Some(12))?,
        heads: config.count("n_head", Some(12))?,
        mlp: config.count("n_inner", Some(4 * width))?,
        norm_eps: config.number("layer_norm_epsilon", 1e-5)?,
        // There are three in the file, equal by default; this one comes before each residual sum.
        dropout: config.number("resid_pdrop", 0.1)?,
    })
}

/// The `config.json` with which transformers reads a captioner's checkpoint of [`super::save`]; `None`
/// for the dual encoder: transformers' own projects poolers' outputs, which the paper's has not.
///
/// Of a variant with a bottleneck transformers takes both towers and says that it did not use the
/// `latent.*` and `contrastive.*` tensors. Its decoder then has to be given what it attends to as
/// `encoder_outputs`: `up(mean(h))` of the encoder's last states h, or of the first alone for a CLS latent.
pub fn hf_config(config: &ModelConfig, specials: Specials) -> Option<Value> {
    let (vit, gpt2) = (config.vit, config.gpt2?);
    Some(json!({
        "architectures": ["VisionEncoderDecoderModel"],
        "model_type": "vision-encoder-decoder",
        "is_encoder_decoder": true,
        "tie_word_embeddings": false,
        "decoder_start_token_id": specials.start,
        "eos_token_id": specials.end,
        "pad_token_id": specials.pad,
        "encoder": {
            "model_type": "vit",
            "image_size": vit.image,
            "patch_size": vit.patch,
            "num_channels": 3,
            "hidden_size": vit.width,
            "num_hidden_layers": vit.layers,
            "num_attention_heads": vit.heads,
            "intermediate_size": vit.mlp,
            "hidden_act": "gelu",
            "qkv_bias": true,
            "layer_norm_eps": decimal(vit.norm_eps),
            "hidden_dropout_prob": decimal(vit.dropout),
            "attention_probs_dropout_prob": decimal(vit.dropout),
        },
        "decoder": {
            "model_type": "gpt2",
            "add_cross_attention": true,
            "is_decoder": true,
            "tie_word_embeddings": true,
            "vocab_size": gpt2.vocab,
            "n_positions": gpt2.positions,
            "n_embd": gpt2.width,
            "n_layer": gpt2.layers,
            "n_head": gpt2.heads,
            "n_inner": gpt2.mlp,
            "activation_function": "gelu_new",
            "layer_norm_epsilon": decimal(gpt2.norm_eps),
            "embd_pdrop": decimal(gpt2.dropout),
            "attn_pdrop": decimal(gpt2.dropout),
            "resid_pdrop": decimal(gpt2.dropout),
            "bos_token_id": specials.start,
            "eos_token_id": specials.end,
            "pad_token_id": specials.pad,
        },
    }))
}

/// The double that is written with the same digits: 0.1 and not 0.10000000149.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// A tower's place in the configuration of a model of two.
struct Part {
    /// The model's type.
    of: &'static str,
    key: &'static str,
}

const fn parts(of: &'static str, keys: [&'static str; 2]) -> (Part, Part) {
    let [picture, text] = keys;
    (Part { of, key: picture }, Part { of, key: text })
}

const ENCODER_DECODER: (Part, Part) = parts("vision-encoder-decoder", ["encoder", "decoder"]);
const DUAL_ENCODER: (Part, Part) =
    parts("vision-text-dual-encoder", ["vision_config", "text_config"]);

/// An object in a configuration file.
struct Section {
    path: PathBuf,
    /// Dotted, with a dot at the end; empty for the whole file.
    name: String,
    value: Value,
}

impl Section {
    fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(CONFIG);
        let text = std::fs::read_to_string(&path).map_err(|e| Error::reading(&path, e))?;
        let value = serde_json::from_str(&text)
            .map_err(|e| Error::in_file(&path, format!("line {}", e.line()), e))?;
        Ok(Self {
            path,
            name: String::new(),
            value,
        })
    }

    /// The part of one of two towers' configuration, by the kinds of models that may have it; any other
    /// is that of the tower itself.
    fn tower(self, parts: &[Part]) -> Result<Self> {
        let kind = self.value("model_type").and_then(Value::as_str);
        match parts.iter().find(|part| kind == Some(part.of)) {
            Some(part) => self.section(part.key),
            None => Ok(self),
        }
    }

    fn section(&self, key: &str) -> Result<Self> {
        match self.value(key) {
            Some(value @ Value::Object(_)) => Ok(Self {
                path: self.path.clone(),
                name: format!("{}{key}.", self.name),
                value: value.clone(),
            }),
            _ => Err(self.fault(key, "is missing, expected an object")),
        }
    }

    /// A value that is there and not null.
    fn value(&self, key: &str) -> Option<&Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    fn fault(&self, key: &str, message: impl std::fmt::Display) -> Error {
        Error::in_file(&self.path, format!("{}{key}", self.name), message)
    }

    fn count(&self, key: &str, default: Option<usize>) -> Result<usize> {
        match self.value(key) {
            None => default.ok_or_else(|| self.fault(key, "is missing, expected a whole number")),
            Some(value) => value
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .ok_or_else(|| self.fault(key, format!("is {value}, expected a whole number"))),
        }
    }

    fn number(&self, key: &str, default: f32) -> Result<f32> {
        match self.value(key) {
            None => Ok(default),
            Some(value) => value
                .as_f64()
                .map(|n| n as f32)
                .ok_or_else(|| self.fault(key, format!("is {value}, expected a number"))),
        }
    }

    fn expect_text(&self, key: &str, expected: &str, default: Option<&str>) -> Result<()> {
        let found = self.value(key).and_then(Value::as_str).or(default);
        match found {
            Some(text) if text == expected => Ok(()),
            Some(text) => Err(self.fault(key, format!("is `{text}`, expected `{expected}`"))),
            None => Err(self.fault(key, format!("is missing, expected `{expected}`"))),
        }
    }

    fn expect_flag(&self, key: &str, expected: bool, default: bool) -> Result<()> {
        let found = self.value(key).and_then(Value::as_bool).unwrap_or(default);
        match found == expected {
            true => Ok(()),
            false => Err(self.fault(key, format!("is {found}, expected {expected}"))),
        }
    }
}
