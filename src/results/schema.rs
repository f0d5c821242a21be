//! The documents of a run folder: `run.json`, `result.json`, `captions.jsonl`, `log.jsonl`.
//!
//! ```text
//! runs/NAME/
//!   run.json  recipe.toml
//!   cells/CELL/{log.jsonl,checkpoint/,captions.jsonl,captions.coco.json,stats.parquet,result.json}
//!   report/
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::describe::Description;

/// The version of these documents.
pub const SCHEMA: u32 = 1;

/// One score with what it takes to believe it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The reference implementation's own number, on its own scale.
    pub value: f64,
    /// The same as papers print it (×100 for a 0…1 scale).
    pub points: f64,
    /// The 95 % bootstrap interval over captions, in points; absent where there is a single caption.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ci95: Option<[f64; 2]>,
    /// Implementation, tokenization, references, version.
    pub signature: String,
}

/// Scores by metric key (`hf.bleu`, …).
pub type Scores = BTreeMap<String, Score>;

/// What `bench score --json` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreDocument {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The number of captions.
    pub n: usize,
    /// Scores by metric key.
    pub metrics: Scores,
    /// What the captions are like by themselves, if asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<Description>,
}

/// The stamp of a run, `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStamp {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The run's name: its folder's.
    pub name: String,
    /// SHA-256 of the resolved recipe, hexadecimal.
    pub recipe_hash: String,
    /// This crate's version.
    pub version: String,
    /// The data specification as given, such as `scenes` or `coco:DIR`.
    pub data: String,
    /// SHA-256 over the data set's captions and picture identities.
    pub data_fingerprint: String,
    /// Pictures for training, validation and test.
    pub pictures: [usize; 3],
    /// Cell folder names in the order of the table's rows.
    pub cells: Vec<String>,
    /// When the run was started, seconds since 1970.
    pub started_unix: u64,
    /// Notes for the report's reader (how a split was made, leakage found, …).
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What kind of row a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// A trained model.
    Model,
    /// A floor that any model must beat: no picture was looked at.
    Floor,
}

/// The outcome of one cell, `result.json`. Its presence means that the cell is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The cell's folder name.
    pub cell: String,
    /// Model or floor.
    pub kind: CellKind,
    /// `dual-encoder`, `encoder-decoder`, `vae`, `vae-cl`, `floor-frequent` or `floor-random`.
    pub variant: String,
    /// The row's label in tables, such as `Baseline+VAE+CL (patch, 128)`.
    pub label: String,
    /// `cls` or `patch`, for variants with a bottleneck.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latent: Option<String>,
    /// Latent dimensions, for variants with a bottleneck.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latent_size: Option<usize>,
    /// The seed.
    pub seed: u64,
    /// The resolved recipe values of this cell by dotted key (`train.epochs` …).
    pub recipe: BTreeMap<String, serde_json::Value>,
    /// The number of test captions scored.
    pub n: usize,
    /// The main scores.
    pub metrics: Scores,
    /// Share (0…1) of shapes, colours and relations that captions get right; only on scenes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attribute_accuracy: Option<AttributeAccuracy>,
    /// Rows that stand beside the main one and are never mixed into it: `teacher-forced`, `retrieval-oracle`.
    #[serde(default)]
    pub diagnostics: BTreeMap<String, Diagnostic>,
    /// Single numbers from inside the model by name: `kl_per_dimension`, `active_units`, `lm_loss`, …
    #[serde(default)]
    pub probes: BTreeMap<String, f64>,
    /// What each latent dimension carries, of a bottleneck, in the order of its dimensions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latent_units: Vec<LatentUnit>,
    /// Sentences the reader must see beside the numbers, such as that a bottleneck collapsed.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The validation value, smaller is better, by which the checkpoint was chosen (`train.select`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation: Option<f64>,
    /// What it cost.
    pub cost: Cost,
}

/// Attribute accuracy on scenes, each 0…1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AttributeAccuracy {
    /// Over all attributes.
    pub all: f64,
    /// 95 % bootstrap interval of `all` over captions.
    pub ci95: [f64; 2],
    /// Over shapes.
    pub shapes: f64,
    /// Over colours.
    pub colours: f64,
    /// Over relations.
    pub relations: f64,
}

/// One latent dimension over the test pictures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatentUnit {
    /// The mean KL divergence of its posterior from the prior, over pictures and latent vectors, in nats.
    pub kl: f64,
    /// The variance over pictures of its posterior's mean, averaged over latent vectors; over 0.01 it is active.
    pub variance: f64,
}

/// A labelled score that is not the main one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// What it is and why it is apart.
    pub label: String,
    /// Its scores.
    pub metrics: Scores,
}

/// What a cell cost.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Wall seconds of training.
    pub train_seconds: f64,
    /// Wall seconds of captioning the test pictures.
    pub caption_seconds: f64,
    /// Trainable parameters.
    pub parameters: usize,
    /// Optimizer steps.
    pub steps: usize,
    /// Pictures trained on a second.
    pub images_per_s: f64,
}

/// One line of `captions.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaptionRecord {
    /// The picture, as its data set names it.
    pub image_id: u64,
    /// The caption written.
    pub caption: String,
    /// What people (or the grammar) wrote.
    pub references: Vec<String>,
    /// Diagnostic captions by name (`teacher-forced`, `retrieval-oracle`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub diagnostics: BTreeMap<String, String>,
}

/// One line of `log.jsonl`: a training step, or the validation at the end of an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogRecord {
    /// The step, counted from 1.
    pub step: usize,
    /// The epoch, with its fraction.
    pub epoch: f64,
    /// The weighted training loss.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub loss: Option<f64>,
    /// Language-model loss: the mean over caption tokens and the end token, in nats.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lm: Option<f64>,
    /// KL divergence under the recipe's reduction.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kl: Option<f64>,
    /// Contrastive loss.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cl: Option<f64>,
    /// Learning rate of the step.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lr: Option<f64>,
    /// Pictures a second.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub images_per_s: Option<f64>,
    /// Validation values by name (`lm`, `cl`, `loss`, …), on the last step of an epoch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation: Option<BTreeMap<String, f64>>,
}
