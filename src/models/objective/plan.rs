//! What a batch's losses are made of, wherever they are computed: pieces of the batch that run forward one by
//! one, and losses that need all of them.

use crate::error::Result;
use crate::nn::contrastive::{Contrastive, contrastive};
use crate::nn::{Graph, Noise, Var};

use super::super::batch::Batch;
use super::super::free_bits::FreeBits;
use super::super::workspace::cut;
use super::super::{Forward, Model, Pass};
use super::{LatentNoise, Losses, Objective};

/// How a batch is cut, and what its losses weigh.
pub(super) struct Plan<'a> {
    model: &'a Model,
    batch: &'a Batch<'a>,
    objective: &'a Objective<'a>,
    /// The samples of each piece.
    pub pieces: Vec<Piece>,
    /// Caption tokens and end tokens in the batch.
    tokens: usize,
    /// The weight of one element's divergence in the reduced loss, and in the total.
    kl_element_weight: f64,
    kl_weight: f32,
    /// Whether divergence is charged when that of the whole batch is known.
    charges: bool,
}

/// Some samples of a batch.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub samples: Vec<usize>,
    /// Samples in the pieces before this one.
    first: usize,
}

/// A piece after its forward pass: what the losses need of it.
pub(super) struct Half {
    samples: Vec<usize>,
    forward: Forward,
    embeddings: Option<[Vec<f32>; 2]>,
    posterior: Option<[Vec<f32>; 2]>,
}

/// The losses of all pieces.
pub(super) struct Joint {
    pub losses: Losses,
    contrast: Option<(Contrastive, f32)>,
    free: Option<(FreeBits, f32)>,
}

impl<'a> Plan<'a> {
    /// A plan for so many pieces.
    ///
    /// # Errors
    /// [`crate::Error::Input`] if a caption does not fit the model.
    pub fn new(
        model: &'a Model,
        batch: &'a Batch<'a>,
        objective: &'a Objective<'a>,
        pieces: usize,
    ) -> Result<Self> {
        batch.validate(model.config())?;
        let lengths: Vec<usize> = batch.captions.iter().map(|c| c.len()).collect();
        let kl_element_weight = model.kl_element_weight(batch.len());
        let pieces = cut(&lengths, pieces).into_iter().scan(0, |sum, samples| {
            let first = *sum;
            *sum += samples.len();
            Some(Piece { samples, first })
        });
        Ok(Self {
            model,
            batch,
            objective,
            pieces: pieces.collect(),
            tokens: lengths.iter().sum::<usize>() + lengths.len(),
            kl_element_weight,
            kl_weight: (objective.beta * kl_element_weight) as f32,
            charges: objective.free_bits > 0.0 && model.config().vae.is_some(),
        })
    }

    /// The same in so many parts, or in one for each sample if those are fewer; their samples come in the order of the pieces: so each draws the noise that
    /// it draws in pieces.
    #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
    pub fn in_parts(mut self, parts: usize) -> Self {
        let samples = self.pieces.drain(..).flat_map(|piece| piece.samples);
        let samples: Vec<usize> = samples.collect();
        let (len, parts) = (samples.len(), parts.min(samples.len()));
        let parts = (0..parts).map(|i| {
            let [first, end] = [i, i + 1].map(|i| i * len / parts);
            let samples = samples[first..end].to_vec();
            Piece { samples, first }
        });
        self.pieces = parts.collect();
        self
    }

    /// Whether a loss of a piece needs the other pieces, so that none can go backward before all went forward.
    pub fn needs_all(&self) -> bool {
        self.charges || self.model.config().variant.is_contrastive()
    }

    /// Numbers of a piece's pictures.
    pub fn pixels(&self, piece: &Piece) -> usize {
        piece.samples.len() * self.model.config().vit.pixels()
    }

