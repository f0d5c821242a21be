//! How two sets of embeddings lie: do they have one structure, and do they fill their space?
//!
//! - CKA (Kornblith et al.: Similarity of Neural Network Representations Revisited, 2019), linear: how alike two sets of
//!   embeddings of the same items are, up to rotation and scale, whatever their widths. 1 at most; 0 on average for
//!   sets that have nothing to do with each other, as HSIC is estimated without bias (Song et al.: Feature Selection via
//!   Dependence Maximization, 2012; Nguyen, Raghu & Kornblith: Do Wide and Deep Networks Learn the Same Things?, 2021).
//!   The first paper's estimate would be 0.5 of 100 items of 100 independent numbers each.
//! - Alignment and uniformity (Wang & Isola: Understanding Contrastive Representation Learning, 2020), of embeddings
//!   on the unit sphere: `mean ‖x − y‖²` over pairs, and `log mean exp(−2 ‖x − x′‖²)` over all pairs of items of one
//!   set. Of both, smaller is better; embeddings that are all the same have a uniformity of 0, the worst there is.

use super::dots::dots;
use super::{normalized, pairs};
use crate::metrics::parallel::in_chunks;
use crate::nn::kernels::dispatch::dispatch;

/// The part of its squares by which a set must vary: the square of the rounding of 32 bits, and some room.
const ROUNDING: f64 = 1e-13;

/// Rows of a product that one thread makes, one after the other.
const ROWS: usize = 32;

/// Items at most that every pair is formed of: they are taken evenly.
const PAIRED: usize = 2000;

/// Linear CKA of two sets of embeddings of `n` items, `(n, width)` row-major, of any widths.
///
/// `None` for fewer than four items, and where either set does not vary. The result is the same on any number of
/// threads.
///
/// # Panics
/// If the two are not whole rows or not as many.
pub fn cka(first: &[f32], second: &[f32], widths: [usize; 2], threads: usize) -> Option<f64> {
    assert_eq!(
        first.len() * widths[1],
        second.len() * widths[0],
        "as many rows"
    );
    let (first, second) = (
        Kernel::new(first, widths[0])?,
        Kernel::new(second, widths[1])?,
    );
    let across = first.hsic(&second, threads);
    let within = first.hsic(&first, threads) * second.hsic(&second, threads);
    let found = across / within.sqrt();
    found.is_finite().then_some(found)
}

/// The products of all rows with each other, by what it takes to compare two such matrices without making them.
struct Kernel {
    /// Centred.
    rows: Vec<f64>,
    width: usize,
    /// The product of each row with itself.
    own: Vec<f64>,
    /// The sum of the products of each row with the others.
    others: Vec<f64>,
}

impl Kernel {
    fn new(rows: &[f32], width: usize) -> Option<Self> {
        let rows = centred(rows, width)?;
        let mut sums = vec![0.0; width];
        for row in rows.chunks_exact(width) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
        let mut own = vec![0.0; rows.len() / width];
        let mut others = own.clone();
        for ((row, own), others) in rows.chunks_exact(width).zip(&mut own).zip(&mut others) {
            dots(row, row, std::slice::from_mut(own));
            dots(row, &sums, std::slice::from_mut(others));
            *others -= *own;
        }
        (own.len() > 3).then_some(Self {
            rows,
            width,
            own,
            others,
        })
    }

    /// The unbiased estimate of HSIC, times n (n − 3).
    fn hsic(&self, other: &Self, threads: usize) -> f64 {
        let n = self.own.len() as f64;
        let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let sum = |values: &[f64]| values.iter().sum::<f64>();
        let widths = [self.width, other.width];
        let all = squared_norm_of_product(&self.rows, &other.rows, widths, threads);
        all - inner(&self.own, &other.own)
            + sum(&self.others) * sum(&other.others) / ((n - 1.0) * (n - 2.0))
            - 2.0 * inner(&self.others, &other.others) / (n - 2.0)
    }
}

