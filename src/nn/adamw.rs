//! Adam and AdamW over flat memory.
//!
//! Kingma and Ba 2015, algorithm 1, and Loshchilov and Hutter 2019, algorithm 2, as
//! `torch.optim.Adam` and `AdamW` compute them: weight decay applies to every parameter.

use super::buffer::Buffer;
use super::kernels::adamw::{self as kernels, Factors};
use super::kernels::elementwise;
use super::workers::Workers;

/// The optimizer's settings for one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// The learning rate of this step.
    pub lr: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Weight decay.
    pub weight_decay: f32,
    /// Whether the decay acts on the weights (AdamW) or is added to the gradient (Adam).
    pub decoupled: bool,
}

impl Default for AdamW {
    /// PyTorch's defaults for AdamW.
    fn default() -> Self {
        Self {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.01,
            decoupled: true,
        }
    }
}

/// The optimizer's memory, as long as the parameters.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Decaying mean of the gradients.
    pub first: Buffer,
    /// Decaying mean of their squares.
    pub second: Buffer,
    /// Updates made so far.
    pub step: u64,
}

impl Moments {
    /// Zeros, before the first update of `len` parameters.
    pub fn new(len: usize) -> Self {
        Self {
            first: Buffer::zeros(len),
            second: Buffer::zeros(len),
            step: 0,
        }
    }
}

/// Adds up the shards' gradients, in their order, scales them by `clip_scale`, and updates
/// parameters and moments, all in one pass. Leaves the gradients at zero, for the next step.
pub fn update(
    params: &mut [f32],
    shard_gradients: &mut [&mut [f32]],
    moments: &mut Moments,
    settings: &AdamW,
    clip_scale: f32,
    workers: &Workers,
) {
    let len = params.len();
    assert!(
        !shard_gradients.is_empty(),
        "gradients of at least one shard"
    );
    assert!(
        shard_gradients.iter().all(|g| g.len() == len),
        "a gradient for every parameter"
    );
    assert!(
        moments.first.len() == len && moments.second.len() == len,
        "two moments for every parameter"
    );
    moments.step += 1;
    let factors = settings.factors(moments.step, clip_scale);

    // One stretch of whole blocks a thread. No value depends on another's, so the cut does
    // not change the result.
    let stretch = len.div_ceil(workers.threads()).next_multiple_of(BLOCK);
    let mut stretches: Vec<Stretch> = params
        .chunks_mut(stretch)
        .zip(moments.first.chunks_mut(stretch))
        .zip(moments.second.chunks_mut(stretch))
        .map(|((p, m), v)| Stretch {
            p,
            m,
            v,
            shards: Vec::with_capacity(shard_gradients.len()),
        })
        .collect();
    for gradients in shard_gradients {
        for (stretch, gradients) in stretches.iter_mut().zip(gradients.chunks_mut(stretch)) {
            stretch.shards.push(gradients);
        }
    }
    workers.map(stretches, |_, stretch| stretch.update(&factors));
}

/// The Euclidean norm of the sum of the shards' gradients, for clipping.
pub fn gradient_norm(shard_gradients: &[&[f32]], workers: &Workers) -> f64 {
    let len = shard_gradients.first().map_or(0, |g| g.len());
    assert!(
        shard_gradients.iter().all(|g| g.len() == len),
        "shards of one length"
    );
    // Sums of blocks, added up in the blocks' order: the same for any number of threads.
    let squares = workers.map((0..len).step_by(64 * BLOCK), |_, first| {
        let mut sums = [0.0; BLOCK];
        let mut square = 0.0;
        for start in (first..len.min(first + 64 * BLOCK)).step_by(BLOCK) {
            let sums = &mut sums[..BLOCK.min(len - start)];
            sums.fill(0.0);
            for gradients in shard_gradients {
                elementwise::add(sums, &gradients[start..][..sums.len()]);
            }
            square += sums
                .iter()
                .map(|&g| f64::from(g) * f64::from(g))
                .sum::<f64>();
        }
        square
    });
    squares.iter().sum::<f64>().sqrt()
}

/// Values that are worked on at a time, few enough to stay in the nearest caches.
const BLOCK: usize = 4096;

/// A stretch of all the flat buffers.
struct Stretch<'s> {
    p: &'s mut [f32],
    m: &'s mut [f32],
    v: &'s mut [f32],
    shards: Vec<&'s mut [f32]>,
}

