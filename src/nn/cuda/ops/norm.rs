//! Layer norm.

use crate::nn::cuda::array::{Array, Element, View};
use crate::nn::cuda::tape::{Backward, DeviceTape};
use crate::nn::layout::Norm;
use crate::nn::tape::Var;

use super::elementwise::rows_a_block;

impl DeviceTape<'_> {
    /// (x − mean) / √(variance + eps) · w + b, row by row.
    pub fn norm(&mut self, x: Var, norm: Norm) -> Var {
        let mark = self.mark();
        assert_eq!(x.cols, norm.w.len(), "a weight for every column");
        let len = x.rows * x.cols;
        let (y, stats) = (
            self.activations(len),
            self.device().array(Element::F32, 2 * x.rows),
        );
        let data = self.data(x);
        let element = self.precision().into();
        self.device()
            .typed_kernel("norm", self.precision())
            .array(data.view(), element, len)
            .array(self.params.slice(norm.w), Element::F32, x.cols)
            .array(self.params.slice(norm.b), Element::F32, x.cols)
            .value(norm.eps)
            .array(y.view(), element, len)
            .array(stats.view(), Element::F32, 2 * x.rows)
            .count(x.rows)
            .count(x.cols)
            .rows(x.rows, 1);
        let y = self.push(x.rows, x.cols, y);
        self.record(mark, move |back| {
            if let Some(dy) = back.take_gradient(y) {
                let dx = back.norm(norm, data.view(), &stats, dy, None);
                back.pass_gradient(x, dx);
            }
        });
        y
    }
}

impl Backward<'_> {
    /// Turns the gradient of a norm into that of its input x, adds what else has arrived there, and passes
    /// on what the norm's weight and bias are due.
    pub(super) fn norm(
        &mut self,
        norm: Norm,
        x: View,
        stats: &Array,
        dy: Array,
        d_sum: Option<View>,
    ) -> Array {
        let cols = norm.w.len();
        let rows = x.len / cols;
        let (device, precision) = (self.device(), self.precision());
        let (rows_a_block, element) = (rows_a_block(rows), precision.into());
        let parts = rows.div_ceil(rows_a_block);
        let [dw, db] = [(); 2].map(|()| device.array(Element::F32, parts * cols));
        device
            .typed_kernel("sum_norm_columns", precision)
            .array(dy.view(), element, rows * cols)
            .array(x, element, rows * cols)
            .array(stats.view(), Element::F32, 2 * rows)
            .array(dw.view(), Element::F32, parts * cols)
            .array(db.view(), Element::F32, parts * cols)
            .count(rows)
            .count(cols)
            .count(rows_a_block)
            .columns(cols, parts);
        for (sums, slot) in [(dw, norm.w), (db, norm.b)] {
            let (to, adds) = self.gradients.slice_or_vacant(slot);
            device.sum_parts(&sums, parts, to, adds);
        }
        device
            .typed_kernel("norm_backward", precision)
            .array(dy.view(), element, rows * cols)
            .array(x, element, rows * cols)
            .array(stats.view(), Element::F32, 2 * rows)
            .array(self.params.slice(norm.w), Element::F32, cols)
            .optional(d_sum, element, rows * cols)
            .count(rows)
            .count(cols)
            .rows(rows, 1);
        dy
    }
}
