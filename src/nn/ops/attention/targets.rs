//! Where the gradients of queries, keys and values go.

use super::Cols;
use crate::nn::buffer::Buffer;
use crate::nn::kernels::small_product::{Store, Strided, small_product};
use crate::nn::tape::Backward;

/// The gradients of queries, keys and values, which may be blocks of one matrix.
pub(super) struct Targets {
    cols: [Cols; 3],
    /// The gradient of each matrix, at the first of its blocks.
    buffers: [Option<Buffer>; 3],
    /// Where the matrix of each block first occurs.
    first: [usize; 3],
    /// Whether each matrix has a gradient to add to.
    accumulate: [bool; 3],
}

impl Targets {
    pub fn new(back: &mut Backward<'_>, cols: [Cols; 3]) -> Self {
        let first = cols.map(|c| cols.iter().position(|d| d.var == c.var).unwrap_or(0));
        let mut targets = Self {
            cols,
            buffers: [None, None, None],
            first,
            accumulate: [false; 3],
        };
        for i in 0..3 {
            if first[i] != i {
                continue;
            }
            if let Some((mut buffer, mut partly)) = back.gradient_of(cols[i].var) {
                if !partly && !targets.cover(i) {
                    buffer.fill(0.0);
                    partly = true;
                }
                targets.buffers[i] = Some(buffer);
                targets.accumulate[i] = partly;
            }
        }
        targets
    }

    /// Whether the blocks of a matrix make it up, each column once.
    fn cover(&self, matrix: usize) -> bool {
        let mut next = 0;
        let blocks = || {
            (0..3)
                .filter(|&i| self.first[i] == matrix)
                .map(|i| self.cols[i])
        };
        for _ in blocks() {
            if let Some(block) = blocks().find(|block| block.start == next) {
                next += block.width;
            }
        }
        next == self.cols[matrix].var.cols
            && blocks().map(|block| block.width).sum::<usize>() == next
    }

    /// The gradient of the part that begins at `start`: the product of a and b.
    pub fn add(
        &mut self,
        block: usize,
        start: usize,
        sizes: [usize; 3],
        a: Strided<'_>,
        b: Strided<'_>,
    ) {
        let (first, cols) = (self.first[block], self.cols[block]);
        if let Some(buffer) = &mut self.buffers[first] {
            let store = Store {
                scale: 1.0,
                accumulate: self.accumulate[first],
            };
            small_product(sizes, a, b, &mut buffer[start..], cols.var.cols, store);
        }
    }

    pub fn finish(self, back: &mut Backward<'_>) {
        for (cols, buffer) in self.cols.iter().zip(self.buffers) {
            if let Some(buffer) = buffer {
                back.values.put_gradient(cols.var, buffer);
            }
        }
    }
}
