//! The cache gives what a whole pass gives.

use caption_bench::models::{Decoder, Inference, LatentNoise};
use caption_bench::nn::Workers;

use crate::small::{SPECIALS, Small, configs, picture};

/// −ln softmax(logits)[target], in f64.
fn loss(logits: &[f32], target: u32) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|l| f64::from(l - most).exp()).sum();
    sum.ln() - f64::from(logits[target as usize] - most)
}

fn argmax(logits: &[f32]) -> u32 {
    let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]).then(b.cmp(&a)));
    best.unwrap() as u32
}

#[test]
fn stepping_with_a_cache_gives_the_teacher_forced_losses() {
    let workers = Workers::new(2).unwrap();
    for (name, config) in configs().into_iter().filter(|(_, c)| c.variant.generates()) {
        let small = Small::new(config);
        let (model, params) = (&small.model, &small.params);
        let mut inference = Inference::new(model, params, &workers);
        let forced = small.with_batch(|batch| inference.teacher_forced(batch, LatentNoise::Mean));
        let forced = forced.unwrap();
        let count = small.captions.len();
        let memory = inference
            .encode(count, &picture, LatentNoise::Mean)
            .unwrap();
        assert_eq!(memory.len(), count);
        let mut decoder = Decoder::new(model, params, &memory, 0..count, 8, None).unwrap();
        let three = Workers::new(3).unwrap();
        let mut shared = Decoder::new(model, params, &memory, 0..count, 8, Some(&three)).unwrap();
        let vocab = config.vocab();
        let mut tokens = vec![SPECIALS.start; count];
        // Captions leave as they end, so rows move; `going` says whose row is whose.
        let mut going: Vec<usize> = (0..count).collect();
        for position in 0.. {
            assert_eq!(decoder.position(), position);
            let logits = decoder.step(&tokens);
            assert_eq!(
                shared.step(&tokens),
                logits,
                "{name}: work shared by threads"
            );
            for (row, &caption) in going.iter().enumerate() {
                let logits = &logits[row * vocab..][..vocab];
                let words = &small.captions[caption];
                let target = words.get(position).copied().unwrap_or(SPECIALS.end);
                let expected = f64::from(forced[caption].losses[position]);
                let found = loss(logits, target);
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{name}: {found} against {expected}"
                );
                assert_eq!(
                    argmax(logits),
                    forced[caption].predictions[position],
                    "{name}"
                );
            }
            let rows: Vec<usize> = (0..going.len())
                .rev()
                .filter(|&row| small.captions[going[row]].len() > position)
                .collect();
            going = rows.iter().map(|&row| going[row]).collect();
            tokens = going.iter().map(|&c| small.captions[c][position]).collect();
            decoder.keep(&rows);
            shared.keep(&rows);
            assert_eq!(decoder.rows(), going.len());
            if going.is_empty() {
                break;
            }
        }
    }
}

#[test]
fn a_row_may_go_on_twice() {
    let workers = Workers::new(1).unwrap();
    let (_, config) = configs().remove(3);
    let Small { model, params, .. } = Small::new(config);
    let mut inference = Inference::new(&model, &params, &workers);
    let memory = inference.encode(2, &picture, LatentNoise::Mean).unwrap();
    let vocab = config.vocab();
    let mut alone = Decoder::new(&model, &params, &memory, 1..2, 4, None).unwrap();
    alone.step(&[SPECIALS.start]);
    let expected = alone.step(&[4]).to_vec();
    let mut beams = Decoder::new(&model, &params, &memory, 0..2, 4, None).unwrap();
    beams.step(&[SPECIALS.start; 2]);
    beams.keep(&[1, 1, 0]);
    let logits = beams.step(&[4, 5, 4]);
    let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(close(&logits[..vocab], &expected));
    assert!(!close(&logits[vocab..2 * vocab], &expected));
    assert!(!close(&logits[2 * vocab..], &expected));
}

#[test]
fn what_a_model_cannot_do_is_refused() {
    let workers = Workers::new(1).unwrap();
    let dual = Small::new(configs()[0].1);
    let mut inference = Inference::new(&dual.model, &dual.params, &workers);
    let error = inference.encode(1, &picture, LatentNoise::Mean);
    assert!(
        error
            .unwrap_err()
            .message()
            .contains("dual-encoder has no decoder")
    );

    let fused = Small::new(configs()[6].1);
    let mut inference = Inference::new(&fused.model, &fused.params, &workers);
    let captions: [&[u32]; 1] = [&[1]];
    let error = inference.text_embeddings(&captions, SPECIALS);
    assert!(error.unwrap_err().message().contains("fused"));
    let memory = inference.encode(1, &picture, LatentNoise::Mean).unwrap();
    let error = Decoder::new(&fused.model, &fused.params, &memory, 0..1, 9, None).unwrap_err();
    assert!(
        error.message().contains("the model has 8 positions"),
        "{error}"
    );
}

#[test]
fn embeddings_are_unit_rows_and_alike_however_they_are_asked_for() {
    let workers = Workers::new(2).unwrap();
    for (name, config) in configs() {
        let small = Small::new(config);
        let (model, params) = (&small.model, &small.params);
        let mut inference = Inference::new(model, params, &workers);
        let pairs = small
            .with_batch(|batch| inference.embeddings(batch, LatentNoise::Mean, model.text_pass()));
        let pairs = pairs.unwrap();
        let count = small.captions.len();
        assert_eq!(pairs.image.len(), count * pairs.image_width);
        assert_eq!(pairs.text.len(), count * pairs.text_width);
        for row in pairs
            .image
            .chunks(pairs.image_width)
            .chain(pairs.text.chunks(pairs.text_width))
        {
            let length: f32 = row.iter().map(|v| v * v).sum();
            assert!((length - 1.0).abs() < 1e-5, "{name}: {length}");
        }
        let images = inference.image_embeddings(count, &picture).unwrap();
        // Computed alone or among the states of all patches, [CLS] is the same but for rounding.
        assert_eq!(images.len(), pairs.image.len());
        for (alone, among) in images.iter().zip(&pairs.image) {
            assert!((alone - among).abs() < 1e-6, "{name}: {alone}, {among}");
        }
        let captions: Vec<&[u32]> = small.captions.iter().map(Vec::as_slice).collect();
        let texts = inference.text_embeddings(&captions, SPECIALS);
        if !name.contains("fused") {
            assert_eq!(texts.unwrap(), pairs.text, "{name}");
        }
    }
}
