//! The contrastive loss of matching images and texts, over a whole batch.
//!
//! Both sides are L2-normalised; logits are their cosines divided by the temperature σ
//! itself (CLIP keeps a logarithm). The cross-entropies of images against texts and of texts
//! against images are added and divided by the batch size, which is twice CLIP's loss.

use super::kernels::matmul;
use super::precision::Precision;

/// The loss and the gradients that seed the shards' backward passes.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrastive {
    /// The loss in nats, not yet weighted.
    pub loss: f64,
    /// Its gradient by the image projections: (batch, width).
    pub d_image: Vec<f32>,
    /// Its gradient by the text projections: (batch, width).
    pub d_text: Vec<f32>,
    /// Its gradient by the temperature.
    pub d_sigma: f32,
    /// Cosines: (images, texts).
    pub similarities: Vec<f32>,
}

/// Loss and gradients of the un-normalised projections `image` and `text`, both
/// (`batch`, `width`), where row i of one belongs to row i of the other.
pub fn contrastive(
    image: &[f32],
    text: &[f32],
    batch: usize,
    width: usize,
    sigma: f32,
) -> Contrastive {
    assert!(
        batch > 0 && image.len() == batch * width && text.len() == image.len(),
        "two embeddings for every pair"
    );
    let (images, texts) = (Side::new(image, width), Side::new(text, width));
    let mut similarities = vec![0.0; batch * batch];
    matmul::forward(
        Precision::F32,
        &images.unit,
        &texts.unit,
        &mut similarities,
        width,
        batch,
    );

    // Each direction's softmax, minus one where image and text belong together, is its
    // gradient by the logits.
    let logits: Vec<f64> = similarities
        .iter()
        .map(|&s| f64::from(s) / f64::from(sigma))
        .collect();
    let mut d_logits = vec![0.0; batch * batch];
    let mut loss = 0.0;
    for i in 0..batch {
        loss += direction(&logits, &mut d_logits, i, |j| i * batch + j, batch);
        loss += direction(&logits, &mut d_logits, i, |j| j * batch + i, batch);
    }
    let scale = 1.0 / batch as f64;
    let d_sigma: f64 = d_logits
        .iter()
        .zip(&logits)
        .map(|(d, logit)| -d * logit)
        .sum::<f64>()
        / f64::from(sigma);
    let d_similarities: Vec<f32> = d_logits
        .iter()
        .map(|d| (d * scale / f64::from(sigma)) as f32)
        .collect();

    let mut d_image = vec![0.0; batch * width];
    matmul::input_gradient(
        Precision::F32,
        &d_similarities,
        &texts.unit,
        &mut d_image,
        width,
        batch,
        false,
    );
    let mut d_text = vec![0.0; batch * width];
    matmul::weight_gradient(
        Precision::F32,
        &d_similarities,
        &images.unit,
        &mut d_text,
        width,
        batch,
        false,
    );
    images.through_normalisation(&mut d_image);
    texts.through_normalisation(&mut d_text);
    Contrastive {
        loss: loss * scale,
        d_image,
        d_text,
        d_sigma: (d_sigma * scale) as f32,
        similarities,
    }
}

/// The cross-entropy of one image against all texts, or one text against all images, whose
/// logits are at `at(j)` and whose own partner is j = i; adds its gradient.
fn direction(
    logits: &[f64],
    d_logits: &mut [f64],
    i: usize,
    at: impl Fn(usize) -> usize,
    batch: usize,
) -> f64 {
    let most = (0..batch)
        .map(|j| logits[at(j)])
        .fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = (0..batch).map(|j| (logits[at(j)] - most).exp()).sum();
    for j in 0..batch {
        d_logits[at(j)] += (logits[at(j)] - most).exp() / total;
    }
    d_logits[at(i)] -= 1.0;
    total.ln() + most - logits[at(i)]
}

/// One side's embeddings, normalised.
struct Side {
    unit: Vec<f32>,
    /// The length of each row before.
    norms: Vec<f64>,
    width: usize,
}

/// Rows shorter than this are divided by it, as `torch.nn.functional.normalize` does.
const SHORTEST: f64 = 1e-12;

