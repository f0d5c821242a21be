//! Beam search as transformers 5 does it (`generate` with `num_beams`, `early_stopping=False`).
//!
//! 1. A step ranks the continuations of all beams by summed log-probability, the end token's
//!    included, and keeps the best 2 × beams. The first step has one beam.
//! 2. Of these, those that end become hypotheses only if they rank among the first `beams`; others
//!    that end are dropped. At the longest length all end. The best `beams` that did not end go on.
//! 3. A hypothesis scores sum / tokens^length_penalty; the end token counts, the start token does
//!    not. The best `beams` are kept.
//! 4. The search is over once there are `beams` hypotheses and the best running sum divided by its
//!    present tokens^length_penalty is no better than the worst of them.
//!
//! The last rule is a heuristic: with a length penalty above 0 a longer caption could still win.
//! Ties go to the better beam, then to the smaller token id.

use serde::{Deserialize, Serialize};

use super::Hypothesis;
use crate::models::{Likeliest, NextTokens, Specials};

/// What beam search is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Beams {
    /// Captions that are followed at a time, and the most hypotheses that come out; 1 is greedy decoding.
    pub beams: usize,
    /// The power of the length that a sum of log-probabilities is divided by: above 0 longer
    /// captions gain, at 0 the sum counts.
    pub length_penalty: f64,
}

/// The hypotheses of each row of `decoder`, best first.
pub(super) fn beam(
    mut decoder: impl NextTokens,
    specials: Specials,
    max_tokens: usize,
    settings: Beams,
) -> Vec<Vec<Hypothesis>> {
    let mut searches: Vec<Search> = (0..decoder.rows())
        .map(|_| Search::new(settings, specials.end, max_tokens))
        .collect();
    let mut tokens = vec![specials.start; searches.len()];
    while !tokens.is_empty() {
        decoder.step(&tokens);
        let likeliest = decoder.likeliest(2 * settings.beams);
        let (mut first, mut rows) = (0, Vec::with_capacity(tokens.len()));
        tokens.clear();
        for search in &mut searches {
            let count = search.running.len();
            let parents = search.advance(&likeliest[first..][..count]);
            rows.extend(parents.into_iter().map(|parent| first + parent));
            tokens.extend(search.running.iter().filter_map(|beam| beam.tokens.last()));
            first += count;
        }
        decoder.keep(&rows);
    }
    searches.into_iter().map(|search| search.finished).collect()
}

/// The search of one picture.
#[derive(Debug)]
struct Search {
    settings: Beams,
    end: u32,
    max_tokens: usize,
    /// Best first; none once the search is over.
    running: Vec<Running>,
    /// Best first.
    finished: Vec<Hypothesis>,
}

/// A caption that has not ended.
#[derive(Debug, Clone, Default, PartialEq)]
struct Running {
    tokens: Vec<u32>,
    /// Of its tokens' log-probabilities.
    sum: f64,
}

/// A beam and its next token.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    beam: usize,
    token: u32,
    sum: f64,
}

impl Search {
    fn new(settings: Beams, end: u32, max_tokens: usize) -> Self {
        Self {
            settings,
            end,
            max_tokens,
            running: vec![Running::default()],
            finished: Vec::new(),
        }
    }

