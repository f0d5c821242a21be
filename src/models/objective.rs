//! The loss of a batch, L = α·LM + β·KL + γ·contrastive (paper, formula 5), and its gradients.

use crate::error::Result;
use crate::nn::contrastive::{Contrastive, contrastive};
use crate::nn::{Gradients, Noise, Params, Precision, Tape, Var, Workers};

use super::batch::Batch;
use super::free_bits::FreeBits;
use super::workspace::{Shard, Workspace, cut};
use super::{Forward, Model, Pass};

/// How a step weighs its losses, and what is random in it.
#[derive(Debug, Clone, Copy)]
pub struct Objective<'a> {
    /// Weight α of the language-model loss.
    pub alpha: f64,
    /// Weight β of the KL loss.
    pub beta: f64,
    /// Weight γ of the contrastive loss. The dual encoder has no other loss and weighs it with 1.
    pub gamma: f64,
    /// Divergence in nats that every latent dimension has for free; 0 charges all of it.
    pub free_bits: f64,
    /// What the bottleneck draws.
    pub latent: LatentNoise<'a>,
    /// The seed of this step's dropout masks; `None` switches dropout off.
    pub dropout: Option<u64>,
    /// What linear maps are multiplied in.
    pub precision: Precision,
}

/// The ε of z = μ + σ·ε for a whole batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LatentNoise<'a> {
    /// None: z is the mean.
    Mean,
    /// Standard normal; another seed draws other numbers, so give each step its own.
    Sample {
        /// The seed.
        seed: u64,
    },
    /// These numbers, (batch, latent tokens, latent size).
    Given(&'a [f32]),
}

/// The losses of a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Losses {
    /// The weighted sum, in which free bits are charged as if they were used.
    pub loss: f64,
    /// Language-model loss: the mean over caption tokens and end tokens, in nats.
    pub lm: Option<f64>,
    /// KL divergence as the configuration reduces it, in nats.
    pub kl: Option<f64>,
    /// Contrastive loss, both directions added.
    pub cl: Option<f64>,
    /// Caption tokens and end tokens in the batch.
    pub tokens: usize,
    /// KL divergence of each latent dimension: the mean over pictures and latent tokens, in nats.
    pub kl_per_dimension: Vec<f64>,
}

/// The losses of a batch; *adds* their gradients to those of the workspace.
///
/// The batch is cut into the workspace's shards, each of which runs forward and backward on one
/// thread; with a contrastive loss, which needs the embeddings of the whole batch, and with free
/// bits, which need its divergence, all shards run forward before any runs backward. Losses and gradients are the same to the last bit for any
/// number of workers.
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

