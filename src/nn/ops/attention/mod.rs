//! Scaled dot-product attention over several heads (Vaswani et al. 2017, section 3.2).

mod part;
mod targets;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::part::{Part, Shape};
use self::targets::Targets;
use super::Dropout;
use crate::nn::kernels::small_product::{Store, Strided, small_product};
use crate::nn::kernels::softmax::{softmax, softmax_backward};
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

/// A plain product.
const STORE: Store = Store {
    scale: 1.0,
    accumulate: false,
};

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
            self.record(mark, &[], move |back| back.attention(&shape, weights, out));
        } else {
            self.pool.put(weights);
        }
        out
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
