//! One cell: train, caption, score, probe, and keep all of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::progress::Progress;
use super::super::{checkpoint, interrupt, pictures};
use super::prepare::{Prepared, Texts};
use super::{architecture, model_config, probes, scoring};
use crate::Result;
use crate::decode::{self, Method, Request, TextBank};
use crate::models::{Inference, Model, weights};
use crate::nn::{Compute, Params, Workers};
use crate::recipe::{Bank, Cell, Recipe, References, TestLatent, flatten};
use crate::results::cell::CellDir;
use crate::results::schema::{CellKind, CellResult, Cost, Diagnostic, SCHEMA};
use crate::train::{self, Control, Ending, Job, SplitData, Trained};

/// Of a cell's share of `--max-minutes`, the part for training; captioning and probes take the rest.
pub const TRAINING_SHARE: f64 = 0.85;

/// What the reader must know of a teacher-forced cell.
const FORCED: &str = "decode.strategy = \"teacher-forced\": each word is predicted from the true words of the \
                      picture's first caption before it. These scores are not those of captions.";

/// Trains the cell (or goes on with it), captions the test pictures and writes the cell's documents.
///
/// # Errors
/// See [`super::run`].
pub fn run(
    cell: &Cell,
    prepared: &Prepared,
    folder: &CellDir,
    limit: Option<Duration>,
    workers: &Workers,
    compute: &Compute,
) -> Result<()> {
    let texts = prepared.texts(cell.variant);
    let config = model_config(&cell.recipe, cell.variant, texts.tokenizer.vocab_size())?;
    let model = Model::new(config)?;
    let splits: Vec<SplitData> = prepared
        .images
        .iter()
        .zip(&texts.splits)
        .map(|(images, captions)| SplitData::new(images, captions, texts.specials()))
        .collect();
    let scene = Scene {
        cell,
        prepared,
        texts,
        model: &model,
        test: &splits[2],
        workers,
        compute,
    };
    let trained = scene.train(&splits[0], &splits[1], folder, limit);
    pictures::refuse_lost(&prepared.images)?;
    let trained = trained?;
    let captioning = Instant::now();
    let mut inference = scene.inference(&trained.best);
    let captions = scene.captions(&trained.best, &mut inference)?;
    let caption_seconds = captioning.elapsed().as_secs_f64();
    let diagnostics = scene.diagnostics(&trained.best, &mut inference, &captions)?;
    let scored = scoring::score(prepared, &cell.recipe, &captions)?;
    let mut found = probes::measure(
        &mut inference,
        [&splits[1], &splits[2]],
        cell,
        &trained,
        compute,
    )?;
    pictures::refuse_lost(&prepared.images)?;
    let warnings = &mut found.warnings;
    warnings.extend(endings(&trained, cell, splits[0].caption_counts()));
    let forced = cell.variant.generates() && scene.method().is_none();
    if forced {
        warnings.push(FORCED.into());
    }

    let texts_of = |d: &Diagnostics| {
        let pair =
            |(name, (_, captions)): (&String, &(_, Vec<String>))| (name.clone(), captions.clone());
        d.iter().map(pair).collect::<BTreeMap<_, _>>()
    };
    let records = scoring::records(prepared, &cell.recipe, &captions, &texts_of(&diagnostics));
    folder.write_captions(&records)?;
    folder.write_stats(&scored.stats)?;
    let (steps, seconds) = (trained.progress.step, trained.progress.seconds);
    folder.write_result(&CellResult {
        schema: SCHEMA,
        cell: cell.name.clone(),
        kind: CellKind::Model,
        variant: cell.variant.to_string(),
        label: match forced {
            true => format!("{}, teacher-forced", cell.label),
            false => cell.label.clone(),
        },
        latent: model
            .config()
            .vae
            .as_ref()
            .map(|vae| vae.latent.as_str().to_string()),
        latent_size: model.config().vae.as_ref().map(|vae| vae.size),
        seed: cell.seed,
        recipe: flatten(&cell.recipe),
        n: captions.len(),
        metrics: scored.metrics,
        attribute_accuracy: scored.attributes,
        diagnostics: diagnostics
            .into_iter()
            .map(|(name, (diagnostic, _))| (name, diagnostic))
            .collect(),
        probes: found.probes,
        latent_units: found.units,
        warnings: found.warnings,
        validation: trained.progress.best.map(|(_, value)| value),
        cost: Cost {
            train_seconds: seconds,
            caption_seconds,
            parameters: model.parameters(),
            steps,
            images_per_s: (steps * cell.recipe.train.batch) as f64 / seconds.max(1e-9),
        },
    })
}

