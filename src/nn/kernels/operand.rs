//! How the operands of a product lie in memory.

/// An operand: `extent` rows (of a) or columns (of b), each with `depth` elements to be summed over.
///
/// Element (i, p) lies at `data[i * across + p * along]`; one of the two strides is 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operand<'a> {
    pub data: &'a [f32],
    pub extent: usize,
    pub depth: usize,
    pub across: usize,
    pub along: usize,
}

impl<'a> Operand<'a> {
    /// Of a contiguous matrix (extent, depth).
    pub fn rows(data: &'a [f32], extent: usize, depth: usize) -> Self {
        assert_eq!(data.len(), extent * depth, "{extent} × {depth} values");
        Self {
            data,
            extent,
            depth,
            across: depth,
            along: 1,
        }
    }

    /// Of a contiguous matrix (depth, extent).
    pub fn columns(data: &'a [f32], extent: usize, depth: usize) -> Self {
        assert_eq!(data.len(), extent * depth, "{depth} × {extent} values");
        Self {
            data,
            extent,
            depth,
            across: 1,
            along: extent,
        }
    }
}
