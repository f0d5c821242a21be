//! The paired bootstrap: how sure is the difference between two systems?
//!
//! Both systems captioned the same pictures, and a picture that is hard for one
//! is mostly hard for the other. So captions are drawn with replacement *once*
//! for both systems, and the difference of the two scores is taken of each draw
//! (Koehn: Statistical Significance Tests for Machine Translation Evaluation,
//! 2004). The interval of that difference is far narrower than two intervals
//! held side by side suggest.

use super::Draws;
use super::bootstrap::percentile;
use crate::metrics::StatsTable;

/// The 95 % percentile interval of `score(now) − score(before)` over `resamples` resamples of captions.
///
/// `score` maps summed statistics to the scale that the interval is wanted on. `None` if the tables
/// are not of one length and width, have fewer than two captions, or if a score is not finite. Resample
/// `r` draws the captions that it draws for [`super::bootstrap::interval95`] under the same seed.
pub fn interval95(
    before: &StatsTable,
    now: &StatsTable,
    score: &dyn Fn(&[f64]) -> f64,
    resamples: usize,
    seed: u64,
) -> Option<[f64; 2]> {
    let n = before.len();
    if n < 2 || before.width != now.width || now.len() != n || resamples == 0 {
        return None;
    }
    let mut differences = Vec::with_capacity(resamples);
    let (mut old, mut new) = (vec![0.0; before.width], vec![0.0; now.width]);
    for resample in 0..resamples {
        let draws = Draws::new(seed, resample as u64);
        old.fill(0.0);
        new.fill(0.0);
        for i in 0..n {
            let caption = draws.below(i as u64, n);
            add(&mut old, before.row(caption));
            add(&mut new, now.row(caption));
        }
        differences.push(score(&new) - score(&old));
    }
    if !differences.iter().all(|d| d.is_finite()) {
        return None;
    }
    differences.sort_by(f64::total_cmp);
    Some([
        percentile(&differences, 0.025),
        percentile(&differences, 0.975),
    ])
}

fn add(sums: &mut [f64], row: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(values: impl IntoIterator<Item = f64>) -> StatsTable {
        let rows = values.into_iter().flat_map(|v| [v, 1.0]).collect();
        StatsTable { width: 2, rows }
    }

    fn mean(sums: &[f64]) -> f64 {
        sums[0] / sums[1]
    }

    /// Captions of very different difficulty.
    fn difficulty(i: usize) -> f64 {
        (i * 37 % 100) as f64
    }

    #[test]
    fn the_same_captions_differ_by_exactly_nothing() {
        let captions = table((0..50).map(|i| difficulty(i) / 7.0));
        assert_eq!(
            interval95(&captions, &captions, &mean, 1000, 0),
            Some([0.0, 0.0])
        );
    }

    #[test]
    fn a_constant_gain_is_certain_however_captions_vary() {
        let before = table((0..50).map(difficulty));
        let now = table((0..50).map(|i| difficulty(i) + 2.0));
        let [low, high] = interval95(&before, &now, &mean, 1000, 0).unwrap();
        assert!((low - 2.0).abs() < 1e-9 && (high - 2.0).abs() < 1e-9);
    }

    #[test]
    fn the_interval_is_as_wide_as_theory_says() {
        // Differences of ±1, half and half: the standard error of their mean is 1/√n.
        let before = table((0..400).map(difficulty));
        let now = table((0..400).map(|i| difficulty(i) + if i % 2 == 0 { 1.0 } else { -1.0 }));
        let [low, high] = interval95(&before, &now, &mean, 4000, 1).unwrap();
        let expected = 1.96 / 400_f64.sqrt();
        assert!((low + expected).abs() < 0.01, "{low} is not -{expected}");
        assert!((high - expected).abs() < 0.01, "{high} is not {expected}");
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_and_another_seed_another() {
        let before = table((0..50).map(difficulty));
        let now = table((0..50).map(|i| difficulty(i * 3)));
        let of = |seed| interval95(&before, &now, &mean, 100, seed);
        assert_eq!(of(5), of(5));
        assert_ne!(of(5), of(6));
    }

    #[test]
    fn other_captions_have_no_paired_difference() {
        let short = table((0..49).map(difficulty));
        let long = table((0..50).map(difficulty));
        assert_eq!(interval95(&short, &long, &mean, 100, 0), None);
        let one = table([1.0]);
        assert_eq!(interval95(&one, &one, &mean, 100, 0), None);
    }

    #[test]
    fn a_score_that_is_no_number_has_no_interval() {
        let captions = StatsTable {
            width: 2,
            rows: vec![0.0; 10],
        };
        assert_eq!(interval95(&captions, &captions, &mean, 100, 0), None);
    }
}
