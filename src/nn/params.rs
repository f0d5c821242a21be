//! The values of a model's parameters.

use std::sync::Arc;

use super::buffer::Buffer;
use super::kernels::noise;
use super::layout::{Init, Layout, Slot};
use super::random::Stream;

/// A layout and its values, in one flat buffer.
#[derive(Debug, Clone)]
pub struct Params {
    layout: Arc<Layout>,
    /// All values; the gaps between parameters are and stay 0.
    pub values: Buffer,
}

/// Half-waves along each side of the grid that [`Init::Grid`] starts with: the lowest frequencies,
/// which tell left from right and middle from edge.
const HALF_WAVES: usize = 4;

/// Writes [`Init::Grid`] into rows of `width` values.
///
/// The first half of a row's columns are cosines of x, the others of y: `cos(π k (x + ½) / side)`
/// for k from 1 to [`HALF_WAVES`] (fewer on a grid of fewer places), over and over (the discrete cosine transform's basis; each
/// column's mean over the grid is 0). Places near each other start alike, so that what is learnt of one
/// holds for its neighbours; Beyer, Zhai and Kolesnikov (2022) start from sines for the same reason.
fn grid(values: &mut [f32], width: usize, rms: f32) {
    let places = values.len() / width - 1;
    let side = places.isqrt();
    let most = HALF_WAVES.min(side - 1).max(1);
    let wave = |i: usize, place: usize| {
        let half_waves = (1 + i % most) as f64;
        let place = (place as f64 + 0.5) / side as f64;
        std::f64::consts::SQRT_2 * (std::f64::consts::PI * half_waves * place).cos()
    };
    for (place, row) in values.chunks_exact_mut(width).skip(1).enumerate() {
        let (across, down) = row.split_at_mut(width / 2);
        for (values, place) in [(across, place % side), (down, place / side)] {
            for (i, value) in values.iter_mut().enumerate() {
                *value = rms * wave(i, place) as f32;
            }
        }
    }
}

impl Params {
    /// All zeros, to be filled from a checkpoint.
    pub fn zeros(layout: Arc<Layout>) -> Self {
        let values = Buffer::zeros(layout.len());
        Self { layout, values }
    }

    /// Initial values as the layout says.
    ///
    /// What a parameter draws depends on `seed` and its name alone, so parameters that
    /// two models share start equal in both.
    pub fn init(layout: Arc<Layout>, seed: u64) -> Self {
        let mut params = Self::zeros(layout.clone());
        for (name, slot, init) in layout.entries() {
            let values = params.slice_mut(slot);
            match init {
                Init::Zeros => {}
                Init::Ones => values.fill(1.0),
                Init::Constant(value) => values.fill(value),
                Init::Grid(rms) => grid(values, slot.cols, rms),
                Init::Normal(std) => {
                    let stream = Stream::named(seed, name);
                    for (row, values) in values.chunks_exact_mut(slot.cols).enumerate() {
                        noise::normal(stream.row(row as u64), values);
                        values.iter_mut().for_each(|v| *v *= std);
                    }
                }
            }
        }
        params
    }

    /// The layout.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// A parameter's values.
    pub fn slice(&self, slot: Slot) -> &[f32] {
        &self.values[slot.range()]
    }

    /// A parameter's values, to be changed.
    pub fn slice_mut(&mut self, slot: Slot) -> &mut [f32] {
        &mut self.values[slot.range()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_starts_without_a_mean_and_neighbours_alike() {
        let mut builder = Layout::builder();
        let positions = builder.add("positions", 65, 16, Init::Grid(0.4));
        let params = Params::init(Arc::new(builder.build()), 7);
        let row = |place: usize| &params.slice(positions)[place * 16..][..16];
        assert_eq!(row(0), [0.0; 16]);
        for column in 0..16 {
            let values = || (1..65).map(|place| f64::from(row(place)[column]));
            assert!(values().sum::<f64>().abs() < 1e-5, "column {column}");
            let rms = (values().map(|v| v * v).sum::<f64>() / 64.0).sqrt();
            assert!((rms - 0.4).abs() < 1e-6, "column {column}: {rms}");
        }
        let distance = |a: usize, b: usize| -> f32 {
            let squares = row(a).iter().zip(row(b)).map(|(a, b)| (a - b) * (a - b));
            squares.sum()
        };
        assert!(distance(1, 2) < distance(1, 3) && distance(1, 9) < distance(1, 17));
        assert_eq!(row(1)[..8], row(9)[..8], "one column of the grid, one x");
        assert_eq!(row(1)[8..], row(2)[8..], "one row of the grid, one y");
    }

    #[test]
    fn shared_parameters_start_equal_and_others_do_not() {
        let mut small = Layout::builder();
        let a = small.add("a", 40, 25, Init::Normal(0.02));
        let mut large = Layout::builder();
        let other = large.add("b", 40, 25, Init::Normal(0.02));
        let same = large.add("a", 40, 25, Init::Normal(0.02));
        let small = Params::init(Arc::new(small.build()), 7);
        let large = Params::init(Arc::new(large.build()), 7);
        assert_eq!(small.slice(a), large.slice(same));
        assert_ne!(small.slice(a), large.slice(other));
        let squares: f32 = small.slice(a).iter().map(|v| v * v).sum();
        assert!((squares / 1000.0 / 0.0004 - 1.0).abs() < 0.15);
    }
}
