//! The pictures of a step, on a device before the step begins.

use super::array::{Array, Element};
use super::device::Device;
use crate::error::Result;

/// Pictures as bytes, on their way to a device beside what that computes, or there.
///
/// They are written here ([`Self::fill`]), copied ([`Self::send`]) and read by a
/// [`DeviceTape`](super::DeviceTape) after [`Self::arrive`]. A thread of their own may fill and send them. Before
/// they are filled again [`Self::hold`] is called, when nothing that reads the last ones is asked for any more.
#[derive(Debug)]
pub struct DevicePictures {
    device: Device,
    /// Pinned memory of this machine.
    here: u64,
    there: Array,
    /// Bytes of a picture.
    size: usize,
    /// Pictures there is room for, and pictures there are.
    room: usize,
    count: usize,
    /// Whether a picture is none, because it could not be read.
    lost: Vec<bool>,
    /// Whether the device has been asked to copy them: after a failure it is asked nothing.
    sent: bool,
}

impl DevicePictures {
    /// Room for `room` pictures of `size` bytes, (3, image, image) each.
    ///
    /// # Errors
    /// [`crate::Error::Failed`] if there is too little memory.
    ///
    /// # Panics
    /// If either number is 0.
    pub fn with_room(device: &Device, room: usize, size: usize) -> Result<Self> {
        assert!(room > 0 && size > 0, "{room} pictures of {size} bytes");
        let there = device.array(Element::U8, room * size);
        let here = device.run(|driver| driver.pin(room * size));
        let pictures = Self {
            device: device.clone(),
            here: here.unwrap_or(0),
            there,
            size,
            room,
            count: 0,
            lost: Vec::new(),
            sent: false,
        };
        // The memory may have been another array's.
        pictures.hold();
        device.check()?;
        Ok(pictures)
    }

    /// What is sent from now on arrives after all that was asked of the device so far.
    pub fn hold(&self) {
        self.device.run(|driver| driver.hold_copies());
    }

    /// Reads `count` pictures: `read` writes number `i`, and returns whether there is such a picture.
    ///
    /// # Panics
    /// If there is no room for so many.
    pub fn fill(&mut self, count: usize, mut read: impl FnMut(usize, &mut [u8]) -> bool) {
        assert!(
            count <= self.room,
            "{count} pictures in room for {}",
            self.room
        );
        // Nothing copies what was here before any more.
        self.device.run(|driver| driver.wait_for_copies());
        self.count = count;
        self.lost.clear();
        // SAFETY: pinned memory of that many bytes and more, which this alone writes and nothing reads.
        let bytes =
            unsafe { std::slice::from_raw_parts_mut(self.here as *mut u8, count * self.size) };
        let pictures = bytes.chunks_exact_mut(self.size).enumerate();
        self.lost
            .extend(pictures.map(|(i, picture)| !read(i, picture)));
    }

    /// Begins to copy them to the device.
    pub fn send(&mut self) {
        let (from, to) = (self.here, self.there.view().address);
        let bytes = self.count * self.size;
        let sent = self.device.run(|driver| driver.copy_ahead(from, to, bytes));
        self.sent = sent.is_some();
    }

    /// What is asked of the device from now on waits for what was sent. If the device had failed then, as when a step
    /// ran out of memory and was taken again in parts, it is sent now.
    pub fn arrive(&mut self) {
        if !self.sent {
            self.send();
        }
        self.device.run(|driver| driver.await_copies());
    }

    /// Bytes of a picture.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// All of them.
    pub(super) fn bytes(&self) -> super::array::View {
        self.there.part(0..self.count * self.size)
    }

    /// The places of some of them, as kernels take them.
    pub(super) fn places(&self, pictures: &[usize]) -> Vec<u32> {
        let place = |&i: &usize| match self.lost[i] {
            true => u32::MAX,
            false => i as u32,
        };
        pictures.iter().map(place).collect()
    }
}

impl Drop for DevicePictures {
    fn drop(&mut self) {
        let (here, bytes) = (self.here, self.room * self.size);
        if here != 0 {
            self.device.unpin(here, bytes);
        }
    }
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::nn::cuda::{DeviceParams, DeviceTape};
    use crate::nn::{Init, Layout, Params, PatchEmbedding, Precision};

    #[test]
    fn pictures_that_a_failed_device_did_not_take_come_later() {
        let device = Device::emulated_with(10_000);
        let mut pictures = DevicePictures::with_room(&device, 2, 12).unwrap();
        pictures.fill(2, |i, picture| {
            picture.fill(i as u8 + 1);
            true
        });
        let too_much = device.array(Element::F32, 10_000);
        pictures.send();
        assert!(device.check().is_err() && device.ran_out_of_memory());
        drop(too_much);
        pictures.arrive();
        let bytes: Vec<u8> = device.downloaded(pictures.bytes());
        assert_eq!(bytes, [[1; 12], [2; 12]].concat());
        device.check().unwrap();
    }

    #[test]
    fn bytes_there_become_the_tokens_of_numbers_here() {
        let (image, patch, width) = (4, 2, 3);
        let mut builder = Layout::builder();
        let patches = PatchEmbedding {
            projection: builder.linear("patches", 3 * patch * patch, width, true, 0.5),
            class_token: builder.add("class".to_owned(), 1, width, Init::Normal(0.5)),
            positions: builder.add("positions".to_owned(), 5, width, Init::Normal(0.5)),
            image,
            patch,
        };
        let params = Params::init(Arc::new(builder.build()), 3);
        let size = 3 * image * image;
        let byte = |i: usize, j: usize| ((i * 89 + j * 37) % 256) as u8;
        let device = Device::of_tests();
        let there = DeviceParams::new(&device, &params, Precision::F32);
        let mut pictures = DevicePictures::with_room(&device, 4, size).unwrap();
        // The second time there are others before.
        for first in [7, 0] {
            pictures.hold();
            pictures.fill(3, |i, picture| {
                let values = picture.iter_mut().enumerate();
                values.for_each(|(j, value)| *value = byte(first + i, j));
                i != 1
            });
            pictures.send();
            pictures.arrive();
        }
        let mut tape = DeviceTape::inference(&there).with_pictures(&pictures, &[2, 0, 1]);
        let tokens = tape.patch_embedding(&[], patches);
        let found = tape.value(tokens);
        let number = |byte: u8| ((f64::from(byte) * (1.0 / 255.0)) as f32 - 0.5) / 0.5;
        let values = [2, 0].map(|i| (0..size).map(move |j| number(byte(i, j))));
        let values: Vec<f32> = values.into_iter().flatten().collect();
        let mut tape = DeviceTape::inference(&there);
        let tokens = tape.patch_embedding(&values, patches);
        let expected = tape.value(tokens);
        let (read, lost) = found.split_at(expected.len());
        assert_eq!(read, expected);
        // Of the picture that is none, only the class token is known.
        let (class, rest) = lost.split_at(width);
        assert!(class.iter().all(|v| v.is_finite()) && rest.iter().all(|v| v.is_nan()));
        device.check().unwrap();
    }
}
