//! Sums of rows, columns and whole matrices.

dispatch! {
    /// x += y.
    pub(crate) fn add(x: &mut [f32], y: &[f32]) {
        assert_eq!(x.len(), y.len());
        for (x, y) in x.iter_mut().zip(y) {
            *x += y;
        }
    }

    /// Adds a row to every row of x.
    pub(crate) fn add_row(x: &mut [f32], row: &[f32]) {
        for x in x.chunks_exact_mut(row.len()) {
            for (x, b) in x.iter_mut().zip(row) {
                *x += b;
            }
        }
    }

    /// sums += the column sums of x.
    pub(crate) fn add_column_sums(x: &[f32], sums: &mut [f32]) {
        for x in x.chunks_exact(sums.len()) {
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum += x;
            }
        }
    }
}
