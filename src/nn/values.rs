//! The activations of a forward pass.

use super::buffer::Buffer;
use super::pool::Pool;
use super::tape::Var;

/// All activations of a tape, and their gradients as they become known.
pub(super) struct Values {
    entries: Vec<Entry>,
}

struct Entry {
    data: Option<Buffer>,
    gradient: Option<Buffer>,
    /// Whether gradients are passed on to it.
    differentiable: bool,
}

impl Values {
    pub fn new() -> Self {
        Self {
            entries: Vec::with_capacity(256),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a matrix.
    pub fn push(&mut self, rows: usize, cols: usize, data: Buffer, differentiable: bool) -> Var {
        assert_eq!(data.len(), rows * cols, "{rows} × {cols} values");
        let id = self.entries.len();
        self.entries.push(Entry {
            data: Some(data),
            gradient: None,
            differentiable,
        });
        Var { id, rows, cols }
    }

    /// The values of a matrix.
    pub fn data(&self, var: Var) -> &[f32] {
        let data = self.entries[var.id].data.as_deref();
        let data = data.expect("a value that is still kept");
        assert_eq!(data.len(), var.rows * var.cols, "a matrix of this tape");
        data
    }

    /// Moves a saved buffer out.
    pub fn take_data(&mut self, var: Var) -> Buffer {
        self.entries[var.id]
            .data
            .take()
            .expect("a value that is still kept")
    }

    /// Whether gradients are passed on to it.
    pub fn differentiable(&self, var: Var) -> bool {
        self.entries[var.id].differentiable
    }

    /// The gradient that has arrived so far, of a matrix that may be forgotten already.
    pub fn gradient(&self, var: Var) -> Option<&[f32]> {
        self.entries.get(var.id)?.gradient.as_deref()
    }

    /// Moves out the gradient that has arrived so far.
    pub fn take_gradient(&mut self, var: Var) -> Option<Buffer> {
        self.entries[var.id].gradient.take()
    }

    /// Puts a gradient in place that was taken out or is the first to arrive.
    pub fn put_gradient(&mut self, var: Var, gradient: Buffer) {
        debug_assert_eq!(gradient.len(), var.rows * var.cols);
        self.entries[var.id].gradient = Some(gradient);
    }

    /// Gives the memory of all but these values back; the matrices stay, without data.
    pub fn retain(&mut self, keep: &[Var], pool: &mut Pool) {
        for (id, entry) in self.entries.iter_mut().enumerate() {
            if !keep.iter().any(|var| var.id == id) {
                entry
                    .data
                    .take()
                    .into_iter()
                    .for_each(|buffer| pool.put(buffer));
            }
        }
    }

    /// Forgets all matrices but the first `len`, and gives their memory back.
    pub fn truncate(&mut self, len: usize, pool: &mut Pool) {
        for entry in self.entries.drain(len..).rev() {
            entry
                .data
                .into_iter()
                .chain(entry.gradient)
                .for_each(|buffer| pool.put(buffer));
        }
    }
}
