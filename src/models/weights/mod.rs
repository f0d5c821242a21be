//! Weights on disk: this crate's checkpoints, and Hugging Face's.
//!
//! Both are safetensors files with the same names where Hugging Face has one, so an
//! encoder-decoder trained here, with [`hf_config`] beside it as `config.json`, is read by
//! `transformers.VisionEncoderDecoderModel`, and a pretrained one is read here.
//!
//! What differs in memory is sorted out in `names.rs`: GPT-2's `Conv1D` is transposed, queries,
//! keys and values are packed, and the output layer is the word embeddings themselves.

mod file;
mod hf;
mod names;

use std::path::Path;

use crate::error::{Error, Result};
use crate::nn::Params;

use super::config::ModelConfig;
use super::{Model, Variant};
use file::TensorFile;

pub use hf::{bert_config, gpt2_config, hf_config, vision_encoder_decoder_config, vit_config};
pub use names::{NamedTensor, named_tensors};

/// The key in a checkpoint's header under which the model's configuration stands.
const CONFIG_KEY: &str = "caption_bench.model";

/// The name of the weights in a checkpoint folder.
const WEIGHTS: &str = "model.safetensors";

/// Writes a model's parameters, and its configuration in the header, to `path`.
///
/// # Errors
/// [`Error::Failed`] if the file cannot be written.
pub fn save(model: &Model, params: &Params, path: &Path) -> Result<()> {
    let config = serde_json::to_string(model.config())
        .map_err(|e| Error::failed(format!("cannot write the model's configuration: {e}")))?;
    // transformers refuses files that do not say which framework's layout they have.
    let metadata = [("format", "pt"), (CONFIG_KEY, config.as_str())];
    file::write(path, &named_tensors(model), &params.values, &metadata)
}

/// Reads all of a model's parameters from a safetensors file: one of [`save`], or an
/// encoder-decoder of Hugging Face's.
///
/// # Errors
/// [`Error::Input`] that names the file, the tensor, and the found and the expected shape; also
/// for a missing tensor, and for one that the model does not have. Then `params` may be half
/// changed.
pub fn load(model: &Model, params: &mut Params, path: &Path) -> Result<()> {
    let file = TensorFile::read(path)?;
    fill(&file, &named_tensors(model), "", |_| false, params)
}

/// Opens a checkpoint with the model it belongs to: a file of [`save`], a folder with one named
/// `model.safetensors`, or a Hugging Face folder of a `VisionEncoderDecoderModel`.
///
/// # Errors
/// [`Error::Input`] if it is none of these, or as [`load`].
pub fn open(path: &Path) -> Result<(Model, Params)> {
    let weights = weights_in(path);
    let file = TensorFile::read(&weights)?;
    let config = match file.metadata.get(CONFIG_KEY) {
        Some(text) => serde_json::from_str::<ModelConfig>(text)
            .map_err(|e| Error::in_file(&weights, format!("metadata {CONFIG_KEY}"), e))?,
        None => {
            let folder = weights.parent().unwrap_or(Path::new("."));
            let (vit, gpt2) = vision_encoder_decoder_config(folder)?;
            ModelConfig {
                variant: Variant::EncoderDecoder,
                vit,
                gpt2: Some(gpt2),
                bert: None,
                vae: None,
                contrastive: None,
            }
        }
    };
    let model = Model::new(config).map_err(|e| e.context(weights.display()))?;
    let mut params = Params::zeros(model.layout().clone());
    fill(&file, &named_tensors(&model), "", |_| false, &mut params)?;
    Ok((model, params))
}

/// Reads a pretrained vision transformer (a Hugging Face folder) into a model's picture tower.
///
/// # Errors
/// [`Error::Input`] as [`load`].
pub fn load_vit(model: &Model, params: &mut Params, folder: &Path) -> Result<()> {
    let prefixes = ["", "vit.", "encoder."];
    fill_tower(
        folder,
        &names::vit_tensors(model),
        &prefixes,
        |_| false,
        params,
    )
}

