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
