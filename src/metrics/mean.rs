//! Metrics whose corpus value is the plain mean over captions.

/// The statistics of one caption: its own score, and 1 to count it.
pub(super) const WIDTH: usize = 2;

/// Appends the statistics of a caption with this score.
pub(super) fn push(score: f64, row: &mut Vec<f64>) {
    row.extend([score, 1.0]);
}

/// The mean; 0 of no caption.
pub(super) fn score(sums: &[f64]) -> f64 {
    if sums[1] > 0.0 {
        sums[0] / sums[1]
    } else {
        0.0
    }
}
