//! The encoder-decoder and its bottleneck: logits, losses, gradients, captions.

use std::path::Path;

use caption_bench::decode::{Beams, Method, Request, generate};
use caption_bench::models::weights::{named_tensors, open};
use caption_bench::models::{
    Decoder, Inference, KlReduction, LatentNoise, LatentType, Memory, Objective, VaeConfig,
    Variant, Workspace, losses_only,
};
use caption_bench::nn::Workers;

use super::fixture::{Case, Fixture, GPT2, compare_loss, compare_values, computes, objective};
use super::reference_or_skip;

/// The decoder's logits for tokens that are given, (captions, tokens, vocabulary).
pub fn forced_logits(case: &Case, memory: &Memory, ids: &[i64], rows: usize) -> Vec<f32> {
    let (tokens, vocab) = (ids.len() / rows, case.model.config().vocab());
    let mut decoder =
        Decoder::new(&case.model, &case.params, memory, 0..rows, tokens, None).unwrap();
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
    let pictures = |i: usize, out: &mut [f32]| case.inputs.picture(i, out);
    let workers = Workers::new(2).unwrap();
    let mut inference = Inference::new(&case.model, &case.params, &workers);
    inference.encode(4, &pictures, latent).unwrap()
}

/// Losses of all labels that count, as one caption after the other.
pub fn compare_token_losses(case: &Case, latent: LatentNoise, fixture: &Fixture, labels: &[i64]) {
    let workers = Workers::new(2).unwrap();
    let each = fixture.tensors.floats("token_loss");
    let expected = each.iter().zip(labels).filter(|(_, label)| **label >= 0);
    let expected: Vec<f32> = expected.map(|(loss, _)| *loss).collect();
    for compute in computes() {
        let mut inference = Inference::on(&compute, &case.model, &case.params, &workers);
        let forced = case.with_batch(|batch| inference.teacher_forced(batch, latent));
        let found: Vec<f32> = forced.unwrap().into_iter().flat_map(|f| f.losses).collect();
        compare_values(&found, &expected, "token losses");
    }
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
    for (losses, gradient) in case.runs(&language) {
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

    for (losses, gradient) in case.runs(&objective(noise)) {
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

/// The captioner of the decoding fixture.
fn decoding(root: &Path, fixture: &Fixture) -> Case {
    let mut case = Case::captioner(root, Variant::EncoderDecoder, None, None, None);
    for tensor in named_tensors(&case.model) {
        let replaced = format!("replace.{}", tensor.name);
        if fixture.tensors.names().any(|name| name == replaced) {
            tensor.write(&mut case.params.values, &fixture.tensors.floats(&replaced));
        }
    }
    case
}

#[test]
fn captions_by_greedy_decoding_and_beam_search() {
    let root = reference_or_skip!();
    let fixture = Fixture::read(&root, "decode");
    let case = decoding(&root, &fixture);
    let pixels = fixture.tensors.floats("pixel_values");
    let pictures =
        |i: usize, out: &mut [f32]| out.copy_from_slice(&pixels[i * out.len()..][..out.len()]);
    let workers = Workers::new(2).unwrap();
    for (beams, method) in [
        (1, Method::Greedy),
        (2, beam_search(2)),
        (4, beam_search(4)),
    ] {
        let request = Request {
            model: &case.model,
            params: &case.params,
            specials: case.specials,
            count: 6,
            pictures: &pictures,
            latent_seed: None,
            // transformers' max_length counts the start token.
            max_tokens: fixture.number("/max_length") as usize - 1,
        };
        let found = generate(&request, &method, &workers, &|_| ()).unwrap();
        let expected = &fixture.json["beams"][beams.to_string()];
        let expected: Vec<Vec<Scored>> = serde_json::from_value(expected.clone()).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.len(), beams);
            for (found, expected) in found.iter().zip(expected) {
                let mut ids = vec![GPT2];
                ids.extend(&found.words);
                ids.extend(found.ended.then_some(GPT2));
                assert_eq!(ids, expected.ids, "{beams} beams");
                let error = (found.score - expected.score).abs();
                assert!(error < 1e-4, "{} not {}", found.score, expected.score);
            }
        }
    }
}

fn beam_search(beams: usize) -> Method {
    Method::Beam(Beams {
        beams,
        length_penalty: 1.0,
    })
}

/// A hypothesis of the fixture.
#[derive(serde::Deserialize)]
struct Scored {
    ids: Vec<u32>,
    score: f64,
}
