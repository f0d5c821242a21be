//! A picture's perceptual hash: 64 bits that small changes of its pixels leave as they are.

use super::thumbnail::{SIDE, Thumbnail};

/// Frequencies in each direction.
const KEPT: usize = 8;

/// pHash (Zauner: Implementation and Benchmarking of Perceptual Image Hash Functions, 2010), as Python's `imagehash`
/// has it: of the 8 × 8 lowest frequencies of a 32 × 32 picture's luma, which are above their median.
///
/// The picture is shrunk by averaging, and by `imagehash` with a Lanczos filter: of larger pictures the two are not the
/// same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerceptualHash(u64);

impl PerceptualHash {
    /// Of a picture shrunk to 32 × 32.
    pub fn of(thumbnail: &Thumbnail) -> Self {
        let luma: Vec<f64> = thumbnail.luma().map(f64::from).collect();
        // The cosine transform of rows, then of columns, of which only the lowest frequencies are wanted.
        let wave = |frequency: usize, place: usize| {
            let turn = (2 * place + 1) as f64 * frequency as f64 / (4 * SIDE) as f64;
            (turn * std::f64::consts::TAU).cos()
        };
        let waves: Vec<[f64; SIDE]> = (0..KEPT)
            .map(|frequency| std::array::from_fn(|place| wave(frequency, place)))
            .collect();
        let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let across = |horizontal: &[f64; SIDE]| -> Vec<f64> {
            luma.chunks_exact(SIDE)
                .map(|row| inner(row, horizontal))
                .collect()
        };
        let across: Vec<Vec<f64>> = waves.iter().map(across).collect();
        let strengths: Vec<f64> = waves
            .iter()
            .flat_map(|vertical| across.iter().map(move |column| inner(column, vertical)))
            .collect();
        let mut sorted = strengths.clone();
        sorted.sort_by(f64::total_cmp);
        let median = (sorted[sorted.len() / 2 - 1] + sorted[sorted.len() / 2]) / 2.0;
        let bits = strengths.iter();
        Self(bits.fold(0, |hash, &strength| {
            hash << 1 | u64::from(strength > median)
        }))
    }

    /// The hash as a number: its highest bit is the lowest frequency, rows of horizontal frequencies follow.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// In how many bits two hashes differ, 0…64.
    pub fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::super::thumbnail::tests::waves;
    use super::*;
    use crate::data::Rgb;

    /// `imagehash.phash` 4.3.2 of grey pictures of 32 × 32 (`fixtures/make/perceptual_hash.py`).
    #[test]
    fn hashes_are_those_of_imagehash() {
        let golden: [u64; 4] = [
            0x9893_9527_3c69_4ecb,
            0x8611_129e_35b7_b52f,
            0xcb4f_5614_191d_9736,
            0x8a1b_4e9f_48bd_4e32,
        ];
        for (number, expected) in golden.into_iter().enumerate() {
            let level = |i: usize| {
                let (x, y) = (i % SIDE, i / SIDE);
                ((x * (7 + number) + y * y * (number + 1) + 13 * ((x * y) % (5 + number))) % 256)
                    as u8
            };
            let pixels = (0..SIDE * SIDE).flat_map(|i| [level(i); 3]).collect();
            let picture = Rgb {
                width: SIDE,
                height: SIDE,
                pixels,
            };
            let found = PerceptualHash::of(&Thumbnail::of(&picture)).bits();
            assert_eq!(found, expected, "{number}: {found:016x}");
        }
    }

    #[test]
    fn resizing_leaves_a_hash_and_another_picture_has_another() {
        let hash = |picture: &Rgb| PerceptualHash::of(&Thumbnail::of(picture));
        let picture = waves(200, 150, 0.3);
        let own = hash(&picture);
        assert!(own.distance(hash(&picture.resized(77, 80))) <= 4);
        assert!(own.distance(hash(&waves(200, 150, 1.3))) > 10);
        assert_eq!(own.distance(own), 0);
    }
}
