//! Whole steps on the emulated device against the CPU's, which PyTorch's goldens have confirmed.

use crate::models::{Batch, LatentNoise, Model, ModelConfig, Specials, Variant, Workspace};
use crate::models::{Objective, loss_and_gradients, losses_only};
use crate::nn::adamw::{self, AdamW, Moments};
use crate::nn::cuda::{Device, DeviceGradients, DeviceMoments, DeviceParams};
use crate::nn::{Params, Precision, Workers};

use super::*;
use crate::Error;

const CAPTIONS: [&[u32]; 4] = [&[5, 6, 7, 8, 9], &[10, 11], &[12, 13, 14], &[5, 9, 4, 6]];

fn batch<'a>(pictures: &'a (dyn Fn(usize, &mut [f32]) + Sync)) -> Batch<'a> {
    Batch {
        pictures,
        captions: &CAPTIONS,
        specials: Specials::single(0),
    }
}

fn picture(i: usize, pixels: &mut [f32]) {
    for (j, pixel) in pixels.iter_mut().enumerate() {
        *pixel = ((i * 31 + j) as f32 * 0.37).sin();
    }
}

fn objective(latent: LatentNoise<'_>, free_bits: f64) -> Objective<'_> {
    Objective {
        alpha: 0.7,
        beta: 0.1,
        gamma: 0.2,
        free_bits,
        latent,
        dropout: None,
        precision: Precision::F32,
    }
}

/// The model's losses and gradients, and the same on the device.
fn both(
    model: &Model,
    params: &Params,
    objective: &Objective,
    precision: Precision,
    parts: usize,
) -> [(Losses, Vec<f32>); 2] {
    let batch = batch(&picture);
    let (workers, mut workspace) = (Workers::new(1).unwrap(), Workspace::new(model, 2));
    let here = loss_and_gradients(model, params, &batch, objective, &workers, &mut workspace);
    let here = (here.unwrap(), workspace.gradients().to_flat());
    let device = Device::of_tests();
    let there = DeviceParams::new(&device, params, precision);
    let mut gradients = DeviceGradients::zeros(&device, params.layout());
    let mut cut = Cut { shards: 2, parts };
    let losses = loss_and_gradients_on_device(
        model,
        &there,
        &batch,
        None,
        objective,
        &mut gradients,
        &mut cut,
    );
    let losses = losses.unwrap();
    [here, (losses, gradients.to_flat(&device))]
}

fn models() -> impl Iterator<Item = (Model, f64)> {
    let variants = [
        (Variant::DualEncoder, 0.0),
        (Variant::EncoderDecoder, 0.0),
        (Variant::Vae, 0.0),
        (Variant::Vae, 0.05),
        (Variant::VaeCl, 0.0),
    ];
    variants.into_iter().map(|(variant, free_bits)| {
        let config = ModelConfig::tiny(variant, 50);
        (Model::new(config).unwrap(), free_bits)
    })
}

#[test]
fn losses_and_gradients_of_every_variant_are_the_cpus() {
    for (model, free_bits) in models() {
        let variant = model.config().variant;
        let params = model.init(3);
        let objective = objective(LatentNoise::Sample { seed: 7 }, free_bits);
        // In f32 all gradients; in bf16, where small ones are lost in rounding, the whole of them.
        for parts in [1, 2] {
            let [here, there] = both(&model, &params, &objective, Precision::F32, parts);
            let case = format!("{variant:?} in {parts} parts");
            assert!(
                (here.0.loss - there.0.loss).abs() < 1e-4 * here.0.loss,
                "{case}"
            );
            for (name, slot) in params.layout().slots() {
                let (ours, expected) = (&there.1[slot.range()], &here.1[slot.range()]);
                let largest = expected.iter().fold(0.0, |a: f32, g| a.max(g.abs()));
                for (i, (ours, expected)) in ours.iter().zip(expected).enumerate() {
                    assert!(
                        (ours - expected).abs() <= 1e-3 * largest + 1e-7,
                        "{case} {name}[{i}]: {ours} on the device, {expected} here, largest {largest}"
                    );
                }
            }
        }
        let [here, there] = both(&model, &params, &objective, Precision::Bf16, 1);
        assert!(
            (here.0.loss - there.0.loss).abs() < 2e-2 * here.0.loss,
            "{variant:?}"
        );
        let norm =
            |g: &mut dyn Iterator<Item = f32>| g.map(|g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        let difference = norm(&mut here.1.iter().zip(&there.1).map(|(a, b)| a - b));
        let whole = norm(&mut here.1.iter().copied());
        // The contrastive loss divides cosines by a temperature of 0.07, and their errors with them.
        let allowed = if here.0.cl.is_some() { 0.1 } else { 0.05 };
        assert!(
            difference < allowed * whole,
            "{variant:?}: {difference} of {whole}"
        );
    }
}

#[test]
fn losses_alone_are_those_of_a_step() {
    let (model, _) = models().last().unwrap();
    let params = model.init(3);
    let (batch, objective) = (batch(&picture), objective(LatentNoise::Mean, 0.0));
    let (workers, mut workspace) = (Workers::new(1).unwrap(), Workspace::new(&model, 2));
    let here = losses_only(
        &model,
        &params,
        &batch,
        &objective,
        &workers,
        &mut workspace,
    )
    .unwrap();
    let there = DeviceParams::new(&Device::of_tests(), &params, Precision::F32);
    let there = (1..4).map(|parts| {
        let mut cut = Cut { shards: 1, parts };
        losses_on_device(&model, &there, &batch, &objective, &mut cut).unwrap()
    });
    for there in there {
        assert!((here.loss - there.loss).abs() < 1e-5 * here.loss);
        assert!((here.cl.unwrap() - there.cl.unwrap()).abs() < 1e-4);
    }
}

#[test]
fn a_few_steps_go_where_the_cpus_go() {
    let model = Model::new(ModelConfig::tiny(Variant::VaeCl, 50)).unwrap();
    let mut params = model.init(3);
    let batch = batch(&picture);
    let settings = AdamW {
        lr: 2e-4,
        ..AdamW::default()
    };
    let (workers, mut workspace) = (Workers::new(1).unwrap(), Workspace::new(&model, 2));
    let mut moments = Moments::new(params.values.len());
    let device = Device::of_tests();
    let mut there = DeviceParams::new(&device, &params, Precision::F32);
    let mut gradients = DeviceGradients::zeros(&device, params.layout());
    let mut device_moments = DeviceMoments::of(&device, &moments);
    let mut losses = Vec::new();
    for seed in 0..3 {
        let objective = objective(LatentNoise::Sample { seed }, 0.0);
        let here = loss_and_gradients(
            &model,
            &params,
            &batch,
            &objective,
            &workers,
            &mut workspace,
        );
        let here = here.unwrap();
        let norm = adamw::gradient_norm(workspace.gradients(), &workers);
        let scale = (1.0 / norm).min(1.0) as f32;
        let gradients_here = workspace.gradients();
        adamw::update(
            &mut params,
            gradients_here,
            &mut moments,
            &settings,
            scale,
            &workers,
        );

        let losses_there = loss_and_gradients_on_device(
            &model,
            &there,
            &batch,
            None,
            &objective,
            &mut gradients,
            &mut Cut::whole(2),
        );
        let norm_there = gradients.norm(&device);
        assert!(
            (norm - norm_there).abs() < 1e-3 * norm,
            "{norm} here, {norm_there}"
        );
        let scale = (1.0 / norm_there).min(1.0) as f32;
        there.update(&mut gradients, &mut device_moments, &settings, scale);
        losses.push((here.loss, losses_there.unwrap().loss));
    }
    for (here, there) in &losses {
        assert!((here - there).abs() < 1e-3 * here, "{losses:?}");
    }
    assert!(losses[2].0 < losses[0].0, "the steps learn: {losses:?}");
    let (mut params_there, mut moments_there) = (params.clone(), Moments::new(params.values.len()));
    there.download(&mut params_there);
    device_moments.download(&device, &mut moments_there);
    device.check().unwrap();
    assert_eq!(moments_there.step, 3);
    for (here, there, close) in [
        (&params.values, &params_there.values, 1e-4),
        (&moments.first, &moments_there.first, 1e-3),
    ] {
        let largest = here.iter().fold(0.0, |a: f32, x| a.max(x.abs()));
        for (here, there) in here.iter().zip(there.iter()) {
            assert!(
                (here - there).abs() <= close * largest,
                "{here} here, {there}"
            );
        }
    }
}

#[test]
fn a_batch_that_does_not_fit_goes_through_in_parts() {
    let batch = batch(&picture);
    for variant in [Variant::EncoderDecoder, Variant::VaeCl] {
        let model = Model::new(ModelConfig::tiny(variant, 50)).unwrap();
        let params = model.init(3);
        let objective = objective(LatentNoise::Sample { seed: 1 }, 0.0);
        // The loss, the gradients, in how many parts, and what parameters and gradients take.
        let on = |device: &Device| {
            let there = DeviceParams::new(device, &params, Precision::F32);
            let mut gradients = DeviceGradients::zeros(device, params.layout());
            let (mut cut, held) = (Cut::whole(2), device.peak_memory());
            let losses = loss_and_gradients_on_device(
                &model,
                &there,
                &batch,
                None,
                &objective,
                &mut gradients,
                &mut cut,
            )?;
            Ok((losses.loss, gradients.to_flat(device), cut.parts, held))
        };
        let roomy = Device::emulated_with(1 << 30);
        let (loss, expected, parts, held) = on(&roomy).unwrap();
        assert_eq!(parts, 1);
        let step = roomy.peak_memory() - held;
        let tight = Device::emulated_with(held + step * 4 / 5);
        let (less_loss, gradients, parts, _) = on(&tight).unwrap();
        assert!(parts > 1, "{variant:?}");
        assert!((less_loss - loss).abs() < 1e-5 * loss);
        let largest = expected.iter().fold(0.0, |a: f32, g| a.max(g.abs()));
        for (ours, expected) in gradients.iter().zip(&expected) {
            assert!(
                (ours - expected).abs() <= 1e-4 * largest,
                "{ours}, {expected} at once"
            );
        }
        let error: Error = on(&Device::emulated_with(held + step / 20)).unwrap_err();
        for said in [
            "the emulator is out of memory",
            "a batch of 4 in parts of one picture",
        ] {
            assert!(error.message().contains(said), "{error}");
        }
    }
}
