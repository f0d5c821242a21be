//! Weights on disk: this crate's checkpoints, and Hugging Face's.
//!
//! Both have the same names where Hugging Face has one, so a captioner trained here, with the files of
//! [`save_configs`] beside it, is read by `transformers.VisionEncoderDecoderModel`, and a pretrained
//! one is read here. What is written is safetensors; what is read may also be
//! PyTorch's own format, in one file or several, with numbers of 16, 32 or 64 bits.
//!
//! This crate's checkpoints must fit exactly. Of a pretrained one, [`Coverage`] says what the
//! model had no place for and what the file did not have.
//!
//! What differs in memory is sorted out in `names.rs`: GPT-2's `Conv1D` is transposed, queries,
//! keys and values are packed, and the output layer is the word embeddings themselves.

mod aliases;
mod coverage;
mod file;
mod hf;
mod hub;
mod names;
mod pickle;
mod positions;
mod preprocessor;
mod safetensors;

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::nn::Params;

use super::batch::Specials;
use super::config::ModelConfig;
use super::{Model, Variant};
use file::TensorFile;

pub use coverage::Coverage;
pub use hf::{bert_config, gpt2_config, hf_config, vision_encoder_decoder_config, vit_config};
pub use hub::{Download, Hub, Need, folder_of};
pub use names::{NamedTensor, named_tensors};
pub use preprocessor::{check_preprocessor, preprocessor_config};

/// The key in a checkpoint's header under which the model's configuration stands.
const CONFIG_KEY: &str = "caption_bench.model";

/// Writes a model's parameters, and its configuration in the header, to `path`.
///
/// # Errors
/// [`Error::Failed`] if the file cannot be written.
pub fn save(model: &Model, params: &Params, path: &Path) -> Result<()> {
    let config = serde_json::to_string(model.config())
        .map_err(|e| Error::failed(format!("cannot write the model's configuration: {e}")))?;
    // transformers refuses files that do not say which framework's layout they have.
    let metadata = [("format", "pt"), (CONFIG_KEY, config.as_str())];
    safetensors::write(path, &named_tensors(model), &params.values, &metadata)
}

/// Writes what transformers needs beside a captioner's checkpoint: `config.json`, see [`hf_config`], and
/// `preprocessor_config.json`. Of a dual encoder it reads none, and nothing is written.
///
/// # Errors
/// [`Error::Failed`] if a file cannot be written.
pub fn save_configs(config: &ModelConfig, specials: Specials, folder: &Path) -> Result<()> {
    let Some(model) = hf_config(config, specials) else {
        return Ok(());
    };
    let pictures = preprocessor_config(config.vit.image);
    for (name, document) in [(hf::CONFIG, model), (preprocessor::CONFIG, pictures)] {
        let path = folder.join(name);
        std::fs::write(&path, format!("{document:#}\n")).map_err(|e| Error::writing(&path, e))?;
    }
    Ok(())
}

/// Reads all of a model's parameters from a file: one of [`save`], or an encoder-decoder of
/// Hugging Face's.
///
/// # Errors
/// [`Error::Input`] that names the file, the tensor, and the found and the expected shape; also
/// for a missing tensor, and for one that the model does not have. Then `params` may be half
/// changed.
pub fn load(model: &Model, params: &mut Params, path: &Path) -> Result<()> {
    let file = TensorFile::open(path)?;
    let coverage = fill(&file, &named_tensors(model), "", &Rules::default(), params)?;
    refuse_unused(&file, &coverage)
}

