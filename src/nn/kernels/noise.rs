//! Normally distributed noise.

use crate::nn::random::RowKey;

/// Fills a row with standard normal values.
pub(crate) fn normal(row: RowKey, out: &mut [f32]) {
    let _ = (row, out);
    unimplemented!()
}
