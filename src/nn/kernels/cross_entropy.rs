//! Cross-entropy of a row of logits.

use super::math::{largest, sum, sum_of, weight};

dispatch! {
    /// The index of the largest value, the first if several are equal.
    pub(crate) fn argmax(row: &[f32]) -> u32 {
        let most = largest(row);
        row.iter().position(|&x| x == most).unwrap_or(0) as u32
    }

    /// ln Σ exp(row): what a logit exceeds its logarithmic probability by.
    pub(crate) fn log_sum_exp(row: &[f32]) -> f64 {
        let most = largest(row);
        let total = sum_of(row, row, |x, _| weight::<FMA>(x - most));
        f64::from(total).ln() + f64::from(most)
    }

    /// −ln softmax(row)\[target\]. The row becomes e to its values, less the largest.
    pub(crate) fn loss(row: &mut [f32], target: usize) -> f32 {
        exponentials::<FMA>(row, target).1
    }

    /// As [`loss`], and the row becomes the loss's gradient by the logits, times `scale`.
    pub(crate) fn loss_and_gradient(row: &mut [f32], target: usize, scale: f32) -> f32 {
        let (total, loss) = exponentials::<FMA>(row, target);
        let of_one = scale / total;
        for x in row.iter_mut() {
            *x *= of_one;
        }
        row[target] -= scale;
        loss
    }
}

/// Turns a row into exponentials; returns their sum and the loss.
#[inline(always)]
fn exponentials<const FMA: bool>(row: &mut [f32], target: usize) -> (f32, f32) {
    let logit = row[target];
    let most = largest(row);
    for x in row.iter_mut() {
        *x = weight::<FMA>(*x - most);
    }
    let total = sum(row);
    (
        total,
        (f64::from(total).ln() + f64::from(most) - f64::from(logit)) as f32,
    )
}
