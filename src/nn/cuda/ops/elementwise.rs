//! Sums, dropout, and column sums, which several operations need.

use bytemuck::NoUninit;

use crate::nn::cuda::array::{Array, Element, View};
use crate::nn::cuda::device::Device;
use crate::nn::cuda::driver::LANES;
use crate::nn::cuda::tape::DeviceTape;
use crate::nn::kernels::dropout;
use crate::nn::ops::Dropout;
use crate::nn::precision::Precision;
use crate::nn::tape::Var;

/// A dropout mask as kernels take it (`Mask` in `kernels/platform.cuh`).
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Mask {
    stream: u64,
    first_row: u64,
    threshold: u32,
    scale: f32,
}

// SAFETY: numbers of 8 and 4 bytes that leave no gaps.
unsafe impl NoUninit for Mask {}

impl Mask {
    /// Nothing is dropped.
    const NONE: Self = Self {
        stream: 0,
        first_row: 0,
        threshold: 0,
        scale: 0.0,
    };

    pub fn new(mask: Option<dropout::Mask>) -> Self {
        mask.map_or(Self::NONE, |mask| Self {
            stream: mask.stream.key(),
            first_row: mask.first_row,
            threshold: mask.threshold,
            scale: mask.scale,
        })
    }

    pub fn drops(&self) -> bool {
        self.scale != 0.0
    }
}

/// Rows that a block sums of a column: enough for few parts, and few enough to keep all blocks busy.
pub(super) fn rows_a_block(rows: usize) -> usize {
    rows.div_ceil(256).max(16)
}

impl Device {
    /// a += b, of activations.
    pub(in crate::nn::cuda) fn add(&self, precision: Precision, a: View, b: View) {
        let element = precision.into();
        self.typed_kernel("add", precision)
            .array(a, element, b.len)
            .array(b, element, b.len)
            .value(b.len)
            .packs(element, b.len);
    }

    /// to += the column sums of x (rows, to.len).
    pub(in crate::nn::cuda) fn add_column_sums(&self, precision: Precision, x: View, to: View) {
        let columns = to.len;
        let rows = x.len / columns;
        let rows_a_block = rows_a_block(rows);
        let parts = rows.div_ceil(rows_a_block);
        let sums = self.array(Element::F32, parts * columns);
        self.typed_kernel("sum_columns", precision)
            .array(x, precision.into(), rows * columns)
            .array(sums.view(), Element::F32, parts * columns)
            .count(rows)
            .count(columns)
            .count(rows_a_block)
            .columns(columns, parts);
        self.sum_parts(&sums, parts, to, true);
    }

    /// to = or += the sum of the rows of `sums`.
    pub(in crate::nn::cuda) fn sum_parts(&self, sums: &Array, parts: usize, to: View, adds: bool) {
        let columns = to.len;
        self.kernel("sum_parts")
            .array(sums.view(), Element::F32, parts * columns)
            .array(to, Element::F32, columns)
            .count(parts)
            .count(columns)
            .flag(adds)
            .blocks(columns.div_ceil(LANES));
    }

    /// to = mask(from), both (rows, columns); both may be the same.
    pub(super) fn drop(
        &self,
        precision: Precision,
        from: View,
        to: View,
        mask: Mask,
        columns: usize,
    ) {
        let rows = from.len / columns;
        self.typed_kernel("drop", precision)
            .array(from, precision.into(), from.len)
            .array(to, precision.into(), from.len)
            .value(mask)
            .count(rows)
            .count(columns)
            .rows(rows, 1);
    }
}

impl DeviceTape<'_> {
    /// Drops values of `x`.
    pub fn dropout(&mut self, x: Var, dropout: Dropout) -> Var {
        let Some(mask) = dropout.mask() else { return x };
        let (mark, mask) = (self.mark(), Mask::new(Some(mask)));
        let kept = self.activations(x.rows * x.cols);
        let data = self.data(x);
        self.device()
            .drop(self.precision(), data.view(), kept.view(), mask, x.cols);
        let kept = self.push(x.rows, x.cols, kept);
        self.record(mark, move |back| {
            if let Some(gradient) = back.take_gradient(kept) {
                let view = gradient.view();
                back.device()
                    .drop(back.precision(), view, view, mask, x.cols);
                back.pass_gradient(x, gradient);
            }
        });
        kept
    }

    /// a + b, of the same shape.
    pub fn add(&mut self, a: Var, b: Var) -> Var {
        assert_eq!((a.rows, a.cols), (b.rows, b.cols), "matrices of one shape");
        let mark = self.mark();
        let sum = self.activations(a.rows * a.cols);
        self.device().copy(self.data(a).view(), sum.view());
        self.device()
            .add(self.precision(), sum.view(), self.data(b).view());
        let sum = self.push(a.rows, a.cols, sum);
        self.record(mark, move |back| {
            if let Some(gradient) = back.take_gradient(sum) {
                back.add_gradient(a, gradient.view());
                back.pass_gradient(b, gradient);
            }
        });
        sum
    }
}