    /// Takes the 2 × beams likeliest next tokens of each running beam, and returns which of the beams
    /// each of those that run now goes on from.
    fn advance(&mut self, likeliest: &[Likeliest]) -> Vec<usize> {
        if self.running.is_empty() {
            return Vec::new();
        }
        let Beams {
            beams,
            length_penalty,
        } = self.settings;
        let length = self.running[0].tokens.len() + 1;
        let divisor = (length as f64).powf(length_penalty);
        let (mut running, mut parents) = (Vec::with_capacity(beams), Vec::with_capacity(beams));
        for (rank, candidate) in self.candidates(likeliest).into_iter().enumerate() {
            let ended = candidate.token == self.end;
            let mut tokens = self.running[candidate.beam].tokens.clone();
            if !ended {
                tokens.push(candidate.token);
            }
            if ended || length == self.max_tokens {
                if rank < beams {
                    self.finished.push(Hypothesis {
                        words: tokens,
                        ended,
                        score: candidate.sum / divisor,
                    });
                }
            } else if running.len() < beams {
                let sum = candidate.sum;
                running.push(Running { tokens, sum });
                parents.push(candidate.beam);
            }
        }
        self.finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.finished.truncate(beams);
        let full = self.finished.len() == beams;
        let worst = self.finished.last().map(|hypothesis| hypothesis.score);
        let best = running.first().map(|beam| beam.sum / divisor);
        if full && best <= worst {
            running.clear();
            parents.clear();
        }
        self.running = running;
        parents
    }

