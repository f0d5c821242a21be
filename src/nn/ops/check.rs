//! Gradients against central differences, for the tests of the operations.

use std::sync::Arc;

use crate::nn::kernels::{at_level, levels};
use crate::nn::layout::Layout;
use crate::nn::params::Params;
use crate::nn::pool::Pool;
use crate::nn::precision::Precision;
use crate::nn::random::Stream;
use crate::nn::tape::{Tape, Var};
use crate::nn::{Gradients, Graph, kernels::noise};

/// Largest difference allowed, relative to a tensor's largest gradient.
const TOLERANCE: f64 = 1e-3;
/// The same between a gradient by way of bf16 and that of f32: operands have 8 bits.
const BF16_TOLERANCE: f64 = 2e-2;

/// Builds something on a tape from inputs; returns the outputs, which are seeded at random, and
/// the sum of the losses that seed themselves.
type Forward<'f> = &'f dyn Fn(&mut dyn Graph, &[Var]) -> (Vec<Var>, f64);

/// Compares the gradients of all inputs (of the given shapes) and all parameters with 5-point
/// central differences, on every instruction set that this machine has, and those with products of bf16
/// with them.
pub(crate) fn check_gradients(
    layout: Layout,
    inputs: &[(usize, usize)],
    forward: impl Fn(&mut dyn Graph, &[Var]) -> (Vec<Var>, f64),
) {
    for level in levels() {
        at_level(level, || check(&layout, inputs, &forward));
    }
    #[cfg(feature = "cuda-emulator")]
    on_device::check(&Point::new(&layout, inputs), &forward);
}

/// The parameters and inputs at one point.
#[derive(Clone)]
struct Point {
    params: Params,
    inputs: Vec<(usize, usize, Vec<f32>)>,
}

fn check(layout: &Layout, shapes: &[(usize, usize)], forward: Forward) {
    let point = Point::new(layout, shapes);
    let [
        (input_gradients, mut gradients),
        (rounded_inputs, mut rounded),
    ] = [Precision::F32, Precision::Bf16].map(|precision| point.gradients(forward, precision));
    for (i, gradient) in input_gradients.iter().enumerate() {
        let name = format!("input {i}");
        compare(&name, gradient, forward, &point, |point| {
            &mut point.inputs[i].2
        });
        compare_rounded(&name, &rounded_inputs[i], gradient);
    }
    for (name, slot) in layout.slots() {
        let gradient = gradients.slice_mut(slot);
        compare(name, gradient, forward, &point, |point| {
            point.params.slice_mut(slot)
        });
        compare_rounded(name, rounded.slice_mut(slot), gradient);
    }
}

/// Compares every entry of one tensor's gradient by way of bf16 with that of f32.
fn compare_rounded(name: &str, rounded: &[f32], exact: &[f32]) {
    let largest = exact.iter().fold(0.0, |a: f32, g| a.max(g.abs()));
    for (i, (rounded, exact)) in rounded.iter().zip(exact).enumerate() {
        assert!(
            f64::from((rounded - exact).abs()) <= BF16_TOLERANCE * f64::from(largest),
            "{name}[{i}]: {rounded} by way of bf16, {exact} of f32, largest {largest}"
        );
    }
}

/// Compares every entry of one tensor.
fn compare(
    name: &str,
    gradient: &[f32],
    forward: Forward,
    point: &Point,
    tensor: impl Fn(&mut Point) -> &mut [f32],
) {
    const STEP: f32 = 0.05;
    let mut pool = Pool::new();
    let numeric: Vec<f64> = (0..gradient.len())
        .map(|i| {
            let mut at = |steps: f32| {
                let mut moved = point.clone();
                tensor(&mut moved)[i] += steps * STEP;
                moved.total(forward, Precision::F32, &mut pool)
            };
            (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * f64::from(STEP))
        })
        .collect();
    let largest = numeric.iter().fold(0.0, |a: f64, g| a.max(g.abs()));
    assert!(largest > 0.0, "{name} has no gradient at all");
    for (i, (&analytic, numeric)) in gradient.iter().zip(&numeric).enumerate() {
        let difference = (f64::from(analytic) - numeric).abs();
        assert!(
            difference <= TOLERANCE * largest,
            "{name}[{i}]: {analytic} analytic, {numeric} numeric, largest {largest}"
        );
    }
}

impl Point {
    fn new(layout: &Layout, shapes: &[(usize, usize)]) -> Self {
        let mut params = Params::init(Arc::new(layout.clone()), 11);
        for (i, (_, slot)) in layout.slots().enumerate() {
            let values = params.slice_mut(slot);
            for (value, r) in values.iter_mut().zip(random(100 + i, slot.len())) {
                *value += 0.3 * r;
            }
        }
        let inputs = shapes
            .iter()
            .enumerate()
            .map(|(i, &(rows, cols))| (rows, cols, random(i, rows * cols)))
            .collect();
        Self { params, inputs }
    }

    fn inputs_on(&self, tape: &mut Tape) -> Vec<Var> {
        self.inputs
            .iter()
            .map(|(rows, cols, data)| tape.input(*rows, *cols, data))
            .collect()
    }

