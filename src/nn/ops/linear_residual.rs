//! A linear map added to a residual stream, and the layer norm that follows.

use super::Dropout;
use crate::nn::buffer::Buffer;
use crate::nn::kernels::{dropout, elementwise, norm as kernel};
use crate::nn::layout::{Linear, Norm};
use crate::nn::tape::{Backward, Tape, Var};

/// residual + mask(x Wᵀ + b).
#[derive(Clone, Copy)]
struct Branch {
    x: Var,
    linear: Linear,
    residual: Var,
    mask: Option<dropout::Mask>,
}

impl<'a> Tape<'a> {
    /// residual + dropout(x Wᵀ + b).
    pub fn linear_residual(
        &mut self,
        x: Var,
        linear: Linear,
        residual: Var,
        dropout: Option<Dropout>,
    ) -> Var {
        let mark = self.mark();
        let branch = Branch::new(x, linear, residual, dropout);
        let (mut sum, bias) = self.branch(&branch);
        kernel::residual(&mut sum, bias, self.value(residual), residual.cols);
        let sum = self.push(residual.rows, residual.cols, sum);
        self.record(mark, &linear.slots(), move |back| {
            if let Some(gradient) = back.take_gradient(sum) {
                back.bias(&branch, &gradient);
                back.branch(&branch, gradient);
            }
        });
        sum
    }

    /// (sum, norm(sum)) with sum = residual + dropout(x Wᵀ + b), in one pass.
    ///
    /// Either may stay unused.
    pub fn linear_residual_norm(
        &mut self,
        x: Var,
        linear: Linear,
        residual: Var,
        norm: Norm,
        dropout: Option<Dropout>,
    ) -> (Var, Var) {
        let mark = self.mark();
        let branch = Branch::new(x, linear, residual, dropout);
        assert_eq!(residual.cols, norm.w.len(), "a weight for every column");
        let (mut sum, bias) = self.branch(&branch);
        let mut normed = self.pool.take(sum.len());
        let mut stats = self.pool.take(2 * residual.rows);
        let affine = (
            self.params.slice(norm.w),
            self.params.slice(norm.b),
            norm.eps,
        );
        let data = self.value(residual);
        kernel::residual_norm(&mut sum, bias, data, affine, &mut normed, &mut stats);
        let sum = self.push(residual.rows, residual.cols, sum);
        let normed = self.push(residual.rows, residual.cols, normed);
        let stats = self.save(stats);
        let mut parameters = linear.slots();
        parameters.extend(norm.slots());
        self.record(mark, &parameters, move |back| {
            let (d_sum, d_normed) = (back.take_gradient(sum), back.take_gradient(normed));
            let gradient = match (d_sum, d_normed) {
                (None, None) => return,
                (Some(d_sum), None) => {
                    back.bias(&branch, &d_sum);
                    d_sum
                }
                (d_sum, Some(d_normed)) => {
                    back.sum_and_norm(&branch, norm, sum, stats, d_sum, d_normed)
                }
            };
            back.branch(&branch, gradient);
        });
        (sum, normed)
    }

    /// x Wᵀ, and the bias if it is still to be added; dropout needs it before.
    fn branch(&mut self, branch: &Branch) -> (Buffer, Option<&'a [f32]>) {
        let mut y = self.product(branch.x, branch.linear);
        let params = self.params;
        let bias = branch.linear.b.map(|b| params.slice(b));
        match &branch.mask {
            Some(mask) => {
                dropout::drop_after_bias(&mut y, bias, branch.residual.cols, mask);
                (y, None)
            }
            None => (y, bias),
        }
    }
}

impl Backward<'_> {
    /// The gradient of the sum, from that of its norm and what else has arrived. Without
    /// dropout its column sums go to the bias in passing.
    fn sum_and_norm(
        &mut self,
        branch: &Branch,
        norm: Norm,
        sum: Var,
        stats: Var,
        mut d_sum: Option<Buffer>,
        mut d_normed: Buffer,
    ) -> Buffer {
        let bias = branch.linear.b.filter(|_| branch.mask.is_none());
        let (dw, db, d_bias) = match bias {
            Some(bias) => {
                let [dw, db, d_bias] = self.gradients.slices([norm.w, norm.b, bias]);
                (dw, db, Some(d_bias))
            }
            None => {
                let [dw, db] = self.gradients.slices(norm.slots());
                (dw, db, None)
            }
        };
        kernel::norm_backward(
            &mut d_normed,
            self.values.data(sum),
            self.values.data(stats),
            self.params.slice(norm.w),
            (dw, db),
            d_sum.as_deref_mut(),
            d_bias,
        );
        match d_sum {
            Some(d_sum) => {
                self.pool.put(d_normed);
                d_sum
            }
            None => d_normed,
        }
    }

    /// The bias's gradient from the sum's, unless dropout comes between.
    fn bias(&mut self, branch: &Branch, gradient: &[f32]) {
        if let (Some(b), None) = (branch.linear.b, &branch.mask) {
            elementwise::add_column_sums(gradient, self.gradients.slice(b));
        }
    }

    /// Passes the sum's gradient on to the linear map and to the residual stream.
    fn branch(&mut self, branch: &Branch, gradient: Buffer) {
        match &branch.mask {
            Some(mask) => {
                let mut masked = self.pool.take(gradient.len());
                let sums = branch.linear.b.map(|b| self.gradients.slice(b));
                dropout::drop_and_sum(&gradient, &mut masked, branch.residual.cols, mask, sums);
                self.product(branch.x, branch.linear, &masked);
                self.pool.put(masked);
            }
            None => self.product(branch.x, branch.linear, &gradient),
        }
        self.pass_gradient(branch.residual, gradient);
    }
}

impl Branch {
    fn new(x: Var, linear: Linear, residual: Var, dropout: Option<Dropout>) -> Self {
        assert_eq!(
            (x.rows, linear.outputs()),
            (residual.rows, residual.cols),
            "a sum of one shape"
        );
        let mask = dropout.and_then(|dropout| dropout.mask());
        Self {
            x,
            linear,
            residual,
            mask,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::nn::layout::Layout;
    use crate::nn::ops::Dropout;
    use crate::nn::ops::check::check_gradients;

    #[test]
    fn gradients() {
        let dropout = Dropout {
            p: 0.3,
            seed: 5,
            stream: 6,
            first_row: 7,
        };
        for dropout in [None, Some(dropout)] {
            for bias in [true, false] {
                let mut builder = Layout::builder();
                let linear = builder.linear("map", 6, 40, bias, 0.5);
                let norm = builder.norm("norm", 40, 1e-5);
                let second = builder.linear("second", 40, 40, bias, 0.5);
                check_gradients(builder.build(), &[(3, 6), (3, 40)], |tape, x| {
                    let (sum, normed) =
                        tape.linear_residual_norm(x[0], linear, x[1], norm, dropout);
                    // Only the sum of one is used, only the norm of the other.
                    let (only_sum, _) =
                        tape.linear_residual_norm(normed, second, sum, norm, dropout);
                    let (_, only_norm) =
                        tape.linear_residual_norm(normed, second, normed, norm, dropout);
                    let plain = tape.linear_residual(normed, second, only_norm, dropout);
                    (vec![only_sum, plain], 0.0)
                });
            }
        }
    }
}
