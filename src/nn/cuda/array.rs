//! Numbers in a device's memory.

use std::ops::Range;

use bytemuck::{NoUninit, Pod};

use super::device::Device;
use crate::nn::precision::Precision;

/// What an array consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F32,
    Bf16,
    F64,
    U32,
    U8,
}

impl Element {
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::Bf16 => 2,
            Self::F32 | Self::U32 => 4,
            Self::F64 => 8,
        }
    }
}

/// The type of activations.
impl From<Precision> for Element {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::Bf16 => Self::Bf16,
        }
    }
}

/// Numbers in a device's memory, whose memory is used again when it is dropped.
#[derive(Debug)]
pub(super) struct Array {
    device: Device,
    address: u64,
    /// Bytes of the memory.
    room: usize,
    element: Element,
    len: usize,
}

/// Some numbers of an array, to be handed to a kernel.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub address: u64,
    pub element: Element,
    pub len: usize,
}

impl Array {
    pub fn new(device: Device, address: u64, room: usize, element: Element, len: usize) -> Self {
        assert!(len * element.bytes() <= room, "an array in its memory");
        Self {
            device,
            address,
            room,
            element,
            len,
        }
    }

    /// All of it.
    pub fn view(&self) -> View {
        self.part(0..self.len)
    }

    /// Some of it.
    pub fn part(&self, range: Range<usize>) -> View {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "{range:?} of {}",
            self.len
        );
        View {
            address: self.address + (range.start * self.element.bytes()) as u64,
            element: self.element,
            len: range.len(),
        }
    }

    /// Makes it zeros.
    pub fn clear(&self) {
        self.clear_part(0..self.len);
    }

    /// Makes some of it zeros.
    pub fn clear_part(&self, range: Range<usize>) {
        let view = self.part(range);
        let bytes = view.len * view.element.bytes();
        self.device
            .run(|driver| driver.fill(view.address, 0, bytes));
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        self.device.recycle(self.address, self.room);
    }
}

impl Device {
    /// A copy of these values on the device.
    pub(super) fn uploaded<V: NoUninit>(&self, element: Element, values: &[V]) -> Array {
        assert_eq!(size_of::<V>(), element.bytes(), "values of that type");
        let array = self.array(element, values.len());
        self.run(|driver| driver.upload(array.address, bytemuck::cast_slice(values)));
        array
    }

    /// The values of a part of an array; zeros if the device has failed.
    pub(super) fn downloaded<V: Pod>(&self, view: View) -> Vec<V> {
        assert_eq!(size_of::<V>(), view.element.bytes(), "values of that type");
        let mut values = vec![V::zeroed(); view.len];
        let bytes = bytemuck::cast_slice_mut(&mut values);
        self.run(|driver| driver.download(view.address, bytes));
        values
    }

    /// Copies one part of an array over another, of the same type and length.
    pub(super) fn copy(&self, from: View, to: View) {
        assert_eq!(
            (from.element, from.len),
            (to.element, to.len),
            "parts alike"
        );
        let bytes = from.len * from.element.bytes();
        self.run(|driver| driver.copy(from.address, to.address, bytes));
    }
}