/// Mean squared distance of the normalised embeddings of an image and of its own text, both `(n, width)`; `None` of
/// nothing.
///
/// # Panics
/// If the two are not whole rows of `width` or not as many.
pub fn alignment(image: &[f32], text: &[f32], width: usize) -> Option<f64> {
    let n = pairs(image, text, width);
    let (image, text) = (normalized(image, width), normalized(text, width));
    let squares = image.iter().zip(&text).map(|(a, b)| (a - b).powi(2));
    (n > 0).then(|| squares.sum::<f64>() / n as f64)
}

/// Uniformity of one set's normalised embeddings, `(n, width)`; of more than 2,000 items an even part. `None` for fewer
/// than two. The result is the same on any number of threads.
pub fn uniformity(rows: &[f32], width: usize, threads: usize) -> Option<f64> {
    let rows = normalized(rows, width);
    let all: Vec<&[f64]> = rows.chunks_exact(width).collect();
    let items: Vec<&[f64]> = match all.len() {
        n @ ..=PAIRED => (0..n).map(|i| all[i]).collect(),
        n => (0..PAIRED).map(|i| all[i * n / PAIRED]).collect(),
    };
    let n = items.len();
    if n < 2 {
        return None;
    }
    let items = items.concat();
    let squares: Vec<f64> = items
        .chunks_exact(width)
        .map(|row| row.iter().map(|v| v * v).sum())
        .collect();
    let sums = in_chunks(n, ROWS, threads, |rows| {
        let mut products = vec![0.0; n];
        let mut sum = 0.0;
        for i in rows {
            let row = &items[i * width..(i + 1) * width];
            let (before, products) = (&items[..i * width], &mut products[..i]);
            dots(row, before, products);
            for (product, square) in products.iter().zip(&squares) {
                let distance = squares[i] + square - 2.0 * product;
                sum += (-2.0 * distance).exp();
            }
        }
        sum
    });
    let sum: f64 = sums.into_iter().sum();
    Some((sum / (n * (n - 1) / 2) as f64).ln())
}

/// The columns, each less its mean; `None` where they do not vary by more than the rounding of 32 bits.
fn centred(rows: &[f32], width: usize) -> Option<Vec<f64>> {
    let n = rows.len() / width;
    let mut means = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        for (mean, &value) in means.iter_mut().zip(row) {
            *mean += f64::from(value) / n as f64;
        }
    }
    let centre = |row: &[f32]| -> Vec<f64> {
        let pairs = row.iter().zip(&means);
        pairs
            .map(|(&value, mean)| f64::from(value) - mean)
            .collect()
    };
    let centred: Vec<f64> = rows.chunks_exact(width).flat_map(centre).collect();
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let whole = squares(&mut rows.iter().map(|&value| f64::from(value)));
    let varies = squares(&mut centred.iter().copied()) > ROUNDING * whole;
    varies.then_some(centred)
}

/// ‖aᵀ b‖², of the sums of products of every column of a with every column of b.
fn squared_norm_of_product(a: &[f64], b: &[f64], widths: [usize; 2], threads: usize) -> f64 {
    let squares = in_chunks(widths[0], ROWS, threads, |columns| {
        let mut product = vec![0.0; columns.len() * widths[1]];
        for (a, b) in a.chunks_exact(widths[0]).zip(b.chunks_exact(widths[1])) {
            add_products(&a[columns.clone()], b, &mut product);
        }
        product.iter().map(|sum| sum.powi(2)).sum::<f64>()
    });
    squares.into_iter().sum()
}

