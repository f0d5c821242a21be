//! A device's outputs are the CPU's.

use super::*;
use crate::models::{Batch, ModelConfig, Specials, TextPass, Variant};
use crate::nn::cuda::Device;

const CAPTIONS: [&[u32]; 5] = [&[1, 2, 3], &[4], &[5, 6, 7, 8, 9], &[10, 3], &[2, 2, 2]];
const SPECIALS: Specials = Specials {
    start: 49,
    end: 49,
    pad: 49,
};

fn picture(i: usize, out: &mut [f32]) {
    for (j, pixel) in out.iter_mut().enumerate() {
        *pixel = ((i * 31 + j * 7) as f32 * 0.3).sin();
    }
}

fn close(name: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let size = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
    let off = found.iter().zip(expected).map(|(a, b)| (a - b).powi(2));
    let off = off.sum::<f32>().sqrt();
    assert!(off <= 1e-4 * size, "{name}: {off} of {size}");
}

/// All outputs of a model by name.
fn outputs(inference: &mut Inference) -> Result<Vec<(&'static str, Vec<f32>)>> {
    let model = inference.model();
    let batch = Batch {
        pictures: &picture,
        captions: &CAPTIONS,
        specials: SPECIALS,
    };
    let mut all = Vec::new();
    let own = model.text_pass();
    let pairs = inference.embeddings(&batch, LatentNoise::Mean, own)?;
    all.extend([("images", pairs.image), ("texts", pairs.text)]);
    all.push(("images alone", inference.image_embeddings(5, &picture)?));
    if own == TextPass::Unimodal {
        let texts = inference.text_embeddings(&CAPTIONS, SPECIALS)?;
        all.push(("texts alone", texts));
    }
    if model.config().variant.generates() {
        let latent = LatentNoise::Sample { seed: 3 };
        let memory = inference.encode(5, &picture, latent)?;
        all.push(("memory", memory.states(0..5).to_vec()));
        let forced = inference.teacher_forced(&batch, latent)?;
        let losses = forced.iter().flat_map(|caption| caption.losses.clone());
        all.push(("losses", losses.collect()));
    }
    if model.config().variant.has_bottleneck() {
        let posterior = inference.posterior(5, &picture)?;
        let kl = posterior.kl_per_dimension.iter().map(|&kl| kl as f32);
        all.push(("divergence", kl.collect()));
        all.push(("means", posterior.means));
        all.push(("log variances", posterior.log_variances));
    }
    Ok(all)
}

#[test]
fn a_device_gives_what_the_cpu_gives() {
    let device = Device::of_tests();
    let workers = Workers::new(2).unwrap();
    for variant in Variant::ALL {
        for fused in [false, true] {
            let mut config = ModelConfig::tiny(variant, 50);
            match (&mut config.contrastive, fused) {
                (Some(head), true) if variant.generates() => head.text_pass = TextPass::Fused,
                (_, true) => continue,
                _ => {}
            }
            let model = Model::new(config).unwrap();
            let params = model.init(4);
            let expected = outputs(&mut Inference::new(&model, &params, &workers)).unwrap();
            let compute = Compute::Device(device.clone());
            let mut there = Inference::on(&compute, &model, &params, &workers);
            let found = outputs(&mut there).unwrap();
            assert_eq!(found.len(), expected.len());
            for ((name, found), (_, expected)) in found.iter().zip(&expected) {
                close(&format!("{variant}, {name}"), found, expected);
            }
        }
    }
}

#[test]
fn where_memory_is_short_fewer_pictures_go_together() {
    let workers = Workers::new(1).unwrap();
    let model = Model::new(ModelConfig::tiny(Variant::Vae, 50)).unwrap();
    let params = model.init(4);
    let run = |device: &Device| {
        let compute = Compute::Device(device.clone());
        let mut there = Inference::on(&compute, &model, &params, &workers);
        let weights = device.peak_memory();
        let found = outputs(&mut there);
        (found, weights, device.peak_memory())
    };
    let (all, weights, peak) = run(&Device::emulated());
    let all = all.unwrap();
    let small = Device::emulated_with(weights + (peak - weights) / 2);
    let found = run(&small).0.unwrap();
    for ((name, found), (_, expected)) in found.iter().zip(&all) {
        close(name, found, expected);
    }
    let error = run(&Device::emulated_with(weights + 50_000)).0.unwrap_err();
    assert!(error.message().contains("out of memory"), "{error}");
}