/// A shard between its two passes.
struct Halfway<'a> {
    forward: Forward,
    embeddings: Option<[Vec<f32>; 2]>,
    posterior: Option<[Vec<f32>; 2]>,
    tape: Option<Tape<'a>>,
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
    batch.validate(model.config())?;
    let lengths: Vec<usize> = batch.captions.iter().map(|c| c.len()).collect();
    let tokens = lengths.iter().sum::<usize>() + lengths.len();
    let kl_element_weight = model.kl_element_weight(batch.len());
    let pieces = cut(&lengths, workspace.shards.len());
    let charges = objective.free_bits > 0.0 && model.config().vae.is_some();
    let kl_weight = (objective.beta * kl_element_weight) as f32;
    let weights = Pass {
        lm_weight: (objective.alpha / tokens as f64) as f32,
        // Free bits are charged below, when the divergence of the whole batch is known.
        kl_weight: if charges { 0.0 } else { kl_weight },
        noise: Noise::Mean,
        dropout: objective.dropout,
        first_sample: 0,
    };
    let firsts = pieces.iter().scan(0, |sum, piece| {
        let first = *sum;
        *sum += piece.len();
        Some(first)
    });
    let gradients = workspace.gradients.as_ref().filter(|_| training);
    let shards = workspace.shards.iter_mut().zip(&pieces).zip(firsts);
    let mut halves = workers.map(shards, |i, ((shard, samples), first_sample)| {
        let gradients = gradients.map(|gradients| (gradients, i));
        let pass = Pass {
            first_sample,
            ..weights
        };
        forward(
            model, params, batch, objective, pass, shard, samples, gradients,
        )
    });

    let contrast = gather(&halves, &pieces, batch.len()).map(|[image, text]| {
        let width = image.len() / batch.len();
        let sigma = model.sigma_slot().map_or(1.0, |slot| params.slice(slot)[0]);
        contrastive(&image, &text, batch.len(), width, sigma)
    });
    let gamma = match model.config().variant.generates() {
        true => objective.gamma,
        false => 1.0,
    };
    let mut losses = sum_up(model, &halves, tokens, batch.len());
    losses.cl = contrast.as_ref().map(|c| c.loss);
    let vectors = batch.len() * model.config().memory_tokens();
    let free =
        charges.then(|| FreeBits::new(objective.free_bits, &losses.kl_per_dimension, vectors));
    let charged = match &free {
        Some(free) => Some(free.sum * kl_element_weight),
        None => losses.kl,
    };
    losses.loss = match model.config().variant.generates() {
        true => {
            let part = |weight: f64, loss: Option<f64>| loss.map_or(0.0, |loss| weight * loss);
            part(objective.alpha, losses.lm)
                + part(objective.beta, charged)
                + part(gamma, losses.cl)
        }
        false => losses.cl.unwrap_or(0.0),
    };

    if training && (contrast.is_some() || free.is_some()) {
        let late = Late {
            contrast: contrast.as_ref().map(|c| (c, gamma as f32)),
            free: free.as_ref().map(|f| (f, kl_weight)),
        };
        let work = halves.iter_mut().zip(&pieces);
        workers.map(work, |_, (half, samples)| late.backward(half, samples));
        drop(halves);
        if let (Some(sigma), Some(contrast)) = (model.sigma_slot(), contrast) {
            workspace.gradients().slice_mut(sigma)[0] += gamma as f32 * contrast.d_sigma;
        }
    }
    Ok(losses)
}

/// Runs a shard forward; in training, with gradients and the shard's number, backward too if no other
/// shard is needed for that.
#[allow(clippy::too_many_arguments)]
fn forward<'a>(
    model: &'a Model,
    params: &'a Params,
    batch: &Batch,
    objective: &Objective,
    pass: Pass,
    shard: &'a mut Shard,
    samples: &[usize],
    gradients: Option<(&'a Gradients, usize)>,
) -> Halfway<'a> {
    let pixels = model.config().vit.pixels();
    let pictures = Shard::pictures_of(&mut shard.pictures, samples.len() * pixels);
    for (&sample, picture) in samples.iter().zip(pictures.chunks_exact_mut(pixels)) {
        (batch.pictures)(sample, picture);
    }
    let captions: Vec<&[u32]> = samples.iter().map(|&i| batch.captions[i]).collect();
    let latent_tokens = model.config().memory_tokens();
    let given = match objective.latent {
        LatentNoise::Given(values) => select(values, samples, values.len() / batch.len()),
        _ => Vec::new(),
    };
    let noise = match objective.latent {
        LatentNoise::Mean => Noise::Mean,
        LatentNoise::Given(_) => Noise::Given(&given),
        LatentNoise::Sample { seed } => Noise::Sample {
            seed,
            stream: 0,
            first_row: (pass.first_sample * latent_tokens) as u64,
        },
    };
    let tape = match gradients {
        Some((gradients, number)) => Tape::training(params, gradients, number, &mut shard.pool),
        None => Tape::inference(params, &mut shard.pool),
    };
    let mut tape = tape.with_precision(objective.precision);
    let pass = Pass { noise, ..pass };
    let forward = model.forward(&mut tape, pictures, &captions, batch.specials, pass);
    let values = |var: Var| tape.value(var).to_vec();
    let embeddings = forward
        .embeddings
        .map(|(image, text)| [values(image), values(text)]);
    let charged = forward.posterior.filter(|_| objective.free_bits > 0.0);
    let posterior = charged.map(|(mean, log_variance)| [values(mean), values(log_variance)]);
    let tape = match gradients.is_some() {
        true if embeddings.is_some() || posterior.is_some() => Some(tape),
        true => {
            tape.backward(&[]);
            None
        }
        false => None,
    };
    Halfway {
        forward,
        embeddings,
        posterior,
        tape,
    }
}

