//! Scaled dot-product attention over several heads (Vaswani et al. 2017, section 3.2).

use std::sync::Arc;

use super::Dropout;
use crate::nn::buffer::{Buffer, LINE};
use crate::nn::kernels::dropout::{self, Mask as DropoutMask};
use crate::nn::kernels::small_product::{Store, Strided, small_product};
use crate::nn::kernels::softmax::{softmax, softmax_backward};
use crate::nn::kernels::transpose::transpose;
use crate::nn::tape::{Backward, Tape, Var};

/// A block of columns of a matrix, such as the queries in packed queries, keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cols {
    /// The matrix.
    pub var: Var,
    /// The first column.
    pub start: usize,
    /// How many columns.
    pub width: usize,
}

impl Cols {
    /// All columns.
    pub fn all(var: Var) -> Self {
        Self {
            var,
            start: 0,
            width: var.cols,
        }
    }

    /// Part `i` of `parts` equal blocks of columns.
    pub fn part(var: Var, i: usize, parts: usize) -> Self {
        assert!(
            i < parts && var.cols.is_multiple_of(parts),
            "part {i} of {parts} of {} columns",
            var.cols
        );
        let width = var.cols / parts;
        Self {
            var,
            start: i * width,
            width,
        }
    }
}

/// Which keys a query may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mask {
    /// All.
    Full,
    /// Those at its own position and before.
    Causal,
    /// In each sample of the batch, the first so many, at least one (padding comes after).
    Lengths(Arc<[usize]>),
}

/// The shape of an attention: `batch` samples, each with its `queries` and `keys`.
#[derive(Debug, Clone)]
pub struct Attention {
    /// Samples in the shard.
    pub batch: usize,
    /// Heads; each has width / heads columns.
    pub heads: usize,
    /// Queries a sample.
    pub queries: usize,
    /// Keys (and values) a sample.
    pub keys: usize,
    /// Which keys a query may see.
    pub mask: Mask,
    /// Dropout of the attention weights; a row is one query of one head, and
    /// `first_row` counts queries, as if there were one head.
    pub dropout: Option<Dropout>,
}

impl Tape<'_> {
    /// softmax(q kᵀ / √(head width)) v, head by head: (batch · queries, width).
    ///
    /// `q` has batch · queries rows, `k` and `v` have batch · keys, and all three the same
    /// width; they may be blocks of one matrix.
    pub fn attention(&mut self, q: Cols, k: Cols, v: Cols, attention: Attention) -> Var {
        let shape = Shape::new(q, k, v, &attention);
        let mark = self.mark();
        let weights_kept = if self.is_training() {
            shape.batch * shape.heads
        } else {
            1
        };
        let mut weights = self.pool.take(weights_kept * shape.weights());
        let mut out = self.pool.take(shape.batch * shape.queries * q.width);
        let mut keys = self.pool.take(shape.head * shape.stride);
        let mut dropped = self.pool.take(shape.weights());
        for (i, part) in shape.parts().enumerate() {
            let kept = &mut weights[i % weights_kept * shape.weights()..][..shape.weights()];
            part.scores(self.value(q.var), self.value(k.var), &mut keys, kept);
            for (query, row) in kept.chunks_exact_mut(shape.stride).enumerate() {
                softmax(row, attention.seen(part.sample, query));
            }
            let kept = part.dropped(kept, &mut dropped);
            let values = Strided {
                data: &self.value(v.var)[part.offset(v)..],
                row: v.var.cols,
                col: 1,
            };
            let sizes = [shape.queries, shape.head, shape.keys];
            let out = &mut out[part.output()..];
            small_product(
                sizes,
                shape.weight_rows(kept),
                values,
                out,
                shape.width,
                STORE,
            );
        }
        self.pool.put(keys);
        self.pool.put(dropped);
        let out = self.push(shape.batch * shape.queries, q.width, out);
        if self.is_training() {
            let weights = self.save(weights);
            self.record(mark, move |back| back.attention(&shape, weights, out));
        } else {
            self.pool.put(weights);
        }
        out
    }
}

/// A plain product.
const STORE: Store = Store {
    scale: 1.0,
    accumulate: false,
};

/// The numbers that the loops need.
#[derive(Clone, Copy)]
struct Shape {
    q: Cols,
    k: Cols,
    v: Cols,
    batch: usize,
    heads: usize,
    queries: usize,
    keys: usize,
    /// Columns of all heads.
    width: usize,
    /// Columns of a head.
    head: usize,
    /// Floats from one query's weights to the next: whole cache lines.
    stride: usize,
    /// 1 / √head.
    scale: f32,
    dropout: Option<DropoutMask>,
}

/// One head of one sample.
#[derive(Clone, Copy)]
struct Part<'s> {
    shape: &'s Shape,
    sample: usize,
    head: usize,
}

impl Attention {
    /// How many keys a query may see.
    fn seen(&self, sample: usize, query: usize) -> usize {
        match &self.mask {
            Mask::Full => self.keys,
            Mask::Causal => query + 1,
            Mask::Lengths(lengths) => lengths[sample],
        }
    }
}

