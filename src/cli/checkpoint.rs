//! A trained model on disk, as `bench eval` and `bench caption` open it.
//!
//! A checkpoint folder holds everything a captioner needs: `model.safetensors`
//! with the model's configuration in its metadata, `tokenizer.json`,
//! `captioner.json` (how its captions are written), and for a dual encoder
//! `bank.jsonl`, the captions it retrieves from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::pretrained::{HubArgs, captioner};
use super::run::specials;
use crate::decode::{self, Hypothesis, Method, Request, TextBank};
use crate::models::{Inference, Model, Specials, weights};
use crate::nn::{Compute, Params, Precision, Workers};
use crate::text::Tokenizer;
use crate::{Error, Result};

/// The tokenizer's file.
pub const TOKENIZER: &str = "tokenizer.json";
/// The retrieval captions' file.
const BANK: &str = "bank.jsonl";
/// The captioning settings' file.
const SETTINGS: &str = "captioner.json";

/// How a checkpoint's captions are written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The most tokens that a caption may have, unless the model has fewer positions.
    pub max_tokens: usize,
    /// How its tokens are chosen.
    #[serde(default)]
    pub decode: Method,
    /// The seed that a bottleneck's latents are sampled with; the posterior's mean where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latent_seed: Option<u64>,
}

impl Default for Settings {
    /// For checkpoints that were trained elsewhere.
    fn default() -> Self {
        Self {
            max_tokens: 64,
            decode: Method::Greedy,
            latent_seed: None,
        }
    }
}

/// A trained model, ready to caption.
pub struct Checkpoint {
    /// The model.
    pub model: Model,
    /// Its weights.
    pub params: Params,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// How its captions are written.
    pub settings: Settings,
    /// What computes.
    compute: Compute,
    bank: Option<TextBank>,
}

/// A caption and its tokens.
pub struct Caption {
    /// The words.
    pub text: String,
    /// Their ids, without specials.
    pub tokens: Vec<u32>,
    /// What a decoder gave it, see [`Hypothesis::score`]; retrieval gives none.
    pub score: Option<f64>,
}

impl Checkpoint {
    /// Opens `model`: a checkpoint, a cell that holds one, or a Hugging Face encoder-decoder, which may be an id.
    /// `compute` is what will caption.
    ///
    /// # Errors
    /// [`Error::Input`] that names what is missing or broken, and those of a download.
    pub fn open(model: &Path, hub: HubArgs, compute: Compute, workers: &Workers) -> Result<Self> {
        let folder = locate(model, hub)?;
        let (model, params, coverage) = weights::open(&folder)?;
        for note in coverage.notes() {
            eprintln!("note: {}: {note}", folder.display());
        }
        let generates = model.config().variant.generates();
        let tokenizer = match (folder.join(TOKENIZER).is_file(), generates) {
            (true, _) if !folder.join("config.json").is_file() => {
                Tokenizer::load(&folder.join(TOKENIZER))?
            }
            (_, true) => Tokenizer::gpt2_from(&folder)?,
            (_, false) => Tokenizer::bert_from(&folder)?,
        };
        let bank = match generates {
            true => None,
            false => Some(TextBank::build(
                &mut Inference::on(&compute, &model, &params, workers),
                &read_bank(&folder)?,
                &|text| tokenizer.encode(text),
                specials(&tokenizer),
            )?),
        };
        Ok(Self {
            model,
            params,
            tokenizer,
            compute,
            bank,
            settings: Settings::read(&folder)?,
        })
    }

    /// The special tokens.
    pub fn specials(&self) -> Specials {
        specials(&self.tokenizer)
    }

    /// What looks into the model, in f32.
    pub fn inference<'c>(&'c self, workers: &'c Workers) -> Inference<'c> {
        Inference::on(&self.compute, &self.model, &self.params, workers)
    }

    /// Captions `count` pictures, as its settings say, in f32: of each all hypotheses, at least one, best first.
    /// See [`decode::generate`] for `pictures` and `on_done`.
    ///
    /// # Errors
    /// Those of the forward pass.
    pub fn caption(
        &self,
        count: usize,
        pictures: &(dyn Fn(usize, &mut [f32]) + Sync),
        workers: &Workers,
        on_done: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Vec<Caption>>> {
        if let Some(bank) = &self.bank {
            let embeddings = self.inference(workers).image_embeddings(count, pictures)?;
            on_done(count);
            let caption = |text: &str| Caption {
                text: text.into(),
                tokens: self.tokenizer.encode(text),
                score: None,
            };
            let nearest = bank.nearest(&embeddings, workers).into_iter();
            return Ok(nearest.map(|text| vec![caption(text)]).collect());
        }
        let request = Request {
            model: &self.model,
            params: &self.params,
            specials: self.specials(),
            count,
            pictures,
            latent_seed: self.settings.latent_seed,
            max_tokens: self.settings.max_tokens,
        };
        let (method, precision) = (&self.settings.decode, Precision::F32);
        let captions =
            decode::generate_on(&self.compute, precision, &request, method, workers, on_done)?;
        let caption = |hypothesis: Hypothesis| Caption {
            text: self.tokenizer.decode(&hypothesis.words),
            tokens: hypothesis.words,
            score: Some(hypothesis.score),
        };
        let all = |hypotheses: Vec<Hypothesis>| hypotheses.into_iter().map(caption).collect();
        Ok(captions.into_iter().map(all).collect())
    }
}

impl Settings {
    /// Writes the settings into a checkpoint folder.
    ///
    /// # Errors
    /// [`Error::Failed`] if the file cannot be written.
    pub fn write(self, folder: &Path) -> Result<()> {
        let path = folder.join(SETTINGS);
        let text = serde_json::to_string(&self).map_err(|e| Error::writing(&path, e))?;
        std::fs::write(&path, text).map_err(|e| Error::writing(&path, e))
    }

    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(SETTINGS);
        if !path.is_file() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(&path).map_err(|e| Error::reading(&path, e))?;
        serde_json::from_str(&text)
            .map_err(|e| Error::in_file(&path, format!("line {}", e.line()), e))
    }
}

/// Writes the captions that a dual encoder retrieves from, one JSON string a line.
///
/// # Errors
/// [`Error::Failed`] if the file cannot be written.
pub fn write_bank(folder: &Path, captions: &[String]) -> Result<()> {
    let path = folder.join(BANK);
    let mut text = String::new();
    for caption in captions {
        text.push_str(&serde_json::Value::from(caption.as_str()).to_string());
        text.push('\n');
    }
    std::fs::write(&path, text).map_err(|e| Error::writing(&path, e))
}

fn read_bank(folder: &Path) -> Result<Vec<String>> {
    let path = folder.join(BANK);
    let text = std::fs::read_to_string(&path).map_err(|e| Error::reading(&path, e))?;
    let parse = |(index, line): (usize, &str)| {
        serde_json::from_str(line)
            .map_err(|e| Error::in_file(&path, format!("line {}", index + 1), e))
    };
    text.lines().enumerate().map(parse).collect()
}

/// The folder itself, the checkpoint of the cell that it is, or the snapshot of a model's id.
fn locate(model: &Path, hub: HubArgs) -> Result<PathBuf> {
    if !model.is_dir() {
        return captioner(model, hub).map_err(|error| error.context("--model"));
    }
    let inner = model.join("checkpoint");
    Ok(match inner.is_dir() {
        true => inner,
        false => model.to_path_buf(),
    })
}
