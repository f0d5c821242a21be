//! Threads that work on the shards of a batch.

use std::sync::Mutex;

use crate::{Error, Result};

/// A fixed number of threads, kept for the whole run.
///
/// Work is cut by the caller and not by the number of threads, and results come back
/// in order: what is computed does not depend on how many threads there are.
#[derive(Debug)]
pub struct Workers {
    pool: rayon::ThreadPool,
}

impl Workers {
    /// Starts `threads` threads, at least one.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn new(threads: usize) -> Result<Self> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|i| format!("worker-{i}"))
            .build()
            .map(|pool| Self { pool })
            .map_err(|e| Error::failed(format!("cannot start {threads} threads: {e}")))
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Calls `work(i, item)` for every item, each on one thread, and returns the results
    /// in the items' order. Items may be `&mut` (`workers.map(shards.iter_mut(), …)`).
    ///
    /// Work begins in the items' order too: a thread that is free takes the next.
    pub fn map<I, R, F>(&self, items: I, work: F) -> Vec<R>
    where
        I: IntoIterator<Item: Send>,
        R: Send,
        F: Fn(usize, I::Item) -> R + Sync,
    {
        let items: Vec<I::Item> = items.into_iter().collect();
        let queue = Mutex::new(items.into_iter().enumerate());
        let next = || queue.lock().expect("taking an item cannot panic").next();
        let done = self.pool.broadcast(|_| {
            let items = std::iter::from_fn(next);
            items
                .map(|(i, item)| (i, work(i, item)))
                .collect::<Vec<_>>()
        });
        let mut results: Vec<(usize, R)> = done.into_iter().flatten().collect();
        results.sort_unstable_by_key(|(i, _)| *i);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_the_threads() {
        for threads in [1, 2, 5] {
            let workers = Workers::new(threads).unwrap();
            assert_eq!(workers.threads(), threads);
            let mut items = [1, 2, 3, 4, 5, 6, 7];
            let doubled = workers.map(items.iter_mut(), |i, item| {
                *item *= 2;
                *item + i
            });
            assert_eq!(doubled, [2, 5, 8, 11, 14, 17, 20]);
            assert_eq!(items, [2, 4, 6, 8, 10, 12, 14]);
        }
    }
}