impl Shape {
    fn new(q: Cols, k: Cols, v: Cols, attention: &Attention) -> Self {
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
    fn weights(&self) -> usize {
        self.queries * self.stride
    }

    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
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
    fn weight_rows<'w>(&self, data: &'w [f32]) -> Strided<'w> {
        Strided {
            data,
            row: self.stride,
            col: 1,
        }
    }

    /// The same, a row for every key.
    fn weight_columns<'w>(&self, data: &'w [f32]) -> Strided<'w> {
        Strided {
            data,
            row: 1,
            col: self.stride,
        }
    }
}

impl Part<'_> {
    /// Where this part begins in the queries, the keys or the values.
    fn offset(&self, cols: Cols) -> usize {
        let rows = cols.var.rows / self.shape.batch;
        self.sample * rows * cols.var.cols + cols.start + self.head * self.shape.head
    }

    /// Where this part begins in the output.
    fn output(&self) -> usize {
        self.sample * self.shape.queries * self.shape.width + self.head * self.shape.head
    }

    /// q kᵀ / √head; `transposed` is room for kᵀ.
    fn scores(&self, q: &[f32], k: &[f32], transposed: &mut [f32], scores: &mut [f32]) {
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
    fn times_transposed(
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
    fn dropped<'w>(&self, weights: &'w [f32], room: &'w mut [f32]) -> &'w [f32] {
        if self.shape.dropout.is_none() {
            return weights;
        }
        room.copy_from_slice(weights);
        self.drop(room);
        room
    }

    /// Drops weights, or their gradients.
    fn drop(&self, weights: &mut [f32]) {
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

impl Backward<'_> {
    /// From the gradient of `out` to those of queries, keys and values.
    ///
    /// With P the weights, P̃ those after dropout and S the scores: dV = P̃ᵀ dO, dP̃ = dO Vᵀ,
    /// dS = softmax'(dP), dQ = dS K, dK = dSᵀ Q.
    fn attention(&mut self, shape: &Shape, weights: Var, out: Var) {
        let Some(d_out) = self.take_gradient(out) else {
            return;
        };
        let &Shape {
            q,
            k,
            v,
            queries,
            keys,
            width,
            head,
            ..
        } = shape;
        let mut targets = Targets::new(self, [q, k, v]);
        let mut transposed = self.pool.take(head * shape.stride);
        let mut scores = self.pool.take(shape.weights());
        let mut dropped = self.pool.take(shape.weights());
        let weights = self.values.data(weights);
        let rows = |cols: Cols, part: &Part| Strided {
            data: &self.values.data(cols.var)[part.offset(cols)..],
            row: cols.var.cols,
            col: 1,
        };
        for (part, weights) in shape.parts().zip(weights.chunks_exact(shape.weights())) {
            let d_out = Strided {
                data: &d_out[part.output()..],
                row: width,
                col: 1,
            };
            let v_data = self.values.data(v.var);
            part.times_transposed(d_out, v_data, v, &mut transposed, &mut scores, 1.0);
            part.drop(&mut scores);
            for (row, p) in scores
                .chunks_exact_mut(shape.stride)
                .zip(weights.chunks_exact(shape.stride))
            {
                softmax_backward(row, p, shape.scale);
            }
            let d_scores = &scores[..];
            targets.add(
                0,
                &part,
                [queries, head, keys],
                shape.weight_rows(d_scores),
                rows(k, &part),
            );
            targets.add(
                1,
                &part,
                [keys, head, queries],
                shape.weight_columns(d_scores),
                rows(q, &part),
            );
            let dropped = part.dropped(weights, &mut dropped);
            targets.add(
                2,
                &part,
                [keys, head, queries],
                shape.weight_columns(dropped),
                d_out,
            );
        }
        for buffer in [d_out, transposed, scores, dropped] {
            self.pool.put(buffer);
        }
        targets.finish(self);
    }
}

/// The gradients of queries, keys and values, which may be blocks of one matrix.
struct Targets {
    cols: [Cols; 3],
    /// The gradient of each matrix, at the first of its blocks.
    buffers: [Option<Buffer>; 3],
    /// Where the matrix of each block first occurs.
    first: [usize; 3],
    /// Whether each matrix has a gradient to add to.
    accumulate: [bool; 3],
}

impl Targets {
    fn new(back: &mut Backward<'_>, cols: [Cols; 3]) -> Self {
        let first = cols.map(|c| cols.iter().position(|d| d.var == c.var).unwrap_or(0));
        let mut targets = Self {
            cols,
            buffers: [None, None, None],
            first,
            accumulate: [false; 3],
        };
        for i in 0..3 {
            if first[i] != i {
                continue;
            }
            if let Some((mut buffer, mut partly)) = back.gradient_of(cols[i].var) {
                if !partly && !targets.cover(i) {
                    buffer.fill(0.0);
                    partly = true;
                }
                targets.buffers[i] = Some(buffer);
                targets.accumulate[i] = partly;
            }
        }
        targets
    }

    /// Whether the blocks of a matrix make it up, each column once.
    fn cover(&self, matrix: usize) -> bool {
        let mut next = 0;
        let blocks = || {
            (0..3)
                .filter(|&i| self.first[i] == matrix)
                .map(|i| self.cols[i])
        };
        for _ in blocks() {
            if let Some(block) = blocks().find(|block| block.start == next) {
                next += block.width;
            }
        }
        next == self.cols[matrix].var.cols
            && blocks().map(|block| block.width).sum::<usize>() == next
    }

    /// A part's gradient: the product of a and b.
    fn add(
        &mut self,
        block: usize,
        part: &Part,
        sizes: [usize; 3],
        a: Strided<'_>,
        b: Strided<'_>,
    ) {
        let (first, cols) = (self.first[block], self.cols[block]);
        if let Some(buffer) = &mut self.buffers[first] {
            let store = Store {
                scale: 1.0,
                accumulate: self.accumulate[first],
            };
            small_product(
                sizes,
                a,
                b,
                &mut buffer[part.offset(cols)..],
                cols.var.cols,
                store,
            );
        }
    }

    fn finish(self, back: &mut Backward<'_>) {
        for (cols, buffer) in self.cols.iter().zip(self.buffers) {
            if let Some(buffer) = buffer {
                back.values.put_gradient(cols.var, buffer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::layout::Layout;
    use crate::nn::ops::check::check_gradients;

    fn attention(batch: usize, queries: usize, keys: usize, mask: Mask) -> Attention {
        Attention {
            batch,
            heads: 2,
            queries,
            keys,
            mask,
            dropout: None,
        }
    }

    const DROPOUT: Option<Dropout> = Some(Dropout {
        p: 0.3,
        seed: 1,
        stream: 2,
        first_row: 3,
    });

    #[test]
    fn gradients_of_packed_self_attention() {
        for (mask, dropout) in [
            (Mask::Full, None),
            (Mask::Causal, None),
            (Mask::Lengths([3, 1].into()), None),
            (Mask::Causal, DROPOUT),
        ] {
            check_gradients(Layout::default(), &[(6, 24)], |tape, x| {
                let part = |i| Cols::part(x[0], i, 3);
                let attention = Attention {
                    dropout,
                    ..attention(2, 3, 3, mask.clone())
                };
                (
                    vec![tape.attention(part(0), part(1), part(2), attention)],
                    0.0,
                )
            });
        }
    }

    #[test]
    fn gradients_of_cross_attention() {
        check_gradients(Layout::default(), &[(4, 10), (34, 20)], |tape, x| {
            let (k, v) = (Cols::part(x[1], 0, 2), Cols::part(x[1], 1, 2));
            let first = tape.attention(Cols::all(x[0]), k, v, attention(2, 2, 17, Mask::Full));
            // Once more, so that gradients meet others that are already there.
            let second = tape.attention(Cols::all(first), v, k, attention(2, 2, 17, Mask::Full));
            (vec![second], 0.0)
        });
    }

    #[test]
    fn gradients_of_blocks_that_overlap_or_leave_columns_out() {
        check_gradients(Layout::default(), &[(3, 10)], |tape, x| {
            let block = |start| Cols {
                var: x[0],
                start,
                width: 4,
            };
            let same = tape.attention(block(2), block(2), block(5), attention(1, 3, 3, Mask::Full));
            // The rest of the columns, so that all have a gradient.
            (vec![same, tape.add(x[0], x[0])], 0.0)
        });
    }

    #[test]
    fn one_key_passes_its_value_through() {
        check_gradients(Layout::default(), &[(2, 4)], |tape, x| {
            let q = tape.constant(4, 4, &[0.3; 16]);
            let k = tape.constant(2, 4, &[0.7; 8]);
            let out = tape.attention(
                Cols::all(q),
                Cols::all(k),
                Cols::all(x[0]),
                attention(2, 2, 1, Mask::Full),
            );
            for row in 0..4 {
                assert_eq!(
                    tape.value(out)[4 * row..][..4],
                    tape.value(x[0])[row / 2 * 4..][..4]
                );
            }
            (vec![out], 0.0)
        });
    }

    #[test]
    fn padding_changes_nothing() {
        let q = |tape: &mut Tape, keys: usize| {
            let x: Vec<f32> = (0..keys * 12)
                .map(|i| ((i * 31) % 17) as f32 / 8.0 - 1.0)
                .collect();
            let x = tape.constant(keys, 12, &x);
            let part = |i| Cols::part(x, i, 3);
            let mask = Mask::Lengths([3].into());
            tape.attention(part(0), part(1), part(2), attention(1, keys, keys, mask))
        };
        check_gradients(Layout::default(), &[], |tape, _| {
            let (short, long) = (q(tape, 3), q(tape, 20));
            assert_eq!(tape.value(short), &tape.value(long)[..12]);
            (vec![], 0.0)
        });
    }
}
