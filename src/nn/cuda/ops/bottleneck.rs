//! The variational bottleneck.

use crate::nn::cuda::array::{Array, Element};
use crate::nn::cuda::tape::DeviceTape;
use crate::nn::ops::{Kl, Noise};
use crate::nn::random::Stream;
use crate::nn::tape::Var;

use super::elementwise::rows_a_block;

impl DeviceTape<'_> {
    /// Draws z from the Gaussians of `mean` and `log_variance`, and measures their divergence.
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
        let len = rows * cols;
        let (device, precision) = (self.device(), self.precision());
        let element = precision.into();
        let epsilon = self.noise(noise, rows, cols);
        let (means, log_variances) = (self.data(mean), self.data(log_variance));
        let rows_a_block = rows_a_block(rows);
        let parts = rows.div_ceil(rows_a_block);
        let sums = device.array(Element::F64, parts * cols);
        device
            .typed_kernel("divergence", precision)
            .array(means.view(), element, len)
            .array(log_variances.view(), element, len)
            .array(sums.view(), Element::F64, parts * cols)
            .count(rows)
            .count(cols)
            .count(rows_a_block)
            .columns(cols, parts);
        let z = self.activations(len);
        device
            .typed_kernel("sample", precision)
            .array(means.view(), element, len)
            .array(log_variances.view(), element, len)
            .array(epsilon.view(), element, len)
            .array(z.view(), element, len)
            .value(len)
            .threads(len);
        let z = self.push(rows, cols, z);
        self.record(mark, move |back| {
            let dz = back.take_gradient(z).unwrap_or_else(|| {
                let zeros = back.activations(len);
                zeros.clear();
                zeros
            });
            back.device()
                .typed_kernel("sample_backward", back.precision())
                .array(means.view(), element, len)
                .array(log_variances.view(), element, len)
                .value(kl_weight)
                .array(epsilon.view(), element, len)
                .array(dz.view(), element, len)
                .value(len)
                .threads(len);
            back.pass_gradient(mean, dz);
            back.pass_gradient(log_variance, epsilon);
        });
        let mut per_dimension = vec![0.0; cols];
        for part in device.downloaded::<f64>(sums.view()).chunks_exact(cols) {
            per_dimension
                .iter_mut()
                .zip(part)
                .for_each(|(sum, part)| *sum += part);
        }
        let kl = Kl {
            sum: per_dimension.iter().sum(),
            per_dimension,
        };
        (z, kl)
    }

    /// ε for a matrix.
    fn noise(&self, noise: Noise<'_>, rows: usize, cols: usize) -> Array {
        match noise {
            Noise::Mean => {
                let zeros = self.activations(rows * cols);
                zeros.clear();
                zeros
            }
            Noise::Given(values) => self.activations_of(rows, cols, values),
            Noise::Sample {
                seed,
                stream,
                first_row,
            } => {
                let drawn = self.activations(rows * cols);
                self.device()
                    .typed_kernel("draw_normal", self.precision())
                    .array(drawn.view(), self.precision().into(), rows * cols)
                    .value(Stream::new(seed, stream).key())
                    .value(first_row)
                    .count(rows)
                    .count(cols)
                    .rows(rows, 1);
                drawn
            }
        }
    }
}
