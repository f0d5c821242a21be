//! Scaled dot-product attention over several heads (Vaswani et al. 2017, section 3.2).

mod part;
mod targets;
#[cfg(test)]
mod tests;

use self::part::Shape;
use self::targets::Targets;
use super::Dropout;
use crate::nn::kernels::small_product::{Store, Strided, small_product};
use crate::nn::kernels::softmax::{softmax, softmax_backward};
use crate::nn::spans::Spans;
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

/// Which keys of its sample a query may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// All.
    Full,
    /// Those at its own position and before.
    Causal,
}

/// The shape of an attention.
#[derive(Debug, Clone)]
pub struct Attention {
    /// Heads; each has width / heads columns.
    pub heads: usize,
    /// The queries of each sample.
    pub queries: Spans,
    /// The keys (and values) of each sample, which its queries alone may see.
    pub keys: Spans,
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

impl Tape<'_> {
    /// softmax(q kᵀ / √(head width)) v, head by head: (queries, width).
    ///
    /// `q` has a row for every query, `k` and `v` have one for every key, and all three the same
    /// width; they may be blocks of one matrix.
    pub fn attention(&mut self, q: Cols, k: Cols, v: Cols, attention: Attention) -> Var {
        let shape = Shape::new(q, k, v, attention);
        let mark = self.mark();
        let [all, largest, longest] = shape.rooms();
        let training = self.is_training();
        let mut weights = self.pool.take(if training { all } else { largest });
        let mut out = self.pool.take(shape.rows() * q.width);
        let mut keys = self.pool.take(longest);
        let mut dropped = self.pool.take(largest);
        for part in shape.parts() {
            let kept = match training {
                true => &mut weights[part.weights.clone()],
                false => &mut weights[..part.weights.len()],
            };
            part.scores(self.value(q.var), self.value(k.var), &mut keys, kept);
            for (query, row) in kept.chunks_exact_mut(part.stride).enumerate() {
                softmax(row, part.seen(query));
            }
            let kept = part.dropped(kept, &mut dropped);
            let values = Strided {
                data: &self.value(v.var)[part.key_offset(v)..],
                row: v.var.cols,
                col: 1,
            };
            let sizes = [part.queries(), shape.head, part.keys()];
            let out = &mut out[part.output()..];
            let weights = part.weight_rows(kept);
            small_product(sizes, weights, values, out, shape.width, STORE);
        }
        self.pool.put(keys);
        self.pool.put(dropped);
        let out = self.push(shape.rows(), q.width, out);
        if training {
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
        let &Shape { q, k, v, head, .. } = shape;
        let mut targets = Targets::new(self, [q, k, v]);
        let [_, largest, longest] = shape.rooms();
        let mut transposed = self.pool.take(longest);
        let mut all_scores = self.pool.take(largest);
        let mut dropped = self.pool.take(largest);
        let weights = self.values.data(weights);
        let rows = |cols: Cols, start: usize| Strided {
            data: &self.values.data(cols.var)[start..],
            row: cols.var.cols,
            col: 1,
        };
        for part in shape.parts() {
            let weights = &weights[part.weights.clone()];
            let scores = &mut all_scores[..weights.len()];
            let d_out = Strided {
                data: &d_out[part.output()..],
                row: shape.width,
                col: 1,
            };
            let v_data = self.values.data(v.var);
            part.times_transposed(d_out, v_data, v, &mut transposed, scores, 1.0);
            part.drop(scores);
            for (row, p) in scores
                .chunks_exact_mut(part.stride)
                .zip(weights.chunks_exact(part.stride))
            {
                softmax_backward(row, p, shape.scale);
            }
            let (queries, keys) = (part.queries(), part.keys());
            let (at_query, at_key) = (part.query_offset(), part.key_offset(k));
            let d_scores = part.weight_rows(scores);
            let sizes = [queries, head, keys];
            targets.add(0, at_query, sizes, d_scores, rows(k, at_key));
            let d_scores = part.weight_columns(scores);
            let sizes = [keys, head, queries];
            targets.add(1, at_key, sizes, d_scores, rows(q, at_query));
            let dropped = part.dropped(weights, &mut dropped);
            let weights = part.weight_columns(dropped);
            targets.add(2, part.key_offset(v), sizes, weights, d_out);
        }
        for buffer in [d_out, transposed, all_scores, dropped] {
            self.pool.put(buffer);
        }
        targets.finish(self);
    }
}
