//! The contrastive loss, with a bottleneck and in the dual encoder.

use caption_bench::models::{
    Embeddings, Inference, KlReduction, LatentNoise, LatentType, TextPass, VaeConfig, Variant,
};
use caption_bench::nn::Workers;

use super::captioning::{compare_token_losses, encode, forced_logits};
use super::fixture::{Case, Fixture, compare_loss, compare_values, computes, objective};
use super::reference_or_skip;

fn compare_embeddings(case: &Case, latent: LatentNoise, fixture: &Fixture) {
    let workers = Workers::new(2).unwrap();
    for compute in computes() {
        let mut inference = Inference::on(&compute, &case.model, &case.params, &workers);
        let text_pass = case.model.text_pass();
        let embeddings = case.with_batch(|batch| inference.embeddings(batch, latent, text_pass));
        let Embeddings {
            image,
            text,
            image_width,
            ..
        } = embeddings.unwrap();
        compare_values(&image, &fixture.tensors.floats("image_embedding"), "images");
        compare_values(&text, &fixture.tensors.floats("text_embedding"), "texts");
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let texts = || text.chunks(image_width);
        let rows = image.chunks(image_width);
        let cosines: Vec<f32> = rows.flat_map(|i| texts().map(move |t| dot(i, t))).collect();
        compare_values(&cosines, &fixture.tensors.floats("cosine"), "cosines");
    }
}

fn bottleneck_and_contrast(name: &str, latent: LatentType, text_pass: TextPass) {
    let root = reference_or_skip!();
    let fixture = Fixture::read(&root, name);
    let vae = VaeConfig {
        latent,
        size: 8,
        kl_reduction: KlReduction::Mean,
    };
    let variant = Variant::VaeCl;
    let case = Case::captioner(&root, variant, Some(vae), Some(text_pass), Some(&fixture));
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
    compare_embeddings(&case, noise, &fixture);

    for (losses, gradient) in case.runs(&objective(noise)) {
        compare_loss(losses.loss, fixture.number("/losses/total"), "total");
        compare_loss(losses.lm.unwrap(), fixture.number("/losses/lm"), "lm");
        compare_loss(losses.kl.unwrap(), fixture.number("/losses/kl_mean"), "kl");
        compare_loss(
            losses.cl.unwrap(),
            fixture.number("/losses/contrastive"),
            "cl",
        );
        case.compare_gradients(&gradient, &fixture);
    }
}

#[test]
fn with_a_text_read_alone() {
    bottleneck_and_contrast("vae_cl_unimodal", LatentType::Patch, TextPass::Unimodal);
}

#[test]
fn with_a_text_that_has_seen_the_picture() {
    bottleneck_and_contrast("vae_cl_fused", LatentType::Cls, TextPass::Fused);
}

#[test]
fn dual_encoder() {
    let root = reference_or_skip!();
    let fixture = Fixture::read(&root, "dual_encoder");
    let case = Case::dual_encoder(&root, &fixture);
    compare_embeddings(&case, LatentNoise::Mean, &fixture);
    for (losses, gradient) in case.runs(&objective(LatentNoise::Mean)) {
        compare_loss(losses.loss, fixture.number("/loss"), "loss");
        case.compare_gradients(&gradient, &fixture);
    }
}
