//! METEOR's statistics, and the score of their sums.

use super::lexicon::Word;
use super::matcher::Match;

const ALPHA: f64 = 0.85;
const BETA: f64 = 0.2;
const GAMMA: f64 = 0.6;
const DELTA: f64 = 0.75;

/// What a matched word counts in the score, by module.
const WEIGHTS: [f64; MODULES] = [1.0, 0.6, 0.8, 0.6];

const MODULES: usize = 4;
const MATCHED: usize = 4;
const CHUNKS: usize = MATCHED + 4 * MODULES;
const TOTALS: usize = CHUNKS + 1;
const COUNTED_CHUNKS: usize = TOTALS + 2;

/// The number of statistics in a row.
pub(super) const WIDTH: usize = COUNTED_CHUNKS + 1;

/// The statistics of one pair of texts, from its alignment in the order of the reference.
pub(super) fn of(hyp: &[Word], reference: &[Word], matches: &[Match]) -> [f64; WIDTH] {
    let functions = |words: &[Word]| words.iter().filter(|word| word.function).count() as f64;
    let mut row = [0.0; WIDTH];
    row[0] = hyp.len() as f64;
    row[1] = reference.len() as f64;
    row[2] = functions(hyp);
    row[3] = functions(reference);
    let mut ends = None;
    for matched in matches {
        let module = &mut row[MATCHED + 4 * usize::from(matched.module)..][..4];
        let sides = [
            &hyp[matched.hyp_words()],
            &reference[matched.reference_words()],
        ];
        for (side, words) in sides.into_iter().enumerate() {
            let function = functions(words);
            module[side] += words.len() as f64 - function;
            module[side + 2] += function;
        }
        row[TOTALS] += f64::from(matched.hyp_len);
        row[TOTALS + 1] += f64::from(matched.reference_len);
        if ends != Some((matched.hyp, matched.reference)) {
            row[CHUNKS] += 1.0;
        }
        let ends_at = |words: std::ops::Range<usize>| words.end as u32;
        ends = Some((
            ends_at(matched.hyp_words()),
            ends_at(matched.reference_words()),
        ));
    }
    let perfect = row[TOTALS] == row[0] && row[TOTALS + 1] == row[1] && row[CHUNKS] == 1.0;
    row[COUNTED_CHUNKS] = if perfect { 0.0 } else { row[CHUNKS] };
    row
}

/// The score of a row or of a sum of rows.
pub(super) fn score(sums: &[f64]) -> f64 {
    let weighted = |side: usize| {
        let matched = |module: usize, function: usize| sums[MATCHED + 4 * module + side + function];
        let content = (0..MODULES).map(|module| matched(module, 0) * WEIGHTS[module] * DELTA);
        let function =
            (0..MODULES).map(|module| matched(module, 2) * WEIGHTS[module] * (1.0 - DELTA));
        let length = DELTA * (sums[side] - sums[side + 2]) + (1.0 - DELTA) * sums[side + 2];
        content
            .chain(function)
            .fold(0.0, |sum, weight| sum + weight)
            / length
    };
    let (precision, recall) = (weighted(0), weighted(1));
    let mean = 1.0 / ((1.0 - ALPHA) / precision + ALPHA / recall);
    let fragmentation = sums[COUNTED_CHUNKS] / ((sums[TOTALS] + sums[TOTALS + 1]) / 2.0);
    // `max` also turns what is no number, for want of any match, into 0.
    (mean * (1.0 - GAMMA * fragmentation.powf(BETA))).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_row_scores_one_and_adds_no_chunk() {
        let mut row = [0.0; WIDTH];
        (row[0], row[1], row[4], row[5]) = (3.0, 3.0, 3.0, 3.0);
        (row[CHUNKS], row[TOTALS], row[TOTALS + 1]) = (1.0, 3.0, 3.0);
        assert!((score(&row) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn one_of_two_words_matched() {
        let mut row = [0.0; WIDTH];
        (row[0], row[1], row[4], row[5]) = (2.0, 2.0, 1.0, 1.0);
        (row[CHUNKS], row[TOTALS], row[TOTALS + 1]) = (1.0, 1.0, 1.0);
        row[COUNTED_CHUNKS] = 1.0;
        assert!((score(&row) - 0.5 * 0.4).abs() < 1e-15);
    }

    #[test]
    fn nothing_matched_scores_zero() {
        assert_eq!(score(&[0.0; WIDTH]), 0.0);
        let mut row = [0.0; WIDTH];
        (row[0], row[1]) = (2.0, 2.0);
        assert_eq!(score(&row), 0.0);
    }
}