    /// The best 2 × beams continuations, best first.
    fn candidates(&self, likeliest: &[Likeliest]) -> Vec<Candidate> {
        let rows = self.running.iter().zip(likeliest);
        let mut all: Vec<Candidate> = rows
            .enumerate()
            .flat_map(|(beam, (running, row))| {
                let base = running.sum - row.log_sum;
                row.tokens.iter().map(move |&(token, logit)| Candidate {
                    beam,
                    token,
                    sum: base + f64::from(logit),
                })
            })
            .collect();
        all.sort_by(|a, b| b.sum.total_cmp(&a.sum));
        all.truncate(2 * self.settings.beams);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u32 = 0;

    fn hypothesis(words: &[u32], ended: bool, score: f64) -> Hypothesis {
        Hypothesis {
            words: words.to_vec(),
            ended,
            score,
        }
    }

    /// Searches with the probabilities that `next` gives after some words.
    fn search(
        settings: Beams,
        max_tokens: usize,
        next: impl Fn(&[u32]) -> Vec<f64>,
    ) -> Vec<Hypothesis> {
        let mut search = Search::new(settings, END, max_tokens);
        while !search.running.is_empty() {
            let likeliest = |beam: &Running| {
                let probabilities = next(&beam.tokens).into_iter();
                let logits: Vec<f32> = probabilities.map(|p| p.ln() as f32 + 1.5).collect();
                Likeliest::of(&logits, 2 * settings.beams)
            };
            let likeliest: Vec<Likeliest> = search.running.iter().map(likeliest).collect();
            let before = search.running.clone();
            let parents = search.advance(&likeliest);
            for (parent, beam) in parents.iter().zip(&search.running) {
                let tokens = &beam.tokens[..beam.tokens.len() - 1];
                assert_eq!(tokens, before[*parent].tokens);
            }
        }
        search.finished
    }

    fn assert_same(found: &[Hypothesis], expected: &[Hypothesis]) {
        assert_eq!(found.len(), expected.len(), "{found:?} not {expected:?}");
        for (a, b) in found.iter().zip(expected) {
            assert_eq!((&a.words, a.ended), (&b.words, b.ended), "{found:?}");
            assert!(
                (a.score - b.score).abs() < 1e-5,
                "{} not {}",
                a.score,
                b.score
            );
        }
    }

    const TWO: Beams = Beams {
        beams: 2,
        length_penalty: 1.0,
    };

    #[test]
    fn an_end_that_ranks_past_the_beams_is_dropped() {
        // The end is third of four continuations kept: with two beams it is no hypothesis.
        let next = |words: &[u32]| match words {
            [] => vec![0.15, 0.5, 0.3, 0.05],
            _ => vec![0.9, 0.05, 0.03, 0.02],
        };
        let found = search(TWO, 5, next);
        let score = |p: f64| (p * 0.9).ln() / 2.0;
        let expected = [
            hypothesis(&[1], true, score(0.5)),
            hypothesis(&[2], true, score(0.3)),
        ];
        assert_same(&found, &expected);
        // With three beams the same end ranks among them.
        let three = Beams {
            beams: 3,
            length_penalty: 0.0,
        };
        assert!(search(three, 5, next).iter().any(|h| h.words.is_empty()));
    }

    #[test]
    fn at_the_longest_length_all_end() {
        let next = |_: &[u32]| vec![0.01, 0.6, 0.39];
        let found = search(TWO, 2, next);
        let expected = [
            hypothesis(&[1, 1], false, (0.6f64 * 0.6).ln() / 2.0),
            hypothesis(&[1, 2], false, (0.6f64 * 0.39).ln() / 2.0),
        ];
        assert_same(&found, &expected);
    }

    #[test]
    fn the_search_is_over_when_no_running_beam_beats_the_worst_hypothesis_at_its_present_length() {
        // After two tokens there are two hypotheses and the best beam is worse than both, although
        // it would win with its third token, which is certain, and a fourth.
        let next = |words: &[u32]| match words {
            [] => vec![0.40, 0.35, 0.25],
            [1] => vec![0.90, 0.06, 0.04],
            [2] => vec![0.10, 0.50, 0.40],
            _ => vec![1.0 - 2e-9, 1e-9, 1e-9],
        };
        let found = search(TWO, 9, next);
        let expected = [
            hypothesis(&[1], true, (0.35f64 * 0.9).ln() / 2.0),
            hypothesis(&[], true, 0.4f64.ln()),
        ];
        assert_same(&found, &expected);
        // A beam that is better than the worst goes on: its present length counts, not its sum.
        let longer = Beams {
            beams: 2,
            length_penalty: 3.0,
        };
        let found = search(longer, 9, next);
        assert!(found.iter().all(|h| h.words.len() > 1), "{found:?}");
    }

    #[test]
    fn the_length_penalty_orders_the_hypotheses() {
        let next = |words: &[u32]| match words {
            [] => vec![0.5, 0.4, 0.1],
            [1] => vec![0.7, 0.2, 0.1],
            _ => vec![0.75, 0.15, 0.1],
        };
        let with = |length_penalty| {
            let settings = Beams {
                beams: 2,
                length_penalty,
            };
            search(settings, 4, next)
        };
        let expected = |power: f64| hypothesis(&[1], true, (0.4f64 * 0.7).ln() / 2f64.powf(power));
        assert_same(&with(1.0)[..1], &[expected(1.0)]);
        assert_same(&with(0.0)[1..], &[expected(0.0)]);
        assert_same(&with(0.0)[..1], &[hypothesis(&[], true, 0.5f64.ln())]);
    }

    #[test]
    fn with_room_for_all_captions_the_best_of_all_is_found() {
        // Three words, at most four tokens: 1 + 2 + 4 + 8 running captions at most.
        let next = |words: &[u32]| {
            let seed = words.iter().fold(7u32, |hash, w| hash * 31 + w + 1);
            let weights: Vec<f64> = (0..3)
                .map(|token| f64::from((seed * (token + 3)) % 97 + 5))
                .collect();
            let total: f64 = weights.iter().sum();
            weights.into_iter().map(|w| w / total).collect()
        };
        fn all(
            words: &mut Vec<u32>,
            sum: f64,
            next: &dyn Fn(&[u32]) -> Vec<f64>,
            out: &mut Vec<Hypothesis>,
        ) {
            let length = words.len() + 1;
            for (token, p) in next(words).into_iter().enumerate() {
                let sum = sum + p.ln();
                let ended = token as u32 == END;
                if !ended {
                    words.push(token as u32);
                }
                if ended || length == 4 {
                    out.push(hypothesis(words, ended, sum / length as f64));
                } else {
                    all(words, sum, next, out);
                }
                if !ended {
                    words.pop();
                }
            }
        }
        let mut every = Vec::new();
        all(&mut Vec::new(), 0.0, &next, &mut every);
        every.sort_by(|a, b| b.score.total_cmp(&a.score));
        let settings = Beams {
            beams: every.len(),
            length_penalty: 1.0,
        };
        assert_same(&search(settings, 4, next), &every);
    }
}
