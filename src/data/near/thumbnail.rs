//! Pictures shrunk to 32 × 32, by which two are compared.

use super::super::image::Rgb;

/// Height and width.
pub(super) const SIDE: usize = 32;

/// The correlation from which two thumbnails are of one picture.
const SAME: f64 = 0.95;
/// The mean difference of two thumbnails of one picture, of 255 levels, at most.
const BRIGHTER: f64 = 32.0;
/// Variance that every thumbnail is taken to have besides its own, so that grain on an empty wall is no pattern.
const GRAIN: f64 = 16.0;

/// A picture shrunk to 32 × 32 by averaging, whatever its shape: RGB levels of 0…255, in the order row, column,
/// channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Thumbnail(Vec<f32>);

impl Thumbnail {
    /// Of a whole picture.
    pub fn of(picture: &Rgb) -> Self {
        let Rgb {
            width,
            height,
            pixels,
        } = picture;
        Self::average([*width, *height], |x, y, c| pixels[3 * (y * width + x) + c])
    }

    /// Of a decoded picture's bytes, `(3, size, size)`.
    pub fn of_planes(bytes: &[u8], size: usize) -> Self {
        Self::average([size; 2], |x, y, c| bytes[(c * size + y) * size + x])
    }

    fn average([width, height]: [usize; 2], level: impl Fn(usize, usize, usize) -> u8) -> Self {
        let (columns, rows) = (shares(width), shares(height));
        let mut levels = vec![0.0; SIDE * SIDE * 3];
        let mut line = [0.0; SIDE * 3];
        for (row, levels) in rows.iter().zip(levels.chunks_exact_mut(SIDE * 3)) {
            for &(y, of_row) in row {
                line.fill(0.0);
                for (column, sums) in columns.iter().zip(line.chunks_exact_mut(3)) {
                    for &(x, share) in column {
                        for (c, sum) in sums.iter_mut().enumerate() {
                            *sum += share * f32::from(level(x, y, c));
                        }
                    }
                }
                for (level, sum) in levels.iter_mut().zip(&line) {
                    *level += of_row * sum;
                }
            }
        }
        Self(levels)
    }

    /// Luma (ITU-R BT.601) of each pixel, row by row.
    pub(super) fn luma(&self) -> impl Iterator<Item = f32> {
        let pixels = self.0.chunks_exact(3);
        pixels.map(|rgb| 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2])
    }

    /// Whether the two are of one picture: re-encoded, resized, a little brighter or richer in contrast, trimmed by a
    /// hundredth.
    pub fn is_same(&self, other: &Self) -> bool {
        let n = self.0.len() as f64;
        let pairs = || self.0.iter().zip(&other.0);
        let pairs = || pairs().map(|(&a, &b)| (f64::from(a), f64::from(b)));
        let apart = pairs().map(|(a, b)| (a - b).abs()).sum::<f64>() / n;
        if apart > BRIGHTER {
            return false;
        }
        let (a_mean, b_mean) =
            pairs().fold((0.0, 0.0), |sums, (a, b)| (sums.0 + a / n, sums.1 + b / n));
        let (mut both, mut a_alone, mut b_alone) = (GRAIN, GRAIN, GRAIN);
        for (a, b) in pairs() {
            let (a, b) = (a - a_mean, b - b_mean);
            both += a * b / n;
            a_alone += a * a / n;
            b_alone += b * b / n;
        }
        both >= SAME * (a_alone * b_alone).sqrt()
    }
}

/// For each of [`SIDE`] parts of `0..length`, the places that it covers, each with its share of the part.
fn shares(length: usize) -> Vec<Vec<(usize, f32)>> {
    let part = length as f64 / SIDE as f64;
    let covered = |i: usize| {
        let (from, to) = (i as f64 * part, (i + 1) as f64 * part);
        let places = from as usize..(to.ceil() as usize).min(length);
        let share = move |place: usize| {
            let (start, end) = (place as f64, (place + 1) as f64);
            ((end.min(to) - start.max(from)) / part).max(0.0) as f32
        };
        places.map(|place| (place, share(place))).collect()
    };
    (0..SIDE).map(covered).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A picture with a few soft waves in each channel.
    pub(in super::super) fn waves(width: usize, height: usize, phase: f32) -> Rgb {
        let level = |i: usize| {
            let (x, y, c) = (i / 3 % width, i / 3 / width, i % 3);
            let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
            let wave = (7.0 * x + phase * (c + 1) as f32).sin() + (11.0 * y * (x + phase)).cos();
            (127.0 + 55.0 * wave) as u8
        };
        Rgb {
            width,
            height,
            pixels: (0..width * height * 3).map(level).collect(),
        }
    }

    fn changed(picture: &Rgb, change: impl Fn(f32) -> f32) -> Rgb {
        let change = |&level: &u8| change(f32::from(level)).clamp(0.0, 255.0) as u8;
        Rgb {
            pixels: picture.pixels.iter().map(change).collect(),
            ..*picture
        }
    }

    #[test]
    fn every_part_is_averaged_whole() {
        for length in [1, 31, 32, 33, 100] {
            for part in shares(length) {
                let sum: f32 = part.iter().map(|(_, share)| share).sum();
                assert!((sum - 1.0).abs() < 1e-5, "{length}: {part:?}");
            }
        }
        let flat = changed(&waves(50, 20, 1.0), |_| 77.0);
        assert!(
            Thumbnail::of(&flat)
                .0
                .iter()
                .all(|v| (v - 77.0).abs() < 1e-3)
        );
    }

    #[test]
    fn planes_and_pixels_make_one_thumbnail() {
        let picture = waves(64, 64, 0.4);
        let planes = Thumbnail::of_planes(&picture.planar(), 64);
        assert_eq!(planes, Thumbnail::of(&picture));
    }

    #[test]
    fn the_same_picture_is_told_from_another() {
        let picture = waves(200, 150, 0.3);
        let thumbnail = Thumbnail::of(&picture);
        let same = |other: &Rgb| thumbnail.is_same(&Thumbnail::of(other));
        assert!(same(&picture.resized(90, 70)));
        assert!(same(&changed(&picture, |level| 1.12 * level)));
        assert!(same(
            &changed(&picture, |level| 128.0 + 0.8 * (level - 128.0))
        ));
        assert!(!same(&changed(&picture, |level| 255.0 - level)));
        assert!(!same(&waves(200, 150, 1.3)));
        // Nothing but brightness tells an empty page from the night.
        let [page, night] = [250.0, 5.0].map(|level| changed(&picture, |_| level));
        let [page, night] = [page, night].map(|picture| Thumbnail::of(&picture));
        assert!(page.is_same(&page) && !page.is_same(&night));
    }
}
