//! A forward pass on a device, and the way back.

use std::sync::Arc;

use super::array::{Array, Element, View};
use super::device::Device;
use super::ops::SpansOnDevice;
use super::params::{DeviceGradients, DeviceParams};
use super::pictures::DevicePictures;
use crate::error::Result;
use crate::nn::precision::Precision;
use crate::nn::tape::Var;

/// One forward pass of one batch on a device, and the way back.
///
/// It does what [`Tape`](crate::nn::Tape) does on the CPU, operation by operation, for the same [`Var`]s.
/// Activations are f32 or bf16, as the parameters' precision is; statistics, losses and the gradients of
/// parameters are f32.
pub struct DeviceTape<'a> {
    pub(super) params: &'a DeviceParams,
    pub(super) values: Values,
    recording: Option<Recording<'a>>,
    /// Pictures that are on the device already, and which of them.
    pub(super) pictures: Option<(&'a DevicePictures, &'a [usize])>,
    /// What attention has told the device of the samples' rows, for the next layer.
    pub(super) spans: Vec<Arc<SpansOnDevice>>,
}

/// What a tape in training has besides.
struct Recording<'a> {
    gradients: &'a mut DeviceGradients,
    steps: Vec<Step>,
}

/// An operation to run backwards.
struct Step {
    /// The number of values there were before it.
    first_value: usize,
    run: Box<dyn FnOnce(&mut Backward<'_>)>,
}

/// The activations, and their gradients as they become known.
pub(super) struct Values {
    entries: Vec<Entry>,
}

struct Entry {
    data: Option<Arc<Array>>,
    gradient: Option<Array>,
    /// Whether gradients are passed on to it.
    differentiable: bool,
}

/// What an operation's way back works on.
pub(super) struct Backward<'t> {
    pub params: &'t DeviceParams,
    pub gradients: &'t mut DeviceGradients,
    pub values: &'t mut Values,
}

impl<'a> DeviceTape<'a> {
    /// A tape to train with, which adds to these gradients.
    pub fn training(params: &'a DeviceParams, gradients: &'a mut DeviceGradients) -> Self {
        let mut tape = Self::inference(params);
        tape.recording = Some(Recording {
            gradients,
            steps: Vec::with_capacity(128),
        });
        tape
    }

    /// A tape that only computes values and keeps nothing for a way back.
    pub fn inference(params: &'a DeviceParams) -> Self {
        Self {
            params,
            values: Values {
                entries: Vec::with_capacity(256),
            },
            recording: None,
            pictures: None,
            spans: Vec::new(),
        }
    }

    /// The same tape, which takes some of the pictures that are on the device, in this order, for those that
    /// [`Self::patch_embedding`] is not given.
    pub fn with_pictures(self, pictures: &'a DevicePictures, which: &'a [usize]) -> Self {
        Self {
            pictures: Some((pictures, which)),
            ..self
        }
    }

    /// Whether this tape can go backward.
    pub fn is_training(&self) -> bool {
        self.recording.is_some()
    }

    /// The values of a matrix, row by row, when the device has come to them; zeros if it has failed.
    pub fn value(&self, var: Var) -> Vec<f32> {
        self.device().widened(self.precision(), &self.data(var))
    }

    /// Frees every value but these, unless the way back needs them.
    pub fn retain(&mut self, keep: &[Var]) {
        if self.is_training() {
            return;
        }
        for (id, entry) in self.values.entries.iter_mut().enumerate() {
            if !keep.iter().any(|var| var.id == id) {
                entry.data = None;
            }
        }
    }

    /// A `rows` × `cols` matrix of given values that wants no gradient.
    pub fn constant(&mut self, rows: usize, cols: usize, data: &[f32]) -> Var {
        let data = self.activations_of(rows, cols, data);
        self.values.push(rows, cols, Arc::new(data), false)
    }

