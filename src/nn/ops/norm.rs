//! Layer norm (Ba, Kiros and Hinton 2016).

use crate::nn::kernels::norm as kernel;
use crate::nn::layout::Norm;
use crate::nn::tape::{Tape, Var};

impl Tape<'_> {
    /// (x − mean) / √(variance + eps) · w + b, row by row.
    pub fn norm(&mut self, x: Var, norm: Norm) -> Var {
        let mark = self.mark();
        let mut y = self.pool.take(x.rows * x.cols);
        let mut stats = self.pool.take(2 * x.rows);
        assert_eq!(x.cols, norm.w.len(), "a weight for every column");
        let (w, b) = (self.params.slice(norm.w), self.params.slice(norm.b));
        kernel::norm(self.value(x), w, b, norm.eps, &mut y, &mut stats);
        let y = self.push(x.rows, x.cols, y);
        let stats = self.save(stats);
        self.record(mark, &norm.slots(), move |back| {
            let Some(mut dy) = back.take_gradient(y) else {
                return;
            };
            let mut sum = back.take_gradient(x);
            let [dw, db] = back.gradients.slices(norm.slots());
            kernel::norm_backward(
                &mut dy,
                back.values.data(x),
                back.values.data(stats),
                back.params.slice(norm.w),
                (dw, db),
                sum.as_deref_mut(),
                None,
            );
            match sum {
                Some(sum) => {
                    back.values.put_gradient(x, sum);
                    back.pool.put(dy);
                }
                None => back.pass_gradient(x, dy),
            }
        });
        y
    }
}

#[cfg(test)]
mod tests {
    use crate::nn::layout::Layout;
    use crate::nn::ops::check::check_gradients;

    #[test]
    fn gradients() {
        for width in [5, 32, 40] {
            let mut builder = Layout::builder();
            let norm = builder.norm("norm", width, 1e-5);
            check_gradients(builder.build(), &[(3, width)], |tape, x| {
                let y = tape.norm(x[0], norm);
                (vec![y, tape.add(x[0], y)], 0.0)
            });
        }
    }
}