    /// The gradients of the inputs and of the parameters.
    fn gradients(&self, forward: Forward, precision: Precision) -> (Vec<Vec<f32>>, Gradients) {
        let (mut pool, gradients) = (Pool::new(), Gradients::zeros(self.params.layout()));
        let tape = Tape::training(&self.params, &gradients, 0, &mut pool);
        let mut tape = tape.with_precision(precision);
        let vars = self.inputs_on(&mut tape);
        let (outputs, loss) = forward(&mut tape, &vars);
        let total = loss + seeded(&tape, &outputs);
        assert!(total.is_finite(), "a value that was never written: {total}");
        let inferred = self.total(forward, precision, &mut Pool::new());
        assert!(
            (total - inferred).abs() < 1e-5 * total.abs().max(1.0),
            "training {total}, inference {inferred}"
        );
        let seeds = seeds(&outputs);
        let seeds: Vec<(Var, &[f32])> = seeds.iter().map(|(var, s)| (*var, &s[..])).collect();
        (tape.backward_to(&seeds, &vars), gradients)
    }

    /// The quantity that is differentiated.
    fn total(&self, forward: Forward, precision: Precision, pool: &mut Pool) -> f64 {
        let mut tape = Tape::inference(&self.params, pool).with_precision(precision);
        let vars = self.inputs_on(&mut tape);
        let (outputs, loss) = forward(&mut tape, &vars);
        loss + seeded(&tape, &outputs)
    }
}

fn seeded(graph: &dyn Graph, outputs: &[Var]) -> f64 {
    let terms = outputs.iter().enumerate().flat_map(|(i, &var)| {
        let values = graph.value(var);
        values
            .into_iter()
            .zip(seed(i, var))
            .map(|(v, s)| f64::from(v) * f64::from(s))
    });
    terms.sum()
}

fn seeds(outputs: &[Var]) -> Vec<(Var, Vec<f32>)> {
    let outputs = outputs.iter().enumerate();
    outputs.map(|(i, &var)| (var, seed(i, var))).collect()
}

fn seed(i: usize, var: Var) -> Vec<f32> {
    random(1000 + i, var.rows * var.cols)
}

fn random(stream: usize, len: usize) -> Vec<f32> {
    let mut values = vec![0.0; len];
    noise::normal(Stream::new(42, stream as u64).row(0), &mut values);
    values
}

/// The same on a device: its gradients are those of the CPU, which central differences have confirmed.
#[cfg(feature = "cuda-emulator")]
mod on_device {
    use super::*;
    use crate::nn::cuda::{Device, DeviceGradients, DeviceParams, DeviceTape};

    /// Largest difference allowed, relative to a tensor's largest gradient.
    fn tolerance(precision: Precision) -> f32 {
        match precision {
            Precision::F32 => 1e-4,
            Precision::Bf16 => 2e-2,
        }
    }

    pub(super) fn check(point: &Point, forward: Forward) {
        let (inputs, mut gradients) = point.gradients(forward, Precision::F32);
        let total = point.total(forward, Precision::F32, &mut Pool::new());
        let flat = gradients.to_flat();
        for precision in [Precision::F32, Precision::Bf16] {
            let there = Run::new(point, forward, precision);
            let close = |name: &str, ours: &[f32], expected: &[f32]| {
                let largest = expected.iter().fold(0.0, |a: f32, g| a.max(g.abs()));
                for (i, (ours, expected)) in ours.iter().zip(expected).enumerate() {
                    assert!(
                        (ours - expected).abs() <= tolerance(precision) * largest,
                        "{name}[{i}]: {ours} on the device in {precision}, {expected} here, largest {largest}"
                    );
                }
            };
            assert!(
                (there.total - total).abs()
                    <= f64::from(tolerance(precision)) * total.abs().max(1.0),
                "{} on the device in {precision}, {total} here",
                there.total
            );
            for (i, (ours, expected)) in there.inputs.iter().zip(&inputs).enumerate() {
                close(&format!("input {i}"), ours, expected);
            }
            for (name, slot) in point.params.layout().slots() {
                close(name, &there.gradients[slot.range()], &flat[slot.range()]);
            }
            assert_eq!(
                there,
                Run::new(point, forward, precision),
                "the same bits again"
            );
        }
    }

    #[derive(Debug, PartialEq)]
    struct Run {
        total: f64,
        inputs: Vec<Vec<f32>>,
        gradients: Vec<f32>,
    }

    impl Run {
        fn new(point: &Point, forward: Forward, precision: Precision) -> Self {
            let device = Device::of_tests();
            let params = DeviceParams::new(&device, &point.params, precision);
            let mut gradients = DeviceGradients::zeros(&device, point.params.layout());
            let mut tape = DeviceTape::training(&params, &mut gradients);
            let vars: Vec<Var> = point
                .inputs
                .iter()
                .map(|(rows, cols, data)| tape.input(*rows, *cols, data))
                .collect();
            let (outputs, loss) = forward(&mut tape, &vars);
            let total = loss + seeded(&tape, &outputs);
            let seeds = seeds(&outputs);
            let seeds: Vec<(Var, &[f32])> = seeds.iter().map(|(var, s)| (*var, &s[..])).collect();
            let inputs = tape
                .backward_to(&seeds, &vars)
                .expect("a device that works");
            let gradients = gradients.to_flat(&device);
            device.check().expect("a device that works");
            Self {
                total,
                inputs,
                gradients,
            }
        }
    }
}
