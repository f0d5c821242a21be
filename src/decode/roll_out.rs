//! Captions that are written one token after the other, each choice final.

use super::Hypothesis;
use crate::models::{Decoder, Specials};
use crate::nn::kernels::cross_entropy::log_sum_exp;

/// One caption a row of `decoder`, of at most `max_tokens` tokens, the end token among them.
///
/// `choose(row, position, logits)` names the token at `position` of the caption that `row` began. A
/// hypothesis scores the sum of its tokens' log-probabilities.
pub(super) fn roll_out(
    mut decoder: Decoder,
    specials: Specials,
    max_tokens: usize,
    mut choose: impl FnMut(usize, usize, &[f32]) -> u32,
) -> Vec<Hypothesis> {
    let rows = decoder.rows();
    let mut captions = vec![Hypothesis::default(); rows];
    let mut running: Vec<usize> = (0..rows).collect();
    let mut tokens = vec![specials.start; rows];
    for position in 0..max_tokens {
        let logits = decoder.step(&tokens);
        let vocab = logits.len() / tokens.len();
        let mut going = Vec::with_capacity(running.len());
        tokens.clear();
        for (row, (&caption, logits)) in running.iter().zip(logits.chunks_exact(vocab)).enumerate()
        {
            let token = choose(caption, position, logits);
            let hypothesis = &mut captions[caption];
            hypothesis.score += f64::from(logits[token as usize]) - log_sum_exp(logits);
            if token == specials.end {
                hypothesis.ended = true;
            } else {
                hypothesis.words.push(token);
                going.push(row);
                tokens.push(token);
            }
        }
        if going.is_empty() {
            break;
        }
        decoder.keep(&going);
        running = going.iter().map(|&row| running[row]).collect();
    }
    captions
}
