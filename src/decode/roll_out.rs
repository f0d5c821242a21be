//! Captions that are written one token after the other, each choice final.

use super::Hypothesis;
use crate::models::{NextTokens, Specials};

/// A token and its log-probability.
pub(super) struct Choice {
    pub token: u32,
    pub log_probability: f64,
}

/// One caption a row of `decoder`, of at most `max_tokens` tokens, the end token among them.
///
/// `choose(decoder, captions, position)` makes a choice a row: which token is at `position` of the caption
/// that the row with that number began. A hypothesis scores the sum of its tokens' log-probabilities.
pub(super) fn roll_out<D: NextTokens>(
    mut decoder: D,
    specials: Specials,
    max_tokens: usize,
    mut choose: impl FnMut(&mut D, &[usize], usize) -> Vec<Choice>,
) -> Vec<Hypothesis> {
    let rows = decoder.rows();
    let mut captions = vec![Hypothesis::default(); rows];
    let mut running: Vec<usize> = (0..rows).collect();
    let mut tokens = vec![specials.start; rows];
    for position in 0..max_tokens {
        decoder.step(&tokens);
        let choices = choose(&mut decoder, &running, position);
        let mut going = Vec::with_capacity(running.len());
        tokens.clear();
        for (row, (&caption, choice)) in running.iter().zip(choices).enumerate() {
            let hypothesis = &mut captions[caption];
            hypothesis.score += choice.log_probability;
            if choice.token == specials.end {
                hypothesis.ended = true;
            } else {
                hypothesis.words.push(choice.token);
                going.push(row);
                tokens.push(choice.token);
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
