//! Retrieval: does an image find its own text among all others, and the other way round?
//!
//! The rank of the right answer is 1 + the number of candidates of higher cosine
//! similarity + half the number of those that tie with it: the expected rank if
//! ties were broken by lot. So embeddings that are all the same, which tie with
//! everything, rank in the middle and not at the top.

use std::cmp::Ordering;

use super::dots::dots;
use super::{normalized, pairs};
use crate::metrics::parallel::in_chunks;

/// Images whose similarities to all texts one thread looks at.
const IMAGES: usize = 64;
/// Texts that it looks at together.
const TEXTS: usize = 32;

/// The cut-offs of [`Retrieval::recall`].
pub const CUTOFFS: [usize; 3] = [1, 5, 10];

/// How well one modality finds the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retrieval {
    /// The share (0…1) of queries whose right answer ranks at or above each of [`CUTOFFS`].
    pub recall: [f64; 3],
    /// The median rank of the right answer; 1 is best.
    pub median_rank: f64,
}

impl Retrieval {
    /// Ranks of `n` pairs in both directions, image → text first: row `i` of `image` belongs to row `i` of `text`,
    /// both `(n, width)` row-major. `None` if there is no pair. The result is the same on any number of threads.
    ///
    /// # Panics
    /// If the two are not whole rows of `width` or not as many.
    pub fn measure(image: &[f32], text: &[f32], width: usize, threads: usize) -> Option<[Self; 2]> {
        if pairs(image, text, width) == 0 {
            return None;
        }
        let (image, text) = (normalized(image, width), normalized(text, width));
        Some(ranks(&image, &text, width, threads).map(Self::of))
    }

    fn of(mut ranks: Vec<f64>) -> Self {
        let n = ranks.len();
        ranks.sort_by(f64::total_cmp);
        let recall =
            CUTOFFS.map(|k| ranks.partition_point(|&rank| rank <= k as f64) as f64 / n as f64);
        Self {
            recall,
            median_rank: (ranks[(n - 1) / 2] + ranks[n / 2]) / 2.0,
        }
    }
}

/// The rank of the right answer of each image among all texts, and of each text among all images.
fn ranks(image: &[f64], text: &[f64], width: usize, threads: usize) -> [Vec<f64>; 2] {
    let n = image.len() / width;
    let mut own = vec![0.0; n];
    let pairs = image.chunks_exact(width).zip(text.chunks_exact(width));
    for ((image, text), own) in pairs.zip(own.chunks_exact_mut(1)) {
        dots(image, text, own);
    }
    // One matrix of similarities, a row an image: its row ranks the image's text, its columns the texts' images.
    let counted = in_chunks(n, IMAGES, threads, |images| {
        let mut similarities = [0.0; TEXTS];
        let mut of_images = vec![0; images.len()];
        let mut of_texts = vec![0; n];
        // A few texts at a time, which stay in the cache for all of these images.
        for (block, texts) in text.chunks(TEXTS * width).enumerate() {
            let first = block * TEXTS;
            let similarities = &mut similarities[..texts.len() / width];
            for (i, of_image) in images.clone().zip(&mut of_images) {
                dots(&image[i * width..(i + 1) * width], texts, similarities);
                for (j, &similarity) in (first..).zip(similarities.iter()) {
                    if i != j {
                        *of_image += halves_ahead(similarity, own[i]);
                        of_texts[j] += halves_ahead(similarity, own[j]);
                    }
                }
            }
        }
        (of_images, of_texts)
    });
    let mut halves = [Vec::with_capacity(n), vec![0; n]];
    for (of_images, of_texts) in counted {
        halves[0].extend(of_images);
        for (sum, more) in halves[1].iter_mut().zip(of_texts) {
            *sum += more;
        }
    }
    halves.map(|halves| {
        halves
            .into_iter()
            .map(|h: u64| 1.0 + h as f64 / 2.0)
            .collect()
    })
}

/// By how many halves of a place a candidate is ahead of the right answer.
fn halves_ahead(similarity: f64, own: f64) -> u64 {
    match similarity.partial_cmp(&own) {
        Some(Ordering::Less) => 0,
        Some(Ordering::Equal) => 1,
        // Higher, or not a number: nothing is found with an embedding that is none.
        Some(Ordering::Greater) | None => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` unit vectors at even angles of a quarter circle.
    fn fan(n: usize) -> Vec<f32> {
        (0..n)
            .flat_map(|i| {
                let angle = i as f32 / n as f32 * std::f32::consts::FRAC_PI_2;
                [angle.cos(), angle.sin()]
            })
            .collect()
    }

    #[test]
    fn pairs_that_agree_are_all_found() {
        let embeddings = fan(20);
        let [there, back] = Retrieval::measure(&embeddings, &embeddings, 2, 3).unwrap();
        assert_eq!((there.recall, there.median_rank), ([1.0; 3], 1.0));
        assert_eq!(there, back);
    }

    #[test]
    fn the_two_directions_are_told_apart() {
        // Image 0 is nearest to text 0, and so is image 1; each text is nearest to its own image.
        let image = [1.0, 0.0, 0.9, 0.45];
        let text = [0.9, 0.1, 0.0, 1.0];
        let [there, back] = Retrieval::measure(&image, &text, 2, 3).unwrap();
        assert_eq!((there.recall[0], there.median_rank), (0.5, 1.5));
        assert_eq!((back.recall[0], back.median_rank), (1.0, 1.0));
    }

    #[test]
    fn embeddings_that_are_all_the_same_find_nothing() {
        let [there, _] = Retrieval::measure(&[1.0; 42], &[1.0; 42], 2, 3).unwrap();
        assert_eq!((there.recall, there.median_rank), ([0.0; 3], 11.0));
    }

    #[test]
    fn an_embedding_that_is_no_number_finds_nothing() {
        let mut image = fan(20);
        image[0] = f32::NAN;
        let [there, _] = Retrieval::measure(&image, &fan(20), 2, 3).unwrap();
        assert_eq!(there.recall, [0.95; 3]);
    }

    #[test]
    fn a_shifted_order_is_found_further_down() {
        let (image, mut text) = (fan(30), fan(30));
        text.rotate_left(2 * 3);
        let [there, _] = Retrieval::measure(&image, &text, 2, 3).unwrap();
        // Candidates 1 to 2 steps away on either side are nearer than the one 3 steps away.
        assert!(there.recall[0] == 0.0 && there.recall[2] > 0.8, "{there:?}");
    }

    #[test]
    fn nothing_is_measured_on_nothing() {
        assert_eq!(Retrieval::measure(&[], &[], 2, 3), None);
    }
}
