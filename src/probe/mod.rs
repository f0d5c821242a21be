//! What scores alone do not show: is the bottleneck used, and do the two modalities meet?
//!
//! All of it is arithmetic on numbers that a model has already given; nothing here runs a model.

pub mod collapse;
mod dots;
pub mod gap;
pub mod information;
pub mod retrieval;
pub mod shortcut;
pub mod space;

/// The Euclidean norm of each row of a row-major matrix.
fn norms(rows: &[f32], width: usize) -> Vec<f64> {
    let norm = |row: &[f32]| {
        row.iter()
            .map(|&x| f64::from(x).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    rows.chunks_exact(width).map(norm).collect()
}

/// The rows of a row-major `(n, width)` matrix scaled to length 1; a row of zeros stays.
fn normalized(rows: &[f32], width: usize) -> Vec<f64> {
    let scaled = rows
        .chunks_exact(width)
        .zip(norms(rows, width))
        .flat_map(|(row, norm)| {
            let scale = if norm > 0.0 { 1.0 / norm } else { 1.0 };
            row.iter().map(move |&x| f64::from(x) * scale)
        });
    scaled.collect()
}

/// Checks that images and texts are pairs of rows of `width`, and counts them.
fn pairs(image: &[f32], text: &[f32], width: usize) -> usize {
    assert!(width > 0, "embeddings have at least one dimension");
    assert_eq!(image.len(), text.len(), "one text for each image");
    assert_eq!(image.len() % width, 0, "whole rows of {width}");
    image.len() / width
}
