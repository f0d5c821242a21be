//! The pictures of a step before a device asks for them.

use std::thread::{Scope, ScopedJoinHandle};

use super::SplitData;
use super::sampler::Pair;

/// The pictures of a step, read by a thread of their own while a device computes the step before.
///
/// The CPU has no use for it: all of its threads compute, and read what they need where they need it.
pub(super) struct Ahead<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    reading: Option<ScopedJoinHandle<'scope, Vec<f32>>>,
}

impl<'scope, 'env> Ahead<'scope, 'env> {
    /// Nothing is read yet.
    pub fn new(scope: &'scope Scope<'scope, 'env>) -> Self {
        Self {
            scope,
            reading: None,
        }
    }

    /// Begins to read the pictures of some pairs, `pixels` numbers each.
    pub fn begin(&mut self, data: &'env SplitData<'env>, pairs: Vec<Pair>, pixels: usize) {
        self.reading = Some(self.scope.spawn(move || {
            let mut values = vec![0.0; pairs.len() * pixels];
            for (pair, picture) in pairs.iter().zip(values.chunks_exact_mut(pixels)) {
                data.images().normalized(pair.picture, picture);
            }
            values
        }));
    }

    /// What was begun last, when it is read.
    pub fn take(&mut self) -> Option<Vec<f32>> {
        let values = self.reading.take()?.join();
        Some(values.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}
