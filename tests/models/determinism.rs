//! The same numbers for any number of threads, the same loss however a batch is cut or padded, and
//! bounds that are kept.

use caption_bench::models::{LatentNoise, Workspace, losses_only};
use caption_bench::nn::{Precision, Workers};

use crate::small::{Small, configs};

#[test]
fn gradients_are_bit_identical_for_any_number_of_threads() {
    for (name, mut config) in configs() {
        config.vit.dropout = 0.1;
        let mut small = Small::new(config);
        small.objective.dropout = Some(3);
        let mut seen = Vec::new();
        for precision in [Precision::F32, Precision::Bf16] {
            small.objective.precision = precision;
            let bits = |threads| {
                let (losses, gradient) = small.run(3, threads);
                let bits: Vec<u32> = gradient.iter().map(|v| v.to_bits()).collect();
                (losses, bits)
            };
            let once = bits(1);
            assert!(once == bits(2), "{name}, {precision}: 2 threads");
            assert!(once == bits(3), "{name}, {precision}: 3 threads");
            seen.push(once);
        }
        assert!(seen[0] != seen[1], "{name}: both precisions gave the same");
    }
}

#[test]
fn the_cut_into_shards_changes_nothing_but_rounding() {
    for (name, config) in configs() {
        let mut small = Small::new(config);
        small.objective.latent = LatentNoise::Mean;
        let (whole, gradient) = small.run(1, 1);
        let largest = gradient.iter().fold(0f32, |m, g| m.max(g.abs()));
        for shards in [2, 5, 9] {
            let (cut, other) = small.run(shards, 2);
            assert!((cut.loss - whole.loss).abs() < 1e-6 * whole.loss, "{name}");
            assert_eq!(cut.tokens, 3 + 6 + 1 + 4 + 5);
            for (a, b) in gradient.iter().zip(other) {
                assert!((a - b).abs() < 1e-5 * largest, "{name}: {a} against {b}");
            }
        }
    }
}

#[test]
fn losses_alone_are_the_losses_of_training() {
    for (name, config) in configs() {
        let small = Small::new(config);
        let (trained, _) = small.run(2, 1);
        let mut workspace = Workspace::new(&small.model, 2);
        let alone = small.with_batch(|batch| {
            let workers = Workers::new(2).unwrap();
            losses_only(
                &small.model,
                &small.params,
                batch,
                &small.objective,
                &workers,
                &mut workspace,
            )
        });
        assert_eq!(alone.unwrap(), trained, "{name}");
        let variant = small.model.config().variant;
        assert_eq!(trained.lm.is_some(), variant.generates());
        assert_eq!(trained.kl.is_some(), variant.has_bottleneck());
        assert_eq!(trained.cl.is_some(), variant.is_contrastive());
        let parts = [(0.7, trained.lm), (0.1, trained.kl), (0.2, trained.cl)];
        let sum: f64 = parts
            .iter()
            .map(|(weight, loss)| weight * loss.unwrap_or(0.0))
            .sum();
        let expected = if variant.generates() {
            sum
        } else {
            trained.cl.unwrap()
        };
        assert!((trained.loss - expected).abs() < 1e-12, "{name}");
        if let Some(vae) = small.model.config().vae {
            assert_eq!(trained.kl_per_dimension.len(), vae.size);
        }
    }
}

#[test]
fn a_caption_that_does_not_fit_is_refused() {
    let (_, config) = configs().remove(1);
    let mut small = Small::new(config);
    small.captions[3] = vec![1; 7];
    let mut workspace = Workspace::new(&small.model, 2);
    let error = small.with_batch(|batch| {
        let workers = Workers::new(1).unwrap();
        losses_only(
            &small.model,
            &small.params,
            batch,
            &small.objective,
            &workers,
            &mut workspace,
        )
    });
    let error = error.unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(
        error
            .message()
            .contains("caption 3 of the batch has 7 tokens"),
        "{error}"
    );
}

#[test]
fn the_temperature_is_kept_from_vanishing() {
    for (name, config) in configs() {
        let mut small = Small::new(config);
        let Some(sigma) = small.model.sigma_slot() else {
            continue;
        };
        for (start, end) in [(-0.2, 0.01), (0.0, 0.01), (0.07, 0.07)] {
            small.params.slice_mut(sigma)[0] = start;
            small.model.bound_sigma(&mut small.params);
            assert_eq!(small.params.slice(sigma), [end], "{name}");
        }
    }
}
