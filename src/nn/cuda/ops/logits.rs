//! Logits on a device, and the likeliest tokens of each row.

use crate::nn::cuda::array::{Array, Element};
use crate::nn::cuda::device::Device;
use crate::nn::cuda::driver::ProductKind;
use crate::nn::cuda::tape::DeviceTape;
use crate::nn::layout::Linear;
use crate::nn::tape::Var;

/// Logits on a device, (rows, columns), in f32 whatever activations are.
#[derive(Debug)]
pub struct Logits {
    device: Device,
    values: Array,
    rows: usize,
    columns: usize,
}

/// What the likeliest tokens of some rows are, the largest logit first, of equal ones the first token.
#[derive(Debug, Clone, PartialEq)]
pub struct LikeliestOfRows {
    /// (rows, count); `u32::MAX` where no logit above −∞ is left.
    pub tokens: Vec<u32>,
    /// Their logits.
    pub logits: Vec<f32>,
    /// Of each row ln Σ exp(logit).
    pub log_sums: Vec<f64>,
}

impl DeviceTape<'_> {
    /// x Wᵀ in f32; the map has no bias.
    pub fn logits(&mut self, x: Var, head: Linear) -> Logits {
        assert_eq!(x.cols, head.inputs(), "an input for every column");
        assert!(head.b.is_none(), "logits without a bias");
        let (rows, columns) = (x.rows, head.outputs());
        let values = self.device().array(Element::F32, rows * columns);
        let (data, w) = (self.data(x), self.params.weights(head.w));
        self.device().product(
            ProductKind::Forward,
            [rows, x.cols, columns],
            [data.view(), w, values.view()],
            false,
        );
        Logits {
            device: self.device().clone(),
            values,
            rows,
            columns,
        }
    }
}

impl Logits {
    /// All of them, row by row; zeros if the device has failed.
    pub fn values(&self) -> Vec<f32> {
        self.device.downloaded(self.values.view())
    }

    /// The `count` likeliest tokens of each row; zeros if the device has failed.
    pub fn likeliest(&self, count: usize) -> LikeliestOfRows {
        let (rows, columns) = (self.rows, self.columns);
        let tokens = self.device.array(Element::U32, rows * count);
        let [logits, sums] = [rows * count, rows].map(|len| self.device.array(Element::F32, len));
        self.device
            .kernel("likeliest")
            .array(self.values.view(), Element::F32, rows * columns)
            .array(tokens.view(), Element::U32, rows * count)
            .array(logits.view(), Element::F32, rows * count)
            .array(sums.view(), Element::F32, rows)
            .count(columns)
            .count(count)
            .blocks(rows);
        let logits: Vec<f32> = self.device.downloaded(logits.view());
        let sums: Vec<f32> = self.device.downloaded(sums.view());
        let largest = logits.chunks_exact(count).map(|row| f64::from(row[0]));
        let log_sums = sums.into_iter().zip(largest);
        LikeliestOfRows {
            tokens: self.device.downloaded(tokens.view()),
            log_sums: log_sums
                .map(|(sum, most)| f64::from(sum).ln() + most)
                .collect(),
            logits,
        }
    }
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_come_in_order_and_the_first_of_equals_first() {
        let device = Device::of_tests();
        let columns = 300;
        let mut values: Vec<f32> = (0..3 * columns)
            .map(|i| ((i * 7919) % 1009) as f32 / 100.0)
            .collect();
        values[250] = 20.0;
        values[17] = 20.0;
        // A row without a number, and one with a single one.
        values[columns..].fill(f32::NAN);
        values[2 * columns + 5] = 1.5;
        let logits = Logits {
            values: device.uploaded(Element::F32, &values),
            device: device.clone(),
            rows: 3,
            columns,
        };
        let found = logits.likeliest(4);
        device.check().unwrap();
        let mut order: Vec<u32> = (0..columns as u32).collect();
        order.sort_by(|&a, &b| values[b as usize].total_cmp(&values[a as usize]));
        assert_eq!(&found.tokens[..4], &order[..4]);
        assert_eq!(&found.tokens[..2], &[17, 250]);
        let logits = found.tokens[..4].iter().map(|&t| values[t as usize]);
        assert!(logits.eq(found.logits[..4].iter().copied()));
        let exact = values[..columns].iter().map(|&v| f64::from(v).exp());
        assert!((found.log_sums[0] - exact.sum::<f64>().ln()).abs() < 1e-6);
        assert_eq!(
            found.tokens[4..],
            [[u32::MAX; 4], [5, u32::MAX, u32::MAX, u32::MAX]].concat()
        );
    }
}
