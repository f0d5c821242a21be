//! Steps on a device, where weights, gradients and moments stay.

use super::super::{Job, State};
use super::Engine;
use crate::Result;
use crate::models::{
    Batch, LEAST_SIGMA, Losses, Objective, loss_and_gradients_on_device, losses_on_device,
};
use crate::nn::cuda::{Device, DeviceGradients, DeviceMoments, DeviceParams};

pub(super) struct OnDevice<'a> {
    job: &'a Job<'a>,
    device: &'a Device,
    params: DeviceParams,
    gradients: DeviceGradients,
    moments: DeviceMoments,
    /// How many parts a batch goes through in, so that the memory suffices.
    parts: usize,
    notice: &'a dyn Fn(&str),
}

impl<'a> OnDevice<'a> {
    /// Copies a state to the device.
    pub fn new(
        job: &'a Job<'a>,
        device: &'a Device,
        state: &State,
        notice: &'a dyn Fn(&str),
    ) -> Result<Self> {
        let started = Self {
            job,
            device,
            params: DeviceParams::new(device, &state.params, job.recipe.train.precision),
            gradients: DeviceGradients::zeros(device, job.model.layout()),
            moments: DeviceMoments::of(device, &state.optimizer.moments),
            parts: 1,
            notice,
        };
        device.check()?;
        Ok(started)
    }

    /// Says so if a batch now goes through in more parts than before.
    fn tell(&self, parts_before: usize, batch: &Batch) {
        if self.parts > parts_before {
            (self.notice)(&format!(
                "the memory of {} does not hold {} pictures at a time: batches go through in {} parts",
                self.device.name(),
                batch.len(),
                self.parts
            ));
        }
    }
}

impl Engine for OnDevice<'_> {
    fn learn(&mut self, _: &State, batch: &Batch, objective: &Objective) -> Result<Losses> {
        let (model, shards, before) = (self.job.model, self.job.recipe.train.shards, self.parts);
        let (params, gradients, parts) = (&self.params, &mut self.gradients, &mut self.parts);
        let losses = loss_and_gradients_on_device(
            model, params, batch, objective, shards, gradients, parts,
        )?;
        self.tell(before, batch);
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
        let (model, before) = (self.job.model, self.parts);
        let losses = losses_on_device(model, &self.params, batch, objective, &mut self.parts)?;
        self.tell(before, batch);
        Ok(losses)
    }

    fn settle(&mut self, state: &mut State) -> Result<()> {
        self.params.download(&mut state.params);
        self.moments
            .download(self.device, &mut state.optimizer.moments);
        self.device.check()
    }
}
