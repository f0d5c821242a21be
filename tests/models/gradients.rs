//! After one backward every parameter has a gradient, and it is the right one.

use caption_bench::models::{Workspace, losses_only};
use caption_bench::nn::Workers;

use crate::small::{Small, configs};

/// Entries of a word or position table that the batch never reads have no gradient.
fn is_unread(small: &Small, name: &str, entry: usize, columns: usize) -> bool {
    let (longest, read): (usize, Vec<u32>) = {
        let longest = small.captions.iter().map(Vec::len).max().unwrap();
        (longest, small.captions.concat())
    };
    let row = entry / columns;
    let config = small.model.config();
    match name {
        // The output layer reads every row of GPT-2's words.
        "bert.words" => ![21, 22].contains(&(row as u32)) && !read.contains(&(row as u32)),
        "gpt2.positions" => row > longest + usize::from(config.contrastive.is_some()),
        "bert.positions" => row > longest + 1,
        _ => false,
    }
}

#[test]
fn every_parameter_has_a_gradient_but_those_that_mathematics_makes_zero() {
    for (name, config) in configs() {
        let small = Small::new(config);
        let (losses, gradient) = small.run(2, 1);
        assert!(losses.loss.is_finite());
        assert!(gradient.iter().all(|g| g.is_finite()), "{name}");
        let largest = gradient.iter().fold(0f32, |m, g| m.max(g.abs()));
        let zero = small.model.zero_in_theory();
        for (parameter, slot) in small.model.layout().slots() {
            for (i, g) in gradient[slot.range()].iter().enumerate() {
                let piece = zero.iter().find(|z| z.slot == slot && z.range.contains(&i));
                if let Some(piece) = piece {
                    let why = piece.why;
                    assert!(
                        g.abs() <= 1e-6 * largest,
                        "{name}: {parameter}[{i}] is {g}, although {why}"
                    );
                } else if is_unread(&small, parameter, i, slot.cols) {
                    assert_eq!(*g, 0.0, "{name}: {parameter}[{i}] is not read");
                } else {
                    assert_ne!(*g, 0.0, "{name}: {parameter}[{i}] has no gradient");
                }
            }
        }
    }
}

#[test]
fn what_is_zero_in_theory_changes_no_loss() {
    for (name, config) in configs() {
        let mut small = Small::new(config);
        let before = small.run(1, 1).0;
        for piece in small.model.zero_in_theory() {
            for value in &mut small.params.slice_mut(piece.slot)[piece.range] {
                *value += 0.5;
            }
        }
        let after = small.run(1, 1).0;
        let change = (after.loss - before.loss).abs();
        assert!(
            change < 1e-5 * before.loss,
            "{name}: the loss moved by {change}"
        );
    }
}

/// Steps of the differences below; the temperature, 0.3, takes a quarter of them.
const STEPS: [f32; 2] = [0.025, 0.05];

/// Five-point central differences, (8 (f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h.
///
/// Their error has two parts. The loss is computed in f32 and wrong by about 1e-7, so a derivative
/// is wrong by about 1e-7 / h; and the fifth derivative adds a term of order h⁴. Weights as wide as
/// these bend the loss differently along each parameter, and no one step suits all: an entry must
/// agree at one of two. It agrees if it is off by less than 1e-3 of its own size, or of a fifth of
/// its tensor's largest entry, as smaller entries drown in the first part.
fn numeric(small: &mut Small, index: usize, step: f32, workspace: &mut Workspace) -> f64 {
    let workers = Workers::new(1).unwrap();
    let start = small.params.values[index];
    let mut loss_at = |offset: f32| {
        small.params.values[index] = start + offset;
        let losses = small.with_batch(|batch| {
            losses_only(
                &small.model,
                &small.params,
                batch,
                &small.objective,
                &workers,
                workspace,
            )
            .unwrap()
        });
        losses.loss
    };
    let near = loss_at(step) - loss_at(-step);
    let far = loss_at(2.0 * step) - loss_at(-2.0 * step);
    small.params.values[index] = start;
    (8.0 * near - far) / (12.0 * f64::from(step))
}