dispatch! {
    /// Adds the product of each of `a` with each of `b` to `sums`, (a, b) row-major.
    fn add_products(a: &[f64], b: &[f64], sums: &mut [f64]) {
        for (&a, sums) in a.iter().zip(sums.chunks_exact_mut(b.len())) {
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum += a * b;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let draws = crate::stats::Draws::new(seed, 0);
        (0..count as u64)
            .map(|i| draws.below(i, 2001) as f32 / 1000.0 - 1.0)
            .collect()
    }

    #[test]
    fn cka_knows_no_rotation_scale_or_shift() {
        let x = numbers(40 * 2, 1);
        let turned: Vec<f32> = x
            .chunks_exact(2)
            .flat_map(|row| {
                [
                    3.0 * (0.6 * row[0] - 0.8 * row[1]) + 5.0,
                    3.0 * (0.8 * row[0] + 0.6 * row[1]),
                ]
            })
            .collect();
        assert!((cka(&x, &turned, [2, 2], 1).unwrap() - 1.0).abs() < 1e-6);
        let other = cka(&x, &numbers(40 * 3, 2), [2, 3], 1).unwrap();
        assert!(other.abs() < 0.2, "{other}");
        assert_eq!(cka(&x, &[1.0; 80], [2, 2], 1), None);
    }

    #[test]
    fn nothing_depends_on_the_number_of_threads() {
        let (x, y) = (numbers(300 * 70, 1), numbers(300 * 40, 2));
        for threads in [2, 3] {
            let cka = |threads| cka(&x, &y, [70, 40], threads);
            assert_eq!(cka(threads), cka(1));
            assert_eq!(uniformity(&x, 70, threads), uniformity(&x, 70, 1));
        }
    }

    /// By the formula of Song et al., with matrices whose diagonals are 0.
    #[test]
    fn cka_is_as_its_definition_has_it() {
        let (n, widths) = (6, [3, 2]);
        let (x, y) = (numbers(n * 3, 1), numbers(n * 2, 2));
        let kernel = |rows: &[f32], width: usize| -> Vec<f64> {
            let product = |i: usize, j: usize| -> f64 {
                let (a, b) = (&rows[i * width..], &rows[j * width..]);
                (0..width).map(|c| f64::from(a[c]) * f64::from(b[c])).sum()
            };
            let at = |place: usize| match (place / n, place % n) {
                (i, j) if i == j => 0.0,
                (i, j) => product(i, j),
            };
            (0..n * n).map(at).collect()
        };
        let hsic = |k: &[f64], l: &[f64]| {
            let rows = |m: &[f64]| {
                m.chunks_exact(n)
                    .map(|row| row.iter().sum())
                    .collect::<Vec<f64>>()
            };
            let (k_rows, l_rows) = (rows(k), rows(l));
            let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let sums = k_rows.iter().sum::<f64>() * l_rows.iter().sum::<f64>();
            let n = n as f64;
            inner(k, l) + sums / ((n - 1.0) * (n - 2.0)) - 2.0 * inner(&k_rows, &l_rows) / (n - 2.0)
        };
        let (k, l) = (kernel(&x, 3), kernel(&y, 2));
        let expected = hsic(&k, &l) / (hsic(&k, &k) * hsic(&l, &l)).sqrt();
        let found = cka(&x, &y, widths, 1).unwrap();
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        assert_eq!(cka(&x[..9], &y[..6], widths, 1), None);
    }

    #[test]
    fn sets_that_have_nothing_in_common_have_no_cka_however_few() {
        let mean = (0..40).map(|i| {
            let (x, y) = (numbers(60 * 50, 2 * i), numbers(60 * 50, 2 * i + 1));
            cka(&x, &y, [50, 50], 1).unwrap() / 40.0
        });
        let mean: f64 = mean.sum();
        assert!(mean.abs() < 0.02, "{mean}");
    }

    #[test]
    fn alignment_is_of_pairs_and_uniformity_of_a_set() {
        let poles = [1.0, 0.0, -1.0, 0.0];
        assert_eq!(alignment(&poles, &poles, 2), Some(0.0));
        let turned = [-5.0, 0.0, 1.0, 0.0];
        assert_eq!(alignment(&poles, &turned, 2), Some(4.0));
        assert!((uniformity(&poles, 2, 1).unwrap() + 8.0).abs() < 1e-12);
        assert_eq!(uniformity(&[1.0, 0.0, 2.0, 0.0], 2, 1), Some(0.0));
        assert_eq!(uniformity(&[1.0, 0.0], 2, 1), None);
        // Of many, an even part says the same of two alternating poles.
        let many: Vec<f32> = (0..2 * PAIRED + 2)
            .flat_map(|i| [if i % 2 == 0 { 1.0 } else { -1.0 }, 0.0])
            .collect();
        assert!(uniformity(&many, 2, 1).unwrap() <= 0.0);
    }
}