/// Reads a pretrained GPT-2 (a Hugging Face folder) into a model's decoder. Cross-attention and
/// its norms, which GPT-2 does not have, keep their values if the file lacks them.
///
/// # Errors
/// [`Error::Input`] as [`load`], and if the model has no decoder.
pub fn load_gpt2(model: &Model, params: &mut Params, folder: &Path) -> Result<()> {
    model.captioner()?;
    let prefixes = ["", "transformer.", "decoder.transformer."];
    let may_lack = |name: &str| name.contains("crossattention.") || name.contains("ln_cross_attn.");
    fill_tower(
        folder,
        &names::gpt2_tensors(model),
        &prefixes,
        may_lack,
        params,
    )
}

/// Reads a pretrained BERT (a Hugging Face folder) into a dual encoder's text tower.
///
/// # Errors
/// [`Error::Input`] as [`load`], and if the model has no such tower.
pub fn load_bert(model: &Model, params: &mut Params, folder: &Path) -> Result<()> {
    let tensors = names::bert_tensors(model);
    if tensors.is_empty() {
        let variant = model.config().variant;
        return Err(Error::input(format!("the variant {variant} has no BERT")));
    }
    fill_tower(folder, &tensors, &["", "bert."], |_| false, params)
}

/// A folder's weights, or the file itself.
fn weights_in(path: &Path) -> std::path::PathBuf {
    match path.is_dir() {
        true => path.join(WEIGHTS),
        false => path.to_owned(),
    }
}

/// Fills a tower from a file in which its names may stand behind one of some prefixes.
fn fill_tower(
    folder: &Path,
    tensors: &[NamedTensor],
    prefixes: &[&str],
    may_lack: impl Fn(&str) -> bool,
    params: &mut Params,
) -> Result<()> {
    let file = TensorFile::read(&weights_in(folder))?;
    let holds = |prefix: &&&str| {
        let first = tensors.first().map(|t| format!("{prefix}{}", t.name));
        first.is_some_and(|name| file.names().contains(&name))
    };
    let prefix = prefixes.iter().find(holds).copied().unwrap_or_default();
    fill(&file, tensors, prefix, may_lack, params)
}

/// Fills `tensors` from a file, where each is called `prefix` and its name.
fn fill(
    file: &TensorFile,
    tensors: &[NamedTensor],
    prefix: &str,
    may_lack: impl Fn(&str) -> bool,
    params: &mut Params,
) -> Result<()> {
    let mut extra = file.names().clone();
    extra.retain(|name| name.starts_with(prefix) && !ignorable(&name[prefix.len()..]));
    for tensor in tensors {
        let wanted = format!("{prefix}{}", tensor.name);
        let found = [wanted.clone(), before_2019(&wanted)]
            .into_iter()
            .find(|name| file.names().contains(name));
        let Some(name) = found else {
            if may_lack(&tensor.name) {
                continue;
            }
            let place = format!("tensor {wanted}");
            let message = format!("is missing, expected with shape {:?}", tensor.shape);
            return Err(Error::in_file(file.path(), place, message));
        };
        tensor.write(&mut params.values, &file.values(&name, &tensor.shape)?);
        extra.remove(&name);
    }
    match extra.first() {
        None => Ok(()),
        Some(name) => Err(Error::in_file(
            file.path(),
            format!("tensor {name}"),
            "the model that was expected here has no such parameter",
        )),
    }
}

/// The name that a layer norm's parameter has in files converted from TensorFlow.
fn before_2019(name: &str) -> String {
    name.replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta")
}

/// Tensors that checkpoints hold and no model here reads: poolers, heads of other tasks, the
/// repeated output layer, and constants that old versions stored.
fn ignorable(name: &str) -> bool {
    let heads = [
        "pooler.",
        "cls.",
        "classifier.",
        "lm_head.",
        "decoder.lm_head.",
        "encoder.pooler.",
        "vit.pooler.",
        "bert.pooler.",
    ];
    let constants = [
        ".attn.bias",
        ".attn.masked_bias",
        ".crossattention.bias",
        ".crossattention.masked_bias",
        "position_ids",
    ];
    heads.iter().any(|head| name.starts_with(head))
        || constants.iter().any(|constant| name.ends_with(constant))
}
