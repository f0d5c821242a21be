//! Steps on a device, where weights, gradients and moments stay.

mod ahead;

use std::thread::Scope;

use self::ahead::Ahead;
use super::super::{Job, Pair, State};
use super::Engine;
use crate::Result;
use crate::models::{
    Batch, Cut, LEAST_SIGMA, Losses, Objective, loss_and_gradients_on_device, losses_on_device,
};
use crate::nn::cuda::{Device, DeviceGradients, DeviceMoments, DeviceParams};

pub(super) struct OnDevice<'scope, 'a> {
    job: &'a Job<'a>,
    device: &'a Device,
    ahead: Ahead<'scope, 'a>,
    params: DeviceParams,
    gradients: DeviceGradients,
    moments: DeviceMoments,
    /// How batches of training and of validation are cut.
    training: Cut,
    validation: Cut,
    notice: &'a dyn Fn(&str),
}

impl<'scope, 'a> OnDevice<'scope, 'a> {
    /// Copies a state to the device. Threads of `scope` read pictures.
    pub fn new(
        job: &'a Job<'a>,
        device: &'a Device,
        state: &State,
        notice: &'a dyn Fn(&str),
        scope: &'scope Scope<'scope, 'a>,
    ) -> Result<Self> {
        let size = job.model.config().vit.pixels();
        let started = Self {
            job,
            device,
            ahead: Ahead::new(scope, device, job.train, job.recipe.train.batch, size)?,
            params: DeviceParams::new(device, &state.params, job.recipe.train.precision),
            gradients: DeviceGradients::zeros(device, job.model.layout()),
            moments: DeviceMoments::of(device, &state.optimizer.moments),
            training: Cut {
                shards: job.recipe.train.shards,
                parts: state.progress.parts.unwrap_or(1),
            },
            validation: Cut::whole(1),
            notice,
        };
        device.check()?;
        Ok(started)
    }

    /// Says so if a batch now goes through in more parts than before.
    fn tell(&self, before: Cut, cut: Cut, batch: &Batch) {
        if cut.parts > before.parts {
            (self.notice)(&format!(
                "the memory of {} does not hold {} pictures at a time: batches go through in {} parts",
                self.device.name(),
                batch.len(),
                cut.parts
            ));
        }
    }
}

impl Engine for OnDevice<'_, '_> {
    fn begin(&mut self, next: Option<Vec<Pair>>) {
        self.ahead.turn(next);
    }

    fn learn(&mut self, _: &State, batch: &Batch, objective: &Objective) -> Result<Losses> {
        let (model, before) = (self.job.model, self.training);
        let losses = loss_and_gradients_on_device(
            model,
            &self.params,
            batch,
            self.ahead.present(),
            objective,
            &mut self.gradients,
            &mut self.training,
        )?;
        self.tell(before, self.training, batch);
        Ok(losses)
    }

    fn gradient_norm(&mut self) -> Result<f64> {
        let norm = self.gradients.norm(self.device);
        self.device.check()?;
        Ok(norm)
    }

    fn update(&mut self, state: &mut State, rate: f64, norm: f64) -> Result<()> {
        let scale = state.optimizer.clip_scale(norm);
        let settings = state.optimizer.settings(rate);
        (self.params).update(&mut self.gradients, &mut self.moments, &settings, scale);
        if let Some(sigma) = self.job.model.sigma_slot() {
            self.params.keep_at_least(sigma, LEAST_SIGMA);
        }
        Ok(())
    }

    fn losses(&mut self, _: &State, batch: &Batch, objective: &Objective) -> Result<Losses> {
        let (model, before) = (self.job.model, self.validation);
        let losses = losses_on_device(model, &self.params, batch, objective, &mut self.validation)?;
        self.tell(before, self.validation, batch);
        Ok(losses)
    }

    fn settle(&mut self, state: &mut State) -> Result<()> {
        let parts = self.training.parts;
        state.progress.parts = (parts > 1).then_some(parts);
        self.params.download(&mut state.params);
        self.moments
            .download(self.device, &mut state.optimizer.moments);
        self.device.check()
    }
}
