//! Dropout by counter.

use crate::nn::random::{RowKey, Stream};

/// Which values of a matrix are dropped, row by row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask {
    pub stream: Stream,
    pub first_row: u64,
    /// A value is kept if its bits are at least this.
    pub threshold: u32,
    /// What kept values are multiplied with.
    pub scale: f32,
}

impl Mask {
    fn key(&self, row: usize) -> RowKey {
        self.stream.row(self.first_row + row as u64)
    }

    #[inline(always)]
    fn factor(&self, key: RowKey, column: usize) -> f32 {
        if key.bits(column as u32) >= self.threshold {
            self.scale
        } else {
            0.0
        }
    }
}

dispatch! {
    /// x = mask(x + bias).
    pub(crate) fn drop_after_bias(x: &mut [f32], bias: Option<&[f32]>, width: usize, mask: &Mask) {
        for (row, x) in x.chunks_exact_mut(width).enumerate() {
            if let Some(bias) = bias {
                for (x, b) in x.iter_mut().zip(bias) {
                    *x += b;
                }
            }
            drop_row_inline(x, mask, mask.key(row));
        }
    }

    /// out = mask(x), and its column sums are added to `sums`.
    pub(crate) fn drop_and_sum(x: &[f32], out: &mut [f32], width: usize, mask: &Mask, sums: Option<&mut [f32]>) {
        let mut sums = sums;
        for (row, (x, out)) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)).enumerate() {
            let key = mask.key(row);
            for (i, (x, out)) in x.iter().zip(&mut *out).enumerate() {
                *out = x * mask.factor(key, i);
            }
            if let Some(sums) = &mut sums {
                for (sum, out) in sums.iter_mut().zip(out) {
                    *sum += *out;
                }
            }
        }
    }

    /// One row, by the number it has in the whole.
    pub(crate) fn drop_row(x: &mut [f32], mask: &Mask, row: u64) {
        drop_row_inline(x, mask, mask.stream.row(row));
    }
}

#[inline(always)]
fn drop_row_inline(x: &mut [f32], mask: &Mask, key: RowKey) {
    for (i, x) in x.iter_mut().enumerate() {
        *x *= mask.factor(key, i);
    }
}
