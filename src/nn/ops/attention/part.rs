//! The shape of an attention and the work on one head of one sample.

use super::{Attention, Cols, Mask, STORE};
use crate::nn::buffer::LINE;
use crate::nn::kernels::dropout::{self, Mask as DropoutMask};
use crate::nn::kernels::small_product::{Store, Strided, small_product};
use crate::nn::kernels::transpose::transpose;

/// The numbers that the loops need.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub q: Cols,
    pub k: Cols,
    pub v: Cols,
    pub batch: usize,
    pub heads: usize,
    pub queries: usize,
    pub keys: usize,
    /// Columns of all heads.
    pub width: usize,
    /// Columns of a head.
    pub head: usize,
    /// Floats from one query's weights to the next: whole cache lines.
    pub stride: usize,
    /// 1 / √head.
    pub scale: f32,
    pub dropout: Option<DropoutMask>,
}

/// One head of one sample.
#[derive(Clone, Copy)]
pub(super) struct Part<'s> {
    pub shape: &'s Shape,
    pub sample: usize,
    pub head: usize,
}

impl Shape {
    pub fn new(q: Cols, k: Cols, v: Cols, attention: &Attention) -> Self {
        let &Attention {
            batch,
            heads,
            queries,
            keys,
            ref mask,
            dropout,
        } = attention;
        assert!(
            q.width == k.width && q.width == v.width,
            "queries, keys and values of one width"
        );
        assert!(
            heads > 0 && q.width.is_multiple_of(heads),
            "{} columns in {heads} heads",
            q.width
        );
        assert_eq!(q.var.rows, batch * queries, "a row for every query");
        for cols in [q, k, v] {
            assert!(
                cols.start + cols.width <= cols.var.cols,
                "columns of the matrix"
            );
        }
        for rows in [k.var.rows, v.var.rows] {
            assert_eq!(rows, batch * keys, "a row for every key and value");
        }
        match mask {
            Mask::Full => assert!(keys > 0, "a key to see"),
            Mask::Causal => assert!(queries <= keys, "{queries} queries see as many keys"),
            Mask::Lengths(lengths) => {
                assert_eq!(lengths.len(), batch, "a length for every sample");
                assert!(
                    lengths.iter().all(|l| (1..=keys).contains(l)),
                    "lengths from 1 to {keys}"
                );
            }
        }
        let head = q.width / heads;
        Self {
            q,
            k,
            v,
            batch,
            heads,
            queries,
            keys,
            width: q.width,
            head,
            stride: keys.next_multiple_of(LINE),
            scale: 1.0 / (head as f32).sqrt(),
            dropout: dropout.and_then(|dropout| dropout.mask()),
        }
    }

    /// Floats in the weights of one part.
    pub fn weights(&self) -> usize {
        self.queries * self.stride
    }

    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let samples = 0..self.batch;
        samples.flat_map(move |sample| {
            (0..self.heads).map(move |head| Part {
                shape: self,
                sample,
                head,
            })
        })
    }

    /// One part's weights, a row for every query.
    pub fn weight_rows<'w>(&self, data: &'w [f32]) -> Strided<'w> {
        Strided {
            data,
            row: self.stride,
            col: 1,
        }
    }

    /// The same, a row for every key.
    pub fn weight_columns<'w>(&self, data: &'w [f32]) -> Strided<'w> {
        Strided {
            data,
            row: 1,
            col: self.stride,
        }
    }
}

impl Part<'_> {
    /// Where this part begins in the queries, the keys or the values.
    pub fn offset(&self, cols: Cols) -> usize {
        let rows = cols.var.rows / self.shape.batch;
        self.sample * rows * cols.var.cols + cols.start + self.head * self.shape.head
    }

    /// Where this part begins in the output.
    pub fn output(&self) -> usize {
        self.sample * self.shape.queries * self.shape.width + self.head * self.shape.head
    }

    /// q kᵀ / √head; `transposed` is room for kᵀ.
    pub fn scores(&self, q: &[f32], k: &[f32], transposed: &mut [f32], scores: &mut [f32]) {
        let Shape {
            q: q_cols,
            k: k_cols,
            scale,
            ..
        } = *self.shape;
        let queries = Strided {
            data: &q[self.offset(q_cols)..],
            row: q_cols.var.cols,
            col: 1,
        };
        self.times_transposed(queries, k, k_cols, transposed, scores, scale);
    }

    /// scale · rows · matrixᵀ for the keys or the values of this part.
    pub fn times_transposed(
        &self,
        rows: Strided<'_>,
        matrix: &[f32],
        cols: Cols,
        transposed: &mut [f32],
        out: &mut [f32],
        scale: f32,
    ) {
        let &Shape {
            queries,
            keys,
            head,
            stride,
            ..
        } = self.shape;
        transpose(
            &matrix[self.offset(cols)..],
            cols.var.cols,
            [keys, head],
            transposed,
            stride,
        );
        let transposed = Strided {
            data: transposed,
            row: stride,
            col: 1,
        };
        let store = Store { scale, ..STORE };
        small_product(
            [queries, stride, head],
            rows,
            transposed,
            out,
            stride,
            store,
        );
    }

    /// The weights after dropout: themselves, or in `room`.
    pub fn dropped<'w>(&self, weights: &'w [f32], room: &'w mut [f32]) -> &'w [f32] {
        if self.shape.dropout.is_none() {
            return weights;
        }
        room.copy_from_slice(weights);
        self.drop(room);
        room
    }

    /// Drops weights, or their gradients.
    pub fn drop(&self, weights: &mut [f32]) {
        let &Shape {
            queries,
            heads,
            stride,
            ref dropout,
            ..
        } = self.shape;
        let Some(mask) = dropout else { return };
        for (query, row) in weights.chunks_exact_mut(stride).enumerate() {
            let query = mask.first_row + (self.sample * queries + query) as u64;
            dropout::drop_row(row, mask, query * heads as u64 + self.head as u64);
        }
    }
}
