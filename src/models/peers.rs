//! The encoders against other people's: candle-transformers' on random weights, and transformers' on a
//! BERT that was trained.

use std::path::Path;

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::{bert as candle_bert, vit as candle_vit};

use super::blocks::{Dropouts, Wanted};
use super::weights::{bert_config, load_bert, save};
use super::*;
use crate::nn::{Pool, Spans, Tape};
use crate::text::Tokenizer;

/// A dual encoder, in whose checkpoint both towers are named as candle-transformers names them.
struct Towers {
    model: Model,
    params: Params,
}

impl Towers {
    fn new(config: ModelConfig) -> Self {
        let model = Model::new(config).unwrap();
        let params = model.init(7);
        Self { model, params }
    }

    fn dual(&self) -> &DualEncoder {
        match &self.model.parts {
            Parts::DualEncoder(dual) => dual,
            Parts::Captioner(_) => unreachable!("the variant is a dual encoder"),
        }
    }

    /// BERT's states of texts with their specials, and the texts padded with 0 to the longest.
    fn states(&self, texts: &[Vec<u32>]) -> (Vec<u32>, Vec<Vec<f32>>) {
        let tokens = texts.iter().map(Vec::len).max().unwrap();
        let mut padded = vec![0; texts.len() * tokens];
        for (row, text) in padded.chunks_exact_mut(tokens).zip(texts) {
            row[..text.len()].copy_from_slice(text);
        }
        let samples = Spans::of(texts.iter().map(Vec::len));
        let (mut pool, mut off) = (Pool::new(), Dropouts::off());
        let mut tape = Tape::inference(&self.params, &mut pool);
        let bert = &self.dual().bert;
        let states = bert.forward(&mut tape, &texts.concat(), &samples, Wanted::All, &mut off);
        let (values, width) = (tape.value(states), states.cols);
        let texts = samples
            .iter()
            .map(|rows| values[rows.start * width..rows.end * width].to_vec());
        (padded, texts.collect())
    }

    fn candle(&self) -> VarBuilder<'static> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        save(&self.model, &self.params, &path).unwrap();
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
        VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
    }
}

fn random_towers() -> Towers {
    let mut config = ModelConfig::tiny(Variant::DualEncoder, 61);
    (config.vit.image, config.vit.layers, config.vit.heads) = (40, 3, 4);
    let mut towers = Towers::new(config);
    // From their initial values all paths but the residual one are faint.
    for (name, slot) in towers.model.layout().clone().slots() {
        let wide = !name.contains("norm") && slot.cols > 1;
        let values = towers.params.slice_mut(slot);
        values.iter_mut().filter(|_| wide).for_each(|v| *v *= 4.0);
    }
    towers
}

fn assert_close(found: &[f32], expected: &Tensor) {
    let expected: Vec<f32> = expected.flatten_all().unwrap().to_vec1().unwrap();
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error < 1e-5 * largest, "{i}: {found}, candle {expected}");
    }
}

#[test]
fn candle_transformers_vit_is_ours() {
    let towers = random_towers();
    let vit = towers.model.config().vit;
    let config = candle_vit::Config {
        hidden_size: vit.width,
        num_hidden_layers: vit.layers,
        num_attention_heads: vit.heads,
        intermediate_size: vit.mlp,
        hidden_act: candle_nn::Activation::Gelu,
        layer_norm_eps: vit.norm_eps.into(),
        image_size: vit.image,
        patch_size: vit.patch,
        num_channels: 3,
        qkv_bias: true,
    };
    let weights = towers.candle().pp("vit");
    let embeddings = candle_vit::Embeddings::new(&config, false, weights.pp("embeddings")).unwrap();
    let encoder = candle_vit::Encoder::new(&config, weights.pp("encoder")).unwrap();
    let eps = f64::from(vit.norm_eps);
    let norm = candle_nn::layer_norm(vit.width, eps, weights.pp("layernorm")).unwrap();

    let pixels: Vec<f32> = (0..3 * vit.pixels())
        .map(|i| (i as f32 * 0.7).sin())
        .collect();
    let pictures = Tensor::from_slice(&pixels, (3, 3, vit.image, vit.image), &Device::Cpu).unwrap();
    let expected = embeddings.forward(&pictures, None, false).unwrap();
    let expected = norm.forward(&encoder.forward(&expected).unwrap()).unwrap();

    let (mut pool, mut off) = (Pool::new(), Dropouts::off());
    let mut tape = Tape::inference(&towers.params, &mut pool);
    let vit = &towers.dual().vit;
    let states = vit.forward(&mut tape, &pixels, Wanted::All, &mut off);
    assert_close(tape.value(states), &expected);
}

