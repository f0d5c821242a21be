//! Adam and AdamW on a device (`nn/adamw.rs` says what they are).

use super::array::{Array, Element};
use super::device::Device;
use super::params::{DeviceGradients, DeviceParams};
use crate::nn::adamw::{AdamW, Moments};
use crate::nn::layout::Slot;

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
    /// A copy of these moments.
    pub fn of(device: &Device, moments: &Moments) -> Self {
        let [first, second] = [&moments.first, &moments.second]
            .map(|values| device.uploaded::<f32>(Element::F32, values));
        Self {
            first,
            second,
            step: moments.step,
        }
    }

    /// Copies them back; zeros if the device has failed.
    pub fn download(&self, device: &Device, moments: &mut Moments) {
        for (there, here) in [
            (&self.first, &mut moments.first),
            (&self.second, &mut moments.second),
        ] {
            here.copy_from_slice(&device.downloaded::<f32>(there.view()));
        }
        moments.step = self.step;
    }
}

impl DeviceParams {
    /// Raises the values of a parameter that are less than this.
    pub fn keep_at_least(&mut self, slot: Slot, least: f32) {
        let (values, rounded) = (self.slice(slot), self.rounded(slot));
        self.device()
            .kernel("keep_at_least")
            .array(values, Element::F32, slot.len())
            .optional(rounded, Element::Bf16, slot.len())
            .value(least)
            .value(slot.len())
            .threads(slot.len());
    }

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
            .packs(Element::F32, len);
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
