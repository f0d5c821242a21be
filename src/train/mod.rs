//! Training: the loop in one screen, and what it is made of.
//!
//! Every random choice of a step (which pairs, which noise, which dropout) is a
//! function of the seed and the step's number, the batch is cut into shards by
//! the recipe and not by the machine, and gradients are added in shard order.
//! So a training on the CPU is bit-identical for any number of threads, and one
//! that was killed and resumed ends with the same bits as one that was not.

mod checkpoint;
mod control;
mod data;
mod engine;
mod optimizer;
mod order;
mod sampler;
mod schedule;
#[cfg(test)]
mod tests;
mod validate;

use std::thread::Scope;
use std::time::Instant;

pub use checkpoint::{Progress, State};
pub use control::{Control, Ending};
pub use data::{SplitData, TokenizedCaptions};
pub use optimizer::Optimizer;
use order::Order;
pub use sampler::{Pair, Stream, epoch, mix, steps_per_epoch};
pub use schedule::Schedule;
use validate::validate;

use crate::models::{Batch, Losses, Model};
use crate::nn::{Compute, Params, Workers};
use crate::recipe::Recipe;
use crate::results::cell::CellDir;
use crate::results::schema::LogRecord;
use crate::{Error, Result};

/// What a training works with.
pub struct Job<'a> {
    /// The cell's recipe.
    pub recipe: &'a Recipe,
    /// The cell's seed.
    pub seed: u64,
    /// Makes the weights that training starts from.
    pub init: &'a dyn Fn() -> Result<Params>,
    /// The model.
    pub model: &'a Model,
    /// The training pictures and captions.
    pub train: &'a SplitData<'a>,
    /// The validation pictures and captions.
    pub validation: &'a SplitData<'a>,
    /// The threads.
    pub workers: &'a Workers,
    /// What computes the steps.
    pub compute: &'a Compute,
    /// Where log and checkpoints go.
    pub folder: &'a CellDir,
    /// Writes what a captioner needs beside the weights (tokenizer, retrieval bank) into a checkpoint folder.
    pub companions: &'a dyn Fn(&std::path::Path) -> Result<()>,
}

/// What a training leaves.
pub struct Trained {
    /// The weights of the best validation value.
    pub best: Params,
    /// How it went.
    pub progress: Progress,
    /// How it ended.
    pub ending: Ending,
}

/// Trains a cell from its start, or from its newest checkpoint if there is one.
///
/// # Errors
/// [`Error::Failed`] if the loss or a gradient is no longer finite (the last checkpoint stays) or a file cannot be
/// written; [`Error::Interrupted`] after Ctrl-C, with a checkpoint of the last step.
pub fn train(job: &Job, control: &Control) -> Result<Trained> {
    std::thread::scope(|scope| take_steps(job, control, scope))
}

fn take_steps<'scope, 'a: 'scope>(
    job: &'a Job<'a>,
    control: &'a Control,
    scope: &'scope Scope<'scope, 'a>,
) -> Result<Trained> {
    let recipe = &job.recipe.train;
    let mut state = State::start_or_resume(job)?;
    let mut log = job.folder.log_writer(state.progress.step)?;
    let mut engine = engine::start(job, &state, control.notice, scope)?;
    let mut order = Order::new(job);
    let per_epoch = order.steps_per_epoch();
    let mut clock = control.start(state.progress.step, recipe.epochs * per_epoch);

    while state.progress.step < clock.horizon(&mut state.progress) {
        let (step, started) = (state.progress.step, Instant::now());
        let pairs = order.pairs(step);
        let goes_on = step + 1 < clock.horizon(&mut state.progress);
        engine.begin(goes_on.then(|| order.pairs(step + 1)));

        let schedule = job.schedule(per_epoch, &state.progress, recipe.epochs);
        let annealed = schedule.annealed(job.recipe.loss.kl_annealing, step);
        let objective = job.objective(step, annealed);
        let learn = |batch: &Batch| engine.learn(&state, batch, &objective);
        let losses = job.train.with_batch(job.model, &pairs, learn)?;
        let norm = engine.gradient_norm()?;
        if !losses.loss.is_finite() || !optimizer::holds(norm) {
            return Err(job.diverged(step, &losses, norm));
        }
        let rate = schedule.at(step);
        engine.update(&mut state, rate, norm)?;
        state.progress.step += 1;
        state.progress.seconds += started.elapsed().as_secs_f64();

        let mut record = job.record(
            &losses,
            &state.progress,
            per_epoch,
            rate,
            pairs.len(),
            started,
        );
        let last = state.progress.step == clock.horizon(&mut state.progress);
        if state.progress.step.is_multiple_of(per_epoch) || last {
            let values = validate(job, &state, engine.as_mut())?;
            engine.settle(&mut state)?;
            state.keep_if_best(&recipe.select, &values);
            record.validation = Some(values);
        }
        log.append(&record)?;
        control.tick(&record);
        if clock.checkpoint_due() || last {
            engine.settle(&mut state)?;
            log.sync()?;
            state.save(job)?;
        }
        match clock.stop(&state.progress) {
            None => {}
            Some(Ending::Interrupted) => {
                engine.settle(&mut state)?;
                log.sync()?;
                state.save(job)?;
                let done = format!("interrupted at step {step}; everything is saved");
                return Err(Error::Interrupted(done));
            }
            Some(_) if last => {}
            Some(ending) => {
                let values = validate(job, &state, engine.as_mut())?;
                engine.settle(&mut state)?;
                state.keep_if_best(&recipe.select, &values);
                log.sync()?;
                state.save(job)?;
                return Ok(state.finish(ending));
            }
        }
    }
    let ending = match state.progress.horizon {
        Some(_) => Ending::OutOfTime,
        None => Ending::Complete,
    };
    Ok(state.finish(ending))
}

impl Job<'_> {
    fn schedule(&self, steps_per_epoch: usize, progress: &Progress, epochs: usize) -> Schedule {
        let recipe = &self.recipe.train;
        Schedule {
            max: recipe.learning_rate,
            min: recipe.min_learning_rate,
            warmup_steps: recipe.warmup_steps,
            moves: recipe.schedule,
            steps_per_epoch,
            total_steps: progress.horizon.unwrap_or(epochs * steps_per_epoch),
        }
    }

    fn record(
        &self,
        losses: &Losses,
        progress: &Progress,
        per_epoch: usize,
        rate: f64,
        pictures: usize,
        started: Instant,
    ) -> LogRecord {
        LogRecord {
            step: progress.step,
            epoch: progress.step as f64 / per_epoch as f64,
            loss: Some(losses.loss),
            lm: losses.lm,
            kl: losses.kl,
            cl: losses.cl,
            lr: Some(rate),
            images_per_s: Some(pictures as f64 / started.elapsed().as_secs_f64()),
            validation: None,
        }
    }

    fn diverged(&self, step: usize, losses: &Losses, norm: f64) -> Error {
        let what = match losses.loss.is_finite() {
            true => "gradient",
            false => "loss",
        };
        Error::failed(format!(
            "{}: the {what} is no longer finite at step {} (lm {:?}, kl {:?}, cl {:?}, norm of the gradient \
             {norm}); the last checkpoint is as it was; try a lower train.learning_rate or train.clip = 1.0",
            self.folder.name(),
            step + 1,
            losses.lm,
            losses.kl,
            losses.cl
        ))
    }
}
