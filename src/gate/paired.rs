//! The paired bootstrap: how sure is the difference between two systems?
//!
//! Both systems captioned the same pictures, and a picture that is hard for one
//! is mostly hard for the other. So captions are drawn with replacement *once*
//! for both systems, and the difference of the two scores is taken of each draw
//! (Koehn: Statistical Significance Tests for Machine Translation Evaluation,
//! 2004). The interval of that difference is far narrower than two intervals
//! held side by side suggest.

use crate::metrics::StatsTable;

/// Draws of [`interval95`] unless another number is wanted.
pub const RESAMPLES: usize = 1000;

/// The 95 % percentile interval of `score(now) − score(before)` over `resamples` draws of captions.
///
/// `score` maps summed statistics to the scale that the interval is wanted on. `None` if the tables
/// are not of the same captions and width, have fewer than two captions, or if a score is not finite.
/// The same seed gives the same interval.
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
    let mut generator = SplitMix(seed);
    for _ in 0..resamples {
        old.fill(0.0);
        new.fill(0.0);
        for _ in 0..n {
            let caption = generator.below(n);
            add(&mut old, before.row(caption));
            add(&mut new, now.row(caption));
        }
        differences.push(score(&new) - score(&old));
    }
    if !differences.iter().all(|d| d.is_finite()) {
        return None;
    }
    differences.sort_by(f64::total_cmp);
    Some([quantile(&differences, 0.025), quantile(&differences, 0.975)])
}

fn add(sums: &mut [f64], row: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += value;
    }
}

/// The quantile of sorted values, with linear interpolation between neighbours.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + part * (sorted[high] - sorted[low])
}

/// Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..n`: the high half of a 128-bit product, uneven by less than n/2⁶⁴.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
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
            interval95(&captions, &captions, &mean, RESAMPLES, 0),
            Some([0.0, 0.0])
        );
    }

    #[test]
    fn a_constant_gain_is_certain_however_captions_vary() {
        let before = table((0..50).map(difficulty));
        let now = table((0..50).map(|i| difficulty(i) + 2.0));
        let [low, high] = interval95(&before, &now, &mean, RESAMPLES, 0).unwrap();
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

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.0), 1.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), 4.0);
    }
}
