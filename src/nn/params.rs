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

/// Writes [`Init::Grid`] into rows of `width` values.
fn grid(values: &mut [f32], width: usize) {
    let positions = (values.len() / width).saturating_sub(1);
    let side = positions.isqrt().max(1);
    let quarter = width / 4;
    let frequency = |i: usize| 10_000f64.powf(-(i as f64) / quarter as f64);
    for (position, row) in values.chunks_exact_mut(width).skip(1).enumerate() {
        let (x, y) = ((position % side) as f64, (position / side) as f64);
        for i in 0..quarter {
            let (x, y) = (x * frequency(i), y * frequency(i));
            for (part, value) in [x.sin(), x.cos(), y.sin(), y.cos()].into_iter().enumerate() {
                row[part * quarter + i] = value as f32;
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
                Init::Grid => grid(values, slot.cols),
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
