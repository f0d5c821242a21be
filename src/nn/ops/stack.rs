//! Matrices on top of each other, and apart again.

use crate::nn::buffer::Buffer;
use crate::nn::kernels::elementwise;
use crate::nn::tape::{Tape, Var};

impl Tape<'_> {
    /// The rows of `top`, then those of `bottom`: as many columns in both.
    pub fn stack(&mut self, top: Var, bottom: Var) -> Var {
        assert_eq!(top.cols, bottom.cols, "as many columns in both");
        let mark = self.mark();
        let (rows, cols) = (top.rows + bottom.rows, top.cols);
        let at = top.rows * cols;
        let mut both = self.pool.take(rows * cols);
        both[..at].copy_from_slice(self.value(top));
        both[at..].copy_from_slice(self.value(bottom));
        let both = self.push(rows, cols, both);
        self.record(mark, &[], move |back| {
            if let Some(gradient) = back.take_gradient(both) {
                back.add_gradient(top, &gradient[..at]);
                back.add_gradient(bottom, &gradient[at..]);
                back.pool.put(gradient);
            }
        });
        both
    }

    /// The first `rows` rows of `x`, and the others.
    pub fn split(&mut self, x: Var, rows: usize) -> (Var, Var) {
        assert!(rows <= x.rows, "{rows} rows of {}", x.rows);
        let mark = self.mark();
        let at = rows * x.cols;
        let [mut top, mut bottom] = [at, x.rows * x.cols - at].map(|values| self.pool.take(values));
        let source = self.value(x);
        top.copy_from_slice(&source[..at]);
        bottom.copy_from_slice(&source[at..]);
        let top = self.push(rows, x.cols, top);
        let bottom = self.push(x.rows - rows, x.cols, bottom);
        self.record(mark, &[], move |back| {
            let parts = [top, bottom].map(|part| back.take_gradient(part));
            if parts.iter().all(Option::is_none) {
                return;
            }
            if let Some((mut sum, partly)) = back.gradient_of(x) {
                let (above, below) = sum.split_at_mut(at);
                for (sum, part) in [above, below].into_iter().zip(&parts) {
                    pass(sum, part.as_ref(), partly);
                }
                back.values.put_gradient(x, sum);
            }
            parts
                .into_iter()
                .flatten()
                .for_each(|part| back.pool.put(part));
        });
        (top, bottom)
    }
}

/// Stores a part's gradient, or adds it to what is there; a part that nobody used has none.
fn pass(sum: &mut [f32], part: Option<&Buffer>, adds: bool) {
    match part {
        Some(part) if adds => elementwise::add(sum, part),
        Some(part) => sum.copy_from_slice(part),
        None if adds => {}
        None => sum.fill(0.0),
    }
}

#[cfg(test)]
mod tests {
    use crate::nn::layout::Layout;
    use crate::nn::ops::check::check_gradients;

    #[test]
    fn gradients() {
        check_gradients(Layout::default(), &[(2, 3), (4, 3)], |tape, x| {
            let both = tape.stack(x[0], x[1]);
            let (top, bottom) = tape.split(both, 5);
            // A part that nobody uses, and a matrix that is used besides.
            let (first, _) = tape.split(both, 1);
            let (none, _) = tape.split(x[1], 0);
            assert_eq!((none.rows, bottom.rows), (0, 1));
            let stacked = tape.stack(bottom, top);
            (vec![first, both, stacked, tape.stack(x[0], none)], 0.0)
        });
    }
}