impl Stretch<'_> {
    fn update(mut self, factors: &Factors) {
        for start in (0..self.p.len()).step_by(BLOCK) {
            let range = start..self.p.len().min(start + BLOCK);
            let Some((sum, others)) = self.shards.split_first_mut() else {
                return;
            };
            let sum = &mut sum[range.clone()];
            for other in others {
                kernels::add_and_clear(sum, &mut other[range.clone()]);
            }
            let (p, m, v) = (
                &mut self.p[range.clone()],
                &mut self.m[range.clone()],
                &mut self.v[range],
            );
            kernels::update(p, sum, m, v, factors);
            sum.fill(0.0);
        }
    }
}

impl AdamW {
    /// What update number `step`, counted from 1, multiplies with.
    fn factors(&self, step: u64, gradient_scale: f32) -> Factors {
        let correction = |beta: f32| 1.0 - f64::from(beta).powf(step as f64);
        let (keep, coupled) = if self.decoupled {
            (
                (1.0 - f64::from(self.lr) * f64::from(self.weight_decay)) as f32,
                0.0,
            )
        } else {
            (1.0, self.weight_decay)
        };
        Factors {
            beta1: self.beta1,
            beta2: self.beta2,
            rate: (f64::from(self.lr) / correction(self.beta1)) as f32,
            root_correction: (1.0 / correction(self.beta2).sqrt()) as f32,
            eps: self.eps,
            keep,
            coupled,
            gradient_scale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = 10_000;

    fn values(seed: usize) -> Vec<f32> {
        (0..LEN)
            .map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 504.0 - 1.0)
            .collect()
    }

    /// Three updates from three shards, clipped to half.
    fn run(settings: &AdamW, threads: usize) -> (Vec<f32>, Moments) {
        let workers = Workers::new(threads).unwrap();
        let (mut params, mut moments) = (values(0), Moments::new(LEN));
        for step in 0..3 {
            let mut shards: Vec<Vec<f32>> = (1..4).map(|shard| values(10 * step + shard)).collect();
            let mut gradients: Vec<&mut [f32]> = shards.iter_mut().map(|s| &mut s[..]).collect();
            update(
                &mut params,
                &mut gradients,
                &mut moments,
                settings,
                0.5,
                &workers,
            );
            assert!(
                shards.iter().flatten().all(|&g| g == 0.0),
                "gradients are left at zero"
            );
        }
        (params, moments)
    }

    #[test]
    fn three_updates_follow_the_algorithm() {
        for decoupled in [true, false] {
            let settings = AdamW {
                lr: 0.01,
                weight_decay: 0.1,
                decoupled,
                ..AdamW::default()
            };
            let (params, moments) = run(&settings, 2);
            assert_eq!(moments.step, 3);
            for i in (0..LEN).step_by(97) {
                let (mut p, mut m, mut v) = (f64::from(values(0)[i]), 0.0, 0.0);
                for step in 0..3 {
                    let sum: f64 = (1..4)
                        .map(|shard| f64::from(values(10 * step + shard)[i]))
                        .sum();
                    let mut g = 0.5 * sum;
                    if decoupled {
                        p *= 1.0 - 0.01 * 0.1;
                    } else {
                        g += 0.1 * p;
                    }
                    m = 0.9 * m + 0.1 * g;
                    v = 0.999 * v + 0.001 * g * g;
                    let t = step as i32 + 1;
                    let (m_hat, v_hat) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
                    p -= 0.01 * m_hat / (v_hat.sqrt() + 1e-8);
                }
                assert!(
                    (f64::from(params[i]) - p).abs() < 2e-6,
                    "{i}: {} not {p}",
                    params[i]
                );
                assert!((f64::from(moments.second[i]) - v).abs() < 1e-7);
            }
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let settings = AdamW::default();
        let (one, moments) = run(&settings, 1);
        for threads in [2, 3, 7] {
            let (params, others) = run(&settings, threads);
            assert_eq!(params, one);
            assert_eq!(
                (&others.first[..], &others.second[..]),
                (&moments.first[..], &moments.second[..])
            );
        }
        let shards: Vec<Vec<f32>> = (1..4).map(values).collect();
        let shards: Vec<&[f32]> = shards.iter().map(|s| &s[..]).collect();
        let norm = |threads| gradient_norm(&shards, &Workers::new(threads).unwrap());
        assert_eq!(norm(1), norm(3));
        let exact: f64 = (0..LEN)
            .map(|i| shards.iter().map(|s| f64::from(s[i])).sum::<f64>().powi(2))
            .sum();
        assert!((norm(2) / exact.sqrt() - 1.0).abs() < 1e-6);
    }
}
