//! Sampling: each token is drawn from the model's distribution.
//!
//! As in transformers the logits are divided by the temperature, then all but the `top_k` likeliest
//! tokens leave, then all but the smallest set of the likeliest whose share of what is left
//! reaches `top_p` (nucleus sampling, Holtzman et al. 2020). A draw is a function of the seed, the
//! picture's number and the position alone.

use serde::{Deserialize, Serialize};

use super::Hypothesis;
use super::roll_out::{Choice, roll_out};
use crate::models::{NextTokens, Specials};
use crate::nn::kernels::cross_entropy::log_sum_exp;
use crate::train::mix;

/// The purpose of these draws, apart from those of training.
const SAMPLING: u64 = 0x7361_6d70;

/// How tokens are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// What logits are divided by; above 0. Below 1 likely tokens become likelier.
    pub temperature: f64,
    /// The number of likeliest tokens to draw from; 0 is all of them, 1 is greedy decoding.
    pub top_k: usize,
    /// The probability that the likeliest tokens to draw from have together, above 0; 1 is all of them.
    pub top_p: f64,
    /// What the draws are a function of.
    pub seed: u64,
}

/// One caption a row of `decoder`, whose first row is picture number `first`.
pub(super) fn sample<D: NextTokens>(
    decoder: D,
    specials: Specials,
    max_tokens: usize,
    settings: Sampling,
    first: usize,
) -> Vec<Hypothesis> {
    roll_out(
        decoder,
        specials,
        max_tokens,
        |decoder, captions, position| {
            let logits = decoder.logits();
            let rows = logits.chunks_exact(logits.len() / captions.len());
            let choices = rows.zip(captions).map(|(logits, caption)| {
                let picture = mix(settings.seed, SAMPLING, (first + caption) as u64);
                let token = settings.draw(logits, mix(picture, SAMPLING, position as u64));
                Choice {
                    token,
                    log_probability: f64::from(logits[token as usize]) - log_sum_exp(logits),
                }
            });
            choices.collect()
        },
    )
}

impl Sampling {
    /// The token that 64 random bits choose.
    fn draw(&self, logits: &[f32], bits: u64) -> u32 {
        let kept = self.kept(logits);
        let total: f64 = kept.iter().map(|&(_, weight)| weight).sum();
        let mut left = (bits >> 11) as f64 / (1u64 << 53) as f64 * total;
        for &(token, weight) in &kept {
            left -= weight;
            if left < 0.0 {
                return token;
            }
        }
        // Rounding ate the last part of the sum, or the logits are not numbers.
        kept.last().map_or(0, |&(token, _)| token)
    }

