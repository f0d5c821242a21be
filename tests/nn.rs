//! The engine as a whole: a small image-to-text transformer, trained by hand.

use std::sync::Arc;
use std::time::Instant;

use caption_bench::nn::adamw::{self, AdamW, Moments};
use caption_bench::nn::{
    Attention, Cols, Gelu, Gradients, Init, Layout, LayoutBuilder, Linear, Mask, Norm, Params,
    PatchEmbedding, Pool, Precision, Slot, Spans, Tape, Var, Workers,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One transformer block; in the decoder with cross-attention.
struct Block {
    norm1: Norm,
    qkv: Linear,
    out: Linear,
    cross: Option<(Norm, Linear, Linear, Linear)>,
    norm2: Norm,
    up: Linear,
    down: Linear,
}

/// A ViT and a GPT-2-like decoder with cross-attention, as `torch_step.py` has them.
struct Net {
    heads: usize,
    patches: PatchEmbedding,
    encoder: Vec<Block>,
    encoder_norm: Norm,
    words: Slot,
    positions: Slot,
    decoder: Vec<Block>,
    decoder_norm: Norm,
}

/// Sizes of a [`Net`].
#[derive(Clone, Copy)]
struct Sizes {
    image: usize,
    patch: usize,
    width: usize,
    layers: usize,
    heads: usize,
    vocabulary: usize,
    tokens: usize,
}

const TINY: Sizes = Sizes {
    image: 64,
    patch: 8,
    width: 128,
    layers: 3,
    heads: 4,
    vocabulary: 500,
    tokens: 20,
};
const BASE: Sizes = Sizes {
    image: 224,
    patch: 16,
    width: 768,
    layers: 12,
    heads: 12,
    vocabulary: 50257,
    tokens: 24,
};
const SMALL: Sizes = Sizes {
    image: 16,
    patch: 8,
    width: 32,
    layers: 1,
    heads: 2,
    vocabulary: 50,
    tokens: 6,
};

fn block(builder: &mut LayoutBuilder, name: &str, width: usize, cross: bool) -> Block {
    let mut linear = |part: &str, inputs, outputs| {
        builder.linear(&format!("{name}.{part}"), inputs, outputs, true, 0.02)
    };
    let (qkv, out) = (linear("qkv", width, 3 * width), linear("out", width, width));
    let (up, down) = (
        linear("up", width, 4 * width),
        linear("down", 4 * width, width),
    );
    let cross = cross.then(|| {
        (
            linear("q", width, width),
            linear("kv", width, 2 * width),
            linear("cross_out", width, width),
        )
    });
    let mut norm = |part: &str| builder.norm(&format!("{name}.{part}"), width, 1e-5);
    let cross = cross.map(|(q, kv, out)| (norm("norm_cross"), q, kv, out));
    Block {
        norm1: norm("norm1"),
        qkv,
        out,
        cross,
        norm2: norm("norm2"),
        up,
        down,
    }
}

impl Net {
    fn new(sizes: Sizes) -> (Self, Layout) {
        let Sizes {
            image,
            patch,
            width,
            layers,
            heads,
            vocabulary,
            tokens,
        } = sizes;
        let mut builder = Layout::builder();
        let patch_tokens = (image / patch).pow(2) + 1;
        let patches = PatchEmbedding {
            projection: builder.linear("patches", 3 * patch * patch, width, true, 0.02),
            class_token: builder.add("class_token", 1, width, Init::Normal(0.02)),
            positions: builder.add("patch_positions", patch_tokens, width, Init::Normal(0.02)),
            image,
            patch,
        };
        let encoder = (0..layers)
            .map(|i| block(&mut builder, &format!("encoder.{i}"), width, false))
            .collect();
        let encoder_norm = builder.norm("encoder.norm", width, 1e-5);
        let words = builder.add("words", vocabulary, width, Init::Normal(0.02));
        let positions = builder.add("positions", tokens, width, Init::Normal(0.02));
        let decoder = (0..layers)
            .map(|i| block(&mut builder, &format!("decoder.{i}"), width, true))
            .collect();
        let decoder_norm = builder.norm("decoder.norm", width, 1e-5);
        let net = Self {
            heads,
            patches,
            encoder,
            encoder_norm,
            words,
            positions,
            decoder,
            decoder_norm,
        };
        (net, builder.build())
    }

    /// All blocks and the norm at the end: the normed output.
    fn stack(
        &self,
        tape: &mut Tape,
        blocks: &[Block],
        last: Norm,
        mut x: Var,
        batch: usize,
        memory: Option<Var>,
    ) -> Var {
        let samples = Spans::even(batch, x.rows / batch);
        let gelu = if memory.is_some() {
            Gelu::Tanh
        } else {
            Gelu::Erf
        };
        let mut normed = tape.norm(x, blocks[0].norm1);
        for (i, block) in blocks.iter().enumerate() {
            let qkv = tape.linear(normed, block.qkv);
            let part = |i| Cols::part(qkv, i, 3);
            let mask = if memory.is_some() {
                Mask::Causal
            } else {
                Mask::Full
            };
            let shape = Attention {
                heads: self.heads,
                queries: samples.clone(),
                keys: samples.clone(),
                mask,
                dropout: None,
            };
            let attended = tape.attention(part(0), part(1), part(2), shape.clone());
            if let (Some(memory), Some((norm, q, kv, out))) = (memory, block.cross) {
                (x, normed) = tape.linear_residual_norm(attended, block.out, x, norm, None);
                let q = tape.linear(normed, q);
                let kv = tape.linear(memory, kv);
                let shape = Attention {
                    keys: Spans::even(batch, memory.rows / batch),
                    mask: Mask::Full,
                    ..shape
                };
                let (k, v) = (Cols::part(kv, 0, 2), Cols::part(kv, 1, 2));
                let attended = tape.attention(Cols::all(q), k, v, shape);
                (x, normed) = tape.linear_residual_norm(attended, out, x, block.norm2, None);
            } else {
                (x, normed) = tape.linear_residual_norm(attended, block.out, x, block.norm2, None);
            }
            let hidden = tape.linear_gelu(normed, block.up, gelu);
            let next = blocks.get(i + 1).map_or(last, |block| block.norm1);
            (x, normed) = tape.linear_residual_norm(hidden, block.down, x, next, None);
        }
        normed
    }

    /// Sum of the losses of a shard of images and captions.
    fn loss(&self, tape: &mut Tape, images: &[f32], ids: &[u32], batch: usize, weight: f32) -> f64 {
        let x = tape.patch_embedding(images, self.patches);
        let memory = self.stack(tape, &self.encoder, self.encoder_norm, x, batch, None);
        let samples = Spans::even(batch, ids.len() / batch);
        let y = tape.embedding(ids, &samples, self.words, self.positions, None);
        let y = self.stack(
            tape,
            &self.decoder,
            self.decoder_norm,
            y,
            batch,
            Some(memory),
        );
        let targets: Vec<_> = ids.iter().map(|&id| Some(id)).collect();
        tape.cross_entropy(y, Linear::tied(self.words), &targets, weight)
            .sum()
    }
}

/// A net in training on one fixed batch.
struct Training {
    net: Net,
    params: Params,
    moments: Moments,
    gradients: Gradients,
    pools: Vec<Pool>,
    workers: Workers,
    images: Vec<f32>,
    ids: Vec<u32>,
    batch: usize,
    precision: Precision,
}

impl Training {
    fn new(sizes: Sizes, batch: usize, shards: usize, threads: usize) -> Self {
        let (net, layout) = Net::new(sizes);
        let params = Params::init(Arc::new(layout), 1);
        let pixels = batch * 3 * sizes.image * sizes.image;
        Self {
            net,
            moments: Moments::new(params.values.len()),
            gradients: Gradients::zeros(params.layout()),
            pools: (0..shards).map(|_| Pool::new()).collect(),
            params,
            workers: Workers::new(threads).unwrap(),
            images: (0..pixels)
                .map(|i| ((i * 7919) % 2003) as f32 / 1001.0 - 1.0)
                .collect(),
            ids: (0..batch * sizes.tokens)
                .map(|i| ((i * 7919 + 13) % sizes.vocabulary) as u32)
                .collect(),
            batch,
            precision: Precision::F32,
        }
    }

    /// Forward and backward of all shards; the mean loss of a token.
    fn gradients(&mut self) -> f64 {
        let (batch, shards, tokens) = (self.batch, self.pools.len(), self.ids.len());
        self.gradients.begin();
        let gradients = &self.gradients;
        let (net, params, images, ids) = (&self.net, &self.params, &self.images, &self.ids);
        let precision = self.precision;
        let losses = self.workers.map(self.pools.iter_mut(), |i, pool| {
            let samples = batch * i / shards..batch * (i + 1) / shards;
            let slice = |len: usize| samples.start * len / batch..samples.end * len / batch;
            let tape = Tape::training(params, gradients, i, pool);
            let mut tape = tape.with_precision(precision);
            let (images, ids) = (&images[slice(images.len())], &ids[slice(tokens)]);
            let loss = net.loss(&mut tape, images, ids, samples.len(), 1.0 / tokens as f32);
            tape.backward(&[]);
            loss
        });
        losses.iter().sum::<f64>() / tokens as f64
    }

    /// One step of AdamW; the loss before it.
    fn step(&mut self) -> f64 {
        let loss = self.gradients();
        let settings = AdamW {
            lr: 1e-3,
            ..AdamW::default()
        };
        adamw::update(
            &mut self.params,
            &mut self.gradients,
            &mut self.moments,
            &settings,
            1.0,
            &self.workers,
        );
        loss
    }
}

#[test]
fn training_is_the_same_to_the_bit_for_any_number_of_threads() {
    let run = |threads| {
        let mut training = Training::new(SMALL, 5, 3, threads);
        let losses: Vec<f64> = (0..5).map(|_| training.step()).collect();
        (losses, training.params.values.to_vec())
    };
    let one = run(1);
    assert!(one.0[4] < one.0[0], "the loss falls: {:?}", one.0);
    for threads in [2, 3, 4] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

#[test]
fn bf16_learns_as_f32_does() {
    let losses = [Precision::F32, Precision::Bf16].map(|precision| {
        let mut training = Training::new(SMALL, 8, 2, 2);
        training.precision = precision;
        (0..200).map(|_| training.step()).collect::<Vec<f64>>()
    });
    println!(
        "{:?}",
        losses
            .each_ref()
            .map(|l| [0, 10, 50, 100, 150, 199].map(|i| l[i]))
    );
    let [exact, rounded] = losses;
    assert_ne!(exact, rounded);
    for (step, (a, b)) in exact.iter().zip(&rounded).enumerate() {
        assert!((a - b).abs() < 0.01 * a, "step {step}: {b} for {a}");
    }
}

#[test]
fn every_parameter_has_a_gradient_that_central_differences_confirm() {
    let mut training = Training::new(SMALL, 4, 2, 2);
    for _ in 0..5 {
        training.step(); // away from the symmetry of the start
    }
    training.gradients();
    let gradient = training.gradients.to_flat();
    let slots: Vec<(String, Slot)> = training
        .params
        .layout()
        .slots()
        .map(|(name, slot)| (name.to_owned(), slot))
        .collect();
    for (name, slot) in slots {
        let direction = &gradient[slot.range()];
        let norm = direction
            .iter()
            .map(|&g| f64::from(g).powi(2))
            .sum::<f64>()
            .sqrt();
        assert!(
            norm > 1e-6 && norm.is_finite(),
            "{name} has gradient {norm}"
        );
        let start = training.params.slice(slot).to_vec();
        let mut at = |by: f64| {
            let moved = start
                .iter()
                .zip(direction)
                .map(|(v, g)| v + (by / norm) as f32 * g);
            training
                .params
                .slice_mut(slot)
                .copy_from_slice(&moved.collect::<Vec<_>>());
            training.gradients()
        };
        const STEP: f64 = 0.01;
        let numeric =
            (8.0 * (at(STEP) - at(-STEP)) - (at(2.0 * STEP) - at(-2.0 * STEP))) / (12.0 * STEP);
        at(0.0);
        assert!(
            (numeric - norm).abs() < 2e-3 * norm + 2e-5,
            "{name}: {norm} analytic, {numeric} numeric"
        );
    }
}

/// Prints the time of a step; run it alone with `cargo test --release --test nn -- --ignored --nocapture`.
///
/// `STEPS`, `THREADS` and `SHARDS` come from the environment, and `NET=base` for the large one.
#[test]
#[ignore = "a measurement"]
fn step_time() {
    let number = |name: &str, default: usize| {
        std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
    };
    let base = std::env::var("NET").is_ok_and(|net| net == "base");
    let (sizes, batch, shards) = if base { (BASE, 2, 2) } else { (TINY, 48, 4) };
    let mut training = Training::new(sizes, batch, number("SHARDS", shards), number("THREADS", 2));
    let mut times = Vec::new();
    for step in 0..number("STEPS", 40) + 3 {
        let start = Instant::now();
        let loss = training.step();
        if step >= 3 {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        assert!(loss.is_finite());
    }
    times.sort_by(f64::total_cmp);
    println!(
        "median {:.1} ms a step, fastest {:.1}",
        times[times.len() / 2],
        times[0]
    );
}
