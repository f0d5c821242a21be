//! Softmax of a row, for attention.

use super::math::{largest, sum, sum_of, weight};

dispatch! {
    /// The first `seen` values become their softmax, the others 0.
    pub(crate) fn softmax(row: &mut [f32], seen: usize) {
        let (row, hidden) = row.split_at_mut(seen);
        let most = largest(row);
        for x in row.iter_mut() {
            *x = weight::<FMA>(*x - most);
        }
        let scale = 1.0 / sum(row);
        for x in row.iter_mut() {
            *x *= scale;
        }
        hidden.fill(0.0);
    }

    /// The gradient of the softmax's input by that of its output p, times `scale`, in place.
    pub(crate) fn softmax_backward(gradient: &mut [f32], p: &[f32], scale: f32) {
        let p = &p[..gradient.len()];
        let mean = sum_of(p, gradient, |p, g| p * g);
        for (g, p) in gradient.iter_mut().zip(p) {
            *g = p * (*g - mean) * scale;
        }
    }
}
