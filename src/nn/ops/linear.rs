//! The linear map.

use crate::nn::buffer::Buffer;
use crate::nn::kernels::{elementwise, matmul};
use crate::nn::layout::Linear;
use crate::nn::tape::{Backward, Tape, Var};

impl Tape<'_> {
    /// x Wᵀ + b. With [`Linear::tied`] this gives a language model's logits.
    pub fn linear(&mut self, x: Var, linear: Linear) -> Var {
        let mark = self.mark();
        let mut y = self.product(x, linear);
        if let Some(b) = linear.b {
            elementwise::add_row(&mut y, self.params.slice(b));
        }
        let y = self.push(x.rows, linear.outputs(), y);
        self.record(mark, &linear.slots(), move |back| {
            let Some(dy) = back.take_gradient(y) else {
                return;
            };
            if let Some(b) = linear.b {
                elementwise::add_column_sums(&dy, back.gradients.slice(b));
            }
            back.product(x, linear, &dy);
            back.pool.put(dy);
        });
        y
    }

    /// x Wᵀ, into a buffer.
    pub(super) fn product(&mut self, x: Var, linear: Linear) -> Buffer {
        assert_eq!(x.cols, linear.inputs(), "an input for every column");
        let mut y = self.pool.take(x.rows * linear.outputs());
        let (w, precision) = (self.params.slice(linear.w), self.precision);
        let (inputs, outputs) = (linear.inputs(), linear.outputs());
        matmul::forward(precision, self.value(x), w, &mut y, inputs, outputs);
        y
    }
}

impl Backward<'_> {
    /// Passes the gradient of x Wᵀ on to W and x.
    pub(super) fn product(&mut self, x: Var, linear: Linear, dy: &[f32]) {
        let (inputs, outputs) = (linear.inputs(), linear.outputs());
        let (dw, adds) = self.gradients.slice_or_vacant(linear.w);
        let x_data = self.values.data(x);
        matmul::weight_gradient(self.precision, dy, x_data, dw, inputs, outputs, adds);
        if let Some((mut dx, partly)) = self.gradient_of(x) {
            matmul::input_gradient(
                self.precision,
                dy,
                self.params.slice(linear.w),
                &mut dx,
                inputs,
                outputs,
                partly,
            );
            self.values.put_gradient(x, dx);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::nn::layout::{Init, Layout, Linear};
    use crate::nn::ops::check::check_gradients;

    #[test]
    fn gradients() {
        let mut builder = Layout::builder();
        let first = builder.linear("first", 5, 7, true, 0.5);
        let second = builder.linear("second", 5, 3, false, 0.5);
        check_gradients(builder.build(), &[(6, 5)], |tape, x| {
            let y = tape.linear(x[0], first);
            (vec![y, tape.linear(x[0], second)], 0.0)
        });
    }

    #[test]
    fn a_tied_map_and_a_constant() {
        let mut builder = Layout::builder();
        let table = builder.add("table", 7, 5, Init::Normal(0.5));
        check_gradients(builder.build(), &[], |tape, _| {
            let x = tape.constant(2, 5, &[0.5, 1.0, -1.0, 2.0, 0.1, 0.3, -0.7, 0.2, 0.9, -0.4]);
            (vec![tape.linear(x, Linear::tied(table))], 0.0)
        });
    }
}
