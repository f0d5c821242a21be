//! A trained model's outputs on a device.

use std::ops::Range;

use super::Read;
use crate::error::Result;
use crate::nn::cuda::{Device, DeviceParams, DeviceTape};
use crate::nn::{Buffer, Graph, Params, Precision, Workers};

/// Rows of states that go through a device at a time, about, unless its memory is too small: 128 pictures of a
/// ViT-B/16 at 224.
const ROWS: usize = 128 * 197;

/// Weights on a device.
#[derive(Debug)]
pub(super) struct OnDevice {
    params: DeviceParams,
    /// Rows that go through at a time.
    rows: usize,
    pictures: Option<Buffer>,
}

impl OnDevice {
    pub fn new(device: &Device, params: &Params) -> Self {
        Self {
            params: DeviceParams::new(device, params, Precision::F32),
            rows: ROWS,
            pictures: None,
        }
    }

    /// [`Inference::chunks`](super::Inference) one after the other, of half as many rows as before whenever the
    /// memory does not suffice.
    pub fn chunks<R>(
        &mut self,
        count: usize,
        tokens: usize,
        read: Read,
        workers: &Workers,
        work: impl Fn(&mut dyn Graph, &[f32], Range<usize>) -> R,
    ) -> Result<Vec<R>> {
        let device = self.params.device();
        device.ready()?;
        let mut made = Vec::new();
        let mut start = 0;
        while start < count {
            let range = start..count.min(start + (self.rows / tokens).max(1));
            let (end, size) = (range.end, range.len());
            let pixels = read.chunk_with(workers, range.clone(), &mut self.pictures);
            let result = work(&mut DeviceTape::inference(&self.params), pixels, range);
            match device.check() {
                Ok(()) => {
                    made.push(result);
                    start = end;
                }
                Err(error) if device.ran_out_of_memory() && size > 1 => {
                    drop(error);
                    self.rows = size.div_ceil(2) * tokens;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(made)
    }
}
