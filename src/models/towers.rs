//! The towers block by block, against the hidden states that transformers reports.
//!
//! Needs `$CAPTION_BENCH_REFERENCE/models`; without that variable these tests say that they are
//! skipped. A tower cut off after `i` blocks ends with its final norm, so the reference's state
//! there is normed before it is compared (BERT's is normed already).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};

use super::blocks::{Dropouts, Wanted};
use super::gpt2::{MemoryVar, Reading};
use super::weights::{bert_config, load_bert, load_vit, open, vision_encoder_decoder_config};
use super::*;
use crate::nn::kernels::decode::norm;
use crate::nn::{Linear, Norm, Pool, Spans, Tape};

struct Towers {
    tensors: HashMap<String, Tensor>,
    folder: PathBuf,
}

impl Towers {
    fn read() -> Option<Self> {
        let Some(root) = std::env::var_os("CAPTION_BENCH_REFERENCE") else {
            println!("skipped: CAPTION_BENCH_REFERENCE is not set");
            return None;
        };
        let folder = Path::new(&root).join("models");
        let path = folder.join("towers.safetensors");
        Some(Self {
            tensors: candle_core::safetensors::load(path, &Device::Cpu).unwrap(),
            folder,
        })
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let tensor = self.tensors[name].to_dtype(DType::F32).unwrap();
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn ids(&self, name: &str) -> Vec<u32> {
        let ids = self.tensors[name].flatten_all().unwrap();
        let ids = ids.to_vec1::<i64>().unwrap();
        ids.into_iter().map(|id| id as u32).collect()
    }

    /// Compares rows of a matrix where the mask (if any) is 1.
    fn compare(&self, found: &[f32], expected: &[f32], mask: Option<&str>) {
        assert_eq!(found.len(), expected.len());
        let mask = mask.map(|name| self.ids(name));
        let rows = mask.as_ref().map_or(1, Vec::len);
        let columns = found.len() / rows;
        let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            if mask.as_ref().is_none_or(|mask| mask[i / columns] == 1) {
                let error = (found - expected).abs();
                assert!(error < 1e-5 * largest, "{i}: {found} instead of {expected}");
            }
        }
    }

    fn normed(&self, params: &Params, by: Norm, name: &str) -> Vec<f32> {
        let states = self.floats(name);
        let mut out = vec![0.0; states.len()];
        norm(params, by, &states, &mut out);
        out
    }
}

#[test]
fn vision_transformer_and_decoder() {
    let Some(towers) = Towers::read() else { return };
    let (model, params, _) = open(&towers.folder.join("tiny-ved")).unwrap();
    let captioner = model.captioner().unwrap();
    let mut pool = Pool::new();
    let mut off = Dropouts::off();
    let pixels = towers.floats("pixel_values");
    let ids = towers.ids("text_ids");
    let samples = Spans::even(ids.len() / 10, 10);

    for depth in 0..=2 {
        let mut vit = captioner.vit.clone();
        vit.blocks.truncate(depth);
        let mut tape = Tape::inference(&params, &mut pool);
        let states = vit.forward(&mut tape, &pixels, Wanted::All, &mut off);
        let expected = towers.normed(&params, vit.norm, &format!("vit.hidden.{depth}"));
        towers.compare(tape.value(states), &expected, None);
        drop(tape);

        let mut gpt2 = captioner.gpt2.clone();
        gpt2.blocks.truncate(depth);
        for (name, with_memory) in [("gpt2_alone", false), ("gpt2_cross", true)] {
            let mut tape = Tape::inference(&params, &mut pool);
            let states = captioner
                .vit
                .forward(&mut tape, &pixels, Wanted::All, &mut off);
            let memory = with_memory.then_some(MemoryVar { states, tokens: 17 });
            let reading = Reading {
                ids: &ids,
                samples: &samples,
                memory,
                wanted: Wanted::All,
            };
            let states = gpt2.forward(&mut tape, &reading, &mut off);
            // transformers reports the last state after the final norm.
            let hidden = format!("{name}.hidden.{depth}");
            let expected = match depth {
                2 => towers.floats(&hidden),
                _ => towers.normed(&params, gpt2.norm, &hidden),
            };
            towers.compare(tape.value(states), &expected, Some("text_mask"));
            if depth == 2 {
                let logits = tape.linear(states, Linear::tied(gpt2.words));
                let expected = towers.floats(&format!("{name}.logits"));
                towers.compare(tape.value(logits), &expected, Some("text_mask"));
            }
        }
    }
}

