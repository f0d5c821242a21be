//! The encoder-decoder and its bottleneck: logits, losses, gradients, greedy captions.

use caption_bench::models::weights::{named_tensors, open};
use caption_bench::models::{
    Decoder, KlReduction, LatentNoise, LatentType, Memory, Objective, VaeConfig, Variant,
    Workspace, losses_only,
};
use caption_bench::nn::Workers;

use super::fixture::{Case, Fixture, GPT2, compare_loss, compare_values, objective};
use super::reference_or_skip;

/// The decoder's logits for tokens that are given, (captions, tokens, vocabulary).
pub fn forced_logits(case: &Case, memory: &Memory, ids: &[i64], rows: usize) -> Vec<f32> {
    let (tokens, vocab) = (ids.len() / rows, case.model.config().vocab());
    let mut decoder = Decoder::new(&case.model, &case.params, memory, 0..rows, tokens).unwrap();
    let mut logits = vec![0.0; rows * tokens * vocab];
    for t in 0..tokens {
        let column: Vec<u32> = (0..rows).map(|row| ids[row * tokens + t] as u32).collect();
        for (row, these) in decoder.step(&column).chunks(vocab).enumerate() {
            logits[(row * tokens + t) * vocab..][..vocab].copy_from_slice(these);
        }
    }
    logits
}

pub fn encode(case: &Case, latent: LatentNoise) -> Memory {
    let mut workspace = Workspace::new(&case.model, 2);
    let pictures = |i: usize, out: &mut [f32]| case.inputs.picture(i, out);
    let workers = Workers::new(2).unwrap();
    let (model, params) = (&case.model, &case.params);
    model
        .encode(params, 4, &pictures, latent, &workers, &mut workspace)
        .unwrap()
}

/// Losses of all labels that count, as one caption after the other.
pub fn compare_token_losses(case: &Case, latent: LatentNoise, fixture: &Fixture, labels: &[i64]) {
    let mut workspace = Workspace::new(&case.model, 2);
    let forced = case.with_batch(|batch| {
        let workers = Workers::new(2).unwrap();
        case.model
            .teacher_forced(&case.params, batch, latent, &workers, &mut workspace)
    });
    let found: Vec<f32> = forced.unwrap().into_iter().flat_map(|f| f.losses).collect();
    let each = fixture.tensors.floats("token_loss");
    let expected = each.iter().zip(labels).filter(|(_, label)| **label >= 0);
    let expected: Vec<f32> = expected.map(|(loss, _)| *loss).collect();
    compare_values(&found, &expected, "token losses");
}

#[test]
fn encoder_decoder() {
    let root = reference_or_skip!();
    let fixture = Fixture::read(&root, "encoder_decoder");
    let case = Case::captioner(&root, Variant::EncoderDecoder, None, None, None);
    let (model, params, _) = open(&root.join("tiny-ved")).unwrap();
    assert_eq!(model.config(), case.model.config());
    assert_eq!(params.values[..], case.params.values[..]);

    let towers = Fixture::read(&root, "towers").tensors;
    let memory = encode(&case, LatentNoise::Mean);
    compare_values(
        memory.states(0..4),
        &towers.floats("vit.last_hidden_state"),
        "encoder",
    );

    let ids = fixture.tensors.whole("decoder_input_ids");
    let logits = forced_logits(&case, &memory, &ids, 4);
    compare_values(&logits, &fixture.tensors.floats("logits"), "logits");
    let labels = fixture.tensors.whole("labels");
    compare_token_losses(&case, LatentNoise::Mean, &fixture, &labels);

    let language = Objective {
        alpha: 1.0,
        ..objective(LatentNoise::Mean)
    };
    for shards in [1, 3] {
        let (losses, gradient) = case.run(&language, shards);
        compare_loss(losses.loss, fixture.number("/loss"), "loss");
        assert_eq!(losses.tokens, 4 + 9 + 6 + 2);
        case.compare_gradients(&gradient, &fixture);
    }
}

