//! Adam and AdamW over flat memory.
//!
//! Kingma and Ba 2015, algorithm 1, and Loshchilov and Hutter 2019, algorithm 2, as
//! `torch.optim.Adam` and `AdamW` compute them: weight decay applies to every parameter.

use super::buffer::Buffer;
use super::gradients::Gradients;
use super::kernels::adamw::{self as kernels, Factors};
use super::params::Params;
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

/// Updates parameters and moments by the gradients times `clip_scale`, in one pass, and leaves the
/// gradients at zero, for the next step.
pub fn update(
    params: &mut Params,
    gradients: &mut Gradients,
    moments: &mut Moments,
    settings: &AdamW,
    clip_scale: f32,
    workers: &Workers,
) {
    let len = params.values.len();
    assert!(
        moments.first.len() == len && moments.second.len() == len,
        "two moments for every parameter"
    );
    moments.step += 1;
    let factors = settings.factors(moments.step, clip_scale);

    // No value depends on another's, so the cut into stretches does not change the result.
    let mut rest =
        [&mut params.values, &mut moments.first, &mut moments.second].map(|b| &mut b[..]);
    let mut start = 0;
    let mut stretches = Vec::new();
    for (slot, gradient) in gradients.iter_mut() {
        for (i, g) in gradient.chunks_mut(STRETCH).enumerate() {
            let skipped = slot.offset + i * STRETCH - start;
            let [p, m, v] = rest.each_mut().map(|rest| {
                let after_gap = std::mem::take(rest).split_at_mut(skipped).1;
                let (stretch, others) = after_gap.split_at_mut(g.len());
                *rest = others;
                stretch
            });
            start += skipped + g.len();
            stretches.push(Stretch { p, m, v, g });
        }
    }
    workers.map(stretches, |_, stretch| stretch.update(&factors));
    gradients.clear();
}

/// The Euclidean norm of all gradients, for clipping.
pub fn gradient_norm(gradients: &mut Gradients, workers: &Workers) -> f64 {
    // Sums of stretches, added up in their order: the same for any number of threads.
    let stretches = gradients.iter_mut().flat_map(|(_, g)| g.chunks(STRETCH));
    let squares = workers.map(stretches, |_, g| kernels::sum_of_squares(g));
    squares.iter().sum::<f64>().sqrt()
}

/// Values that one thread works on without a word to the others.
const STRETCH: usize = 64 * BLOCK;
/// Values that are worked on at a time, few enough to stay in the nearest caches.
const BLOCK: usize = 4096;

/// A stretch of one parameter in all buffers.
struct Stretch<'s> {
    p: &'s mut [f32],
    m: &'s mut [f32],
    v: &'s mut [f32],
    g: &'s mut [f32],
}

impl Stretch<'_> {
    fn update(self, factors: &Factors) {
        let blocks = self.p.chunks_mut(BLOCK).zip(self.g.chunks_mut(BLOCK));
        let moments = self.m.chunks_mut(BLOCK).zip(self.v.chunks_mut(BLOCK));
        for ((p, g), (m, v)) in blocks.zip(moments) {
            kernels::update(p, g, m, v, factors);
        }
    }
}

impl AdamW {
    /// What update number `step`, counted from 1, multiplies with.
    pub(super) fn factors(&self, step: u64, gradient_scale: f32) -> Factors {
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
    use std::sync::Arc;

    use super::*;
    use crate::nn::layout::{Init, Layout, Slot};

    /// One parameter of more than a stretch, and one after a gap.
    const LENS: [usize; 2] = [STRETCH + 5000, 333];

    fn params() -> Params {
        let mut builder = Layout::builder();
        for (name, len) in ["long", "short"].into_iter().zip(LENS) {
            builder.add(name, 1, len, Init::Zeros);
        }
        let mut params = Params::zeros(Arc::new(builder.build()));
        for (_, slot) in params.layout().clone().slots() {
            for (i, p) in slot.range().zip(params.slice_mut(slot)) {
                *p = value(0, i);
            }
        }
        params
    }

    fn value(seed: usize, i: usize) -> f32 {
        ((i * 7919 + seed * 104_729) % 1009) as f32 / 504.0 - 1.0
    }

    /// Three updates, clipped to half.
    fn run(settings: &AdamW, threads: usize) -> (Params, Moments) {
        let workers = Workers::new(threads).unwrap();
        let mut params = params();
        let mut moments = Moments::new(params.values.len());
        let mut gradients = Gradients::zeros(params.layout());
        for step in 1..=3 {
            for (slot, gradient) in gradients.iter_mut() {
                for (i, g) in slot.range().zip(gradient) {
                    *g = value(step, i);
                }
            }
            update(
                &mut params,
                &mut gradients,
                &mut moments,
                settings,
                0.5,
                &workers,
            );
            let left = gradients.to_flat();
            assert!(left.iter().all(|&g| g == 0.0), "gradients are left at zero");
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
            let slots: Vec<Slot> = params.layout().slots().map(|(_, slot)| slot).collect();
            let places = slots.iter().flat_map(|slot| slot.range().step_by(97));
            for i in places {
                let (mut p, mut m, mut v) = (f64::from(value(0, i)), 0.0, 0.0);
                for step in 1..=3 {
                    let mut g = 0.5 * f64::from(value(step, i));
                    if decoupled {
                        p *= 1.0 - 0.01 * 0.1;
                    } else {
                        g += 0.1 * p;
                    }
                    m = 0.9 * m + 0.1 * g;
                    v = 0.999 * v + 0.001 * g * g;
                    let t = step as i32;
                    let (m_hat, v_hat) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
                    p -= 0.01 * m_hat / (v_hat.sqrt() + 1e-8);
                }
                assert!(
                    (f64::from(params.values[i]) - p).abs() < 2e-6,
                    "{i}: {} not {p}",
                    params.values[i]
                );
                assert!((f64::from(moments.second[i]) - v).abs() < 1e-7);
            }
            let gap = slots[0].range().end..slots[1].offset;
            assert!(!gap.is_empty() && params.values[gap].iter().all(|&p| p == 0.0));
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let settings = AdamW::default();
        let (one, moments) = run(&settings, 1);
        for threads in [2, 3, 7] {
            let (params, others) = run(&settings, threads);
            assert_eq!(params.values[..], one.values[..]);
            assert_eq!(
                (&others.first[..], &others.second[..]),
                (&moments.first[..], &moments.second[..])
            );
        }
        let mut gradients = Gradients::zeros(one.layout());
        for (slot, gradient) in gradients.iter_mut() {
            gradient.copy_from_slice(one.slice(slot));
        }
        let mut norm = |threads| gradient_norm(&mut gradients, &Workers::new(threads).unwrap());
        assert_eq!(norm(1), norm(3));
        let exact: f64 = one.values.iter().map(|&g| f64::from(g).powi(2)).sum();
        assert!((norm(2) / exact.sqrt() - 1.0).abs() < 1e-6);
    }
}
