//! How much of the time is matrix products, for those who ask.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::nn::precision::Precision;

static ON: AtomicBool = AtomicBool::new(false);
static NANOSECONDS: AtomicU64 = AtomicU64::new(0);
static OPERATIONS: AtomicU64 = AtomicU64::new(0);

/// The products of linear maps, of all threads together; those inside attention are not among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Products {
    /// Seconds that threads spent in them.
    pub seconds: f64,
    /// Multiplications and additions.
    pub operations: f64,
}

/// Runs `work`, a product of an (m, k) and a (k, n) matrix.
#[inline]
pub(super) fn metered([m, n, k]: [usize; 3], work: impl FnOnce()) {
    if !ON.load(Relaxed) {
        return work();
    }
    let started = Instant::now();
    work();
    NANOSECONDS.fetch_add(started.elapsed().as_nanos() as u64, Relaxed);
    OPERATIONS.fetch_add(2 * (m * n * k) as u64, Relaxed);
}

/// Runs `work` and tells of its products. One caller at a time; each product costs two looks at
/// the clock.
pub fn products<R>(work: impl FnOnce() -> R) -> (R, Products) {
    NANOSECONDS.store(0, Relaxed);
    OPERATIONS.store(0, Relaxed);
    ON.store(true, Relaxed);
    let result = work();
    ON.store(false, Relaxed);
    let products = Products {
        seconds: NANOSECONDS.load(Relaxed) as f64 / 1e9,
        operations: OPERATIONS.load(Relaxed) as f64,
    };
    (result, products)
}

/// The fastest that one thread multiplies matrices, in operations a second: of several products whose
/// operands stay in the caches.
pub fn peak(precision: Precision) -> f64 {
    const SIDE: usize = 768;
    let matrix: Vec<f32> = (0..SIDE * SIDE).map(|i| (i % 7) as f32 - 3.0).collect();
    let mut out = vec![0.0; SIDE * SIDE];
    let rate = |_| {
        let started = Instant::now();
        super::matmul::forward(precision, &matrix, &matrix, &mut out, SIDE, SIDE);
        2.0 * (SIDE * SIDE * SIDE) as f64 / started.elapsed().as_secs_f64()
    };
    (0..12).map(rate).fold(0.0, f64::max)
}
