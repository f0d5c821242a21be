//! The heterogeneity gap: how far apart do images and texts lie in the space they share?
//!
//! After contrastive training, image and text embeddings still fill two cones
//! of the unit sphere. Liang et al. (Mind the Gap, NeurIPS 2022) measure that as
//! the distance between the two centroids of normalised embeddings; the paper
//! reproduced here claims that its losses narrow it. A small gap alone proves
//! nothing (embeddings that are all the same have none), so the mean cosine of
//! pairs stands beside that of non-pairs: alignment is their difference.

use super::{normalized, pairs};

/// Where two modalities lie in one space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    /// Euclidean distance (0…2) between the centroids of the normalised image and text embeddings.
    pub centroid_distance: f64,
    /// Mean cosine of an image and its own text.
    pub paired_cosine: f64,
    /// Mean cosine of an image and another image's text.
    pub unpaired_cosine: f64,
}

impl Gap {
    /// Measures `n` pairs: row `i` of `image` belongs to row `i` of `text`, both `(n, width)` row-major.
    ///
    /// `None` for fewer than two pairs, where there is no non-pair.
    ///
    /// # Panics
    /// If the two are not whole rows of `width` or not as many.
    pub fn measure(image: &[f32], text: &[f32], width: usize) -> Option<Self> {
        let n = pairs(image, text, width);
        if n < 2 {
            return None;
        }
        let (image, text) = (normalized(image, width), normalized(text, width));
        let (image_sum, text_sum) = (column_sums(&image, width), column_sums(&text, width));
        let squares = image_sum
            .iter()
            .zip(&text_sum)
            .map(|(a, b)| (a - b).powi(2));
        let centroid_distance = squares.sum::<f64>().sqrt() / n as f64;
        // The sum of all n² cosines is the product of the sums, so non-pairs need no second loop.
        let (paired, all) = (dot(&image, &text), dot(&image_sum, &text_sum));
        Some(Self {
            centroid_distance,
            paired_cosine: paired / n as f64,
            unpaired_cosine: (all - paired) / (n * (n - 1)) as f64,
        })
    }
}

fn column_sums(rows: &[f64], width: usize) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sums
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(actual: f64, expected: f64) {
        assert!(
            (actual - expected).abs() < 1e-12,
            "{actual} is not {expected}"
        );
    }

    #[test]
    fn aligned_pairs_have_no_gap() {
        // Lengths differ, directions agree.
        let gap = Gap::measure(&[2.0, 0.0, 0.0, 1.0], &[1.0, 0.0, 0.0, 7.0], 2).unwrap();
        close(gap.centroid_distance, 0.0);
        close(gap.paired_cosine, 1.0);
        close(gap.unpaired_cosine, 0.0);
    }

    #[test]
    fn modalities_on_two_poles_are_two_apart() {
        let gap = Gap::measure(&[3.0, 0.0, 1.0, 0.0], &[-1.0, 0.0, -1.0, 0.0], 2).unwrap();
        close(gap.centroid_distance, 2.0);
        close(gap.paired_cosine, -1.0);
        close(gap.unpaired_cosine, -1.0);
    }

    #[test]
    fn non_pairs_are_as_counted_one_by_one() {
        let image: Vec<f32> = (0..12).map(|i| (i * 7 % 5) as f32 - 1.5).collect();
        let text: Vec<f32> = (0..12).map(|i| (i * 3 % 7) as f32 - 2.5).collect();
        let cosine = |a: &[f32], b: &[f32]| {
            let product = |x: &[f32], y: &[f32]| {
                x.iter()
                    .zip(y)
                    .map(|(&p, &q)| f64::from(p) * f64::from(q))
                    .sum::<f64>()
            };
            product(a, b) / (product(a, a) * product(b, b)).sqrt()
        };
        let (mut paired, mut unpaired) = (0.0, 0.0);
        for (i, a) in image.chunks(3).enumerate() {
            for (j, b) in text.chunks(3).enumerate() {
                *(if i == j { &mut paired } else { &mut unpaired }) += cosine(a, b);
            }
        }
        let gap = Gap::measure(&image, &text, 3).unwrap();
        close(gap.paired_cosine, paired / 4.0);
        close(gap.unpaired_cosine, unpaired / 12.0);
    }

    #[test]
    fn one_pair_has_no_non_pair() {
        assert_eq!(Gap::measure(&[1.0, 0.0], &[1.0, 0.0], 2), None);
    }
}
