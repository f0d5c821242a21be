//! What a decoder with a key/value cache needs: the operations of a tape on few rows,
//! into memory of the caller's.

use crate::nn::layout::{Linear, Norm};
use crate::nn::ops::Gelu;
use crate::nn::params::Params;

/// out = x Wᵀ + b, row by row. `x` is (rows, inputs), `out` (rows, outputs).
pub fn linear(params: &Params, linear: Linear, x: &[f32], out: &mut [f32]) {
    let _ = (params, linear, x, out);
    unimplemented!()
}

/// x += y.
pub fn add(x: &mut [f32], y: &[f32]) {
    super::elementwise::add(x, y);
}

/// out = norm(x), row by row.
pub fn norm(params: &Params, norm: Norm, x: &[f32], out: &mut [f32]) {
    let _ = (params, norm, x, out);
    unimplemented!()
}

/// x = gelu(x).
pub fn gelu(kind: Gelu, x: &mut [f32]) {
    let _ = (kind, x);
    unimplemented!()
}

/// Attention of one query over one sequence's cached keys and values.
///
/// `query` and `out` have `width` values, `heads` blocks of them. The key of position i starts
/// at `keys[i * stride]` and the value at `values[i * stride]`, so packed rows serve too
/// (`&cache[..]` and `&cache[width..]` with stride 2 · width). `length` positions are seen.
pub fn attention(
    query: &[f32],
    keys: &[f32],
    values: &[f32],
    stride: usize,
    length: usize,
    heads: usize,
    out: &mut [f32],
) {
    let _ = (query, keys, values, stride, length, heads, out);
    unimplemented!()
}
