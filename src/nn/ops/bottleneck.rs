//! The variational bottleneck (Kingma and Welling 2014): a sample of a diagonal Gaussian,
//! and its divergence from the standard one.

use crate::nn::kernels::{bottleneck as kernel, noise};
use crate::nn::random::Stream;
use crate::nn::tape::{Tape, Var};

/// The ε in z = mean + exp(log_variance / 2) · ε.
#[derive(Debug, Clone, Copy)]
pub enum Noise<'n> {
    /// ε = 0: z is the mean, as in evaluation.
    Mean,
    /// Standard normal, drawn by counter.
    Sample {
        /// The run's seed.
        seed: u64,
        /// A number for this draw, such as the step's.
        stream: u64,
        /// Rows of this matrix in the shards before this one, so that every row of the
        /// whole batch draws the same however the batch is cut.
        first_row: u64,
    },
    /// These values, one for each element.
    Given(&'n [f32]),
}

/// The divergence of the shard's posteriors from the standard normal, in nats.
#[derive(Debug, Clone, PartialEq)]
pub struct Kl {
    /// Sum over all elements of (mean² + e^log_variance − 1 − log_variance) / 2.
    pub sum: f64,
    /// The same, for each column.
    pub per_dimension: Vec<f64>,
}

impl Noise<'_> {
    /// ε for a matrix of `cols` columns.
    fn fill(self, epsilon: &mut [f32], cols: usize) {
        match self {
            Self::Mean => epsilon.fill(0.0),
            Self::Given(values) => {
                assert_eq!(values.len(), epsilon.len(), "an ε for every element");
                epsilon.copy_from_slice(values);
            }
            Self::Sample {
                seed,
                stream,
                first_row,
            } => {
                let stream = Stream::new(seed, stream);
                for (row, epsilon) in (first_row..).zip(epsilon.chunks_exact_mut(cols)) {
                    noise::normal(stream.row(row), epsilon);
                }
            }
        }
    }
}

impl Tape<'_> {
    /// Draws z from the Gaussians of `mean` and `log_variance`, and measures their divergence.
    ///
    /// `kl_weight` is the derivative of the total loss by one element's divergence: the weight
    /// of the term in the loss, over what it is averaged over. The backward pass adds that
    /// term's gradient by itself.
    pub fn gaussian_bottleneck(
        &mut self,
        mean: Var,
        log_variance: Var,
        noise: Noise<'_>,
        kl_weight: f32,
    ) -> (Var, Kl) {
        let (rows, cols) = (mean.rows, mean.cols);
        assert_eq!(
            (rows, cols),
            (log_variance.rows, log_variance.cols),
            "a variance for every mean"
        );
        let mark = self.mark();
        let mut epsilon = self.pool.take(rows * cols);
        noise.fill(&mut epsilon, cols);
        let mut z = self.pool.take(rows * cols);
        kernel::divergence(self.value(mean), self.value(log_variance), &mut z);
        let mut per_dimension = vec![0.0; cols];
        for row in z.chunks_exact(cols) {
            for (sum, &kl) in per_dimension.iter_mut().zip(row) {
                *sum += f64::from(kl);
            }
        }
        z.copy_from_slice(&epsilon);
        kernel::sample(self.value(mean), self.value(log_variance), &mut z);
        let z = self.push(rows, cols, z);
        let epsilon = self.save(epsilon);
        self.record(mark, &[], move |back| {
            let mut dz = back
                .take_gradient(z)
                .unwrap_or_else(|| back.pool.zeros(rows * cols));
            let mut noise = back.values.take_data(epsilon);
            let (m, v) = (back.values.data(mean), back.values.data(log_variance));
            kernel::sample_backward(m, v, kl_weight, &mut noise, &mut dz);
            back.pass_gradient(mean, dz);
            back.pass_gradient(log_variance, noise);
        });
        (
            z,
            Kl {
                sum: per_dimension.iter().sum(),
                per_dimension,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::layout::Layout;
    use crate::nn::ops::check::check_gradients;

    #[test]
    fn gradients() {
        let given: Vec<f32> = (0..15).map(|i| (i as f32 - 7.0) / 5.0).collect();
        for noise in [
            Noise::Mean,
            Noise::Given(&given),
            Noise::Sample {
                seed: 1,
                stream: 2,
                first_row: 3,
            },
        ] {
            check_gradients(Layout::default(), &[(3, 5), (3, 5)], |tape, x| {
                let (z, kl) = tape.gaussian_bottleneck(x[0], x[1], noise, 0.3);
                (vec![z], 0.3 * kl.sum)
            });
        }
        // The divergence pulls even where nobody reads z.
        check_gradients(Layout::default(), &[(3, 5), (3, 5)], |tape, x| {
            let (_, kl) = tape.gaussian_bottleneck(x[0], x[1], Noise::Mean, 0.3);
            (vec![], 0.3 * kl.sum)
        });
    }

    #[test]
    fn the_divergence_is_that_of_the_formula_by_dimension() {
        check_gradients(Layout::default(), &[(4, 3), (4, 3)], |tape, x| {
            let (_, kl) = tape.gaussian_bottleneck(x[0], x[1], Noise::Mean, 1.0);
            let (mean, log_variance) = (tape.value(x[0]), tape.value(x[1]));
            for (dimension, &measured) in kl.per_dimension.iter().enumerate() {
                let expected: f64 = (0..4)
                    .map(|row| {
                        let (m, v) = (
                            f64::from(mean[3 * row + dimension]),
                            f64::from(log_variance[3 * row + dimension]),
                        );
                        0.5 * (m * m + v.exp_m1() - v)
                    })
                    .sum();
                assert!((measured - expected).abs() < 1e-6 * expected);
            }
            (vec![], kl.sum)
        });
    }
}
