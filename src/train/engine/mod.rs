//! What computes a training's steps: the CPU, or a device.

mod cpu;
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
mod device;

use std::thread::Scope;

use super::{Job, Pair, State};
use crate::Result;
use crate::models::{Batch, Losses, Objective};
use crate::nn::Compute;

/// The steps of one training.
///
/// A training's state is what it is between two steps; an engine may keep the newest weights and moments
/// elsewhere, and [`Self::settle`] brings them back.
pub(super) trait Engine {
    /// A step begins; the pairs of the next one, if there is one, may be read ahead.
    fn begin(&mut self, next: Option<Vec<Pair>>);

    /// The losses of this step's batch, whose gradients the next [`Self::update`] goes by.
    fn learn(&mut self, state: &State, batch: &Batch, objective: &Objective) -> Result<Losses>;

    /// The norm of the gradients that [`Self::learn`] left.
    fn gradient_norm(&mut self) -> Result<f64>;

    /// One update of the weights at this learning rate, by gradients of this norm.
    fn update(&mut self, state: &mut State, rate: f64, norm: f64) -> Result<()>;

    /// The losses of a batch alone, as for validation.
    fn losses(&mut self, state: &State, batch: &Batch, objective: &Objective) -> Result<Losses>;

    /// Brings the state's weights and moments up to date.
    fn settle(&mut self, state: &mut State) -> Result<()>;
}

/// What computes a job's steps, which goes on from `state`; `notice` is told what a person should know, and threads of
/// `scope` may work beside it.
pub(super) fn start<'scope, 'a: 'scope>(
    job: &'a Job<'a>,
    state: &State,
    notice: &'a dyn Fn(&str),
    scope: &'scope Scope<'scope, 'a>,
) -> Result<Box<dyn Engine + 'scope>> {
    match (job.compute, state, notice, scope) {
        (Compute::Cpu, ..) => Ok(Box::new(cpu::Cpu::new(job))),
        #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
        (Compute::Device(device), state, notice, scope) => {
            let engine = device::OnDevice::new(job, device, state, notice, scope)?;
            Ok(Box::new(engine))
        }
    }
}
