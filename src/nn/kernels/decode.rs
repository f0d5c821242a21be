//! What a decoder with a key/value cache needs: a tape's operations on few rows, into
//! memory of the caller's. What a row gives does not depend on the others.

use super::few_rows;
use super::math::{sum_of, weight};
use super::{elementwise, gelu, matmul};
use crate::nn::layout::{Linear, Norm};
use crate::nn::ops::Gelu;
use crate::nn::params::Params;
use crate::nn::precision::Precision;

/// out = x Wᵀ + b, row by row. `x` is (rows, inputs), `out` (rows, outputs).
pub fn linear(params: &Params, linear: Linear, x: &[f32], out: &mut [f32]) {
    let (w, inputs) = (params.slice(linear.w), linear.inputs());
    few_rows::forward(x, w, out, inputs, linear.outputs());
    add_bias(params, linear, out);
}

/// As [`linear`], for many rows.
pub fn linear_of_many(params: &Params, linear: Linear, x: &[f32], out: &mut [f32]) {
    let (w, inputs) = (params.slice(linear.w), linear.inputs());
    matmul::forward(Precision::F32, x, w, out, inputs, linear.outputs());
    add_bias(params, linear, out);
}

fn add_bias(params: &Params, linear: Linear, out: &mut [f32]) {
    if let Some(b) = linear.b {
        elementwise::add_row(out, params.slice(b));
    }
}

/// x += y.
pub fn add(x: &mut [f32], y: &[f32]) {
    elementwise::add(x, y);
}

/// out = norm(x), row by row.
pub fn norm(params: &Params, norm: Norm, x: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), out.len());
    let mut stats = [0.0; 2];
    let width = norm.w.len();
    for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        super::norm::norm(
            x,
            params.slice(norm.w),
            params.slice(norm.b),
            norm.eps,
            out,
            &mut stats,
        );
    }
}

/// x = gelu(x).
pub fn gelu(kind: Gelu, x: &mut [f32]) {
    gelu::in_place(kind, x);
}

/// Heads that are worked on together.
const HEADS: usize = 16;

dispatch! {
    /// Attention of one query over cached keys and values.
    ///
    /// `query` and `out` have `heads` blocks of columns. The key of place i starts at
    /// `keys[i * stride]` and the value at `values[i * stride]`, so packed rows serve too
    /// (`&cache[..]` and `&cache[width..]` with stride 2 · width). The places in `seen` are
    /// attended to: sequences that share a past need no copy of it.
    pub fn attention(
        query: &[f32],
        keys: &[f32],
        values: &[f32],
        stride: usize,
        seen: &[u32],
        heads: usize,
        out: &mut [f32],
    ) {
        let width = query.len() / heads;
        assert!(!seen.is_empty() && query.len() == heads * width && out.len() == query.len());
        let scale = 1.0 / (width as f32).sqrt();
        out.fill(0.0);
        // All heads of a place before the next place: a long cache is read as it lies in memory.
        let block = HEADS * width;
        for (i, (query, out)) in query.chunks(block).zip(out.chunks_mut(block)).enumerate() {
            // One pass: what was summed is scaled down whenever a larger score turns up.
            let (mut most, mut total) = ([f32::NEG_INFINITY; HEADS], [0.0; HEADS]);
            for &place in seen {
                let start = place as usize * stride + i * block;
                let keys = keys[start..][..query.len()].chunks_exact(width);
                let values = values[start..][..query.len()].chunks_exact(width);
                let queries = query.chunks_exact(width).zip(keys);
                let outs = out.chunks_exact_mut(width).zip(values);
                for (head, ((query, key), (out, value))) in queries.zip(outs).enumerate() {
                    let score = scale * sum_of(query, key, |q, k| q * k);
                    if score > most[head] {
                        let shrink = weight::<FMA>(most[head] - score);
                        total[head] *= shrink;
                        out.iter_mut().for_each(|o| *o *= shrink);
                        most[head] = score;
                    }
                    let weight = weight::<FMA>(score - most[head]);
                    total[head] += weight;
                    for (o, v) in out.iter_mut().zip(value) {
                        *o += weight * v;
                    }
                }
            }
            for (out, total) in out.chunks_exact_mut(width).zip(total) {
                out.iter_mut().for_each(|o| *o /= total);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{at_level, levels};
    use super::*;
    use crate::nn::{Attention, Cols, Layout, Mask, Pool, Spans, Tape};

    fn values(len: usize, seed: usize) -> Vec<f32> {
        (0..len)
            .map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 504.0 - 1.0)
            .collect()
    }

    fn assert_close(a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 2e-6 * b.abs().max(1.0), "{a} not {b}");
        }
    }

    #[test]
    fn maps_norms_and_gelus_are_those_of_a_tape() {
        let mut builder = Layout::builder();
        let map = builder.linear("map", 40, 24, true, 0.3);
        let scale = builder.norm("norm", 24, 1e-5);
        let params = Params::init(Arc::new(builder.build()), 1);
        let mut pool = Pool::new();
        for level in levels() {
            at_level(level, || {
                for rows in [1, 3, 8] {
                    let x = values(rows * 40, rows);
                    let mut tape = Tape::inference(&params, &mut pool);
                    let input = tape.constant(rows, 40, &x);
                    let y = tape.linear(input, map);
                    let normed = tape.norm(y, scale);
                    let (mut out, mut out_normed) = (vec![0.0; rows * 24], vec![0.0; rows * 24]);
                    linear(&params, map, &x, &mut out);
                    assert_close(&out, tape.value(y));
                    norm(&params, scale, &out, &mut out_normed);
                    assert_close(&out_normed, tape.value(normed));
                    for kind in [Gelu::Tanh, Gelu::Erf] {
                        let expected = tape.linear_gelu(input, map, kind);
                        let mut activated = out.clone();
                        gelu(kind, &mut activated);
                        assert_close(&activated, tape.value(expected));
                    }
                }
            });
        }
    }

    #[test]
    fn attention_over_a_packed_cache_is_that_of_a_tape() {
        let (width, heads) = (40, 4);
        let params = Params::zeros(Arc::new(Layout::default()));
        let mut pool = Pool::new();
        for length in [1, 2, 17] {
            let (query, cache) = (values(width, 1), values(length * 2 * width, 2));
            let mut tape = Tape::inference(&params, &mut pool);
            let q = tape.constant(1, width, &query);
            let kv = tape.constant(length, 2 * width, &cache);
            let attention_shape = Attention {
                heads,
                queries: Spans::even(1, 1),
                keys: Spans::even(1, length),
                mask: Mask::Full,
                dropout: None,
            };
            let expected = tape.attention(
                Cols::all(q),
                Cols::part(kv, 0, 2),
                Cols::part(kv, 1, 2),
                attention_shape,
            );
            // The same places, once in order and once scattered over a larger cache.
            let in_order: Vec<u32> = (0..length as u32).collect();
            let scattered: Vec<u32> = in_order.iter().rev().map(|place| 3 * place + 1).collect();
            let mut large = vec![f32::NAN; 3 * cache.len()];
            for (&place, row) in scattered.iter().zip(cache.chunks_exact(2 * width)) {
                large[place as usize * 2 * width..][..2 * width].copy_from_slice(row);
            }
            for (cache, seen) in [(&cache, &in_order), (&large, &scattered)] {
                for level in levels() {
                    let mut out = vec![f32::NAN; width];
                    at_level(level, || {
                        let values = &cache[width..];
                        attention(&query, cache, values, 2 * width, seen, heads, &mut out)
                    });
                    assert_close(&out, tape.value(expected));
                }
            }
        }
    }
}
