//! What resamples and exchanges say of a difference.

use crate::stats::bootstrap::percentile;

/// The power at which a difference counts as detectable.
pub const POWER: f64 = 0.8;

/// Differences nearer than this are equal but for rounding, in points.
const ROUNDING: f64 = 1e-9;

/// What is known of a difference between two systems, the second's score minus the first's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The difference of the two scores.
    pub difference: f64,
    /// Its 95 % percentile interval by paired bootstrap.
    pub interval: [f64; 2],
    /// The two-sided p-value by approximate randomization, `(1 + exchanges at least as far apart) / (1 + exchanges)`;
    /// `None` where one system has more seeds than the other.
    pub p: Option<f64>,
    /// The one-sided p-value of a fall: by paired bootstrap, the share of resamples in which the second system is
    /// no worse; and no less than half of `p`, as a bootstrap of a few captions knows too little of chance.
    pub p_fall: f64,
    /// The one-sided p-value of a rise.
    pub p_rise: f64,
    /// The smallest true difference, either way, that this test set would show at the level asked for with a power
    /// of [`POWER`]; `None` where no caption differs in what it counts.
    pub detectable: Option<f64>,
    /// What sacreBLEU says of the same.
    pub sacrebleu: SacreBleu,
}

/// sacreBLEU's own p-values, to the last digit, for those who compare with it.
///
/// Its bootstrap counts the resamples in which `|d*| − mean |d*|` exceeds the difference seen, which rejects what is
/// true about twice as often as the level says. Its randomization counts only exchanges that are *further* apart than
/// the systems, so that one changed caption among thousands is "significant": nothing is further apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SacreBleu {
    /// Of `--paired-bs`.
    pub paired_bs: f64,
    /// Of `--paired-ar`.
    pub paired_ar: Option<f64>,
}

impl Difference {
    /// Judges a difference by those of bootstrap resamples and by how far systems with exchanged captions lie apart
    /// (NaN if they cannot be exchanged). `None` if a score is not finite.
    pub(super) fn new(
        difference: f64,
        redrawn: impl Iterator<Item = f64>,
        exchanged: impl Iterator<Item = f64>,
        level: f64,
    ) -> Option<Self> {
        let mut redrawn: Vec<f64> = redrawn.collect();
        if !difference.is_finite() || !redrawn.iter().all(|d| d.is_finite()) {
            return None;
        }
        let distance = difference.abs();
        let count = redrawn.len() as f64;
        let share = |chosen: usize| (chosen + 1) as f64 / (count + 1.0);
        let of = |chosen: &dyn Fn(f64) -> bool| redrawn.iter().filter(|d| chosen(**d)).count();
        let mean_distance = redrawn.iter().map(|d| d.abs()).sum::<f64>() / count;
        let (p_fall, p_rise) = (
            share(of(&|d| d >= -ROUNDING)),
            share(of(&|d| d <= ROUNDING)),
        );
        let paired_bs = share(of(&|d| d.abs() - mean_distance > distance));
        let trials: Vec<f64> = exchanged.collect();
        let exchangeable = trials.iter().all(|distance| distance.is_finite());
        let beyond = |edge: f64| {
            let further = trials.iter().filter(|trial| **trial > edge).count();
            exchangeable.then(|| share(further))
        };
        let p = beyond(distance - ROUNDING);
        // Exchanges know no side: half of them are beyond on either.
        let half = |worse: bool| p.filter(|_| worse).map_or(0.0, |p| p / 2.0);
        redrawn.sort_unstable_by(f64::total_cmp);
        Some(Self {
            difference,
            interval: [percentile(&redrawn, 0.025), percentile(&redrawn, 0.975)],
            p,
            p_fall: p_fall.max(half(difference < 0.0)),
            p_rise: p_rise.max(half(difference > 0.0)),
            detectable: detectable(&redrawn, level),
            sacrebleu: SacreBleu {
                paired_bs,
                paired_ar: beyond(distance + ROUNDING),
            },
        })
    }
}

/// The smallest true difference that exceeds chance at a two-sided level with a power of [`POWER`].
///
/// Chance is how the resamples' differences lie about their mean, taken as even to both sides; no normal law is
/// assumed. A true difference δ is seen as δ + chance, and must lie beyond what chance alone exceeds at the level.
fn detectable(redrawn: &[f64], level: f64) -> Option<f64> {
    let mean = redrawn.iter().sum::<f64>() / redrawn.len() as f64;
    let mut chance: Vec<f64> = redrawn.iter().map(|d| (d - mean).abs()).collect();
    chance.sort_unstable_by(f64::total_cmp);
    // Of what is even to both sides, the POWER-quantile is that of its distance at 2 · POWER − 1.
    let found = percentile(&chance, 1.0 - level) + percentile(&chance, 2.0 * POWER - 1.0);
    (found > ROUNDING).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_detectable_of_a_normal_law_is_as_tables_say() {
        // Quantiles of a uniform law through the logistic one would need no table either; a normal one from sums of
        // twelve uniform numbers is near enough: (1.960 + 0.842) standard deviations.
        let draws = crate::stats::Draws::new(1, 1);
        let uniform = |at: u64| draws.bits(at) as f64 / 2f64.powi(64);
        let normal = |i: u64| (0..12).map(|j| uniform(12 * i + j)).sum::<f64>() - 6.0;
        let values: Vec<f64> = (0..200_000).map(|i| 3.0 * normal(i)).collect();
        let found = detectable(&values, 0.05).unwrap() / 3.0;
        assert!((found - 2.80).abs() < 0.03, "{found}");
    }

    #[test]
    fn a_difference_that_every_exchange_equals_is_no_evidence() {
        let all = |value: f64| std::iter::repeat_n(value, 99);
        let found = Difference::new(-0.1, all(-0.1), all(0.1), 0.05).unwrap();
        assert_eq!(found.p, Some(1.0));
        assert_eq!(found.sacrebleu.paired_ar, Some(0.01));
        // Nor is it of a fall, though each resample has it.
        assert_eq!((found.p_fall, found.p_rise), (0.5, 1.0));
        assert_eq!(found.detectable, None);
    }

    #[test]
    fn a_fall_that_both_tests_see_is_one() {
        let redrawn = (0..999).map(|i| -1.0 + f64::from(i % 7) / 10.0);
        let found = Difference::new(-0.7, redrawn, std::iter::repeat_n(0.1, 999), 0.05).unwrap();
        assert_eq!((found.p, found.p_fall), (Some(0.001), 0.001));
        assert!(found.detectable.is_some_and(|from| from > 0.0));
    }

    #[test]
    fn scores_that_are_no_numbers_have_no_difference() {
        let none = std::iter::empty::<f64>;
        assert_eq!(Difference::new(f64::NAN, none(), none(), 0.05), None);
        let bad = [0.0, f64::NAN].into_iter();
        assert_eq!(Difference::new(0.0, bad, none(), 0.05), None);
    }
}
