//! Greedy decoding: the most probable token at every position.

use super::Hypothesis;
use super::roll_out::roll_out;
use crate::models::{Decoder, Specials};
use crate::nn::kernels::cross_entropy::argmax;

/// One caption a row of `decoder`. Of equally probable tokens the first is taken.
pub(super) fn greedy(decoder: Decoder, specials: Specials, max_tokens: usize) -> Vec<Hypothesis> {
    roll_out(decoder, specials, max_tokens, |_, _, logits| argmax(logits))
}
