//! The shape of an attention and the work on one head of one sample.

use std::ops::Range;

use super::{Attention, Cols, Mask, STORE};
use crate::nn::buffer::LINE;
use crate::nn::kernels::dropout::{self, Mask as DropoutMask};
use crate::nn::kernels::small_product::{Store, Strided, small_product};
use crate::nn::kernels::transpose::transpose;
use crate::nn::spans::Spans;

/// The numbers that the loops need.
pub(super) struct Shape {
    pub q: Cols,
    pub k: Cols,
    pub v: Cols,
    pub heads: usize,
    queries: Spans,
    keys: Spans,
    /// Columns of all heads.
    pub width: usize,
    /// Columns of a head.
    pub head: usize,
    /// 1 / √head.
    pub scale: f32,
    causal: bool,
    dropout: Option<DropoutMask>,
}

/// One head of one sample.
pub(super) struct Part<'s> {
    shape: &'s Shape,
    head: usize,
    queries: Range<usize>,
    keys: Range<usize>,
    /// Where its weights lie among those of all parts.
    pub weights: Range<usize>,
    /// Floats from one query's weights to the next: whole cache lines.
    pub stride: usize,
}

impl Shape {
    pub fn new(q: Cols, k: Cols, v: Cols, attention: Attention) -> Self {
        let Attention {
            heads,
            queries,
            keys,
            mask,
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
        assert_eq!(q.var.rows, queries.rows(), "a row for every query");
        for cols in [q, k, v] {
            assert!(
                cols.start + cols.width <= cols.var.cols,
                "columns of the matrix"
            );
        }
        for rows in [k.var.rows, v.var.rows] {
            assert_eq!(rows, keys.rows(), "a row for every key and value");
        }
        assert_eq!(queries.samples(), keys.samples(), "keys for every sample");
        for (queries, keys) in queries.iter().zip(keys.iter()) {
            assert!(
                !queries.is_empty() && !keys.is_empty(),
                "a query and a key in every sample"
            );
            assert!(
                mask == Mask::Full || queries.len() <= keys.len(),
                "{} queries see as many keys",
                queries.len()
            );
        }
        let head = q.width / heads;
        Self {
            q,
            k,
            v,
            heads,
            queries,
            keys,
            width: q.width,
            head,
            scale: 1.0 / (head as f32).sqrt(),
            causal: mask == Mask::Causal,
            dropout: dropout.and_then(|dropout| dropout.mask()),
        }
    }

    /// Number of queries in all samples.
    pub fn rows(&self) -> usize {
        self.queries.rows()
    }

    /// All heads of all samples.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let samples = self.queries.iter().zip(self.keys.iter());
        let parts = samples.flat_map(|(queries, keys)| {
            (0..self.heads).map(move |head| (head, queries.clone(), keys.clone()))
        });
        parts.scan(0, |end, (head, queries, keys)| {
            let stride = keys.len().next_multiple_of(LINE);
            let weights = *end..*end + queries.len() * stride;
            *end = weights.end;
            Some(Part {
                shape: self,
                head,
                queries,
                keys,
                weights,
                stride,
            })
        })
    }

    /// Room for the weights of all parts, for those of the largest, and for the keys of the longest.
    pub fn rooms(&self) -> [usize; 3] {
        let mut rooms = [0; 3];
        for part in self.parts() {
            let needed = [
                part.weights.end,
                part.weights.len(),
                self.head * part.stride,
            ];
            for (room, needed) in rooms.iter_mut().zip(needed) {
                *room = needed.max(*room);
            }
        }
        rooms
    }
}

impl Part<'_> {
    /// Number of queries.
    pub fn queries(&self) -> usize {
        self.queries.len()
    }

    /// Number of keys.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// How many keys a query of this part may see.
    pub fn seen(&self, query: usize) -> usize {
        match self.shape.causal {
            true => query + 1,
            false => self.keys(),
        }
    }

    /// The weights, a row for every query.
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

    /// Where this part begins in the queries.
    pub fn query_offset(&self) -> usize {
        self.offset(self.shape.q, self.queries.start)
    }

    /// Where it begins in the keys or the values.
    pub fn key_offset(&self, cols: Cols) -> usize {
        self.offset(cols, self.keys.start)
    }

    fn offset(&self, cols: Cols, row: usize) -> usize {
        row * cols.var.cols + cols.start + self.head * self.shape.head
    }

    /// Where this part begins in the output.
    pub fn output(&self) -> usize {
        self.queries.start * self.shape.width + self.head * self.shape.head
    }

    /// q kᵀ / √head; `transposed` is room for kᵀ.
    pub fn scores(&self, q: &[f32], k: &[f32], transposed: &mut [f32], scores: &mut [f32]) {
        let queries = Strided {
            data: &q[self.query_offset()..],
            row: self.shape.q.var.cols,
            col: 1,
        };
        let &Shape { k: cols, scale, .. } = self.shape;
        self.times_transposed(queries, k, cols, transposed, scores, scale);
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
        let (head, stride) = (self.shape.head, self.stride);
        transpose(
            &matrix[self.key_offset(cols)..],
            cols.var.cols,
            [self.keys(), head],
            transposed,
            stride,
        );
        let transposed = Strided {
            data: transposed,
            row: stride,
            col: 1,
        };
        let store = Store { scale, ..STORE };
        let sizes = [self.queries(), stride, head];
        small_product(sizes, rows, transposed, out, stride, store);
    }

    /// The weights after dropout: themselves, or in `room`.
    pub fn dropped<'w>(&self, weights: &'w [f32], room: &'w mut [f32]) -> &'w [f32] {
        if self.shape.dropout.is_none() {
            return weights;
        }
        let room = &mut room[..weights.len()];
        room.copy_from_slice(weights);
        self.drop(room);
        room
    }

    /// Drops weights, or their gradients.
    pub fn drop(&self, weights: &mut [f32]) {
        let Some(mask) = &self.shape.dropout else {
            return;
        };
        let heads = self.shape.heads as u64;
        for (query, row) in self
            .queries
            .clone()
            .zip(weights.chunks_exact_mut(self.stride))
        {
            let query = mask.first_row + query as u64;
            dropout::drop_row(row, mask, query * heads + self.head as u64);
        }
    }
}
