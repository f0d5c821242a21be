//! Greedy decoding: the most probable token at every position.

use super::Hypothesis;
use super::roll_out::{Choice, roll_out};
use crate::models::{Likeliest, NextTokens, Specials};

/// One caption a row of `decoder`. Of equally probable tokens the first is taken.
pub(super) fn greedy<D: NextTokens>(
    decoder: D,
    specials: Specials,
    max_tokens: usize,
) -> Vec<Hypothesis> {
    roll_out(decoder, specials, max_tokens, |decoder, _, _| {
        let first = |row: Likeliest| {
            let (token, logit) = row.tokens[0];
            Choice {
                token,
                log_probability: f64::from(logit) - row.log_sum,
            }
        };
        decoder.likeliest(1).into_iter().map(first).collect()
    })
}