impl Side {
    fn new(rows: &[f32], width: usize) -> Self {
        let norm = |row: &[f32]| {
            row.iter()
                .map(|&v| f64::from(v) * f64::from(v))
                .sum::<f64>()
                .sqrt()
        };
        let norms: Vec<f64> = rows
            .chunks_exact(width)
            .map(|row| norm(row).max(SHORTEST))
            .collect();
        let unit = rows.chunks_exact(width).zip(&norms);
        let unit = unit
            .flat_map(|(row, norm)| row.iter().map(move |&v| (f64::from(v) / norm) as f32))
            .collect();
        Self { unit, norms, width }
    }

    /// Turns gradients by the unit rows into gradients by the rows: (d − u (u · d)) / norm.
    fn through_normalisation(&self, gradients: &mut [f32]) {
        let rows = gradients
            .chunks_exact_mut(self.width)
            .zip(self.unit.chunks_exact(self.width));
        for ((d, unit), norm) in rows.zip(&self.norms) {
            let along: f64 = d
                .iter()
                .zip(unit)
                .map(|(&d, &u)| f64::from(d) * f64::from(u))
                .sum();
            for (d, &u) in d.iter_mut().zip(unit) {
                *d = ((f64::from(*d) - f64::from(u) * along) / norm) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH: usize = 5;
    const WIDTH: usize = 7;

    fn rows(seed: usize) -> Vec<f32> {
        (0..BATCH * WIDTH)
            .map(|i| ((i * 7919 + seed * 104_729) % 101) as f32 / 50.0 - 1.0)
            .collect()
    }

    fn loss(image: &[f32], text: &[f32], sigma: f32) -> f64 {
        contrastive(image, text, BATCH, WIDTH, sigma).loss
    }

    #[test]
    fn gradients() {
        const SIGMA: f32 = 0.5;
        let (image, text) = (rows(1), rows(2));
        let result = contrastive(&image, &text, BATCH, WIDTH, SIGMA);
        // Five points, as for the tape's operations.
        let numeric = |at: &dyn Fn(f32) -> f64| {
            const STEP: f32 = 0.02;
            (8.0 * (at(STEP) - at(-STEP)) - (at(2.0 * STEP) - at(-2.0 * STEP)))
                / (12.0 * f64::from(STEP))
        };
        let moved = |rows: &[f32], i: usize, by: f32| {
            let mut rows = rows.to_vec();
            rows[i] += by;
            rows
        };
        let check = |analytic: f32, numeric: f64| {
            assert!(
                (f64::from(analytic) - numeric).abs() < 1e-3,
                "{analytic} not {numeric}"
            );
        };
        for i in 0..BATCH * WIDTH {
            check(
                result.d_image[i],
                numeric(&|by| loss(&moved(&image, i, by), &text, SIGMA)),
            );
            check(
                result.d_text[i],
                numeric(&|by| loss(&image, &moved(&text, i, by), SIGMA)),
            );
        }
        check(
            result.d_sigma,
            numeric(&|by| loss(&image, &text, SIGMA + by)),
        );
        let largest = result.d_image.iter().fold(0.0f32, |a, d| a.max(d.abs()));
        assert!(largest > 0.1, "{largest}");
    }

    #[test]
    fn a_batch_of_one_has_nothing_to_tell_apart() {
        let row = [3.0, -4.0];
        let result = contrastive(&row, &row, 1, 2, 0.07);
        assert!(result.loss.abs() < 1e-12);
        assert!((result.similarities[0] - 1.0).abs() < 1e-6);
        assert!(result.d_image.iter().all(|d| d.abs() < 1e-6));
    }

    #[test]
    fn equal_rows_cost_the_logarithm_of_the_batch_in_each_direction() {
        let rows: Vec<f32> = [1.0, 2.0, 2.0].repeat(4);
        let result = contrastive(&rows, &rows, 4, 3, 0.07);
        assert!((result.loss - 2.0 * 4f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn a_row_of_zeros_stays_finite() {
        let result = contrastive(&[0.0; 4], &[1.0, 0.0, 0.0, 1.0], 2, 2, 0.07);
        assert!(result.loss.is_finite());
        assert!(result.d_text.iter().all(|d| d.is_finite()));
    }
}
