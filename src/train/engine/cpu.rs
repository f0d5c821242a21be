//! Steps on the CPU: the state is always up to date.

use super::super::{Job, Pair, State};
use super::Engine;
use crate::Result;
use crate::models::{Batch, Losses, Objective, Workspace, loss_and_gradients, losses_only};
use crate::nn::adamw;

pub(super) struct Cpu<'a> {
    job: &'a Job<'a>,
    workspace: Workspace,
}

impl<'a> Cpu<'a> {
    pub fn new(job: &'a Job<'a>) -> Self {
        Self {
            job,
            workspace: Workspace::new(job.model, job.recipe.train.shards),
        }
    }
}

impl Engine for Cpu<'_> {
    /// All threads compute, and read what they need where they need it.
    fn begin(&mut self, _: Option<Vec<Pair>>) {}

    fn learn(&mut self, state: &State, batch: &Batch, objective: &Objective) -> Result<Losses> {
        let (job, workspace) = (self.job, &mut self.workspace);
        loss_and_gradients(
            job.model,
            &state.params,
            batch,
            objective,
            job.workers,
            workspace,
        )
    }

    fn gradient_norm(&mut self) -> Result<f64> {
        let gradients = self.workspace.gradients();
        Ok(adamw::gradient_norm(gradients, self.job.workers))
    }

    fn update(&mut self, state: &mut State, rate: f64, norm: f64) -> Result<()> {
        let (params, workspace) = (&mut state.params, &mut self.workspace);
        state
            .optimizer
            .update(params, workspace, rate, norm, self.job.workers);
        self.job.model.bound_sigma(params);
        Ok(())
    }

    fn losses(&mut self, state: &State, batch: &Batch, objective: &Objective) -> Result<Losses> {
        let (job, workspace) = (self.job, &mut self.workspace);
        losses_only(
            job.model,
            &state.params,
            batch,
            objective,
            job.workers,
            workspace,
        )
    }

    fn settle(&mut self, _state: &mut State) -> Result<()> {
        Ok(())
    }
}
