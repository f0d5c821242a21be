//! Steps on a device, where weights, gradients and moments stay.

use super::super::{Job, State};
use super::Engine;
use crate::models::{
    Batch, LEAST_SIGMA, Losses, Objective, loss_and_gradients_on_device, losses_on_device,
    pairs_that_fit,
};
use crate::nn::cuda::{Device, DeviceGradients, DeviceMoments, DeviceParams};
use crate::{Error, Result};

pub(super) struct OnDevice<'a> {
    job: &'a Job<'a>,
    device: &'a Device,
    params: DeviceParams,
    gradients: DeviceGradients,
    moments: DeviceMoments,
}

impl<'a> OnDevice<'a> {
    /// Copies a state to the device.
    pub fn new(job: &'a Job<'a>, device: &'a Device, state: &State) -> Result<Self> {
        let started = Self {
            job,
            device,
            params: DeviceParams::new(device, &state.params, job.recipe.train.precision),
            gradients: DeviceGradients::zeros(device, job.model.layout()),
            moments: DeviceMoments::of(device, &state.optimizer.moments),
        };
        device.check()?;
        Ok(started)
    }

    /// The error, and if it was for want of memory, how many pictures of the batch would have fitted.
    fn of_batch(&mut self, batch: &Batch, objective: &Objective, error: Error) -> Error {
        if !self.device.ran_out_of_memory() {
            return error;
        }
        let (model, params) = (self.job.model, &self.params);
        let asked = batch.len();
        error.context(
            match pairs_that_fit(model, params, batch, objective, &mut self.gradients) {
                0 => format!("a batch of {asked} (train.batch), and of 1 as well"),
                fit => format!("a batch of {asked} (train.batch); {fit} fit"),
            },
        )
    }
}

impl Engine for OnDevice<'_> {
    fn learn(&mut self, _: &State, batch: &Batch, objective: &Objective) -> Result<Losses> {
        let (model, shards) = (self.job.model, self.job.recipe.train.shards);
        let (params, gradients) = (&self.params, &mut self.gradients);
        loss_and_gradients_on_device(model, params, batch, objective, shards, gradients)
            .map_err(|error| self.of_batch(batch, objective, error))
    }

    fn update(&mut self, state: &mut State, rate: f64) -> Result<()> {
        let scale = (state.optimizer).clip_scale(|| self.gradients.norm(self.device));
        let settings = state.optimizer.settings(rate);
        (self.params).update(&mut self.gradients, &mut self.moments, &settings, scale);
        if let Some(sigma) = self.job.model.sigma_slot() {
            self.params.keep_at_least(sigma, LEAST_SIGMA);
        }
        Ok(())
    }

    fn losses(&mut self, _: &State, batch: &Batch, objective: &Objective) -> Result<Losses> {
        losses_on_device(self.job.model, &self.params, batch, objective)
    }

    fn settle(&mut self, state: &mut State) -> Result<()> {
        self.params.download(&mut state.params);
        self.moments
            .download(self.device, &mut state.optimizer.moments);
        self.device.check()
    }
}
