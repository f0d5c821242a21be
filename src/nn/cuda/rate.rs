//! How fast a device multiplies.

use std::time::Instant;

use super::array::Element;
use super::device::Device;
use super::driver::ProductKind;
use super::ops::product::Matrices;
use crate::error::Result;
use crate::nn::precision::Precision;

impl Device {
    /// Operations a second in a large product of activations of this precision, `side` a side: the best of a few
    /// tries. Random numbers, as zeros would let the clock rise.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn peak_rate(&self, precision: Precision, side: usize) -> Result<f64> {
        const TIMES: u32 = 10;
        let element = Element::from(precision);
        let [a, b, c] = [(); 3].map(|()| self.array(element, side * side));
        for (stream, array) in [&a, &b].into_iter().enumerate() {
            self.typed_kernel("draw_normal", precision)
                .array(array.view(), element, side * side)
                .value(stream as u64)
                .value(0u64)
                .count(side)
                .count(side)
                .rows(side, 1);
        }
        let mut best = 0.0f64;
        for _ in 0..3 {
            self.wait()?;
            let started = Instant::now();
            for _ in 0..TIMES {
                let matrices = [a.view(), b.view(), c.view()];
                self.product(&Matrices::new(ProductKind::Forward, [side; 3], matrices));
            }
            self.wait()?;
            let seconds = started.elapsed().as_secs_f64() / f64::from(TIMES);
            best = best.max(2.0 * (side as f64).powi(3) / seconds);
        }
        Ok(best)
    }
}
