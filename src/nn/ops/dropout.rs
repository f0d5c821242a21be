//! Dropout (Srivastava et al. 2014) whose mask is never stored.

use crate::nn::kernels::dropout::{self as kernel, Mask};
use crate::nn::random::Stream;
use crate::nn::tape::{Tape, Var};

/// Sets a fraction `p` of the values to 0 and divides the others by 1 − p.
///
/// The mask is a function of (seed, stream, row, column): the backward pass has it again,
/// and a row's mask does not depend on how the batch is cut into shards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// The fraction that is set to 0, at least 0 and less than 1. 0 costs nothing.
    pub p: f32,
    /// The run's seed.
    pub seed: u64,
    /// A number for this place in this step; places that share one share masks.
    pub stream: u64,
    /// Rows of this matrix in the shards before this one.
    pub first_row: u64,
}

impl Dropout {
    /// What the kernels need; nothing if nothing is dropped.
    pub(in crate::nn) fn mask(&self) -> Option<Mask> {
        assert!(
            (0.0..1.0).contains(&self.p),
            "a dropout of {} is not in [0, 1)",
            self.p
        );
        (self.p > 0.0).then(|| Mask {
            stream: Stream::new(self.seed, self.stream),
            first_row: self.first_row,
            threshold: (f64::from(self.p) * 4_294_967_296.0) as u32,
            scale: 1.0 / (1.0 - self.p),
        })
    }
}

impl Tape<'_> {
    /// Drops values of `x`.
    pub fn dropout(&mut self, x: Var, dropout: Dropout) -> Var {
        let Some(mask) = dropout.mask() else { return x };
        let mark = self.mark();
        let mut kept = self.pool.take(x.rows * x.cols);
        kept.copy_from_slice(self.value(x));
        kernel::drop_after_bias(&mut kept, None, x.cols, &mask);
        let kept = self.push(x.rows, x.cols, kept);
        self.record(mark, &[], move |back| {
            if let Some(mut gradient) = back.take_gradient(kept) {
                kernel::drop_after_bias(&mut gradient, None, x.cols, &mask);
                back.pass_gradient(x, gradient);
            }
        });
        kept
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Dropout;
    use crate::nn::layout::Layout;
    use crate::nn::ops::check::check_gradients;
    use crate::nn::params::Params;
    use crate::nn::pool::Pool;
    use crate::nn::tape::Tape;

    #[test]
    fn gradients() {
        let dropout = Dropout {
            p: 0.4,
            seed: 1,
            stream: 2,
            first_row: 3,
        };
        check_gradients(Layout::default(), &[(6, 7)], |tape, x| {
            (vec![tape.dropout(x[0], dropout)], 0.0)
        });
    }

    fn dropped(rows: usize, first_row: u64, p: f32) -> Vec<f32> {
        let params = Params::zeros(Arc::new(Layout::default()));
        let mut pool = Pool::new();
        let mut tape = Tape::inference(&params, &mut pool);
        let ones = tape.constant(rows, 50, &vec![1.0; rows * 50]);
        let kept = tape.dropout(
            ones,
            Dropout {
                p,
                seed: 1,
                stream: 2,
                first_row,
            },
        );
        tape.value(kept).to_vec()
    }

    #[test]
    fn the_fraction_and_the_mean_are_right_and_shards_agree() {
        let whole = dropped(1000, 0, 0.1);
        let zeros = whole.iter().filter(|&&v| v == 0.0).count();
        assert!((4700..5300).contains(&zeros), "{zeros} of 50000 dropped");
        assert!(whole.iter().all(|&v| v == 0.0 || v == 1.0 / 0.9));
        assert_eq!(dropped(400, 600, 0.1), whole[600 * 50..]);
        assert_eq!(dropped(2, 0, 0.0), [1.0; 100]);
    }
}
