use super::*;
use crate::decode::{Beams, Sampling, generate};
use crate::models::{
    Decoder, Inference, LatentNoise, LatentType, Model, ModelConfig, NextTokens, Specials, Variant,
};
use crate::nn::cuda::Device;
use crate::nn::{Params, Precision, Workers};

const VOCAB: usize = 50;

fn model(variant: Variant, latent: LatentType) -> (Model, Params) {
    let mut config = ModelConfig::tiny(variant, VOCAB);
    if let Some(vae) = &mut config.vae {
        vae.latent = latent;
    }
    let model = Model::new(config).unwrap();
    let mut params = model.init(4);
    // From its initial values a model writes the same for every picture. Wider norms, though, would
    // make rounding errors grow.
    let layout = params.layout().clone();
    for (_, slot) in layout.slots().filter(|(name, _)| !name.contains("norm")) {
        params
            .slice_mut(slot)
            .iter_mut()
            .for_each(|value| *value *= 3.0);
    }
    (model, params)
}

fn picture(i: usize, out: &mut [f32]) {
    for (j, pixel) in out.iter_mut().enumerate() {
        *pixel = ((i * 31 + j * 7) as f32 * 0.3).sin();
    }
}

fn request<'a, P>(model: &'a Model, params: &'a P, count: usize) -> Request<'a, P> {
    Request {
        model,
        params,
        specials: Specials::single(VOCAB as u32 - 1),
        count,
        pictures: &picture,
        latent_seed: Some(3),
        max_tokens: 9,
    }
}

fn methods() -> [Method; 3] {
    [
        Method::Greedy,
        Method::Beam(Beams {
            beams: 3,
            length_penalty: 1.0,
        }),
        Method::Sample(Sampling {
            temperature: 1.0,
            top_k: 20,
            top_p: 0.9,
            seed: 11,
        }),
    ]
}

fn assert_same(found: &[Vec<Hypothesis>], expected: &[Vec<Hypothesis>]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len());
        for (a, b) in found.iter().zip(expected) {
            assert_eq!((&a.words, a.ended), (&b.words, b.ended));
            assert!(
                (a.score - b.score).abs() < 1e-3,
                "{} not {}",
                a.score,
                b.score
            );
        }
    }
}

#[test]
fn a_device_writes_what_the_cpu_writes() {
    let device = Device::of_tests();
    let workers = Workers::new(1).unwrap();
    for (variant, latent) in [
        (Variant::EncoderDecoder, LatentType::Patch),
        (Variant::Vae, LatentType::Patch),
        (Variant::Vae, LatentType::Cls),
    ] {
        let (model, params) = model(variant, latent);
        let there = DeviceParams::new(&device, &params, Precision::F32);
        for method in methods() {
            let here = request(&model, &params, 5);
            let expected = generate(&here, &method, &workers, &|_| ()).unwrap();
            assert!(expected.iter().any(|captions| captions != &expected[0]));
            let found = generate_on_device(&request(&model, &there, 5), &method, &workers, &|_| ());
            assert_same(&found.unwrap(), &expected);
        }
    }
}

#[test]
fn logits_are_the_cpus_in_either_precision_whatever_rows_go_on() {
    let device = Device::of_tests();
    let (model, wide) = model(Variant::VaeCl, LatentType::Patch);
    let workers = Workers::new(1).unwrap();
    // Weights that make rows differ more also make more of bf16's rounding.
    for (params, precision, close) in [
        (&wide, Precision::F32, 2e-5),
        (&model.init(4), Precision::Bf16, 2e-2),
    ] {
        let noise = LatentNoise::Mean;
        let memory = Inference::new(&model, params, &workers).encode(3, &picture, noise);
        let memory = memory.unwrap();
        let there = DeviceParams::new(&device, params, precision);
        let wanted = PicturesOnTheirWay {
            range: 0..3,
            count: 3,
            pictures: &picture,
            latent: LatentNoise::Mean,
            workers: &workers,
        };
        let mut found = DeviceDecoder::new(&model, &there, &wanted, 40, 4).unwrap();
        let mut expected = Decoder::new(&model, params, &memory, 0..3, 40, None).unwrap();
        // More tokens than a warp has lanes, with rows that double, leave and change places.
        let rows: [&[usize]; 4] = [&[0, 1, 1, 2], &[3, 0, 2], &[2, 2, 1, 0], &[0, 1, 2, 3]];
        let mut tokens = vec![VOCAB as u32 - 1; 3];
        for step in 0..40 {
            found.step(&tokens);
            expected.step(&tokens);
            let (a, b) = (found.logits().into_owned(), expected.logits().into_owned());
            let size = b.iter().map(|v| v * v).sum::<f32>().sqrt();
            let off = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
            assert!(
                off.sqrt() <= close * size,
                "{precision} step {step}: {} of {size}",
                off.sqrt()
            );
            if step % 9 == 4 {
                let rows = rows[step / 9 % 4];
                found.keep(rows);
                expected.keep(rows);
            }
            tokens = (0..expected.rows())
                .map(|row| ((step * 7 + row * 13) % VOCAB) as u32)
                .collect();
        }
        device.check().unwrap();
    }
}

#[test]
fn where_memory_is_short_fewer_pictures_go_together() {
    let (model, params) = model(Variant::Vae, LatentType::Patch);
    let workers = Workers::new(2).unwrap();
    let write = |device: &Device| {
        let there = DeviceParams::new(device, &params, Precision::F32);
        let weights = device.peak_memory();
        let groups = std::cell::RefCell::new(Vec::new());
        let done = |size| groups.borrow_mut().push(size);
        let captions = generate_on_device(
            &request(&model, &there, 6),
            &Method::Greedy,
            &workers,
            &done,
        );
        (
            captions,
            groups.into_inner(),
            [weights, device.peak_memory()],
        )
    };
    let (all, groups, [weights, peak]) = write(&Device::emulated());
    assert_eq!(groups, [6]);
    let (found, groups, _) = write(&Device::emulated_with(weights + (peak - weights) / 2));
    assert!(
        groups.len() > 1 && groups.iter().sum::<usize>() == 6,
        "{groups:?}"
    );
    assert_same(&found.unwrap(), &all.unwrap());
    let (found, ..) = write(&Device::emulated_with(weights + 100_000));
    let error = found.unwrap_err();
    assert!(error.message().contains("out of memory"), "{error}");
    assert!(
        error.to_string().contains("one picture at a time"),
        "{error}"
    );
}