/// Rows beside the main one by name, with their captions.
type Diagnostics = BTreeMap<String, (Diagnostic, Vec<String>)>;

/// What the parts of a cell's work have in common.
struct Scene<'a> {
    cell: &'a Cell,
    prepared: &'a Prepared,
    texts: &'a Texts,
    model: &'a Model,
    test: &'a SplitData<'a>,
    workers: &'a Workers,
    compute: &'a Compute,
}

impl Scene<'_> {
    fn train(
        &self,
        train: &SplitData,
        validation: &SplitData,
        folder: &CellDir,
        limit: Option<Duration>,
    ) -> Result<Trained> {
        let bar = Progress::new(format!("training {}", self.cell.label), 0);
        let companions = |folder: &Path| self.companions(folder);
        let init = || architecture::initial_weights(&self.cell.recipe, self.model, self.cell.seed);
        let job = Job {
            recipe: &self.cell.recipe,
            seed: self.cell.seed,
            init: &init,
            model: self.model,
            train,
            validation,
            workers: self.workers,
            compute: self.compute,
            folder,
            companions: &companions,
        };
        let control = Control {
            limit,
            interrupted: interrupt::flag(),
            steps: &|done, total| {
                bar.set_total(total);
                bar.start_at(done);
            },
            on_step: &|record| {
                let loss = record.loss.unwrap_or(f64::NAN);
                let speed = record.images_per_s.unwrap_or(0.0);
                bar.advance(1, &format!("loss {loss:.3} {speed:.0} img/s"));
            },
            notice: &|text| bar.say(text),
        };
        let trained = train::train(&job, &control)?;
        bar.finish();
        Ok(trained)
    }

    /// What a checkpoint needs beside its weights to caption pictures on its own.
    fn companions(&self, folder: &Path) -> Result<()> {
        self.texts
            .tokenizer
            .save(&folder.join(checkpoint::TOKENIZER))?;
        checkpoint::Settings {
            max_tokens: self.cell.recipe.decode.max_tokens,
            // Teacher forcing needs the true words, which a picture alone does not have.
            decode: self.method().unwrap_or_default(),
            latent_seed: self.latent_seed(),
        }
        .write(folder)?;
        // Where transformers has such a model, it opens the folder too.
        self.texts.tokenizer.save_config(folder)?;
        weights::save_configs(self.model.config(), self.texts.specials(), folder)?;
        if self.cell.variant.generates() {
            return Ok(());
        }
        checkpoint::write_bank(folder, &self.bank(Bank::Train))
    }

    fn bank(&self, bank: Bank) -> Vec<String> {
        let split = match bank {
            Bank::Train => &self.prepared.dataset.train,
            Bank::Test => &self.prepared.dataset.test,
        };
        let captions = split.iter().flat_map(|example| &example.captions);
        captions.map(|caption| caption.text.clone()).collect()
    }

    /// What looks into weights.
    fn inference<'p>(&'p self, params: &'p Params) -> Inference<'p> {
        Inference::on(self.compute, self.model, params, self.workers)
    }

    fn captions(&self, params: &Params, inference: &mut Inference) -> Result<Vec<String>> {
        match self.cell.variant.generates() {
            true => match self.method() {
                Some(method) => self.generate(params, &method, self.latent_seed()),
                None => self.teacher_forced(inference),
            },
            false => self.retrieve(inference, self.cell.recipe.contrastive.bank),
        }
    }

    /// How captions are written; `None` for teacher forcing.
    fn method(&self) -> Option<Method> {
        Method::of(&self.cell.recipe.decode, self.cell.seed)
    }

    fn latent_seed(&self) -> Option<u64> {
        match self.cell.recipe.latent.test {
            TestLatent::Mean => None,
            TestLatent::Sample => Some(self.cell.seed),
        }
    }

    fn generate(
        &self,
        params: &Params,
        method: &Method,
        latent_seed: Option<u64>,
    ) -> Result<Vec<String>> {
        let bar = Progress::new(format!("captioning {}", self.cell.label), self.test.len());
        let request = Request {
            model: self.model,
            params,
            specials: self.test.specials(),
            count: self.test.len(),
            pictures: &|i, out| self.test.images().normalized(i, out),
            latent_seed,
            max_tokens: self.cell.recipe.decode.max_tokens,
        };
        let captions = decode::generate_on(
            self.compute,
            self.cell.recipe.train.precision,
            &request,
            method,
            self.workers,
            &|done| bar.advance(done, ""),
        )?;
        bar.finish();
        let best = captions.iter().map(|hypotheses| &hypotheses[0].words);
        Ok(best
            .map(|words| self.texts.tokenizer.decode(words))
            .collect())
    }

    /// Each word of every picture's first caption, predicted from the true words before it.
    fn teacher_forced(&self, inference: &mut Inference) -> Result<Vec<String>> {
        let forced = decode::teacher_forced(inference, self.test, &self.test.first_captions())?;
        let decode = |row: &decode::Forced| self.texts.tokenizer.decode(&row.words);
        Ok(forced.iter().map(decode).collect())
    }

    fn retrieve(&self, inference: &mut Inference, bank: Bank) -> Result<Vec<String>> {
        let bank = TextBank::build(
            inference,
            &self.bank(bank),
            &|text| self.texts.tokenizer.encode(text),
            self.test.specials(),
        )?;
        let images = self.test.images();
        let pictures =
            inference.image_embeddings(self.test.len(), &|i, out| images.normalized(i, out))?;
        let nearest = bank.nearest(&pictures, self.workers);
        Ok(nearest.into_iter().map(str::to_string).collect())
    }

    /// Rows that stand beside the main one, with their captions.
    fn diagnostics(
        &self,
        params: &Params,
        inference: &mut Inference,
        captions: &[String],
    ) -> Result<Diagnostics> {
        let mut rows = Diagnostics::new();
        if self.cell.variant.generates() {
            let label = "each word predicted from the true words before it, against that one reference; an upper \
                         diagnostic, no caption";
            let mut single = self.cell.recipe.clone();
            single.score.references = References::Single;
            let row = self.diagnostic(label, self.teacher_forced(inference)?, &single)?;
            rows.insert("teacher-forced".into(), row);
        } else {
            let (name, bank, label) = match self.cell.recipe.contrastive.bank {
                Bank::Train => (
                    "retrieval-oracle",
                    Bank::Test,
                    "retrieved from the test captions, the gold ones among them: an oracle",
                ),
                Bank::Test => (
                    "retrieval-train",
                    Bank::Train,
                    "retrieved from the training captions; the main row is an oracle",
                ),
            };
            let row = self.diagnostic(label, self.retrieve(inference, bank)?, &self.cell.recipe)?;
            rows.insert(name.into(), row);
        }
        if let (true, Some(method)) = (self.cell.variant.has_bottleneck(), self.method()) {
            let others = (1..=captions.len()).map(|i| captions[i % captions.len()].clone());
            let label = "each picture has the caption of the next one's z: what is lost is what z tells of its picture";
            let row = self.diagnostic(label, others.collect(), &self.cell.recipe)?;
            rows.insert("z-swapped".into(), row);
            let prior = self.model.prior_weights(params)?;
            let written = self.generate(&prior, &method, Some(self.cell.seed))?;
            let label = "z drawn from the prior: what the decoder writes of no picture at all";
            let row = self.diagnostic(label, written, &self.cell.recipe)?;
            rows.insert("z-prior".into(), row);
        }
        Ok(rows)
    }

    fn diagnostic(
        &self,
        label: &str,
        captions: Vec<String>,
        scored_as: &Recipe,
    ) -> Result<(Diagnostic, Vec<String>)> {
        let metrics = scoring::score(self.prepared, scored_as, &captions)?.metrics;
        let label = label.to_owned();
        Ok((Diagnostic { label, metrics }, captions))
    }
}

/// What the reader must know of how training ended.
fn endings(trained: &Trained, cell: &Cell, counts: &[usize]) -> Option<String> {
    let recipe = &cell.recipe.train;
    let planned = recipe.epochs * train::steps_per_epoch(counts, recipe.captions, recipe.batch);
    (trained.ending == Ending::OutOfTime).then(|| {
        format!(
            "--max-minutes ended the training after {} of {planned} steps.",
            trained.progress.step
        )
    })
}
