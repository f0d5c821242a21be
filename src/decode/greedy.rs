//! Greedy decoding: the most probable token at every position.

use super::{BLOCK, GROUP};
use crate::Result;
use crate::models::{Decoder, LatentNoise, Model, Specials, Workspace};
use crate::nn::{Params, Workers};

/// Writes a caption for each of `count` pictures: word ids, without start and end token.
///
/// `pictures` writes picture `i`, normalised, `(3, image, image)`, into the slice it is given. A caption
/// ends at the end token, which does not count, or after `max_tokens` words. Of equally probable tokens
/// the first is taken. `on_done` hears of every group of finished captions.
///
/// # Errors
/// Those of the encoder.
#[allow(clippy::too_many_arguments)]
pub fn greedy(
    model: &Model,
    params: &Params,
    specials: Specials,
    count: usize,
    pictures: &(dyn Fn(usize, &mut [f32]) + Sync),
    latent: &(dyn Fn(usize) -> LatentNoise<'static> + Sync),
    max_tokens: usize,
    workers: &Workers,
    on_done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Vec<u32>>> {
    let max_tokens = max_tokens.min(model.config().max_words());
    let mut workspace = Workspace::new(model, workers.threads());
    let mut captions = Vec::with_capacity(count);
    for first in (0..count).step_by(BLOCK) {
        let size = BLOCK.min(count - first);
        let picture = |i: usize, out: &mut [f32]| pictures(first + i, out);
        let noise = latent(first);
        let memory = model.encode(params, size, &picture, noise, workers, &mut workspace)?;
        let groups = (0..size).step_by(GROUP).map(|i| i..size.min(i + GROUP));
        let decoded = workers.map(groups, |_, group| {
            let size = group.len();
            let decoder = Decoder::new(model, params, &memory, group, max_tokens)?;
            let captions = run(decoder, specials, max_tokens);
            on_done(size);
            Ok(captions)
        });
        for group in decoded {
            captions.extend(group?);
        }
    }
    Ok(captions)
}

fn run(mut decoder: Decoder, specials: Specials, max_tokens: usize) -> Vec<Vec<u32>> {
    let rows = decoder.rows();
    let mut captions = vec![Vec::new(); rows];
    let mut running: Vec<usize> = (0..rows).collect();
    let mut tokens = vec![specials.start; rows];
    for _ in 0..max_tokens {
        let logits = decoder.step(&tokens);
        let vocab = logits.len() / tokens.len();
        tokens = logits.chunks_exact(vocab).map(argmax).collect();
        let going: Vec<usize> = (0..tokens.len())
            .filter(|&row| tokens[row] != specials.end)
            .collect();
        if going.is_empty() {
            break;
        }
        for &row in &going {
            captions[running[row]].push(tokens[row]);
        }
        if going.len() < tokens.len() {
            decoder.keep(&going);
            running = going.iter().map(|&row| running[row]).collect();
            tokens = going.iter().map(|&row| tokens[row]).collect();
        }
    }
    captions
}

/// The index of the largest value, the first of equals.
fn argmax(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (index, &value) in logits.iter().enumerate() {
        if value > logits[best] {
            best = index;
        }
    }
    best as u32
}
