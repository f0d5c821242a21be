//! The sum of two matrices.

use crate::nn::kernels::elementwise;
use crate::nn::tape::{Tape, Var};

impl Tape<'_> {
    /// a + b, of the same shape.
    pub fn add(&mut self, a: Var, b: Var) -> Var {
        assert_eq!((a.rows, a.cols), (b.rows, b.cols), "matrices of one shape");
        let mark = self.mark();
        let mut sum = self.pool.take(a.rows * a.cols);
        sum.copy_from_slice(self.value(a));
        elementwise::add(&mut sum, self.value(b));
        let sum = self.push(a.rows, a.cols, sum);
        self.record(mark, &[], move |back| {
            if let Some(gradient) = back.take_gradient(sum) {
                back.add_gradient(a, &gradient);
                back.pass_gradient(b, gradient);
            }
        });
        sum
    }
}

#[cfg(test)]
mod tests {
    use crate::nn::layout::Layout;
    use crate::nn::ops::check::check_gradients;

    #[test]
    fn gradients() {
        check_gradients(Layout::default(), &[(3, 4), (3, 4)], |tape, x| {
            let sum = tape.add(x[0], x[1]);
            // One used twice, and one that nobody uses.
            tape.add(sum, x[0]);
            (vec![tape.add(sum, x[0])], 0.0)
        });
    }
}