    /// A `rows` × `cols` matrix of given values whose gradient [`Self::backward_to`] returns.
    pub fn input(&mut self, rows: usize, cols: usize, data: &[f32]) -> Var {
        let data = self.activations_of(rows, cols, data);
        self.values.push(rows, cols, Arc::new(data), true)
    }

    /// Activations of given values.
    pub(super) fn activations_of(&self, rows: usize, cols: usize, data: &[f32]) -> Array {
        assert_eq!(data.len(), rows * cols, "{rows} × {cols} values");
        self.device().rounded(self.precision(), data)
    }

    /// Goes back from given gradients of some matrices, and from every loss on the tape, and adds to
    /// the gradients of all parameters.
    ///
    /// # Errors
    /// What has failed on the device since it was last asked.
    pub fn backward(self, seeds: &[(Var, &[f32])]) -> Result<()> {
        self.backward_to(seeds, &[]).map(|_| ())
    }

    /// As [`Self::backward`], and returns the gradients of `inputs`.
    ///
    /// # Errors
    /// As [`Self::backward`].
    pub fn backward_to(mut self, seeds: &[(Var, &[f32])], inputs: &[Var]) -> Result<Vec<Vec<f32>>> {
        let recording = self.recording.take().expect("a tape in training");
        let params = self.params;
        let mut back = Backward {
            params,
            gradients: recording.gradients,
            values: &mut self.values,
        };
        for &(var, seed) in seeds {
            assert_eq!(
                seed.len(),
                var.rows * var.cols,
                "a gradient for every value"
            );
            let seed = params.device().rounded(params.precision(), seed);
            back.pass_gradient(var, seed);
        }
        for step in recording.steps.into_iter().rev() {
            (step.run)(&mut back);
            back.values.truncate(step.first_value, inputs);
        }
        let wanted = inputs.iter().map(|&var| {
            let len = var.rows * var.cols;
            let Some(gradient) = back.values.take_gradient(var) else {
                return vec![0.0; len];
            };
            params.device().widened(params.precision(), &gradient)
        });
        let wanted = wanted.collect();
        params.device().check()?;
        Ok(wanted)
    }

    /// Adds a value that an operation has computed.
    pub(super) fn push(&mut self, rows: usize, cols: usize, data: Array) -> Var {
        self.values.push(rows, cols, Arc::new(data), true)
    }

    /// Number of values, to be given to [`Self::record`] by an operation as it begins.
    pub(super) fn mark(&self) -> usize {
        self.values.entries.len()
    }

    /// Records the way back of the operation that made all values since `mark`.
    pub(super) fn record(&mut self, mark: usize, run: impl FnOnce(&mut Backward<'_>) + 'static) {
        if let Some(recording) = &mut self.recording {
            recording.steps.push(Step {
                first_value: mark,
                run: Box::new(run),
            });
        }
    }

    /// The gradients, for an operation that knows them as it goes forward.
    pub(super) fn gradients(&mut self) -> Option<&mut DeviceGradients> {
        self.recording
            .as_mut()
            .map(|recording| &mut *recording.gradients)
    }

    pub(super) fn device(&self) -> &'a Device {
        self.params.device()
    }

    pub(super) fn precision(&self) -> Precision {
        self.params.precision()
    }

    /// A matrix's values.
    pub(super) fn data(&self, var: Var) -> Arc<Array> {
        self.values.data(var)
    }

    /// Room for activations.
    pub(super) fn activations(&self, len: usize) -> Array {
        self.device().array(self.precision().into(), len)
    }
}

impl Device {
    /// Activations of these values.
    fn rounded(&self, precision: Precision, values: &[f32]) -> Array {
        let exact = self.uploaded(Element::F32, values);
        if precision == Precision::F32 {
            return exact;
        }
        let rounded = self.array(precision.into(), values.len());
        self.typed_kernel("round", precision)
            .array(exact.view(), Element::F32, values.len())
            .array(rounded.view(), precision.into(), values.len())
            .value(values.len())
            .packs(precision.into(), values.len());
        rounded
    }

