//! Losses and gradients on the CPU: a shard a piece, each on one thread.

use crate::error::Result;
use crate::nn::{Gradients, Params, Tape, Var, Workers};

use super::super::Model;
use super::super::batch::Batch;
use super::super::workspace::{Shard, Workspace};
use super::plan::{Half, Piece, Plan};
use super::{Losses, Objective};

/// The losses of a batch; *adds* their gradients to those of the workspace.
///
/// The batch is cut into the workspace's shards, each of which runs forward and backward on one
/// thread; with a contrastive loss, which needs the embeddings of the whole batch, and with free
/// bits, which need its divergence, all shards run forward before any runs backward. Losses and
/// gradients are the same to the last bit for any number of workers.
///
/// # Errors
/// [`crate::Error::Input`] if a caption does not fit the model.
pub fn loss_and_gradients(
    model: &Model,
    params: &Params,
    batch: &Batch,
    objective: &Objective,
    workers: &Workers,
    workspace: &mut Workspace,
) -> Result<Losses> {
    workspace.gradients().begin();
    run(model, params, batch, objective, workers, workspace, true)
}

/// The losses of a batch alone, as for validation; gradients stay as they are.
///
/// # Errors
/// [`crate::Error::Input`] if a caption does not fit the model.
pub fn losses_only(
    model: &Model,
    params: &Params,
    batch: &Batch,
    objective: &Objective,
    workers: &Workers,
    workspace: &mut Workspace,
) -> Result<Losses> {
    run(model, params, batch, objective, workers, workspace, false)
}

fn run(
    model: &Model,
    params: &Params,
    batch: &Batch,
    objective: &Objective,
    workers: &Workers,
    workspace: &mut Workspace,
    training: bool,
) -> Result<Losses> {
    let plan = Plan::new(model, batch, objective, workspace.shards.len())?;
    let gradients = workspace.gradients.as_ref().filter(|_| training);
    let shards = workspace.shards.iter_mut().zip(&plan.pieces);
    let mut halves = workers.map(shards, |i, (shard, piece)| {
        let gradients = gradients.map(|gradients| (gradients, i));
        forward(&plan, params, objective, shard, piece, gradients)
    });
    let sigma = model.sigma_slot().map_or(1.0, |slot| params.slice(slot)[0]);
    let joint = plan.join(
        &halves.iter().map(|(half, _)| half).collect::<Vec<_>>(),
        sigma,
    );
    workers.map(halves.iter_mut(), |_, (half, tape)| {
        if let Some(tape) = tape.take() {
            let seeds = joint.seeds(half);
            let seeds: Vec<(Var, &[f32])> = seeds.iter().map(|(v, g)| (*v, &g[..])).collect();
            tape.backward(&seeds);
        }
    });
    drop(halves);
    if let (true, Some(sigma), Some(d_sigma)) = (training, model.sigma_slot(), joint.d_sigma()) {
        workspace.gradients().slice_mut(sigma)[0] += d_sigma;
    }
    Ok(joint.losses)
}

/// Runs a shard forward; in training, with gradients and the shard's number, backward too if no other
/// shard is needed for that. Otherwise its tape waits.
fn forward<'a>(
    plan: &Plan,
    params: &'a Params,
    objective: &Objective,
    shard: &'a mut Shard,
    piece: &Piece,
    gradients: Option<(&'a Gradients, usize)>,
) -> (Half, Option<Tape<'a>>) {
    let pictures = Shard::pictures_of(&mut shard.pictures, plan.pixels(piece));
    let tape = match gradients {
        Some((gradients, number)) => Tape::training(params, gradients, number, &mut shard.pool),
        None => Tape::inference(params, &mut shard.pool),
    };
    let mut tape = tape.with_precision(objective.precision);
    let half = plan.forward(&mut tape, piece, pictures);
    if gradients.is_none() {
        return (half, None);
    }
    if plan.needs_all() {
        return (half, Some(tape));
    }
    tape.backward(&[]);
    (half, None)
}