/// Opens a checkpoint with the model it belongs to: a file of [`save`], a folder with one named
/// `model.safetensors`, or a Hugging Face folder of a `VisionEncoderDecoderModel` with weights as
/// safetensors or `pytorch_model.bin`, in one file or several.
///
/// Pictures must be prepared as ours are, see [`check_preprocessor`].
///
/// The coverage tells of a Hugging Face folder's tensors that the model has no place for.
///
/// # Errors
/// [`Error::Input`] if it is none of these, or as [`load`].
pub fn open(path: &Path) -> Result<(Model, Params, Coverage)> {
    let file = TensorFile::open(path)?;
    let own = file.metadata.get(CONFIG_KEY);
    let config = match own {
        Some(text) => serde_json::from_str::<ModelConfig>(text)
            .map_err(|e| Error::in_file(file.path(), format!("metadata {CONFIG_KEY}"), e))?,
        None => {
            let folder = file.path().parent().unwrap_or(Path::new("."));
            let (vit, gpt2) = vision_encoder_decoder_config(folder)?;
            check_preprocessor(folder, vit.image)?;
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
    let model = Model::new(config).map_err(|e| e.context(file.path().display()))?;
    let mut params = Params::zeros(model.layout().clone());
    let tensors = named_tensors(&model);
    let coverage = fill(&file, &tensors, "", &Rules::default(), &mut params)?;
    if own.is_some() {
        refuse_unused(&file, &coverage)?;
    }
    Ok((model, params, coverage))
}

/// Reads a pretrained vision transformer (a Hugging Face folder) into a model's picture tower. If
/// the model's pictures have another size, the position embeddings are interpolated.
///
/// # Errors
/// [`Error::Input`] as [`load`].
pub fn load_vit(model: &Model, params: &mut Params, folder: &Path) -> Result<Coverage> {
    let prefixes = ["", "vit.", "encoder.", "vision_model."];
    let rules = Rules {
        may_lack: |_| false,
        interpolates: true,
    };
    fill_tower(
        folder,
        &names::vit_tensors(model),
        &prefixes,
        &rules,
        params,
    )
}

/// Reads a pretrained GPT-2 (a Hugging Face folder) into a model's decoder. Cross-attention and
/// its norms, which GPT-2 does not have, keep their values if the file lacks them.
///
/// # Errors
/// [`Error::Input`] as [`load`], and if the model has no decoder.
pub fn load_gpt2(model: &Model, params: &mut Params, folder: &Path) -> Result<Coverage> {
    model.captioner()?;
    let prefixes = ["", "transformer.", "decoder.transformer."];
    let rules = Rules {
        may_lack: |name| name.contains("crossattention.") || name.contains("ln_cross_attn."),
        interpolates: false,
    };
    fill_tower(
        folder,
        &names::gpt2_tensors(model),
        &prefixes,
        &rules,
        params,
    )
}

/// Reads a pretrained BERT (a Hugging Face folder) into a dual encoder's text tower.
///
/// # Errors
/// [`Error::Input`] as [`load`], and if the model has no such tower.
pub fn load_bert(model: &Model, params: &mut Params, folder: &Path) -> Result<Coverage> {
    let tensors = names::bert_tensors(model);
    if tensors.is_empty() {
        let variant = model.config().variant;
        return Err(Error::input(format!("the variant {variant} has no BERT")));
    }
    let prefixes = ["", "bert.", "text_model."];
    fill_tower(folder, &tensors, &prefixes, &Rules::default(), params)
}

/// How a file may differ from what is filled from it.
struct Rules {
    /// Parameters that keep their values if the file lacks them.
    may_lack: fn(&str) -> bool,
    /// Whether pictures may have had another size.
    interpolates: bool,
}

impl Default for Rules {
    /// It may not.
    fn default() -> Self {
        Self {
            may_lack: |_| false,
            interpolates: false,
        }
    }
}

/// Fills a tower from a file in which its names may stand behind one of some prefixes.
fn fill_tower(
    folder: &Path,
    tensors: &[NamedTensor],
    prefixes: &[&str],
    rules: &Rules,
    params: &mut Params,
) -> Result<Coverage> {
    let file = TensorFile::open(folder)?;
    let holds = |prefix: &&&str| {
        let first = tensors.first().map(|t| format!("{prefix}{}", t.name));
        let mut names = file.names().map(aliases::canonical);
        first.is_some_and(|first| names.any(|name| name == first))
    };
    let prefix = prefixes.iter().find(holds).copied().unwrap_or_default();
    fill(&file, tensors, prefix, rules, params)
}

/// Fills `tensors` from a file, where each is called `prefix` and its name.
fn fill(
    file: &TensorFile,
    tensors: &[NamedTensor],
    prefix: &str,
    rules: &Rules,
    params: &mut Params,
) -> Result<Coverage> {
    let mut names = BTreeMap::new();
    for name in file.names() {
        if let Some(other) = names.insert(aliases::canonical(name), name) {
            let message = format!("is the same parameter as {other}");
            return Err(Error::in_file(
                file.path(),
                format!("tensor {name}"),
                message,
            ));
        }
    }
    let mut coverage = Coverage::default();
    for tensor in tensors {
        let wanted = format!("{prefix}{}", tensor.name);
        match names.remove(&wanted) {
            Some(name) => read(file, name, tensor, rules, params)?,
            None if (rules.may_lack)(&tensor.name) => coverage.initialised.push(wanted),
            None => {
                let place = format!("tensor {wanted}");
                let message = format!("is missing, expected with shape {:?}", tensor.shape);
                return Err(Error::in_file(file.path(), place, message));
            }
        }
    }
    // A file of two towers has another beside the one that was asked for.
    let beside = match prefix {
        "encoder." => "decoder.",
        "decoder.transformer." => "encoder.",
        "vision_model." => "text_model.",
        "text_model." => "vision_model.",
        _ => "none",
    };
    for (name, stored) in names {
        let within = name.strip_prefix(prefix);
        if aliases::is_output_layer(&name) {
            check_tied(file, stored, tensors, params)?;
        } else if !(aliases::ignorable(within.unwrap_or(&name)) || name.starts_with(beside)) {
            coverage.unused.push(stored.to_owned());
        }
    }
    Ok(coverage)
}

/// Reads one tensor to its place.
fn read(
    file: &TensorFile,
    name: &str,
    tensor: &NamedTensor,
    rules: &Rules,
    params: &mut Params,
) -> Result<()> {
    if let Some(place) = tensor.place(&mut params.values) {
        let shape = file.shape(name).unwrap_or_default();
        let resized = rules.interpolates
            && tensor.name.ends_with("position_embeddings")
            && shape != tensor.shape;
        return match (resized, shape, &tensor.shape[..]) {
            (true, &[1, tokens, width], &[1, wanted, wanted_width]) if width == wanted_width => {
                let fault = || {
                    let message = format!(
                        "has shape {shape:?}, expected those of a square grid of patches and [CLS]"
                    );
                    Error::in_file(file.path(), format!("tensor {name}"), message)
                };
                let from = grid_side(tokens).ok_or_else(fault)?;
                let to = grid_side(wanted).ok_or_else(fault)?;
                let mut values = vec![0.0; tokens * width];
                file.read(name, shape, &mut values)?;
                place.copy_from_slice(&positions::interpolate(&values, from, to, width));
                Ok(())
            }
            _ => file.read(name, &tensor.shape, place),
        };
    }
    let mut values = vec![0.0; tensor.shape.iter().product()];
    file.read(name, &tensor.shape, &mut values)?;
    tensor.write(&mut params.values, &values);
    Ok(())
}

/// The side of a square grid of patches from its tokens, of which one is the class token's.
fn grid_side(tokens: usize) -> Option<usize> {
    let patches = tokens.checked_sub(1).filter(|&n| n > 0)?;
    let side = patches.isqrt();
    (side * side == patches).then_some(side)
}

/// Refuses an output layer that is not the word embeddings, as it is here.
fn check_tied(
    file: &TensorFile,
    name: &str,
    tensors: &[NamedTensor],
    params: &mut Params,
) -> Result<()> {
    let Some(words) = tensors.iter().find(|t| t.name.ends_with("wte.weight")) else {
        return Ok(());
    };
    let mut values = vec![0.0; words.shape.iter().product()];
    file.read(name, &words.shape, &mut values)?;
    match words.place(&mut params.values) {
        Some(place) if *place == values[..] => Ok(()),
        _ => Err(Error::in_file(
            file.path(),
            format!("tensor {name}"),
            "differs from the word embeddings, expected the same numbers: the output layer is tied to them",
        )),
    }
}

/// Refuses a file with tensors that the model has no place for.
fn refuse_unused(file: &TensorFile, coverage: &Coverage) -> Result<()> {
    match coverage.unused.first() {
        None => Ok(()),
        Some(name) => Err(Error::in_file(
            file.path(),
            format!("tensor {name}"),
            "the model that was expected here has no such parameter",
        )),
    }
}
