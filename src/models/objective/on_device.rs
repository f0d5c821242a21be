//! Losses and gradients on a device: the whole batch at once.

use crate::error::Result;
use crate::nn::Var;
use crate::nn::cuda::{DeviceGradients, DeviceParams, DeviceTape};

use super::super::Model;
use super::super::batch::Batch;
use super::plan::{Half, Joint, Plan};
use super::{Losses, Objective};

/// The losses of a batch; *adds* their gradients to those on the device. Activations are in the parameters'
/// precision, whatever the objective's is. `shards` is the number that the CPU would cut the batch into: the same
/// noise falls on the same samples.
///
/// # Errors
/// [`crate::Error::Input`] if a caption does not fit the model; [`crate::Error::Failed`] if the device fails.
pub fn loss_and_gradients_on_device(
    model: &Model,
    params: &DeviceParams,
    batch: &Batch,
    objective: &Objective,
    shards: usize,
    gradients: &mut DeviceGradients,
) -> Result<Losses> {
    let plan = Plan::new(model, batch, objective, shards)?.in_one();
    let tape = DeviceTape::training(params, gradients);
    let (joint, tape, half) = forward(model, params, &plan, tape);
    let seeds = joint.seeds(&half);
    let seeds: Vec<(Var, &[f32])> = seeds.iter().map(|(v, g)| (*v, &g[..])).collect();
    tape.backward(&seeds)?;
    if let (Some(sigma), Some(d_sigma)) = (model.sigma_slot(), joint.d_sigma()) {
        gradients.add(params.device(), sigma, &[d_sigma]);
    }
    params.device().check()?;
    Ok(joint.losses)
}

/// How many of a batch's first pairs a step has memory for: the batch is halved until a step succeeds, whose
/// gradients are of no use. 0 if none does.
pub fn pairs_that_fit(
    model: &Model,
    params: &DeviceParams,
    batch: &Batch,
    objective: &Objective,
    gradients: &mut DeviceGradients,
) -> usize {
    let mut pairs = batch.len() / 2;
    while pairs > 0 {
        let some = batch.first(pairs);
        if loss_and_gradients_on_device(model, params, &some, objective, 1, gradients).is_ok() {
            break;
        }
        pairs /= 2;
    }
    pairs
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
) -> Result<Losses> {
    let plan = Plan::new(model, batch, objective, 1)?;
    let (joint, ..) = forward(model, params, &plan, DeviceTape::inference(params));
    params.device().check()?;
    Ok(joint.losses)
}

fn forward<'a>(
    model: &Model,
    params: &DeviceParams,
    plan: &Plan,
    mut tape: DeviceTape<'a>,
) -> (Joint, DeviceTape<'a>, Half) {
    let piece = &plan.pieces[0];
    let mut pictures = vec![0.0; plan.pixels(piece)];
    let half = plan.forward(&mut tape, piece, &mut pictures);
    let sigma = model.sigma_slot().map_or(1.0, |slot| params.value(slot)[0]);
    (plan.join(&[&half], sigma), tape, half)
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests;