    /// The values of activations.
    fn widened(&self, precision: Precision, activations: &Array) -> Vec<f32> {
        let view = activations.view();
        if precision == Precision::F32 {
            return self.downloaded(view);
        }
        let widened = self.array(Element::F32, view.len);
        self.typed_kernel("widen", precision)
            .array(view, precision.into(), view.len)
            .array(widened.view(), Element::F32, view.len)
            .value(view.len)
            .packs(precision.into(), view.len);
        self.downloaded(widened.view())
    }
}

impl Values {
    fn push(&mut self, rows: usize, cols: usize, data: Arc<Array>, differentiable: bool) -> Var {
        assert_eq!(data.view().len, rows * cols, "{rows} × {cols} values");
        let id = self.entries.len();
        self.entries.push(Entry {
            data: Some(data),
            gradient: None,
            differentiable,
        });
        Var { id, rows, cols }
    }

    fn data(&self, var: Var) -> Arc<Array> {
        let data = self.entries[var.id].data.as_ref();
        let data = data.expect("a value that is still kept");
        assert_eq!(
            data.view().len,
            var.rows * var.cols,
            "a matrix of this tape"
        );
        Arc::clone(data)
    }

    fn take_gradient(&mut self, var: Var) -> Option<Array> {
        self.entries.get_mut(var.id)?.gradient.take()
    }

    /// Forgets all matrices but the first `len`, and the values of those that are asked for.
    fn truncate(&mut self, len: usize, keep: &[Var]) {
        if keep.iter().any(|var| var.id >= len) {
            for entry in &mut self.entries[len..] {
                entry.data = None;
            }
        } else {
            self.entries.truncate(len);
        }
    }
}

impl Backward<'_> {
    pub fn device(&self) -> Device {
        self.params.device().clone()
    }

    pub fn precision(&self) -> Precision {
        self.params.precision()
    }

    /// Room for activations.
    pub fn activations(&self, len: usize) -> Array {
        self.params.device().array(self.precision().into(), len)
    }

    /// The gradient of an operation's output, moved out; none if nobody used that output.
    pub fn take_gradient(&mut self, var: Var) -> Option<Array> {
        self.values.take_gradient(var)
    }

    /// Passes a whole gradient on, storing or adding.
    pub fn pass_gradient(&mut self, var: Var, gradient: Array) {
        let entry = &mut self.values.entries[var.id];
        if !entry.differentiable {
            return;
        }
        match &entry.gradient {
            Some(sum) => {
                self.params
                    .device()
                    .add(self.params.precision(), sum.view(), gradient.view())
            }
            None => entry.gradient = Some(gradient),
        }
    }

    /// Adds a copy of a gradient.
    pub fn add_gradient(&mut self, var: Var, gradient: View) {
        if let Some((sum, partly)) = self.gradient_of(var) {
            let device = self.params.device();
            match partly {
                true => device.add(self.params.precision(), sum.view(), gradient),
                false => device.copy(gradient, sum.view()),
            }
            self.put_gradient(var, sum);
        }
    }

    /// An array to write or add the gradient of `var` into, and whether it already holds a part. To be
    /// given back with [`Self::put_gradient`]. None if no gradient is wanted.
    pub fn gradient_of(&mut self, var: Var) -> Option<(Array, bool)> {
        if !self.values.entries[var.id].differentiable {
            return None;
        }
        Some(match self.values.take_gradient(var) {
            Some(sum) => (sum, true),
            None => (self.activations(var.rows * var.cols), false),
        })
    }

    /// Puts a gradient in place that was taken out or is the first to arrive.
    pub fn put_gradient(&mut self, var: Var, gradient: Array) {
        self.values.entries[var.id].gradient = Some(gradient);
    }
}

graph_by_methods!(DeviceTape<'_>);