    /// The tokens that may be drawn, with weights in proportion to their probabilities.
    fn kept(&self, logits: &[f32]) -> Vec<(u32, f64)> {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weight = |&logit: &f32| (f64::from(logit - most) / self.temperature).exp();
        let mut kept: Vec<(u32, f64)> = (0..).zip(logits.iter().map(weight)).collect();
        let narrow = (1..kept.len()).contains(&self.top_k);
        if !narrow && self.top_p >= 1.0 {
            return kept;
        }
        let likelier = |(a, _): &(u32, f64), (b, _): &(u32, f64)| {
            let [of_a, of_b] = [a, b].map(|token| logits[*token as usize]);
            of_b.total_cmp(&of_a).then(a.cmp(b))
        };
        if narrow {
            kept.select_nth_unstable_by(self.top_k, likelier);
            kept.truncate(self.top_k);
        }
        kept.sort_unstable_by(likelier);
        if self.top_p < 1.0 {
            let enough = self.top_p * kept.iter().map(|&(_, weight)| weight).sum::<f64>();
            let mut mass = 0.0;
            let reached = kept.iter().position(|&(_, weight)| {
                mass += weight;
                mass >= enough
            });
            kept.truncate(reached.map_or(kept.len(), |last| last + 1));
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Sampling = Sampling {
        temperature: 1.0,
        top_k: 0,
        top_p: 1.0,
        seed: 3,
    };

    fn logits(probabilities: &[f64]) -> Vec<f32> {
        probabilities.iter().map(|p| p.ln() as f32 - 2.0).collect()
    }

    fn tokens(sampling: Sampling, probabilities: &[f64]) -> Vec<u32> {
        let kept = sampling.kept(&logits(probabilities));
        kept.into_iter().map(|(token, _)| token).collect()
    }

    #[test]
    fn frequencies_are_the_softmax_of_the_scaled_logits() {
        const DRAWS: u64 = 100_000;
        let probabilities = [0.05, 0.4, 0.15, 0.1, 0.3];
        let cases = [
            (ALL, [0.05, 0.4, 0.15, 0.1, 0.3]),
            (
                Sampling {
                    temperature: 0.5,
                    ..ALL
                },
                [0.0025, 0.16, 0.0225, 0.01, 0.09],
            ),
            (Sampling { top_k: 2, ..ALL }, [0.0, 0.4, 0.0, 0.0, 0.3]),
            (Sampling { top_p: 0.8, ..ALL }, [0.0, 0.4, 0.15, 0.0, 0.3]),
        ];
        for (sampling, weights) in cases {
            let mut counts = [0f64; 5];
            for i in 0..DRAWS {
                let token = sampling.draw(&logits(&probabilities), mix(sampling.seed, 0, i));
                counts[token as usize] += 1.0;
            }
            let total: f64 = weights.iter().sum();
            for (count, weight) in counts.iter().zip(weights) {
                let (n, p) = (DRAWS as f64, weight / total);
                let deviation = (n * p * (1.0 - p)).sqrt();
                assert!(
                    (count - n * p).abs() <= 5.0 * deviation,
                    "{sampling:?}: {counts:?}"
                );
            }
        }
    }

    #[test]
    fn top_p_keeps_the_smallest_set_that_reaches_its_mass() {
        let probabilities = [0.05, 0.4, 0.15, 0.1, 0.3];
        let top_p = |top_p| tokens(Sampling { top_p, ..ALL }, &probabilities);
        assert_eq!(top_p(1e-6), [1]);
        assert_eq!(top_p(0.39), [1]);
        assert_eq!(top_p(0.41), [1, 4]);
        assert_eq!(top_p(0.69), [1, 4]);
        assert_eq!(top_p(0.71), [1, 4, 2]);
        assert_eq!(top_p(0.96), [1, 4, 2, 3, 0]);
        // The mass is a share of what top_k leaves: 0.4 and 0.3 of 0.85.
        let both = |top_p| {
            tokens(
                Sampling {
                    top_k: 3,
                    top_p,
                    ..ALL
                },
                &probabilities,
            )
        };
        assert_eq!(both(0.82), [1, 4]);
        assert_eq!(both(0.83), [1, 4, 2]);
    }

    #[test]
    fn top_k_keeps_exactly_so_many_and_one_is_the_first_of_the_largest() {
        let equal = [0.2, 0.3, 0.3, 0.2];
        for (top_k, expected) in [(1, &[1][..]), (2, &[1, 2]), (3, &[1, 2, 0])] {
            assert_eq!(tokens(Sampling { top_k, ..ALL }, &equal), expected);
        }
        for top_k in [0, 4, 99] {
            assert_eq!(tokens(Sampling { top_k, ..ALL }, &equal), [0, 1, 2, 3]);
        }
    }

    #[test]
    fn every_number_of_random_bits_draws_something() {
        for bits in [0, 1, u64::MAX / 2, u64::MAX] {
            assert!(ALL.draw(&[1.0, 2.0, f32::NEG_INFINITY], bits) < 2);
            assert!(ALL.draw(&[f32::NAN; 3], bits) < 3);
        }
    }
}