/// What is known of the loss only when all shards have run forward, each with its weight.
struct Late<'a> {
    contrast: Option<(&'a Contrastive, f32)>,
    free: Option<(&'a FreeBits, f32)>,
}

impl Late<'_> {
    /// Runs a shard backward from its part of these losses' gradients.
    fn backward(&self, half: &mut Halfway, samples: &[usize]) {
        let Some(tape) = half.tape.take() else {
            return;
        };
        let mut seeds: Vec<(Var, Vec<f32>)> = Vec::new();
        if let (Some((contrast, gamma)), Some((image, text))) =
            (self.contrast, half.forward.embeddings)
        {
            for (var, gradients) in [(image, &contrast.d_image), (text, &contrast.d_text)] {
                let mut seed = select(gradients, samples, var.cols);
                seed.iter_mut().for_each(|g| *g *= gamma);
                seeds.push((var, seed));
            }
        }
        if let (Some((free, weight)), Some((mean, log_variance)), Some([means, log_variances])) =
            (self.free, half.forward.posterior, &half.posterior)
        {
            let [d_mean, d_log_variance] = free.gradients(means, log_variances, weight);
            seeds.push((mean, d_mean));
            seeds.push((log_variance, d_log_variance));
        }
        let seeds: Vec<(Var, &[f32])> = seeds.iter().map(|(v, g)| (*v, g.as_slice())).collect();
        tape.backward(&seeds);
    }
}

/// Rows of `width` numbers by index.
fn select(values: &[f32], rows: &[usize], width: usize) -> Vec<f32> {
    let rows = rows.iter().map(|&row| &values[row * width..][..width]);
    rows.flatten().copied().collect()
}

/// Both sides' embeddings in the batch's order.
fn gather(halves: &[Halfway], pieces: &[Vec<usize>], batch: usize) -> Option<[Vec<f32>; 2]> {
    let mut gathered = [Vec::new(), Vec::new()];
    for (half, samples) in halves.iter().zip(pieces) {
        let embeddings = half.embeddings.as_ref()?;
        for (gathered, shard) in gathered.iter_mut().zip(embeddings) {
            let width = shard.len() / samples.len();
            gathered.resize(batch * width, 0.0);
            for (&sample, row) in samples.iter().zip(shard.chunks_exact(width)) {
                gathered[sample * width..][..width].copy_from_slice(row);
            }
        }
    }
    Some(gathered)
}

/// The shards' language-model and KL losses, summed in their order.
fn sum_up(model: &Model, halves: &[Halfway], tokens: usize, batch: usize) -> Losses {
    let mut losses = Losses {
        tokens,
        ..Losses::default()
    };
    for Halfway { forward, .. } in halves {
        if let Some(lm) = &forward.lm {
            *losses.lm.get_or_insert(0.0) += lm.sum();
        }
        if let Some(kl) = &forward.kl {
            *losses.kl.get_or_insert(0.0) += kl.sum;
            losses.kl_per_dimension.resize(kl.per_dimension.len(), 0.0);
            for (sum, part) in losses.kl_per_dimension.iter_mut().zip(&kl.per_dimension) {
                *sum += part;
            }
        }
    }
    losses.lm = losses.lm.map(|sum| sum / tokens as f64);
    losses.kl = losses.kl.map(|sum| sum * model.kl_element_weight(batch));
    let vectors = (batch * model.config().memory_tokens()) as f64;
    losses
        .kl_per_dimension
        .iter_mut()
        .for_each(|kl| *kl /= vectors);
    losses
}
