//! Remembers a forward pass, to run it backwards.

use std::collections::HashSet;

use super::buffer::Buffer;
use super::gradients::{Gradients, Share};
use super::layout::Slot;
use super::params::Params;
use super::pool::Pool;
use super::precision::Precision;
use super::values::Values;

/// A matrix on a [`Tape`]; its rows are batch × tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Var {
    pub(super) id: usize,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

/// One forward pass of one shard, and the way back.
///
/// The operations are methods, one a file in `nn/ops`. Each computes its value at
/// once and, in training, records a closure that turns the gradient of its output
/// into those of its inputs. The closures run in reverse, so when one has run,
/// nobody will ask again for what its operation made, and that memory goes back to
/// the pool. A gradient of an activation is stored when it first arrives and
/// added to later; gradients of parameters are added to those of the batch as [`Gradients`] says.
///
/// A tape is `Send` and may be kept between the passes, as a loss over the whole
/// batch needs.
pub struct Tape<'a> {
    pub(super) params: &'a Params,
    pub(super) precision: Precision,
    pub(super) pool: &'a mut Pool,
    pub(super) values: Values,
    recording: Option<Recording<'a>>,
}

/// What a tape in training has besides.
struct Recording<'a> {
    gradients: Share<'a>,
    steps: Vec<Step>,
    /// The parameters that have been used so far.
    used: HashSet<usize>,
}

/// An operation to run backwards.
struct Step {
    /// The number of values there were before it.
    first_value: usize,
    /// The parameters that nobody used before it: going back, it is the last to add to their gradients.
    finishes: Vec<Slot>,
    run: Box<dyn FnOnce(&mut Backward<'_>) + Send>,
}

/// What an operation's way back works on.
pub(super) struct Backward<'t> {
    pub params: &'t Params,
    pub precision: Precision,
    pub gradients: Share<'t>,
    pub pool: &'t mut Pool,
    pub values: &'t mut Values,
}

impl<'a> Tape<'a> {
    /// A tape to train with, whose gradients of parameters are shard `shard`'s part of `gradients`.
    pub fn training(
        params: &'a Params,
        gradients: &'a Gradients,
        shard: usize,
        pool: &'a mut Pool,
    ) -> Self {
        let mut tape = Self::inference(params, pool);
        tape.recording = Some(Recording {
            gradients: gradients.share(shard),
            steps: Vec::with_capacity(128),
            used: HashSet::new(),
        });
        tape
    }

    /// A tape that only computes values and keeps nothing for a way back.
    pub fn inference(params: &'a Params, pool: &'a mut Pool) -> Self {
        Self {
            params,
            precision: Precision::F32,
            pool,
            values: Values::new(),
            recording: None,
        }
    }

    /// The same with linear maps in this precision; they are f32 unless it is said.
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Whether this tape can go backward.
    pub fn is_training(&self) -> bool {
        self.recording.is_some()
    }

    /// The values of a matrix, row by row.
    pub fn value(&self, var: Var) -> &[f32] {
        self.values.data(var)
    }

    /// Frees the memory of every value but these. Has no effect in training, where the
    /// way back needs them all.
    pub fn retain(&mut self, keep: &[Var]) {
        if self.is_training() {
            return;
        }
        self.values.retain(keep, self.pool);
    }

    /// A `rows` × `cols` matrix of given values that wants no gradient.
    pub fn constant(&mut self, rows: usize, cols: usize, data: &[f32]) -> Var {
        self.copied(rows, cols, data, false)
    }

    /// A `rows` × `cols` matrix of given values whose gradient [`Self::backward_to`] returns.
    pub fn input(&mut self, rows: usize, cols: usize, data: &[f32]) -> Var {
        self.copied(rows, cols, data, true)
    }

    fn copied(&mut self, rows: usize, cols: usize, data: &[f32], differentiable: bool) -> Var {
        assert_eq!(data.len(), rows * cols, "{rows} × {cols} values");
        let mut buffer = self.pool.take(data.len());
        buffer.copy_from_slice(data);
        self.values.push(rows, cols, buffer, differentiable)
    }

    /// Goes back from given gradients of some matrices, and from every loss on the tape, and
    /// adds to the gradients of all parameters.
    pub fn backward(self, seeds: &[(Var, &[f32])]) {
        self.backward_to(seeds, &[]);
    }

