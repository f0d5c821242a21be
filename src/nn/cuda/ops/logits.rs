//! Logits on a device, and the likeliest tokens of each row.

use crate::nn::Likeliest;
use crate::nn::cuda::array::{Array, Element};
use crate::nn::cuda::device::Device;
use crate::nn::cuda::driver::ProductKind;
use crate::nn::cuda::tape::DeviceTape;
use crate::nn::layout::Linear;
use crate::nn::tape::Var;

use super::product::Matrices;

/// The token where no logit above −∞ is left.
const NONE: u32 = u32::MAX;

/// Logits on a device, (rows, columns), in f32 whatever activations are.
#[derive(Debug)]
pub struct Logits {
    device: Device,
    values: Array,
    rows: usize,
    columns: usize,
    /// Numbers from a row to the next.
    stride: usize,
}

/// How far apart rows of logits begin: tensor cores want them aligned, and GPT-2's 50,257 tokens are an odd number.
pub(super) fn aligned(columns: usize) -> usize {
    columns.next_multiple_of(64)
}

impl DeviceTape<'_> {
    /// x Wᵀ in f32; the map has no bias.
    pub fn logits(&mut self, x: Var, head: Linear) -> Logits {
        assert_eq!(x.cols, head.inputs(), "an input for every column");
        assert!(head.b.is_none(), "logits without a bias");
        let (rows, columns) = (x.rows, head.outputs());
        let stride = aligned(columns);
        let values = self.device().array(Element::F32, rows * stride);
        let (data, w) = (self.data(x), self.params.weights(head.w));
        let (sizes, operands) = ([rows, x.cols, columns], [data.view(), w, values.view()]);
        let product = Matrices::new(ProductKind::Forward, sizes, operands);
        self.device().product(&product.with_stride(stride));
        Logits {
            device: self.device().clone(),
            values,
            rows,
            columns,
            stride,
        }
    }
}

impl Logits {
    /// All of them, row by row; zeros if the device has failed.
    pub fn values(&self) -> Vec<f32> {
        let all: Vec<f32> = self.device.downloaded(self.values.view());
        let rows = all.chunks_exact(self.stride);
        rows.flat_map(|row| &row[..self.columns]).copied().collect()
    }

    /// The `count` likeliest tokens of each row; of no meaning if the device has failed.
    pub fn likeliest(&self, count: usize) -> Vec<Likeliest> {
        let (rows, columns) = (self.rows, self.columns);
        let tokens = self.device.array(Element::U32, rows * count);
        let [logits, sums] = [rows * count, rows].map(|len| self.device.array(Element::F32, len));
        self.device
            .kernel("likeliest")
            .array(self.values.view(), Element::F32, rows * self.stride)
            .array(tokens.view(), Element::U32, rows * count)
            .array(logits.view(), Element::F32, rows * count)
            .array(sums.view(), Element::F32, rows)
            .count(columns)
            .count(self.stride)
            .count(count)
            .blocks(rows);
        let tokens: Vec<u32> = self.device.downloaded(tokens.view());
        let logits: Vec<f32> = self.device.downloaded(logits.view());
        let sums: Vec<f32> = self.device.downloaded(sums.view());
        let rows = tokens.chunks_exact(count).zip(logits.chunks_exact(count));
        let rows = rows.zip(sums).map(|((tokens, logits), sum)| {
            let there = tokens
                .iter()
                .zip(logits)
                .filter(|(token, _)| **token != NONE);
            let mut tokens: Vec<(u32, f32)> =
                there.map(|(&token, &logit)| (token, logit)).collect();
            if tokens.is_empty() {
                tokens.push((0, f32::NAN));
            }
            Likeliest {
                log_sum: f64::from(sum).ln() + f64::from(logits[0]),
                tokens,
            }
        });
        rows.collect()
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
            stride: columns,
        };
        let found = logits.likeliest(4);
        device.check().unwrap();
        let mut order: Vec<u32> = (0..columns as u32).collect();
        order.sort_by(|&a, &b| values[b as usize].total_cmp(&values[a as usize]));
        let tokens = |row: usize| -> Vec<u32> { found[row].tokens.iter().map(|t| t.0).collect() };
        assert_eq!(tokens(0), order[..4]);
        assert_eq!(tokens(0)[..2], [17, 250]);
        let mut pairs = found[0].tokens.iter();
        assert!(pairs.all(|&(token, logit)| values[token as usize] == logit));
        let exact = values[..columns].iter().map(|&v| f64::from(v).exp());
        assert!((found[0].log_sum - exact.sum::<f64>().ln()).abs() < 1e-6);
        assert!(tokens(1) == [0] && found[1].tokens[0].1.is_nan());
        assert_eq!(tokens(2), [5]);
    }
}
