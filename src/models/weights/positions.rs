//! Position embeddings of a picture of another size.

/// Position embeddings, (1 + to², width), from those of a grid of `from`² patches, (1 + from²,
/// width): the class token's is kept, the patches' are interpolated.
///
/// Bicubic with a = -0.75 (Keys 1981), pixel centres at half numbers and edges repeated, as
/// transformers' `interpolate_pos_encoding` asks of `torch.nn.functional.interpolate`
/// (`mode="bicubic", align_corners=False`, no antialiasing).
pub(super) fn interpolate(values: &[f32], from: usize, to: usize, width: usize) -> Vec<f32> {
    let (class, patches) = values.split_at(width);
    let taps = taps(from, to);
    let mut out = class.to_vec();
    out.reserve(to * to * width);
    for rows in &taps {
        for columns in &taps {
            let first = out.len();
            out.resize(first + width, 0.0);
            for (y, weight_y) in rows {
                for (x, weight_x) in columns {
                    let patch = &patches[(y * from + x) * width..][..width];
                    let sum = out[first..].iter_mut().zip(patch);
                    sum.for_each(|(sum, value)| *sum += weight_y * weight_x * value);
                }
            }
        }
    }
    out
}

/// The four places of a side of `from` that each of `to` places reads, with their weights.
fn taps(from: usize, to: usize) -> Vec<[(usize, f32); 4]> {
    let scale = from as f64 / to as f64;
    let place = |i: usize| {
        let centre = (i as f64 + 0.5) * scale - 0.5;
        let floor = centre.floor();
        std::array::from_fn(|tap| {
            let at = floor + tap as f64 - 1.0;
            let edge = at.clamp(0.0, (from - 1) as f64) as usize;
            (edge, cubic((centre - at).abs()) as f32)
        })
    };
    (0..to).map(place).collect()
}

/// The cubic kernel at distance `x` of at most 2.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.75;
    match x <= 1.0 {
        true => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        false => ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_token_is_kept_and_the_same_size_is_the_same() {
        let values: Vec<f32> = (0..10).map(|i| i as f32).collect();
        assert_eq!(interpolate(&values, 3, 3, 1), values);
        assert_eq!(interpolate(&values, 3, 5, 1)[0], 0.0);
    }

    /// By hand, at a = -0.75. Twice as many places: centres at 1/4 and 3/4 between the old ones.
    /// The kernel at 1/4, 3/4, 5/4 and 7/4 is 225/256, 67/256, -27/256 and -9/256.
    #[test]
    fn doubling_a_ramp_gives_the_kernels_own_values() {
        let rows = [0.0, 1.0, 0.0, 1.0];
        let values = [[7.0].as_slice(), &rows].concat();
        let found = interpolate(&values, 2, 4, 1);
        // A row of (0, 1): place 0 reads the old places -1, -1, 0, 1 clamped to 0, 0, 0, 1.
        let row = [-27.0 / 256.0, (67.0 - 9.0) / 256.0];
        let row = [row[0], row[1], 1.0 - row[1], 1.0 - row[0]];
        let expected: Vec<f32> = [7.0].into_iter().chain(row.repeat(4)).collect();
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn halving_reads_the_four_nearest_without_antialiasing() {
        // Centres at 0.5 and 2.5 of four places: weights -0.09375, 0.59375, 0.59375, -0.09375.
        let mut values = vec![0.0; 17];
        (0..4).for_each(|y| values[1 + 4 * y + 3] = 1.0);
        let found = interpolate(&values, 4, 2, 1);
        let expected = [0.0, 0.0, 0.5, 0.0, 0.5];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    /// transformers' own, by fixtures/make/positions.py.
    #[test]
    fn equals_transformers() {
        let golden = include_str!("../../../fixtures/models/positions.json");
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        let width = golden["width"].as_u64().unwrap() as usize;
        let cases = golden["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 5);
        for case in cases {
            let floats =
                |key: &str| -> Vec<f32> { serde_json::from_value(case[key].clone()).unwrap() };
            let side = |key: &str| case[key].as_u64().unwrap() as usize;
            let (before, after) = (side("before"), side("after"));
            let found = interpolate(&floats("table"), before, after, width);
            let expected = floats("interpolated");
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                let error = (found - expected).abs();
                assert!(error < 2e-6, "{before} to {after}: {found} {expected}");
            }
        }
    }
}
