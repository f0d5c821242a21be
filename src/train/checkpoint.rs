//! What a training is between two steps, and how it is kept on disk.
//!
//! ```text
//! checkpoint/model.safetensors      the best weights so far (the latest before the first validation), by name: what captions are written with
//! checkpoint/optimizer.safetensors  the latest weights and both moments, flat: what training goes on from
//! checkpoint/state.json             how far it is
//! ```

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{Ending, Job, Optimizer, Trained, mix};
use crate::models::{LatentNoise, Objective, Variant, weights};
use crate::nn::Params;
use crate::{Error, Result};

/// How far a training is; `state.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps taken.
    pub step: usize,
    /// Wall seconds of the steps taken.
    pub seconds: f64,
    /// The last step, where a time limit shortened the schedule.
    pub horizon: Option<usize>,
    /// The step of the best validation value, and the value.
    pub best: Option<(usize, f64)>,
    /// In how many parts a device takes a batch, where its memory is too small for a whole one: other parts draw
    /// other dropout masks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<usize>,
}

/// A training between two steps.
pub struct State {
    /// How far it is.
    pub progress: Progress,
    /// The latest weights.
    pub params: Params,
    /// The optimizer's moments.
    pub optimizer: Optimizer,
    best: Params,
}

const STATE: &str = "state.json";
const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";

impl State {
    /// The newest checkpoint of the job's folder, or step 0.
    pub(super) fn start_or_resume(job: &Job) -> Result<Self> {
        let saved = job.folder.checkpoint();
        let params = match saved {
            // All of them are read in a moment.
            Some(_) => Params::zeros(job.model.layout().clone()),
            None => (job.init)()?,
        };
        let mut state = Self {
            progress: Progress {
                step: 0,
                seconds: 0.0,
                horizon: None,
                best: None,
                parts: None,
            },
            optimizer: Optimizer::new(&job.recipe.train, params.values.len()),
            best: params.clone(),
            params,
        };
        if let Some(folder) = saved {
            state
                .read(job, &folder)
                .map_err(|e| e.context(format!("cannot resume from {}", folder.display())))?;
        }
        Ok(state)
    }

    fn read(&mut self, job: &Job, folder: &Path) -> Result<()> {
        let path = folder.join(STATE);
        let text = std::fs::read_to_string(&path).map_err(|e| Error::reading(&path, e))?;
        self.progress = serde_json::from_str(&text)
            .map_err(|e| Error::in_file(&path, format!("line {}", e.line()), e))?;
        weights::load(job.model, &mut self.best, &folder.join(MODEL))?;
        let path = folder.join(OPTIMIZER);
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu)
            .map_err(|e| Error::reading(&path, e))?;
        for (name, target) in [
            ("weights", &mut self.params.values),
            ("m", &mut self.optimizer.moments.first),
            ("v", &mut self.optimizer.moments.second),
        ] {
            let values = tensors
                .get(name)
                .ok_or_else(|| Error::in_file(&path, name, "expected this tensor, found none"))?
                .to_vec1::<f32>()
                .map_err(|e| Error::in_file(&path, name, e))?;
            if values.len() != target.len() {
                let sizes = format!("expected {} values, found {}", target.len(), values.len());
                return Err(Error::in_file(&path, name, sizes));
            }
            target.copy_from_slice(&values);
        }
        self.optimizer.moments.step = self.progress.step as u64;
        Ok(())
    }

    /// Writes a whole checkpoint, replacing the one before.
    pub(super) fn save(&self, job: &Job) -> Result<()> {
        job.folder.save_checkpoint(|folder| {
            let best = match self.progress.best {
                Some(_) => &self.best,
                None => &self.params,
            };
            weights::save(job.model, best, &folder.join(MODEL))?;
            let path = folder.join(OPTIMIZER);
            let mut tensors = HashMap::new();
            for (name, values) in [
                ("weights", &self.params.values),
                ("m", &self.optimizer.moments.first),
                ("v", &self.optimizer.moments.second),
            ] {
                let tensor = Tensor::from_slice(values, values.len(), &Device::Cpu)
                    .map_err(|e| Error::writing(&path, e))?;
                tensors.insert(name, tensor);
            }
            candle_core::safetensors::save(&tensors, &path)
                .map_err(|e| Error::writing(&path, e))?;
            let path = folder.join(STATE);
            let text = serde_json::to_string_pretty(&self.progress)
                .map_err(|e| Error::writing(&path, e))?;
            std::fs::write(&path, text).map_err(|e| Error::writing(&path, e))?;
            (job.companions)(folder)
        })
    }

    /// Keeps the present weights as the best if the chosen validation value (`loss` where the variant
    /// lacks it) is the lowest so far.
    pub(super) fn keep_if_best(&mut self, select: &str, values: &BTreeMap<String, f64>) {
        let value = values.get(select).unwrap_or(&values["loss"]);
        if self.progress.best.is_none_or(|(_, best)| *value < best) {
            self.progress.best = Some((self.progress.step, *value));
            self.best.values.copy_from_slice(&self.params.values);
        }
    }

    pub(super) fn finish(self, ending: Ending) -> Trained {
        Trained {
            best: self.best,
            progress: self.progress,
            ending,
        }
    }
}

impl Job<'_> {
    /// What step `step` minimises: the recipe's weights for the parts that the variant has, and of the
    /// divergence's weight the part that is `annealed`.
    pub(super) fn objective(&self, step: usize, annealed: f64) -> Objective<'static> {
        let weights = &self.recipe.loss;
        let (alpha, beta, gamma) = match self.model.config().variant {
            Variant::DualEncoder => (0.0, 0.0, 1.0),
            Variant::EncoderDecoder => (1.0, 0.0, 0.0),
            Variant::Vae => (weights.alpha.into(), weights.beta.into(), 0.0),
            Variant::VaeCl => (
                weights.alpha.into(),
                weights.beta.into(),
                weights.gamma.into(),
            ),
        };
        let step = step as u64;
        Objective {
            alpha,
            beta: beta * annealed,
            gamma,
            free_bits: weights.free_bits,
            latent: LatentNoise::Sample {
                seed: mix(self.seed, 0x6e6f_6973, step),
            },
            dropout: (self.recipe.model.dropout > 0.0).then(|| mix(self.seed, 0x6472_6f70, step)),
            precision: self.recipe.train.precision,
        }
    }
}
