//! Pillow's bilinear resize, byte for byte.
//!
//! An output pixel is a weighted mean of the input pixels under a triangle around
//! its centre; where the picture shrinks the triangle is widened by the same
//! factor (antialiasing). Weights are fixed-point numbers of 22 bits behind the
//! point. One axis is resized first and rounded to bytes, the other after that:
//! the width, unless the height loses more than twice the pixels that the width
//! loses. That order is Pillow 13's; up to Pillow 12 the width always came first,
//! and up to a fifth of the bytes of a portrait photo are one level apart.
//! (`Resample.c` of Pillow; `fast_image_resize` keeps fewer bits of a weight
//! and is off by one level in a few per cent of the bytes.)

/// Bits behind the point of a weight.
const BITS: u32 = 22;

/// A half, for rounding.
const HALF: i32 = 1 << (BITS - 1);

/// The input pixels that one output pixel sees, and their weights.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

/// Resizes `height × width × 3` bytes to `new_height × new_width × 3`.
///
/// All sides must be at least 1.
pub fn bilinear(
    pixels: &[u8],
    [width, height]: [usize; 2],
    [new_width, new_height]: [usize; 2],
) -> Vec<u8> {
    match height_first([width, height], [new_width, new_height]) {
        true => {
            let columns = rows_resized(pixels, 3 * width, height, new_height);
            columns_resized(&columns, width, new_width)
        }
        false => {
            let rows = columns_resized(pixels, width, new_width);
            rows_resized(&rows, 3 * new_width, height, new_height)
        }
    }
}

/// Whether the height is resized before the width, by what Pillow 13.0 was seen to do.
fn height_first([width, height]: [usize; 2], [new_width, new_height]: [usize; 2]) -> bool {
    height.saturating_sub(new_height) > 2 * width.saturating_sub(new_width)
}

/// The windows of all output pixels along one axis.
fn windows(length: usize, new_length: usize) -> Vec<Window> {
    let scale = length as f64 / new_length as f64;
    let support = scale.max(1.0);
    let window = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let start = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(length);
        // A product with the inverse, as Pillow has it, and not a quotient: a weight that lies
        // on a rounding boundary must fall to the same side.
        let distance = |x: usize| ((x as f64 - centre + 0.5) * (1.0 / support)).abs();
        let weight = |x: usize| (1.0 - distance(x)).max(0.0);
        let weights: Vec<f64> = (start..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: f64| (0.5 + weight / sum * f64::from(1 << BITS)) as i32;
        Window {
            start,
            weights: weights.into_iter().map(fixed).collect(),
        }
    };
    (0..new_length).map(window).collect()
}

fn columns_resized(pixels: &[u8], width: usize, new_width: usize) -> Vec<u8> {
    if width == new_width {
        return pixels.to_vec();
    }
    let windows = windows(width, new_width);
    let mut resized = Vec::with_capacity(pixels.len() / width * new_width);
    for row in pixels.chunks_exact(3 * width) {
        for window in &windows {
            let mut sums = [HALF; 3];
            for (pixel, weight) in row[3 * window.start..].chunks_exact(3).zip(&window.weights) {
                for (sum, &level) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(level) * weight;
                }
            }
            resized.extend(sums.map(level));
        }
    }
    resized
}

fn rows_resized(pixels: &[u8], row_bytes: usize, height: usize, new_height: usize) -> Vec<u8> {
    if height == new_height {
        return pixels.to_vec();
    }
    let mut resized = Vec::with_capacity(row_bytes * new_height);
    let mut sums = vec![0; row_bytes];
    for window in windows(height, new_height) {
        sums.fill(HALF);
        for (row, weight) in pixels[window.start * row_bytes..]
            .chunks_exact(row_bytes)
            .zip(&window.weights)
        {
            for (sum, &level) in sums.iter_mut().zip(row) {
                *sum += i32::from(level) * weight;
            }
        }
        resized.extend(sums.iter().copied().map(level));
    }
    resized
}

/// The byte that a fixed-point sum stands for.
fn level(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(levels: &[u8]) -> Vec<u8> {
        levels.iter().flat_map(|&level| [level; 3]).collect()
    }

    #[test]
    fn growing_interpolates_and_shrinking_averages() {
        // Centres at 0.25, 0.75, 1.25 and 1.75 input pixels.
        assert_eq!(
            bilinear(&grey(&[0, 100]), [2, 1], [4, 1]),
            grey(&[0, 25, 75, 100])
        );
        // The triangle around 2 reaches from 0 to 4: weights 1, 3, 3, 1 of 8.
        assert_eq!(
            bilinear(&grey(&[0, 80, 160, 240]), [4, 1], [1, 1]),
            grey(&[120])
        );
        assert_eq!(
            bilinear(&grey(&[0, 80, 160, 240]), [1, 4], [1, 1]),
            grey(&[120])
        );
    }

    /// The last height at which Pillow 13.0 still begins with it, for some sizes before and widths after;
    /// fixtures/make/resize_order.py finds them.
    #[test]
    fn the_order_is_pillows() {
        let golden = include_str!("../../fixtures/data/resize_order.json");
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        let cases: Vec<[usize; 4]> = serde_json::from_value(golden["cases"].clone()).unwrap();
        assert!(cases.len() > 20);
        for [width, height, new_width, last] in cases {
            let first = |new_height| height_first([width, height], [new_width, new_height]);
            let heights: Vec<usize> = (8..height + 20).filter(|&h| first(h)).collect();
            assert!(
                heights.iter().copied().eq(8..=last),
                "{width} × {height} to {new_width}"
            );
        }
    }

    #[test]
    fn a_flat_picture_stays_flat_and_channels_apart() {
        for (from, to) in [
            ([5, 7], [11, 3]),
            ([13, 2], [4, 9]),
            ([1, 1], [6, 6]),
            ([8, 8], [8, 8]),
        ] {
            let flat: Vec<u8> = [3, 200, 255].repeat(from[0] * from[1]);
            assert_eq!(
                bilinear(&flat, from, to),
                [3, 200, 255].repeat(to[0] * to[1])
            );
        }
    }
}