    /// As [`Self::backward`], and returns the gradients of `inputs`.
    pub fn backward_to(mut self, seeds: &[(Var, &[f32])], inputs: &[Var]) -> Vec<Vec<f32>> {
        let recording = self.recording.take().expect("a tape in training");
        let mut back = Backward {
            params: self.params,
            precision: self.precision,
            gradients: recording.gradients,
            pool: self.pool,
            values: &mut self.values,
        };
        for (var, seed) in seeds {
            back.add_gradient(*var, seed);
        }
        let mut wanted = vec![Vec::new(); inputs.len()];
        let mut collect = |values: &Values| {
            for (wanted, var) in wanted.iter_mut().zip(inputs) {
                if let Some(gradient) = values.gradient(*var) {
                    *wanted = gradient.to_vec();
                }
            }
        };
        for step in recording.steps.into_iter().rev() {
            (step.run)(&mut back);
            step.finishes
                .into_iter()
                .for_each(|slot| back.gradients.finish(slot));
            if !inputs.is_empty() {
                collect(back.values);
            }
            back.values.truncate(step.first_value, back.pool);
        }
        collect(back.values);
        for (wanted, var) in wanted.iter_mut().zip(inputs) {
            wanted.resize(var.rows * var.cols, 0.0);
        }
        wanted
    }

    /// Adds a value that an operation has computed.
    pub(super) fn push(&mut self, rows: usize, cols: usize, data: Buffer) -> Var {
        self.values.push(rows, cols, data, true)
    }

    /// Keeps a buffer for the way back, until its operation's step has run.
    pub(super) fn save(&mut self, data: Buffer) -> Var {
        let len = data.len();
        self.values.push(1, len, data, false)
    }

    /// Number of values, to be given to [`Self::record`] by an operation as it begins.
    pub(super) fn mark(&self) -> usize {
        self.values.len()
    }

    /// Records the way back of the operation that made all values since `mark` and used these
    /// parameters.
    pub(super) fn record(
        &mut self,
        mark: usize,
        parameters: &[Slot],
        run: impl FnOnce(&mut Backward<'_>) + Send + 'static,
    ) {
        if let Some(recording) = &mut self.recording {
            let mut finishes = parameters.to_vec();
            let place = |slot: Slot| self.params.layout().place(slot).0;
            finishes.retain(|&slot| recording.used.insert(place(slot)));
            recording.steps.push(Step {
                first_value: mark,
                finishes,
                run: Box::new(run),
            });
        }
    }

    /// Parameters, values and, in training, the parameters' gradients, for an operation that knows
    /// gradients as it goes forward.
    pub(super) fn parts(&mut self) -> (&'a Params, &Values, Option<&mut Share<'a>>) {
        let recording = self.recording.as_mut();
        let gradients = recording.map(|recording| &mut recording.gradients);
        (self.params, &self.values, gradients)
    }
}

impl Drop for Tape<'_> {
    fn drop(&mut self) {
        self.values.truncate(0, self.pool);
    }
}

impl Backward<'_> {
    /// The gradient of an operation's output, moved out; none if nobody used that output.
    pub fn take_gradient(&mut self, var: Var) -> Option<Buffer> {
        self.values.take_gradient(var)
    }

    /// Passes a whole gradient on, storing or adding; the buffer is not the caller's any more.
    pub fn pass_gradient(&mut self, var: Var, gradient: Buffer) {
        if !self.values.differentiable(var) {
            self.pool.put(gradient);
        } else if let Some(mut sum) = self.values.take_gradient(var) {
            super::kernels::elementwise::add(&mut sum, &gradient);
            self.pool.put(gradient);
            self.values.put_gradient(var, sum);
        } else {
            self.values.put_gradient(var, gradient);
        }
    }

    /// Adds a copy of a gradient.
    pub fn add_gradient(&mut self, var: Var, gradient: &[f32]) {
        assert_eq!(
            gradient.len(),
            var.rows * var.cols,
            "a gradient for every value"
        );
        let mut copy = self.pool.take(gradient.len());
        copy.copy_from_slice(gradient);
        self.pass_gradient(var, copy);
    }

    /// A buffer to write or add the gradient of `var` into, and whether it already holds a part.
    /// To be given back with [`Values::put_gradient`]. None if no gradient is wanted.
    pub fn gradient_of(&mut self, var: Var) -> Option<(Buffer, bool)> {
        if !self.values.differentiable(var) {
            return None;
        }
        Some(match self.values.take_gradient(var) {
            Some(sum) => (sum, true),
            None => (self.pool.take(var.rows * var.cols), false),
        })
    }
}