/// Compares entries of every parameter of every variant, under what `objective` makes of its objective.
fn compare_with_differences(dropout: bool, objective: impl Fn(&mut Small)) {
    for (name, mut config) in configs() {
        if dropout {
            config.vit.dropout = 0.1;
            config.gpt2.iter_mut().for_each(|c| c.dropout = 0.1);
            config.bert.iter_mut().for_each(|c| c.dropout = 0.1);
        }
        let mut small = Small::new(config);
        small.objective.dropout = dropout.then_some(3);
        objective(&mut small);
        let gradient = small.run(2, 1).1;
        let zero = small.model.zero_in_theory();
        let mut workspace = Workspace::new(&small.model, 2);
        let layout = small.model.layout().clone();
        let mut worst = (0.0, String::new());
        for (parameter, slot) in layout.slots() {
            let largest = gradient[slot.range()]
                .iter()
                .fold(0f32, |m, g| m.max(g.abs()));
            for sample in 0..4 {
                let i = (sample * 7919 + 13 * slot.rows) % slot.len();
                if zero.iter().any(|z| z.slot == slot && z.range.contains(&i)) {
                    continue;
                }
                let analytic = f64::from(gradient[slot.offset + i]);
                let scale = analytic.abs().max(0.2 * f64::from(largest));
                let shrink = if parameter.ends_with("sigma") {
                    0.25
                } else {
                    1.0
                };
                let estimates = STEPS.map(|step| {
                    numeric(&mut small, slot.offset + i, shrink * step, &mut workspace)
                });
                let errors = estimates.map(|numeric| (analytic - numeric).abs() / scale);
                // Each step has its rounding and its curvature: between two that agree, both do.
                let [low, high] = [f64::min, f64::max].map(|f| f(estimates[0], estimates[1]));
                let between = (low..=high).contains(&analytic) && high - low < 5e-3 * scale;
                let error = if between {
                    0.0
                } else {
                    errors[0].min(errors[1])
                };
                if error > worst.0 {
                    worst = (
                        error,
                        format!(
                            "{parameter}[{i}]: {analytic} against {estimates:?}, largest {largest}"
                        ),
                    );
                }
            }
        }
        println!("{name}: worst {:.1e} at {}", worst.0, worst.1);
        assert!(worst.0 < 1e-3, "{name}: {} off by {:.1e}", worst.1, worst.0);
    }
}

#[test]
fn sampled_entries_agree_with_central_differences() {
    compare_with_differences(false, |_| ());
}

#[test]
fn sampled_entries_agree_with_central_differences_under_dropout() {
    compare_with_differences(true, |_| ());
}

/// A floor in the widest gap between the divergences of two latent dimensions, and a weight under which it shows.
fn with_free_bits(small: &mut Small) {
    let mut divergences = small.run(1, 1).0.kl_per_dimension;
    divergences.sort_by(f64::total_cmp);
    let gaps = divergences.windows(2).map(|pair| (pair[1] - pair[0], pair));
    let widest = gaps.max_by(|a, b| a.0.total_cmp(&b.0));
    small.objective.free_bits = widest.map_or(1.0, |(_, pair)| (pair[0] + pair[1]) / 2.0);
    small.objective.beta = 3.0;
}

#[test]
fn sampled_entries_agree_with_central_differences_under_free_bits() {
    compare_with_differences(false, with_free_bits);
}

#[test]
fn free_bits_are_charged_as_if_they_were_used() {
    for (name, config) in configs() {
        let mut small = Small::new(config);
        let (before, gradient) = small.run(2, 1);
        let Some(kl) = before.kl else {
            small.objective.free_bits = 5.0;
            assert_eq!(small.run(2, 1), (before, gradient), "{name}: no bottleneck");
            continue;
        };
        with_free_bits(&mut small);
        let (beta, floor) = (small.objective.beta, small.objective.free_bits);
        let (losses, shards) = small.run(2, 1);
        assert_eq!(losses.kl, Some(kl), "{name}: the divergence itself");
        let charged: f64 = before.kl_per_dimension.iter().map(|kl| kl.max(floor)).sum();
        let measured: f64 = before.kl_per_dimension.iter().sum();
        let expected = 0.7 * before.lm.unwrap()
            + beta * kl * charged / measured
            + 0.2 * before.cl.unwrap_or_default();
        let error = (losses.loss - expected).abs();
        assert!(
            error < 1e-6 * expected,
            "{name}: {}, {expected}",
            losses.loss
        );
        assert_eq!(small.run(2, 2).1, shards, "{name}: two threads");
        // A floor above all of them: the divergence no longer pulls at all.
        small.objective.free_bits = 1e3;
        let free = small.run(2, 1).1;
        small.objective.free_bits = 0.0;
        small.objective.beta = 0.0;
        assert_eq!(free, small.run(2, 1).1, "{name}: beta of 0");
    }
}