#[test]
fn candle_transformers_bert_is_ours() {
    let towers = random_towers();
    let bert = towers.model.config().bert.unwrap();
    let config = candle_bert::Config {
        vocab_size: bert.vocab,
        hidden_size: bert.width,
        num_hidden_layers: bert.layers,
        num_attention_heads: bert.heads,
        intermediate_size: bert.mlp,
        max_position_embeddings: bert.positions,
        layer_norm_eps: bert.norm_eps.into(),
        ..candle_bert::Config::default()
    };
    let candle = candle_bert::BertModel::load(towers.candle(), &config).unwrap();
    for texts in [
        vec![vec![5, 9, 60, 1, 33, 2]],
        vec![vec![5, 7, 2], vec![5, 8, 9, 10, 41, 2], vec![5, 2]],
    ] {
        let (ids, found) = towers.states(&texts);
        let shape = (texts.len(), ids.len() / texts.len());
        let mask: Vec<u32> = texts
            .iter()
            .flat_map(|text| (0..shape.1).map(|at| u32::from(at < text.len())))
            .collect();
        let tensor = |ids: &[u32]| Tensor::from_slice(ids, shape, &Device::Cpu).unwrap();
        let (ids, mask) = (tensor(&ids), tensor(&mask));
        let types = ids.zeros_like().unwrap();
        let expected = candle.forward(&ids, &types, Some(&mask)).unwrap();
        for (row, (text, found)) in texts.iter().zip(&found).enumerate() {
            let expected = expected.get(row).unwrap().narrow(0, 0, text.len()).unwrap();
            assert_close(found, &expected);
        }
    }
}

/// Needs the folder that fixtures/make/trained_bert.py names, in `$CAPTION_BENCH_BERT`.
#[test]
fn a_trained_bert_finds_the_similarities_that_transformers_finds() {
    let Some(folder) = std::env::var_os("CAPTION_BENCH_BERT") else {
        println!("skipped: CAPTION_BENCH_BERT is not set");
        return;
    };
    let folder = Path::new(&folder);
    let golden = include_str!("../../fixtures/models/trained_bert.json");
    let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
    let mut config = ModelConfig::tiny(Variant::DualEncoder, 61);
    config.bert = Some(bert_config(folder).unwrap());
    let mut towers = Towers::new(config);
    let coverage = load_bert(&towers.model, &mut towers.params, folder).unwrap();
    assert!(coverage.notes().is_empty(), "{:?}", coverage.notes());

    let tokenizer = Tokenizer::bert_from(folder).unwrap();
    let specials = tokenizer.specials();
    let sentences: Vec<String> = serde_json::from_value(golden["sentences"].clone()).unwrap();
    let texts: Vec<Vec<u32>> = sentences
        .iter()
        .map(|text| {
            [
                vec![specials.start],
                tokenizer.encode(text),
                vec![specials.end],
            ]
            .concat()
        })
        .collect();
    let expected: Vec<Vec<u32>> = serde_json::from_value(golden["ids"].clone()).unwrap();
    assert_eq!(texts, expected);

    let (_, states) = towers.states(&texts);
    let width = towers.dual().bert.config.width;
    let embedding = |tokens: usize| -> Vec<Vec<f64>> {
        let mean = |states: &Vec<f32>| {
            let mut sum = vec![0.0; width];
            for state in states.chunks_exact(width).take(tokens) {
                sum.iter_mut()
                    .zip(state)
                    .for_each(|(s, &v)| *s += f64::from(v));
            }
            sum
        };
        states.iter().map(mean).collect()
    };
    for (key, embeddings) in [
        ("cosines_of_means", embedding(usize::MAX)),
        ("cosines_of_cls", embedding(1)),
    ] {
        let expected: Vec<Vec<f64>> = serde_json::from_value(golden[key].clone()).unwrap();
        for (a, row) in embeddings.iter().zip(&expected) {
            for (b, expected) in embeddings.iter().zip(row) {
                let dot =
                    |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
                let found = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{key}: {found}, transformers {expected}"
                );
            }
        }
    }
}
