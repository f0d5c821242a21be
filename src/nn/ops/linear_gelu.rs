//! A linear map and the GELU after it (Hendrycks and Gimpel 2016).

use crate::nn::kernels::{elementwise, gelu as kernel};
use crate::nn::layout::Linear;
use crate::nn::tape::{Tape, Var};

/// Which GELU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gelu {
    /// x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))): GPT-2's `gelu_new`.
    Tanh,
    /// x/2 · (1 + erf(x/√2)): that of ViT and BERT.
    Erf,
}

impl Tape<'_> {
    /// gelu(x Wᵀ + b); the map must have a bias.
    pub fn linear_gelu(&mut self, x: Var, linear: Linear, gelu: Gelu) -> Var {
        let mark = self.mark();
        let width = linear.outputs();
        let b = linear.b.expect("a bias before a GELU");
        let mut z = self.product(x, linear);
        if !self.is_training() {
            elementwise::add_row(&mut z, self.params.slice(b));
            kernel::in_place(gelu, &mut z);
            return self.push(x.rows, width, z);
        }
        let mut y = self.pool.take(z.len());
        kernel::with_derivative(gelu, &mut z, self.params.slice(b), &mut y);
        let y = self.push(x.rows, width, y);
        let derivative = self.save(z);
        self.record(mark, &linear.slots(), move |back| {
            let Some(mut dy) = back.take_gradient(y) else {
                return;
            };
            kernel::backward(
                &mut dy,
                back.values.data(derivative),
                back.gradients.slice(b),
            );
            back.product(x, linear, &dy);
            back.pool.put(dy);
        });
        y
    }
}

#[cfg(test)]
mod tests {
    use super::Gelu;
    use crate::nn::layout::Layout;
    use crate::nn::ops::check::check_gradients;

    #[test]
    fn gradients() {
        for gelu in [Gelu::Tanh, Gelu::Erf] {
            let mut builder = Layout::builder();
            let linear = builder.linear("map", 5, 18, true, 0.5);
            check_gradients(builder.build(), &[(3, 5)], |tape, x| {
                (vec![tape.linear_gelu(x[0], linear, gelu)], 0.0)
            });
        }
    }
}
