//! From values to positions: nice ticks and linear scales.

/// A linear scale from values to positions, with its ticks.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    from: (f64, f64),
    to: (f64, f64),
    /// Where the axis is labelled.
    pub ticks: Vec<f64>,
    decimals: usize,
}

impl Scale {
    /// A scale that shows every value from `low` to `high` between the positions `to`, with about
    /// `count` ticks at 1, 2 or 5 times a power of ten.
    pub fn nice(low: f64, high: f64, to: (f64, f64), count: usize) -> Self {
        let high = if high > low {
            high
        } else {
            low + low.abs().max(1.0) * 0.1
        };
        let step = nice_step((high - low) / count.max(1) as f64);
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        let ticks: Vec<f64> = (0..=(last - first) as usize)
            .map(|i| (first + i as f64) * step)
            .collect();
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        Self {
            from: (first * step, last * step),
            to,
            ticks,
            decimals,
        }
    }

    /// The same, but the axis ends where the values do; only ticks inside are kept.
    pub fn tight(low: f64, high: f64, to: (f64, f64), count: usize) -> Self {
        let mut scale = Self::nice(low, high, to, count);
        let high = if high > low { high } else { scale.from.1 };
        scale.from = (low, high);
        let slack = (high - low) * 1e-9;
        scale
            .ticks
            .retain(|&t| t >= low - slack && t <= high + slack);
        scale
    }

    /// A value's position.
    pub fn at(&self, value: f64) -> f64 {
        let share = (value - self.from.0) / (self.from.1 - self.from.0);
        self.to.0 + share * (self.to.1 - self.to.0)
    }

    /// A tick's label.
    pub fn label(&self, tick: f64) -> String {
        // No "-0": adding zero turns the negative zero into the positive one.
        format!("{:.*}", self.decimals, tick + 0.0)
    }
}

fn nice_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|f| f * power >= rough * 0.999)
        .unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let scale = Scale::nice(8.56, 63.3, (0.0, 100.0), 4);
        assert_eq!(scale.ticks, [0.0, 20.0, 40.0, 60.0, 80.0]);
        assert_eq!((scale.at(0.0), scale.at(80.0)), (0.0, 100.0));
        let fine = Scale::nice(0.11, 0.34, (0.0, 1.0), 5);
        assert_eq!(fine.label(fine.ticks[0]), "0.10");
    }

    #[test]
    fn a_single_value_still_has_a_scale() {
        for value in [0.0, 40.0, -3.0] {
            let scale = Scale::nice(value, value, (0.0, 10.0), 4);
            assert!(
                scale.at(value).is_finite() && scale.ticks.len() >= 2,
                "{scale:?}"
            );
            assert!(
                Scale::tight(value, value, (0.0, 10.0), 4)
                    .at(value)
                    .is_finite()
            );
        }
    }

    #[test]
    fn a_tight_scale_ends_with_its_values() {
        let scale = Scale::tight(0.02, 12.0, (0.0, 100.0), 6);
        assert_eq!(scale.at(12.0), 100.0);
        assert_eq!(scale.ticks, [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]);
    }
}
