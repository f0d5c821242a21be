//! Losses and gradients on a device: the whole batch at once, or in parts where memory is short.

use crate::error::Result;
use crate::nn::Var;
use crate::nn::cuda::{DeviceGradients, DeviceParams, DevicePictures, DeviceTape};

use super::super::Model;
use super::super::batch::Batch;
use super::plan::{Half, Joint, Piece, Plan};
use super::{Losses, Objective};

/// How batches go through a device.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// What the CPU would cut a batch into: so the same noise falls on the same samples.
    pub shards: usize,
    /// How many parts it goes through in, so that the memory suffices.
    pub parts: usize,
}

impl Cut {
    /// All at once.
    pub fn whole(shards: usize) -> Self {
        Self { shards, parts: 1 }
    }
}

/// The losses of a batch, and their gradients in place of those on the device. Activations are in the parameters'
/// precision, whatever the objective's is.
///
/// `pictures`, where there are any, are the batch's, on the device already; otherwise the batch says how to read them.
///
/// The batch goes through in as many parts as `cut` says, which are doubled until the memory suffices. Losses of the whole batch
/// are exact: where one needs it, the parts but the last run forward twice, first for what it needs of them. Other
/// parts give other dropout masks and, in the last bits, other sums.
///
/// # Errors
/// [`crate::Error::Input`] if a caption does not fit the model; [`crate::Error::Failed`] if the device fails, or has
/// not the memory for a part of one pair.
pub fn loss_and_gradients_on_device(
    model: &Model,
    params: &DeviceParams,
    batch: &Batch,
    pictures: Option<&DevicePictures>,
    objective: &Objective,
    gradients: &mut DeviceGradients,
    cut: &mut Cut,
) -> Result<Losses> {
    let shards = cut.shards;
    as_memory_allows(params, batch, cut, |parts| {
        gradients.clear();
        let plan = Plan::new(model, batch, objective, shards)?.in_parts(parts);
        let step = Step {
            model,
            params,
            pictures,
            plan: &plan,
        };
        let joint = step.learn(gradients)?;
        if let (Some(sigma), Some(d_sigma)) = (model.sigma_slot(), joint.d_sigma()) {
            gradients.add(params.device(), sigma, &[d_sigma]);
        }
        params.device().check()?;
        Ok(joint.losses)
    })
}

/// The losses of a batch alone, as for validation.
///
/// # Errors
/// As [`loss_and_gradients_on_device`].
pub fn losses_on_device(
    model: &Model,
    params: &DeviceParams,
    batch: &Batch,
    objective: &Objective,
    cut: &mut Cut,
) -> Result<Losses> {
    let shards = cut.shards;
    as_memory_allows(params, batch, cut, |parts| {
        let plan = Plan::new(model, batch, objective, shards)?.in_parts(parts);
        let step = Step {
            model,
            params,
            pictures: None,
            plan: &plan,
        };
        let halves: Vec<Half> = (plan.pieces.iter())
            .map(|piece| step.forward(piece, DeviceTape::inference(params)).0)
            .collect();
        let joint = step.join(&halves);
        params.device().check()?;
        Ok(joint.losses)
    })
}

/// Does it in so many parts, or in as many more as the memory takes.
fn as_memory_allows<V>(
    params: &DeviceParams,
    batch: &Batch,
    Cut { parts, .. }: &mut Cut,
    mut work: impl FnMut(usize) -> Result<V>,
) -> Result<V> {
    let pairs = batch.len();
    params.device().ready()?;
    loop {
        match work(*parts) {
            Err(error) if params.device().ran_out_of_memory() => {
                if *parts >= pairs {
                    return Err(error.context(format!(
                        "a batch of {pairs} in parts of one picture, the smallest there are"
                    )));
                }
                *parts = (2 * *parts).min(pairs);
            }
            result => return result,
        }
    }
}

/// A batch's way over the device.
struct Step<'a> {
    model: &'a Model,
    params: &'a DeviceParams,
    pictures: Option<&'a DevicePictures>,
    plan: &'a Plan<'a>,
}

impl Step<'_> {
    /// Adds the gradients of all parts.
    fn learn(&self, gradients: &mut DeviceGradients) -> Result<Joint> {
        let (last, others) = self.plan.pieces.split_last().expect("a batch has pairs");
        let mut halves = Vec::with_capacity(others.len() + 1);
        for piece in others {
            let tape = match self.plan.needs_all() {
                true => DeviceTape::inference(self.params),
                false => DeviceTape::training(self.params, gradients),
            };
            let (half, tape) = self.forward(piece, tape);
            if tape.is_training() {
                tape.backward(&[])?;
            }
            halves.push(half);
        }
        let (half, tape) = self.forward(last, DeviceTape::training(self.params, gradients));
        halves.push(half);
        let joint = self.join(&halves);
        backward(tape, &joint, halves.last().expect("the last half"))?;
        if self.plan.needs_all() {
            for piece in others {
                let tape = DeviceTape::training(self.params, gradients);
                let (half, tape) = self.forward(piece, tape);
                backward(tape, &joint, &half)?;
            }
        }
        Ok(joint)
    }

    fn forward<'t>(&'t self, piece: &'t Piece, tape: DeviceTape<'t>) -> (Half, DeviceTape<'t>) {
        let (mut tape, mut read) = match self.pictures {
            Some(pictures) => (tape.with_pictures(pictures, &piece.samples), Vec::new()),
            None => (tape, vec![0.0; self.plan.pixels(piece)]),
        };
        let half = self.plan.forward(&mut tape, piece, &mut read);
        (half, tape)
    }

    fn join(&self, halves: &[Half]) -> Joint {
        let sigma = self.model.sigma_slot();
        let sigma = sigma.map_or(1.0, |slot| self.params.value(slot)[0]);
        self.plan.join(&halves.iter().collect::<Vec<_>>(), sigma)
    }
}

fn backward(tape: DeviceTape, joint: &Joint, half: &Half) -> Result<()> {
    let seeds = joint.seeds(half);
    let seeds: Vec<(Var, &[f32])> = seeds.iter().map(|(v, g)| (*v, &g[..])).collect();
    tape.backward(&seeds)
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests;
