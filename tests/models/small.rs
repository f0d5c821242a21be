//! Models small enough for numeric gradients, and a batch for them.

use caption_bench::models::{
    Batch, KlReduction, LatentNoise, LatentType, Losses, Model, ModelConfig, Objective, Specials,
    TextPass, Variant, Workspace, loss_and_gradients,
};
use caption_bench::nn::{Params, Precision, Workers};

/// A number in -1..1 from a counter (the finalizer of MurmurHash3).
pub fn noise(seed: u32, i: usize) -> f32 {
    let mut x = (i as u32).wrapping_mul(0x9E37_79B9) ^ seed.wrapping_mul(0x85EB_CA6B);
    x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
    x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
    x ^= x >> 16;
    x as f32 / (u32::MAX / 2) as f32 - 1.0
}

/// Every variant, with both latent types, both reductions and both text passes among them.
pub fn configs() -> Vec<(&'static str, ModelConfig)> {
    let small = |variant| {
        let mut config = ModelConfig::tiny(variant, 23);
        config.vit.image = 16;
        config.vit.width = 16;
        config.vit.mlp = 24;
        config.vit.layers = 2;
        config.vit.heads = 2;
        if let Some(gpt2) = &mut config.gpt2 {
            (gpt2.width, gpt2.mlp, gpt2.layers, gpt2.heads) = (16, 24, 2, 2);
            gpt2.positions = 8;
        }
        if let Some(bert) = &mut config.bert {
            (bert.width, bert.mlp, bert.layers, bert.heads) = (16, 24, 2, 2);
            bert.positions = 8;
        }
        if let Some(vae) = &mut config.vae {
            vae.size = 6;
        }
        if let Some(head) = &mut config.contrastive {
            head.width = 10;
            head.sigma = 0.3;
        }
        config
    };
    let mut wider = small(Variant::EncoderDecoder);
    wider.vit.width = 20;
    let mut cls = small(Variant::Vae);
    cls.vae.as_mut().unwrap().latent = LatentType::Cls;
    cls.vae.as_mut().unwrap().kl_reduction = KlReduction::Sum;
    let mut fused = small(Variant::VaeCl);
    fused.contrastive.as_mut().unwrap().text_pass = TextPass::Fused;
    let mut fused_cls = fused;
    fused_cls.vae.as_mut().unwrap().latent = LatentType::Cls;
    vec![
        ("dual-encoder", small(Variant::DualEncoder)),
        ("encoder-decoder", small(Variant::EncoderDecoder)),
        ("encoder-decoder, wider encoder", wider),
        ("vae, patch", small(Variant::Vae)),
        ("vae, cls, summed", cls),
        ("vae-cl, unimodal", small(Variant::VaeCl)),
        ("vae-cl, fused", fused),
        ("vae-cl, fused, cls", fused_cls),
    ]
}

/// A model with weights wide enough that every path matters, and what to feed it with.
pub struct Small {
    pub model: Model,
    pub params: Params,
    pub captions: Vec<Vec<u32>>,
    pub objective: Objective<'static>,
}

pub const SPECIALS: Specials = Specials {
    start: 21,
    end: 22,
    pad: 0,
};

impl Small {
    pub fn new(config: ModelConfig) -> Self {
        let model = Model::new(config).unwrap();
        let mut params = model.init(1);
        for (seed, (name, slot)) in model.layout().slots().enumerate() {
            if name.ends_with("sigma") {
                continue;
            }
            let is_norm_scale = name.contains("norm") && name.ends_with("weight");
            for i in 0..slot.len() {
                let r = noise(seed as u32 + 1, i);
                params.values[slot.offset + i] = match (is_norm_scale, name.ends_with("bias")) {
                    (true, _) => 1.0 + 0.15 * r,
                    (_, true) => 0.15 * r,
                    _ => 0.35 * r,
                };
            }
        }
        Self {
            model,
            params,
            // The longest fills every position; one has no word at all.
            captions: vec![
                vec![3, 9, 4],
                vec![5, 1, 17, 8, 2, 6],
                vec![],
                vec![12],
                vec![20, 20, 7, 3],
            ],
            objective: Objective {
                alpha: 0.7,
                beta: 0.1,
                gamma: 0.2,
                free_bits: 0.0,
                latent: LatentNoise::Sample { seed: 5 },
                dropout: None,
                precision: Precision::F32,
            },
        }
    }

    /// Loss and gradients.
    pub fn run(&self, shards: usize, threads: usize) -> (Losses, Vec<f32>) {
        let mut workspace = Workspace::new(&self.model, shards);
        let losses = self.with_batch(|batch| {
            let workers = Workers::new(threads).unwrap();
            loss_and_gradients(
                &self.model,
                &self.params,
                batch,
                &self.objective,
                &workers,
                &mut workspace,
            )
            .unwrap()
        });
        (losses, workspace.gradients().to_flat())
    }

    /// Hands out the batch.
    pub fn with_batch<R>(&self, work: impl FnOnce(&Batch) -> R) -> R {
        let captions: Vec<&[u32]> = self.captions.iter().map(Vec::as_slice).collect();
        work(&Batch {
            pictures: &picture,
            captions: &captions,
            specials: SPECIALS,
        })
    }
}

/// Picture `i`: noise.
pub fn picture(i: usize, pixels: &mut [f32]) {
    for (j, pixel) in pixels.iter_mut().enumerate() {
        *pixel = noise(1000 + i as u32, j);
    }
}
