//! What is saved here, transformers opens and reproduces.
//!
//! `fixtures/models/saved.json` holds what transformers makes of four checkpoints written by this test:
//! losses of every token, greedy captions, and beams with their scores. To make it again,
//!
//! ```text
//! CAPTION_BENCH_SAVED=/tmp/saved cargo test --release --test models saved
//! python3 fixtures/make/saved.py /tmp/saved fixtures/models/saved.json
//! ```

use std::path::Path;

use candle_core::{Device, Tensor};
use caption_bench::decode::{Beams, Hypothesis, Method, Request, generate};
use caption_bench::models::weights::{open, save, save_configs};
use caption_bench::models::{Inference, LatentNoise};
use caption_bench::nn::Workers;
use serde_json::{Value, json};

use crate::small::{SPECIALS, Small, configs, picture};

/// Pictures that are captioned.
const PICTURES: usize = 12;
/// The most tokens of a caption.
const MAX_TOKENS: usize = 6;

/// Names of folders and places among the small configurations.
const SAVED: [(&str, usize); 4] = [
    ("encoder-decoder", 1),
    ("encoder-decoder-projection", 2),
    ("vae-patch", 3),
    ("vae-cl-cls", 7),
];

#[test]
fn transformers_reproduces_it() {
    let golden: Value =
        serde_json::from_str(include_str!("../../fixtures/models/saved.json")).unwrap();
    let keep = std::env::var_os("CAPTION_BENCH_SAVED");
    for (name, place) in SAVED {
        let mut small = Small::new(configs()[place].1);
        // Sharper decisions, so that no two tokens are nearly as likely.
        let words = small
            .model
            .layout()
            .slots()
            .find(|(n, _)| *n == "gpt2.words");
        let words = words.unwrap().1;
        small
            .params
            .slice_mut(words)
            .iter_mut()
            .for_each(|w| *w *= 4.0);

        let folder = tempfile::tempdir().unwrap();
        write(&small, folder.path());
        if let Some(root) = &keep {
            let root = Path::new(root).join(name);
            std::fs::create_dir_all(&root).unwrap();
            write(&small, &root);
            inputs(&small, &root);
            continue;
        }
        let (_, read, _) = open(folder.path()).unwrap();
        assert_eq!(*read.values, *small.params.values, "{name} read again");
        compare(name, &small, &golden["models"][name]);
    }
}

fn write(small: &Small, folder: &Path) {
    save(
        &small.model,
        &small.params,
        &folder.join("model.safetensors"),
    )
    .unwrap();
    save_configs(small.model.config(), SPECIALS, folder).unwrap();
}

/// What the script feeds transformers with.
fn inputs(small: &Small, folder: &Path) {
    let side = small.model.config().vit.image;
    let mut pixels = vec![0.0; PICTURES * 3 * side * side];
    for (i, pixels) in pixels.chunks_exact_mut(3 * side * side).enumerate() {
        picture(i, pixels);
    }
    let pixels = Tensor::from_vec(pixels, (PICTURES, 3, side, side), &Device::Cpu).unwrap();
    candle_core::safetensors::save(
        &[("pixels".to_owned(), pixels)].into_iter().collect(),
        folder.join("inputs.safetensors"),
    )
    .unwrap();
    let about = json!({
        "captions": small.captions, "start": SPECIALS.start, "end": SPECIALS.end,
        "max_tokens": MAX_TOKENS,
        "latent": small.model.config().vae.map(|vae| vae.latent),
    });
    std::fs::write(folder.join("inputs.json"), about.to_string()).unwrap();
}

fn compare(name: &str, small: &Small, golden: &Value) {
    let workers = Workers::new(2).unwrap();
    let mut inference = Inference::new(&small.model, &small.params, &workers);
    let forced = small.with_batch(|batch| inference.teacher_forced(batch, LatentNoise::Mean));
    let theirs = golden["losses"].as_array().unwrap();
    for (ours, theirs) in forced.unwrap().iter().zip(theirs) {
        let theirs: Vec<f64> = serde_json::from_value(theirs.clone()).unwrap();
        assert_eq!(ours.losses.len(), theirs.len(), "{name}");
        for (ours, theirs) in ours.losses.iter().zip(theirs) {
            let error = (f64::from(*ours) - theirs).abs();
            assert!(
                error < 1e-5 * theirs.max(1.0),
                "{name}: {ours}, transformers {theirs}"
            );
        }
    }
    let greedy = captions(small, Method::Greedy, &workers);
    for (ours, theirs) in greedy.iter().zip(golden["greedy"].as_array().unwrap()) {
        assert_eq!(json!(ours[0].words), *theirs, "{name}, greedy");
    }
    let method = Method::Beam(Beams {
        beams: 3,
        length_penalty: 1.0,
    });
    let beams = captions(small, method, &workers);
    for (ours, theirs) in beams.iter().zip(golden["beams"].as_array().unwrap()) {
        for (ours, theirs) in ours.iter().zip(theirs.as_array().unwrap()) {
            assert_eq!(json!(ours.words), theirs["words"], "{name}, beams");
            let error = (ours.score - theirs["score"].as_f64().unwrap()).abs();
            assert!(error < 1e-4, "{name}: {} against {theirs}", ours.score);
        }
    }
    assert_eq!((greedy.len(), beams.len()), (PICTURES, PICTURES));
}

fn captions(small: &Small, method: Method, workers: &Workers) -> Vec<Vec<Hypothesis>> {
    let request = Request {
        model: &small.model,
        params: &small.params,
        specials: SPECIALS,
        count: PICTURES,
        pictures: &picture,
        latent_seed: None,
        max_tokens: MAX_TOKENS,
    };
    generate(&request, &method, workers, &|_| ()).unwrap()
}
