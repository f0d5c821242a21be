//! Gradients against central differences, for the tests of the operations.

use std::sync::Arc;

use crate::nn::kernels::{at_level, levels};
use crate::nn::layout::Layout;
use crate::nn::params::Params;
use crate::nn::pool::Pool;
use crate::nn::precision::Precision;
use crate::nn::random::Stream;
use crate::nn::tape::{Tape, Var};
use crate::nn::{Gradients, kernels::noise};

/// Largest difference allowed, relative to a tensor's largest gradient.
const TOLERANCE: f64 = 1e-3;
/// The same between a gradient by way of bf16 and that of f32: operands have 8 bits.
const BF16_TOLERANCE: f64 = 2e-2;

/// Builds something on a tape from inputs; returns the outputs, which are seeded at random, and
/// the sum of the losses that seed themselves.
type Forward<'f> = &'f dyn Fn(&mut Tape, &[Var]) -> (Vec<Var>, f64);

/// Compares the gradients of all inputs (of the given shapes) and all parameters with 5-point
/// central differences, on every instruction set that this machine has, and those with products of bf16
/// with them.
pub(crate) fn check_gradients(
    layout: Layout,
    inputs: &[(usize, usize)],
    forward: impl Fn(&mut Tape, &[Var]) -> (Vec<Var>, f64),
) {
    for level in levels() {
        at_level(level, || check(&layout, inputs, &forward));
    }
}

/// The parameters and inputs at one point.
#[derive(Clone)]
struct Point {
    params: Params,
    inputs: Vec<(usize, usize, Vec<f32>)>,
}

fn check(layout: &Layout, shapes: &[(usize, usize)], forward: Forward) {
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
    let point = Point { params, inputs };

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
        let seeds: Vec<Vec<f32>> = (0..outputs.len()).map(|i| seed(i, outputs[i])).collect();
        let seeds: Vec<(Var, &[f32])> = outputs
            .iter()
            .copied()
            .zip(seeds.iter().map(Vec::as_slice))
            .collect();
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

fn seeded(tape: &Tape, outputs: &[Var]) -> f64 {
    let terms = outputs.iter().enumerate().flat_map(|(i, &var)| {
        let values = tape.value(var).to_vec();
        values
            .into_iter()
            .zip(seed(i, var))
            .map(|(v, s)| f64::from(v) * f64::from(s))
    });
    terms.sum()
}

fn seed(i: usize, var: Var) -> Vec<f32> {
    random(1000 + i, var.rows * var.cols)
}

fn random(stream: usize, len: usize) -> Vec<f32> {
    let mut values = vec![0.0; len];
    noise::normal(Stream::new(42, stream as u64).row(0), &mut values);
    values
}
