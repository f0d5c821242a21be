//! Activation memory that is used again from step to step.

use super::buffer::{Buffer, LINE};

/// Free buffers by size class, one pool per shard, kept between steps.
///
/// Fresh pages are what costs in a training step, so buffers come back here and
/// the next step of similar shape allocates nothing. A class is a power of two or
/// one of three steps between two powers, so at most a quarter of a buffer is
/// unused, and captions of changing length find their buffers again.
#[derive(Debug, Default)]
pub struct Pool {
    classes: Vec<Vec<Buffer>>,
}

impl Pool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// A buffer of `len` values of unspecified content, to be overwritten.
    pub fn take(&mut self, len: usize) -> Buffer {
        let (class, capacity) = class_of(len);
        let recycled = self.classes.get_mut(class).and_then(Vec::pop);
        let mut buffer = recycled.unwrap_or_else(|| Buffer::zeros(capacity));
        buffer.set_len(len);
        if cfg!(test) {
            buffer.fill(f32::NAN); // whoever reads before writing is found out
        }
        buffer
    }

    /// A buffer of `len` zeros.
    pub fn zeros(&mut self, len: usize) -> Buffer {
        let mut buffer = self.take(len);
        buffer.fill(0.0);
        buffer
    }

    /// Number of free buffers.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.classes.iter().map(Vec::len).sum()
    }

    /// Gives a buffer back.
    pub fn put(&mut self, buffer: Buffer) {
        let (class, capacity) = class_of(buffer.capacity());
        if capacity != buffer.capacity() {
            return; // not one of ours
        }
        if self.classes.len() <= class {
            self.classes.resize_with(class + 1, Vec::new);
        }
        self.classes[class].push(buffer);
    }
}

/// The class that serves `len` values, and how many values its buffers hold.
fn class_of(len: usize) -> (usize, usize) {
    // Quarters of a power of two: from 4 to 7 quarters in each doubling.
    let lines = len.div_ceil(LINE).max(4);
    let shift = lines.ilog2() - 2;
    let quarters = lines.div_ceil(1 << shift); // 4..=8; 8 is 4 of the next doubling
    let class = 4 * shift as usize + quarters - 4;
    (class, (quarters << shift) * LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_holds_what_it_serves_and_wastes_little() {
        let mut before = (0, 0);
        for len in 1..40_000 {
            let (class, capacity) = class_of(len);
            assert!(capacity >= len);
            assert!(
                len <= 64 || capacity <= len + len / 4 + LINE,
                "{len} in {capacity}"
            );
            assert_eq!(class_of(capacity), (class, capacity));
            if class == before.0 && len > 1 {
                assert_eq!(capacity, before.1);
            }
            before = (class, capacity);
        }
    }

    #[test]
    fn the_same_memory_comes_back() {
        let mut pool = Pool::new();
        let first = pool.take(1000);
        let address = first.as_ptr();
        pool.put(first);
        let second = pool.take(990);
        assert_eq!(second.as_ptr(), address);
        assert_eq!(second.len(), 990);
    }
}
