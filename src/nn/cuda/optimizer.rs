//! Adam and AdamW on a device (`nn/adamw.rs` says what they are).

use super::array::{Array, Element};
use super::device::Device;
use super::params::{DeviceGradients, DeviceParams};
use crate::nn::adamw::AdamW;

/// Blocks that sum squares, whatever the number of parameters: so sums are made in one order.
const BLOCKS: usize = 1024;

/// The optimizer's memory on a device.
#[derive(Debug)]
pub struct DeviceMoments {
    first: Array,
    second: Array,
    step: u64,
}

impl DeviceMoments {
    /// Zeros, before the first update of `len` parameters.
    pub fn new(device: &Device, len: usize) -> Self {
        let [first, second] = [(); 2].map(|()| device.array(Element::F32, len));
        first.clear();
        second.clear();
        Self {
            first,
            second,
            step: 0,
        }
    }
}

impl DeviceParams {
    /// Updates parameters and moments by the gradients times `clip_scale`, and leaves the gradients at
    /// zero, for the next step.
    pub fn update(
        &mut self,
        gradients: &mut DeviceGradients,
        moments: &mut DeviceMoments,
        settings: &AdamW,
        clip_scale: f32,
    ) {
        moments.step += 1;
        let factors = settings.factors(moments.step, clip_scale);
        let (values, rounded) = self.all();
        let len = values.len;
        self.device()
            .kernel("adamw")
            .array(values, Element::F32, len)
            .array(gradients.all(), Element::F32, len)
            .array(moments.first.view(), Element::F32, len)
            .array(moments.second.view(), Element::F32, len)
            .optional(rounded, Element::Bf16, len)
            .value(len)
            .value(factors.beta1)
            .value(factors.beta2)
            .value(factors.rate)
            .value(factors.root_correction)
            .value(factors.eps)
            .value(factors.keep)
            .value(factors.coupled)
            .value(factors.gradient_scale)
            .threads(len);
        gradients.clear();
    }
}

impl DeviceGradients {
    /// The Euclidean norm of all gradients, for clipping; 0 if the device has failed.
    pub fn norm(&mut self, device: &Device) -> f64 {
        let all = self.all();
        let parts = device.array(Element::F64, BLOCKS);
        device
            .kernel("sum_of_squares")
            .array(all, Element::F32, all.len)
            .array(parts.view(), Element::F64, BLOCKS)
            .value(all.len)
            .blocks(BLOCKS);
        device
            .downloaded::<f64>(parts.view())
            .iter()
            .sum::<f64>()
            .sqrt()
    }
}
