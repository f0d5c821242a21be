//! Some rows of a matrix.

use crate::nn::kernels::elementwise;
use crate::nn::tape::{Tape, Var};

impl Tape<'_> {
    /// The rows of `x` at `indices`, in that order; one may come several times.
    pub fn rows(&mut self, x: Var, indices: &[usize]) -> Var {
        let mark = self.mark();
        let mut picked = self.pool.take(indices.len() * x.cols);
        let source = self.value(x);
        for (picked, &i) in picked.chunks_exact_mut(x.cols).zip(indices) {
            assert!(i < x.rows, "row {i} of {}", x.rows);
            picked.copy_from_slice(&source[i * x.cols..][..x.cols]);
        }
        let picked = self.push(indices.len(), x.cols, picked);
        let indices = indices.to_vec();
        self.record(mark, &[], move |back| {
            let Some(gradient) = back.take_gradient(picked) else {
                return;
            };
            if let Some((mut sum, partly)) = back.gradient_of(x) {
                if !partly {
                    sum.fill(0.0);
                }
                for (gradient, i) in gradient.chunks_exact(x.cols).zip(indices) {
                    elementwise::add(&mut sum[i * x.cols..][..x.cols], gradient);
                }
                back.values.put_gradient(x, sum);
            }
            back.pool.put(gradient);
        });
        picked
    }
}

#[cfg(test)]
mod tests {
    use crate::nn::layout::Layout;
    use crate::nn::ops::check::check_gradients;

    #[test]
    fn gradients() {
        check_gradients(Layout::default(), &[(4, 3)], |tape, x| {
            let picked = tape.rows(x[0], &[2, 0, 2]);
            (vec![picked, tape.rows(x[0], &[3])], 0.0)
        });
    }
}