    /// Runs a piece forward; `pictures` is room for its pictures, or none if the graph has them.
    pub fn forward(&self, graph: &mut dyn Graph, piece: &Piece, pictures: &mut [f32]) -> Half {
        let (batch, objective) = (self.batch, self.objective);
        let samples = &piece.samples;
        let pixels = self.model.config().vit.pixels();
        for (&sample, picture) in samples.iter().zip(pictures.chunks_exact_mut(pixels)) {
            (batch.pictures)(sample, picture);
        }
        let captions: Vec<&[u32]> = samples.iter().map(|&i| batch.captions[i]).collect();
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
                first_row: (piece.first * self.model.config().memory_tokens()) as u64,
            },
        };
        let pass = Pass {
            lm_weight: (objective.alpha / self.tokens as f64) as f32,
            // Free bits are charged when the divergence of the whole batch is known.
            kl_weight: if self.charges { 0.0 } else { self.kl_weight },
            noise,
            dropout: objective.dropout,
            first_sample: piece.first,
        };
        let forward = (self.model).forward(graph, pictures, &captions, batch.specials, pass);
        let values = |pair: (Var, Var)| [pair.0, pair.1].map(|var| graph.value(var));
        let posterior = forward.posterior.filter(|_| self.charges);
        Half {
            samples: samples.clone(),
            embeddings: forward.embeddings.map(values),
            posterior: posterior.map(values),
            forward,
        }
    }

    /// The losses of all pieces; `sigma` is the temperature.
    pub fn join(&self, halves: &[&Half], sigma: f32) -> Joint {
        let size = self.batch.len();
        let contrast = gather(halves, size).map(|[image, text]| {
            let width = image.len() / size;
            contrastive(&image, &text, size, width, sigma)
        });
        let generates = self.model.config().variant.generates();
        let gamma = if generates { self.objective.gamma } else { 1.0 };
        let mut losses = self.sum_up(halves);
        losses.cl = contrast.as_ref().map(|c| c.loss);
        let vectors = size * self.model.config().memory_tokens();
        let floor = self.objective.free_bits;
        let free = (self.charges).then(|| FreeBits::new(floor, &losses.kl_per_dimension, vectors));
        let charged = match &free {
            Some(free) => Some(free.sum * self.kl_element_weight),
            None => losses.kl,
        };
        losses.loss = if generates {
            let part = |weight: f64, loss: Option<f64>| loss.map_or(0.0, |loss| weight * loss);
            part(self.objective.alpha, losses.lm)
                + part(self.objective.beta, charged)
                + part(gamma, losses.cl)
        } else {
            losses.cl.unwrap_or(0.0)
        };
        Joint {
            losses,
            contrast: contrast.map(|contrast| (contrast, gamma as f32)),
            free: free.map(|free| (free, self.kl_weight)),
        }
    }

    /// The pieces' language-model and KL losses, summed in their order.
    fn sum_up(&self, halves: &[&Half]) -> Losses {
        let mut losses = Losses {
            tokens: self.tokens,
            ..Losses::default()
        };
        for Half { forward, .. } in halves {
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
        losses.lm = losses.lm.map(|sum| sum / self.tokens as f64);
        losses.kl = losses.kl.map(|sum| sum * self.kl_element_weight);
        let vectors = (self.batch.len() * self.model.config().memory_tokens()) as f64;
        losses
            .kl_per_dimension
            .iter_mut()
            .for_each(|kl| *kl /= vectors);
        losses
    }
}

impl Joint {
    /// The gradients that losses of the whole batch send into a piece.
    pub fn seeds(&self, half: &Half) -> Vec<(Var, Vec<f32>)> {
        let mut seeds = Vec::new();
        if let (Some((contrast, gamma)), Some((image, text))) =
            (&self.contrast, half.forward.embeddings)
        {
            for (var, gradients) in [(image, &contrast.d_image), (text, &contrast.d_text)] {
                let mut seed = select(gradients, &half.samples, var.cols);
                seed.iter_mut().for_each(|g| *g *= gamma);
                seeds.push((var, seed));
            }
        }
        if let (Some((free, weight)), Some((mean, log_variance)), Some([means, log_variances])) =
            (&self.free, half.forward.posterior, &half.posterior)
        {
            let [d_mean, d_log_variance] = free.gradients(means, log_variances, *weight);
            seeds.push((mean, d_mean));
            seeds.push((log_variance, d_log_variance));
        }
        seeds
    }

    /// The gradient of the temperature, if there is one.
    pub fn d_sigma(&self) -> Option<f32> {
        let contrast = self.contrast.as_ref();
        contrast.map(|(contrast, gamma)| gamma * contrast.d_sigma)
    }
}

/// Rows of `width` numbers by index.
fn select(values: &[f32], rows: &[usize], width: usize) -> Vec<f32> {
    let rows = rows.iter().map(|&row| &values[row * width..][..width]);
    rows.flatten().copied().collect()
}

/// Both sides' embeddings in the batch's order.
fn gather(halves: &[&Half], batch: usize) -> Option<[Vec<f32>; 2]> {
    let mut gathered = [Vec::new(), Vec::new()];
    for half in halves {
        let embeddings = half.embeddings.as_ref()?;
        for (gathered, piece) in gathered.iter_mut().zip(embeddings) {
            let width = piece.len() / half.samples.len();
            gathered.resize(batch * width, 0.0);
            for (&sample, row) in half.samples.iter().zip(piece.chunks_exact(width)) {
                gathered[sample * width..][..width].copy_from_slice(row);
            }
        }
    }
    Some(gathered)
}
