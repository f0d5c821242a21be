//! Memory for `f32` values that starts on a cache line.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// Floats in a cache line, and in the widest vector register.
pub(crate) const LINE: usize = 16;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A fixed number of `f32` values at a 64-byte aligned address.
///
/// The alignment matters: a 512-bit access that straddles two cache lines costs
/// twice, and general allocators return large blocks at 16 modulo 64.
#[derive(Clone)]
pub struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self {
            lines: vec![Line([0.0; LINE]); len.div_ceil(LINE)],
            len,
        }
    }

    /// How many values fit without new memory.
    pub(crate) fn capacity(&self) -> usize {
        self.lines.len() * LINE
    }

    /// Shows the first `len` values, whatever they are; `len` is at most [`Self::capacity`].
    pub(crate) fn set_len(&mut self, len: usize) {
        assert!(
            len <= self.capacity(),
            "a buffer of {} cannot hold {len} values",
            self.capacity()
        );
        self.len = len;
    }
}

impl From<&[f32]> for Buffer {
    fn from(values: &[f32]) -> Self {
        let mut buffer = Self::zeros(values.len());
        buffer.copy_from_slice(values);
        buffer
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `Line` is `repr(C)` over 16 floats without padding, `lines` is one
        // initialised allocation of them, and `len` never exceeds their number.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} values)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_on_a_cache_line_and_holds_what_it_is_given() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let values: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let buffer = Buffer::from(&values[..]);
            assert_eq!(buffer.as_ptr() as usize % 64, 0);
            assert_eq!(&buffer[..], &values[..]);
        }
    }

    #[test]
    #[should_panic(expected = "a buffer of 16 cannot hold 17 values")]
    fn refuses_to_show_more_than_it_holds() {
        Buffer::zeros(10).set_len(17);
    }
}
