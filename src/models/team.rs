//! Threads that share the work of one decoding step.

use crate::nn::kernels::decode::linear;
use crate::nn::{Linear, Params, Workers};

/// The threads of a decoder, if it has any but the caller's.
///
/// What a row gives does not depend on who computes it, to the last bit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Team<'a>(Option<&'a Workers>);

impl<'a> Team<'a> {
    /// Shares work out among `workers`; without them the caller does it alone.
    pub fn new(workers: Option<&'a Workers>) -> Self {
        Self(workers.filter(|workers| workers.threads() > 1))
    }

    /// out = x Wᵀ + b, row by row, each thread some of the outputs.
    pub fn linear(&self, params: &Params, map: Linear, x: &[f32], out: &mut [f32]) {
        let Some(workers) = self.0 else {
            return linear(params, map, x, out);
        };
        let (rows, outputs) = (x.len() / map.inputs(), map.outputs());
        let share = outputs.div_ceil(workers.threads()).next_multiple_of(16);
        let shares = (0..outputs).step_by(share);
        let made = workers.map(shares, |_, start| {
            let part = map.part(start..outputs.min(start + share));
            let mut out = vec![0.0; rows * part.outputs()];
            linear(params, part, x, &mut out);
            out
        });
        let mut start = 0;
        for part in made {
            let width = part.len() / rows;
            for (out, part) in out.chunks_exact_mut(outputs).zip(part.chunks_exact(width)) {
                out[start..][..width].copy_from_slice(part);
            }
            start += width;
        }
    }

    /// Calls `work(row, out)` for every row of `width` numbers of `out`.
    pub fn rows(&self, out: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
        let Some(workers) = self.0 else {
            let rows = out.chunks_exact_mut(width).enumerate();
            return rows.for_each(|(row, out)| work(row, out));
        };
        let share = (out.len() / width).div_ceil(workers.threads());
        workers.map(out.chunks_mut(share * width), |i, out| {
            let rows = out.chunks_exact_mut(width).enumerate();
            rows.for_each(|(row, out)| work(i * share + row, out));
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::nn::Layout;

    #[test]
    fn a_team_writes_what_one_thread_writes() {
        let mut builder = Layout::builder();
        let map = builder.linear("map", 19, 45, true, 0.5);
        let params = Params::init(Arc::new(builder.build()), 1);
        let x: Vec<f32> = (0..3 * 19).map(|i| (i as f32 * 0.7).sin()).collect();
        let run = |threads: usize| {
            let workers = Workers::new(threads).unwrap();
            let team = Team::new(Some(&workers));
            let mut out = vec![f32::NAN; 3 * 45];
            team.linear(&params, map, &x, &mut out);
            let mut rows = vec![0.0; 5 * 2];
            team.rows(&mut rows, 2, |row, out| out.fill(row as f32));
            (out, rows)
        };
        let alone = run(1);
        assert_eq!(alone.1, [0., 0., 1., 1., 2., 2., 3., 3., 4., 4.]);
        for threads in [2, 3, 7] {
            assert_eq!(run(threads), alone, "{threads} threads");
        }
    }
}
