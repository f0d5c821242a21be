//! Logits and their cross-entropy, without keeping the logits.

use crate::nn::cuda::array::{Array, Element};
use crate::nn::cuda::driver::ProductKind;
use crate::nn::cuda::tape::DeviceTape;
use crate::nn::layout::Linear;
use crate::nn::ops::TokenLosses;
use crate::nn::tape::Var;

use super::logits::aligned;
use super::product::Matrices;

/// Logits held at a time.
const CHUNK: usize = 1 << 26;
/// The target of a row that has none.
const NONE: u32 = u32::MAX;

impl DeviceTape<'_> {
    /// Cross-entropy of softmax(x Wᵀ + b) against one target a row; `None` is padding. In training its
    /// gradient is made at once.
    pub fn cross_entropy(
        &mut self,
        x: Var,
        head: Linear,
        targets: &[Option<u32>],
        weight: f32,
    ) -> TokenLosses {
        assert_eq!(x.cols, head.inputs(), "an input for every column");
        assert_eq!(targets.len(), x.rows, "a target, or none, for every row");
        let mark = self.mark();
        let (width, vocabulary) = (head.inputs(), head.outputs());
        // A bias is added, and its gradient summed, without gaps.
        let stride = match head.b {
            None => aligned(vocabulary),
            Some(_) => vocabulary,
        };
        let chunk = (CHUNK / stride).clamp(1, x.rows.max(1));
        let (device, precision) = (self.device(), self.precision());
        let element = precision.into();
        let training = self.is_training();
        let (data, w) = (self.data(x), self.params.weights(head.w));
        let bias = head.b.map(|b| self.params.slice(b));
        let numbers: Vec<u32> = targets
            .iter()
            .map(|target| {
                assert!(
                    target.is_none_or(|t| (t as usize) < vocabulary),
                    "a token there is"
                );
                target.unwrap_or(NONE)
            })
            .collect();
        let numbers = device.uploaded(Element::U32, &numbers);
        let losses = device.array(Element::F32, x.rows);
        let predictions = device.array(Element::U32, x.rows);
        let logits = device.array(Element::F32, chunk * stride);
        let gradient = training.then(|| self.activations(chunk * stride));
        let dx = training.then(|| self.activations(x.rows * width));
        for first in (0..x.rows).step_by(chunk) {
            let range = first..x.rows.min(first + chunk);
            let rows = range.len();
            let sizes = [rows, width, vocabulary];
            let these = |array: &Array, columns: usize| {
                array.part(range.start * columns..range.end * columns)
            };
            let (x, logits) = (these(&data, width), logits.part(0..rows * stride));
            // Of bf16 operands too, the logits are f32.
            let of = |kind, operands| Matrices::new(kind, sizes, operands).with_stride(stride);
            device.product(&of(ProductKind::Forward, [x, w, logits]));
            if let Some(bias) = bias {
                device
                    .kernel("add_row_f32")
                    .array(logits, Element::F32, rows * vocabulary)
                    .array(bias, Element::F32, vocabulary)
                    .count(rows)
                    .count(vocabulary)
                    .packs(Element::F32, rows * vocabulary);
            }
            let gradient = gradient.as_ref().map(|g| g.part(0..rows * stride));
            device
                .typed_kernel("cross_entropy", precision)
                .array(logits, Element::F32, rows * stride)
                .array(these(&numbers, 1), Element::U32, rows)
                .value(weight)
                .optional(gradient, element, rows * stride)
                .array(these(&losses, 1), Element::F32, rows)
                .array(these(&predictions, 1), Element::U32, rows)
                .count(vocabulary)
                .count(stride)
                .blocks(rows);
            if let (Some(dx), Some(d), Some(gradients)) = (&dx, gradient, self.gradients()) {
                let dx = these(dx, width);
                device.product(&of(ProductKind::InputGradient, [d, w, dx]));
                let (dw, adds) = gradients.slice_or_vacant(head.w);
                device.product(&of(ProductKind::WeightGradient, [d, x, dw]).adding(adds));
                if let Some(b) = head.b {
                    device.add_column_sums(precision, d, gradients.slice(b));
                }
            }
        }
        if let Some(dx) = dx {
            self.record(mark, move |back| back.pass_gradient(x, dx));
        }
        TokenLosses {
            rows: device.downloaded(losses.view()),
            predictions: device.downloaded(predictions.view()),
        }
    }
}