#[test]
fn text_encoder() {
    let Some(towers) = Towers::read() else { return };
    let bert = bert_config(&towers.folder.join("tiny-bert")).unwrap();
    let mut config = ModelConfig::tiny(Variant::DualEncoder, bert.vocab);
    config.bert = Some(bert);
    config.vit = vision_encoder_decoder_config(&towers.folder.join("tiny-ved"))
        .unwrap()
        .0;
    let model = Model::new(config).unwrap();
    let mut params = model.init(0);
    load_vit(&model, &mut params, &towers.folder.join("tiny-ved")).unwrap();
    load_bert(&model, &mut params, &towers.folder.join("tiny-bert")).unwrap();
    let Parts::DualEncoder(dual) = &model.parts else {
        panic!("a dual encoder");
    };
    let mut pool = Pool::new();
    let mut off = Dropouts::off();

    let mut tape = Tape::inference(&params, &mut pool);
    let pixels = towers.floats("pixel_values");
    let states = dual.vit.forward(&mut tape, &pixels, Wanted::All, &mut off);
    towers.compare(
        tape.value(states),
        &towers.floats("vit.last_hidden_state"),
        None,
    );
    drop(tape);

    let (ids, mask) = (towers.ids("bert_ids"), towers.ids("bert_mask"));
    // The reference pads its texts; only what is no padding is read here.
    let real: Vec<usize> = (0..ids.len()).filter(|&i| mask[i] == 1).collect();
    let texts: Vec<u32> = real.iter().map(|&i| ids[i]).collect();
    let samples = Spans::of(mask.chunks(10).map(|row| row.iter().sum::<u32>() as usize));
    for depth in 0..=2 {
        let mut bert = dual.bert.clone();
        bert.blocks.truncate(depth);
        let mut tape = Tape::inference(&params, &mut pool);
        let states = bert.forward(&mut tape, &texts, &samples, Wanted::All, &mut off);
        let expected = towers.floats(&format!("bert.hidden.{depth}"));
        let rows = real
            .iter()
            .flat_map(|row| &expected[row * states.cols..][..states.cols]);
        let rows: Vec<f32> = rows.copied().collect();
        towers.compare(tape.value(states), &rows, None);
    }
}

#[test]
fn a_token_alone_has_the_state_that_it_has_among_all() {
    let mut pool = Pool::new();
    let mut off = Dropouts::off();
    let close = |alone: &[f32], all: &[f32], rows: &[usize]| {
        let width = alone.len() / rows.len();
        for (alone, row) in alone.chunks_exact(width).zip(rows) {
            for (a, b) in alone.iter().zip(&all[row * width..]) {
                assert!((a - b).abs() < 1e-5, "{a} alone, {b} among all");
            }
        }
    };
    let ids: Vec<u32> = (0..30).map(|i| i * 7 % 50).collect();
    let samples = Spans::of([10, 3, 17]);

    let model = Model::new(ModelConfig::tiny(Variant::DualEncoder, 50)).unwrap();
    let params = model.init(3);
    let Parts::DualEncoder(dual) = &model.parts else {
        panic!("a dual encoder");
    };
    let pixels: Vec<f32> = (0..2 * dual.vit.config.pixels())
        .map(|i| (i as f32 * 0.7).sin())
        .collect();
    let mut tape = Tape::inference(&params, &mut pool);
    let [all, alone] = [Wanted::All, Wanted::One].map(|wanted| {
        let states = dual.vit.forward(&mut tape, &pixels, wanted, &mut off);
        tape.value(states).to_vec()
    });
    close(&alone, &all, &[0, dual.vit.config.tokens()]);
    let [all, alone] = [Wanted::All, Wanted::One].map(|wanted| {
        let states = dual
            .bert
            .forward(&mut tape, &ids, &samples, wanted, &mut off);
        tape.value(states).to_vec()
    });
    close(&alone, &all, &samples.firsts());
    drop(tape);

    let model = Model::new(ModelConfig::tiny(Variant::EncoderDecoder, 50)).unwrap();
    let params = model.init(3);
    let gpt2 = &model.captioner().unwrap().gpt2;
    let mut tape = Tape::inference(&params, &mut pool);
    let memory: Vec<f32> = (0..3 * 4 * gpt2.config.width)
        .map(|i| (i as f32 * 0.3).cos())
        .collect();
    let memory = MemoryVar {
        states: tape.constant(3 * 4, gpt2.config.width, &memory),
        tokens: 4,
    };
    for memory in [None, Some(memory)] {
        let [all, alone] = [Wanted::All, Wanted::One].map(|wanted| {
            let (ids, samples) = (&ids, &samples);
            let reading = Reading {
                ids,
                samples,
                memory,
                wanted,
            };
            let states = gpt2.forward(&mut tape, &reading, &mut off);
            tape.value(states).to_vec()
        });
        close(&alone, &all, &samples.lasts());
    }
}

/// Both readings at once are what each is alone.
#[test]
fn two_readings_in_one_pass_do_not_see_each_other() {
    let model = Model::new(ModelConfig::tiny(Variant::EncoderDecoder, 50)).unwrap();
    let params = model.init(3);
    let gpt2 = &model.captioner().unwrap().gpt2;
    let (mut pool, mut off) = (Pool::new(), Dropouts::off());
    let mut tape = Tape::inference(&params, &mut pool);
    let values: Vec<f32> = (0..3 * 4 * gpt2.config.width)
        .map(|i| (i as f32 * 0.3).cos())
        .collect();
    let memory = MemoryVar {
        states: tape.constant(3 * 4, gpt2.config.width, &values),
        tokens: 4,
    };
    let ids: Vec<u32> = (0..33).map(|i| i * 7 % 50).collect();
    let [short, long] = [[9, 2, 16], [10, 3, 17]].map(Spans::of);
    let with = Reading {
        ids: &ids[..27],
        samples: &short,
        memory: Some(memory),
        wanted: Wanted::All,
    };
    let without = Reading {
        ids: &ids[3..],
        samples: &long,
        memory: None,
        wanted: Wanted::One,
    };
    let both = gpt2.forward_both(&mut tape, [&with, &without], &mut off);
    for (both, reading) in both.into_iter().zip([with, without]) {
        let alone = gpt2.forward(&mut tape, &reading, &mut off);
        let pairs = tape.value(both).iter().zip(tape.value(alone));
        assert_eq!(both.rows, alone.rows);
        for (both, alone) in pairs {
            assert!((both - alone).abs() < 1e-5, "{both} at once, {alone} alone");
        }
    }
}