graph_by_methods!(Tape<'_>);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::nn::layout::{Init, Layout, Linear};
    use crate::nn::ops::Gelu;

    fn params() -> (Params, Linear, Linear) {
        let mut builder = Layout::builder();
        let up = builder.linear("up", 4, 8, true, 0.5);
        let down = builder.linear("down", 8, 4, true, 0.5);
        builder.add("unused", 1, 3, Init::Ones);
        (Params::init(Arc::new(builder.build()), 1), up, down)
    }

    const X: [f32; 8] = [0.1, -0.2, 0.3, 0.4, -0.5, 0.6, 0.7, -0.8];

    fn forward(tape: &mut Tape, up: Linear, down: Linear) -> [Var; 3] {
        let x = tape.input(2, 4, &X);
        let hidden = tape.linear_gelu(x, up, Gelu::Erf);
        [x, hidden, tape.linear_residual(hidden, down, x, None)]
    }

    #[test]
    fn a_tape_waits_between_the_passes_and_the_next_step_needs_no_new_memory() {
        let (params, up, down) = params();
        let mut pool = Pool::new();
        let mut step = |gradients: &mut Gradients| {
            gradients.begin();
            let mut tape = Tape::training(&params, gradients, 0, &mut pool);
            let [x, _, out] = forward(&mut tape, up, down);
            let run = move || tape.backward_to(&[(out, &[1.0; 8])], &[x]);
            let dx = std::thread::scope(|scope| scope.spawn(run).join().unwrap());
            (dx, pool.free())
        };
        let mut sets = [(); 2].map(|()| Gradients::zeros(params.layout()));
        let first = step(&mut sets[0]);
        assert_eq!(step(&mut sets[1]), first);
        let [once, same] = sets.each_mut().map(Gradients::to_flat);
        assert_eq!(once, same);
        assert_eq!(step(&mut sets[1]), first);
        let twice = sets[1].to_flat();
        let added = once.iter().zip(&twice);
        assert!(
            added
                .into_iter()
                .all(|(g, sum)| (2.0 * g - sum).abs() < 1e-6),
            "gradients add up"
        );
        assert!(once.iter().any(|&g| g != 0.0));
    }

    #[test]
    fn several_seeds_of_one_matrix_add_up_and_the_unused_stays_zero() {
        let (params, up, down) = params();
        let mut pool = Pool::new();
        let mut run = |seeds: &[&[f32]]| {
            let mut gradients = Gradients::zeros(params.layout());
            let mut tape = Tape::training(&params, &gradients, 0, &mut pool);
            let [x, hidden, out] = forward(&mut tape, up, down);
            let unseen = tape.input(1, 2, &[1.0, 2.0]);
            let seeds: Vec<_> = seeds.iter().map(|seed| (out, *seed)).collect();
            let wanted = tape.backward_to(&seeds, &[x, hidden, unseen]);
            (wanted, gradients.to_flat())
        };
        let (wanted, gradients) = run(&[&[0.5; 8], &[1.5; 8]]);
        assert_eq!(
            (&wanted, &gradients),
            (&run(&[&[2.0; 8]]).0, &run(&[&[2.0; 8]]).1)
        );
        assert_eq!((wanted[0].len(), wanted[1].len()), (8, 16));
        assert!(
            wanted[1].iter().any(|&g| g != 0.0),
            "an inner matrix's gradient can be had too"
        );
        assert_eq!(wanted[2], [0.0; 2]);
        let unused = params.layout().find("unused").unwrap();
        assert_eq!(gradients[unused.range()], [0.0; 3]);
    }

    #[test]
    #[should_panic(expected = "a value that is still kept")]
    fn inference_frees_what_is_not_retained() {
        let (params, up, down) = params();
        let mut pool = Pool::new();
        let mut tape = Tape::inference(&params, &mut pool);
        let [_, hidden, out] = forward(&mut tape, up, down);
        tape.retain(&[out]);
        assert_eq!(tape.value(out).len(), 8);
        tape.value(hidden);
    }

    #[test]
    fn training_retains_everything() {
        let (params, up, down) = params();
        let (gradients, mut pool) = (Gradients::zeros(params.layout()), Pool::new());
        let mut tape = Tape::training(&params, &gradients, 0, &mut pool);
        let [_, hidden, out] = forward(&mut tape, up, down);
        tape.retain(&[out]);
        assert_eq!(tape.value(hidden).len(), 16);
    }
}
