//! Three steps of each optimizer on the encoder-decoder.

use caption_bench::models::weights::named_tensors;
use caption_bench::models::{
    LatentNoise, Objective, Variant, Workspace, loss_and_gradients, losses_only,
};
use caption_bench::nn::Workers;
use caption_bench::nn::adamw::{AdamW, Moments, update};

use super::fixture::{Case, Fixture, compare, compare_loss, objective};
use super::reference_or_skip;

fn three_steps(name: &str, settings: AdamW) {
    let root = reference_or_skip!();
    let fixture = Fixture::read(&root, "encoder_decoder");
    let mut case = Case::captioner(&root, Variant::EncoderDecoder, None, None, None);
    let language = Objective {
        alpha: 1.0,
        ..objective(LatentNoise::Mean)
    };
    let workers = Workers::new(2).unwrap();
    let mut workspace = Workspace::new(&case.model, 2);
    let mut moments = Moments::new(case.params.values.len());
    let mut course = Vec::new();
    for _ in 0..3 {
        let losses = case.with_batch(|batch| {
            let (model, params) = (&case.model, &case.params);
            loss_and_gradients(model, params, batch, &language, &workers, &mut workspace)
        });
        course.push(losses.unwrap().loss);
        update(
            &mut case.params,
            workspace.gradients(),
            &mut moments,
            &settings,
            1.0,
            &workers,
        );
    }
    let losses = case.with_batch(|batch| {
        let (model, params) = (&case.model, &case.params);
        losses_only(model, params, batch, &language, &workers, &mut workspace)
    });
    course.push(losses.unwrap().loss);

    let expected = fixture.json[name]["losses_before_each_step_and_after"]
        .as_array()
        .unwrap();
    for (found, expected) in course.iter().zip(expected) {
        compare_loss(*found, expected.as_f64().unwrap(), "the course of the loss");
    }
    // Adam turns the rounding noise in a key's bias into full steps: nothing to compare.
    let mut values = case.params.values.to_vec();
    let mut compared = values.clone();
    for piece in case.model.zero_in_theory() {
        let start = piece.slot.offset;
        compared[start + piece.range.start..start + piece.range.end].fill(f32::NAN);
        values[start + piece.range.start..start + piece.range.end].fill(0.0);
    }
    let sums = fixture.json[name]["sum_of_absolute_values"]
        .as_object()
        .unwrap();
    let noise = fixture.json[name]["largest_absolute_f64_diff"]
        .as_object()
        .unwrap();
    let mut stored = 0;
    for tensor in named_tensors(&case.model) {
        let (found, mask) = (tensor.read(&values), tensor.read(&compared));
        let key = format!("{name}.{}", tensor.name);
        if fixture.tensors.names().any(|n| n == key) {
            let mut expected = fixture.tensors.floats(&key);
            let skipped = expected.iter_mut().zip(&mask).filter(|(_, m)| m.is_nan());
            skipped.for_each(|(e, _)| *e = 0.0);
            // Where a first gradient is near 0, Adam's step is a quotient of two roundings: the
            // fixture then says how far PyTorch's own numbers are from those in double precision.
            let noise = noise.get(&tensor.name).and_then(|n| n.as_f64());
            let tolerance = 1e-5 + noise.unwrap_or_default();
            compare(&found, &expected, tolerance, &tensor.name);
            stored += 1;
        }
        if mask.iter().all(|m| !m.is_nan()) {
            let sum: f64 = found.iter().map(|&v| f64::from(v).abs()).sum();
            let expected = sums[&tensor.name].as_f64().unwrap();
            let tolerance = 1e-6 * expected + 1e-6 * found.len() as f64;
            assert!(
                (sum - expected).abs() < tolerance,
                "{}: {sum}, {expected}",
                tensor.name
            );
        }
    }
    let prefix = format!("{name}.");
    let poolers = |n: &&str| n.starts_with(&prefix) && !n.contains("pooler");
    assert_eq!(stored, fixture.tensors.names().filter(poolers).count());
}

#[test]
fn adamw() {
    let settings = AdamW {
        lr: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weight_decay: 1e-2,
        decoupled: true,
    };
    three_steps("adamw", settings);
}

#[test]
fn adam() {
    let settings = AdamW {
        lr: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weight_decay: 0.0,
        decoupled: false,
    };
    three_steps("adam", settings);
}
