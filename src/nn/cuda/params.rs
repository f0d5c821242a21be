//! Parameters and gradients on a device.

use std::sync::Arc;

use super::array::{Array, Element, View};
use super::device::Device;
use crate::nn::layout::{Layout, Slot};
use crate::nn::params::Params;
use crate::nn::precision::Precision;

/// A model's parameters on a device: f32, and beside them the copy that products read.
#[derive(Debug)]
pub struct DeviceParams {
    device: Device,
    values: Array,
    /// The same in bf16, unless activations are f32.
    rounded: Option<Array>,
}

impl DeviceParams {
    /// A copy of these parameters.
    pub fn new(device: &Device, params: &Params, precision: Precision) -> Self {
        let values = device.uploaded(Element::F32, &params.values);
        let rounded = (precision == Precision::Bf16).then(|| {
            let rounded = device.array(Element::Bf16, params.values.len());
            let len = params.values.len();
            device
                .typed_kernel("round", precision)
                .array(values.view(), Element::F32, len)
                .array(rounded.view(), Element::Bf16, len)
                .value(len)
                .packs(Element::Bf16, len);
            rounded
        });
        Self {
            device: device.clone(),
            values,
            rounded,
        }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What products and activations are made of.
    pub fn precision(&self) -> Precision {
        match self.rounded {
            Some(_) => Precision::Bf16,
            None => Precision::F32,
        }
    }

    /// A parameter's values; zeros if the device has failed.
    pub fn value(&self, slot: Slot) -> Vec<f32> {
        self.device.downloaded(self.slice(slot))
    }

    /// Copies them back; zeros if the device has failed.
    pub fn download(&self, params: &mut Params) {
        let values = self.device.downloaded::<f32>(self.values.view());
        params.values.copy_from_slice(&values);
    }

    /// All parameters, and their rounded copy.
    pub(super) fn all(&self) -> (View, Option<View>) {
        (self.values.view(), self.rounded.as_ref().map(Array::view))
    }

    /// A parameter in f32.
    pub(super) fn slice(&self, slot: Slot) -> View {
        self.values.part(slot.range())
    }

    /// A parameter's copy in bf16, where there is one.
    pub(super) fn rounded(&self, slot: Slot) -> Option<View> {
        self.rounded.as_ref().map(|copy| copy.part(slot.range()))
    }

    /// A parameter as products read it.
    pub(super) fn weights(&self, slot: Slot) -> View {
        let values = self.rounded.as_ref().unwrap_or(&self.values);
        values.part(slot.range())
    }
}

/// The gradients of all parameters on a device, in f32.
#[derive(Debug)]
pub struct DeviceGradients {
    layout: Arc<Layout>,
    values: Array,
    /// By parameter, whether what is there does not count, as if it were zeros.
    vacant: Vec<bool>,
}

impl DeviceGradients {
    /// Zeros for every parameter.
    pub fn zeros(device: &Device, layout: &Arc<Layout>) -> Self {
        let values = device.array(Element::F32, layout.len());
        // Once, for the gaps between parameters.
        values.clear();
        Self {
            layout: Arc::clone(layout),
            values,
            vacant: layout.slots().map(|_| true).collect(),
        }
    }

    /// Makes all gradients zero.
    pub fn clear(&mut self) {
        self.vacant.fill(true);
    }

    /// A copy laid out as the parameters are, with zeros in the gaps between them; zeros if the device
    /// has failed.
    pub fn to_flat(&mut self, device: &Device) -> Vec<f32> {
        device.downloaded(self.all())
    }

    /// Adds to the gradient of a parameter what was computed here.
    pub fn add(&mut self, device: &Device, slot: Slot, values: &[f32]) {
        let values = device.uploaded(Element::F32, values);
        device.add(Precision::F32, self.slice(slot), values.view());
    }

    /// All gradients, and zeros in the gaps between them.
    pub(super) fn all(&mut self) -> View {
        let layout = Arc::clone(&self.layout);
        for (_, slot) in layout.slots() {
            self.slice(slot);
        }
        self.values.view()
    }

    /// The gradient of a parameter, or of some of its rows, to add to.
    pub(super) fn slice(&mut self, slot: Slot) -> View {
        let (place, _) = self.layout.place(slot);
        if std::mem::take(&mut self.vacant[place]) {
            self.values.clear_part(self.layout.slot(place).range());
        }
        self.values.part(slot.range())
    }

    /// The gradient of a whole parameter, if what is there does not count; whoever writes it says so
    /// ([`Self::written`]).
    pub(super) fn vacant(&self, slot: Slot) -> Option<View> {
        let (place, range) = self.layout.place(slot);
        let whole = range.len() == self.layout.slot(place).len();
        (self.vacant[place] && whole).then(|| self.values.part(slot.range()))
    }

    /// All of a parameter's gradient has been written.
    pub(super) fn written(&mut self, slot: Slot) {
        let (place, _) = self.layout.place(slot);
        self.vacant[place] = false;
    }

    /// The gradient of a parameter, or of some of its rows, and whether to add to it: otherwise all of it
    /// is to be written.
    pub(super) fn slice_or_vacant(&mut self, slot: Slot) -> (View, bool) {
        match self.vacant(slot) {
            Some(all) => {
                self.written(slot);
                (all, false)
            }
            None => (self.slice(slot), true),
        }
    }
}
