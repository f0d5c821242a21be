//! Inner products of rows, which all measures over pairs come down to.

use crate::nn::kernels::dispatch::dispatch;

/// Sums that are kept apart, so that they are added side by side.
const LANES: usize = 16;

dispatch! {
    /// The inner product of `row` with each row of `others`, in `out`.
    pub(super) fn dots(row: &[f64], others: &[f64], out: &mut [f64]) {
        for (other, out) in others.chunks_exact(row.len()).zip(out) {
            let mut sums = [0.0; LANES];
            let (a, b) = (row.chunks_exact(LANES), other.chunks_exact(LANES));
            let rest = a.remainder().iter().zip(b.remainder());
            let rest: f64 = rest.map(|(a, b)| a * b).sum();
            for (a, b) in a.zip(b) {
                for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
                    *sum += a * b;
                }
            }
            *out = rest + sums.iter().sum::<f64>();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_whole_whatever_the_width() {
        for width in [1, 15, 16, 17, 50] {
            let row: Vec<f64> = (0..width).map(|i| i as f64).collect();
            let others: Vec<f64> = (0..3 * width).map(|i| (i % 7) as f64).collect();
            let mut found = [f64::NAN; 3];
            dots(&row, &others, &mut found);
            for (other, found) in others.chunks_exact(width).zip(found) {
                let expected: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                assert_eq!(found, expected, "{width}");
            }
        }
    }
}