fn bottleneck(name: &str, latent: LatentType, kl_reduction: KlReduction) {
    let root = reference_or_skip!();
    let fixture = Fixture::read(&root, name);
    let config = |kl_reduction| {
        Some(VaeConfig {
            latent,
            size: 8,
            kl_reduction,
        })
    };
    let case = Case::captioner(
        &root,
        Variant::Vae,
        config(kl_reduction),
        None,
        Some(&fixture),
    );
    let epsilon = fixture.tensors.floats("epsilon");
    let noise = LatentNoise::Given(&epsilon);

    let memory = encode(&case, noise);
    compare_values(
        memory.states(0..4),
        &fixture.tensors.floats("memory"),
        "memory",
    );
    let inputs = Fixture::read(&root, "encoder_decoder").tensors;
    let logits = forced_logits(&case, &memory, &inputs.whole("decoder_input_ids"), 4);
    compare_values(&logits, &fixture.tensors.floats("logits"), "logits");
    compare_token_losses(&case, noise, &fixture, &inputs.whole("labels"));

    for shards in [1, 3] {
        let (losses, gradient) = case.run(&objective(noise), shards);
        compare_loss(losses.loss, fixture.number("/losses/total"), "total");
        compare_loss(losses.lm.unwrap(), fixture.number("/losses/lm"), "lm");
        case.compare_gradients(&gradient, &fixture);
    }
    for (reduction, key) in [
        (KlReduction::Mean, "/losses/kl_mean"),
        (KlReduction::Sum, "/losses/kl_sum"),
    ] {
        let case = Case::captioner(&root, Variant::Vae, config(reduction), None, Some(&fixture));
        let mut workspace = Workspace::new(&case.model, 2);
        let losses = case.with_batch(|batch| {
            let workers = Workers::new(1).unwrap();
            let (model, params) = (&case.model, &case.params);
            losses_only(
                model,
                params,
                batch,
                &objective(noise),
                &workers,
                &mut workspace,
            )
        });
        let losses = losses.unwrap();
        compare_loss(losses.kl.unwrap(), fixture.number(key), key);
        let per_dimension: f64 = losses.kl_per_dimension.iter().sum();
        let mean = fixture.number("/losses/kl_mean");
        compare_loss(per_dimension / 8.0, mean, "mean of the dimensions' KL");
    }
}

#[test]
fn bottleneck_of_the_class_state() {
    bottleneck("vae_cls", LatentType::Cls, KlReduction::Mean);
}

#[test]
fn bottleneck_of_all_patches() {
    bottleneck("vae_patch", LatentType::Patch, KlReduction::Sum);
}

#[test]
fn greedy_captions() {
    let root = reference_or_skip!();
    let fixture = Fixture::read(&root, "decode");
    let mut case = Case::captioner(&root, Variant::EncoderDecoder, None, None, None);
    for tensor in named_tensors(&case.model) {
        let replaced = format!("replace.{}", tensor.name);
        if fixture.tensors.names().any(|name| name == replaced) {
            tensor.write(&mut case.params.values, &fixture.tensors.floats(&replaced));
        }
    }
    let pixels = fixture.tensors.floats("pixel_values");
    let pictures =
        |i: usize, out: &mut [f32]| out.copy_from_slice(&pixels[i * out.len()..][..out.len()]);
    let mut workspace = Workspace::new(&case.model, 2);
    let workers = Workers::new(2).unwrap();
    let (model, params) = (&case.model, &case.params);
    let memory = model
        .encode(
            params,
            6,
            &pictures,
            LatentNoise::Mean,
            &workers,
            &mut workspace,
        )
        .unwrap();

    let vocab = model.config().vocab();
    let mut captions = vec![vec![GPT2]; 6];
    let mut scores = [0f64; 6];
    let mut going: Vec<usize> = (0..6).collect();
    let mut decoder = Decoder::new(model, params, &memory, 0..6, 12).unwrap();
    while !going.is_empty() && decoder.position() < 11 {
        let last: Vec<u32> = going
            .iter()
            .map(|&i| captions[i][captions[i].len() - 1])
            .collect();
        let logits = decoder.step(&last);
        for (&i, logits) in going.iter().zip(logits.chunks(vocab)) {
            let best = (0..vocab)
                .max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
                .unwrap();
            let sum: f64 = logits
                .iter()
                .map(|&l| f64::from(l - logits[best]).exp())
                .sum();
            captions[i].push(best as u32);
            scores[i] -= sum.ln();
        }
        let still = |row: &usize| captions[going[*row]].last() != Some(&GPT2);
        let rows: Vec<usize> = (0..going.len()).filter(still).collect();
        going = rows.iter().map(|&row| going[row]).collect();
        decoder.keep(&rows);
    }
    for (i, expected) in fixture.json["beams"]["1"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
    {
        let ids: Vec<u32> = serde_json::from_value(expected[0]["ids"].clone()).unwrap();
        assert_eq!(captions[i], ids);
        let score = expected[0]["score"].as_f64().unwrap();
        assert!(
            (scores[i] - score).abs() < 1e-4,
            "{} instead of {score}",
            scores[i]
        );
    }
}
