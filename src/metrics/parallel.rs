//! Work in chunks on threads, with results that do not depend on how many there are.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `work` on every chunk of `0..n`, `size` long, on `threads` threads; results in order.
pub fn in_chunks<T: Send>(
    n: usize,
    size: usize,
    threads: usize,
    work: impl Fn(Range<usize>) -> T + Sync,
) -> Vec<T> {
    let chunks = n.div_ceil(size);
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= chunks {
                return done;
            }
            let range = chunk * size..((chunk + 1) * size).min(n);
            done.push((chunk, work(range)));
        }
    };
    let workers = threads.clamp(1, chunks.max(1));
    let mut done = if workers == 1 {
        worker()
    } else {
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
            let join = |handle: std::thread::ScopedJoinHandle<'_, _>| match handle.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            handles.into_iter().flat_map(join).collect()
        })
    };
    done.sort_unstable_by_key(|(chunk, _)| *chunk);
    done.into_iter().map(|(_, value)| value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_from_any_number_of_threads() {
        let squares = |threads| {
            in_chunks(10, 3, threads, |range| {
                range.map(|i| i * i).collect::<Vec<_>>()
            })
        };
        let expected = [vec![0, 1, 4], vec![9, 16, 25], vec![36, 49, 64], vec![81]];
        for threads in [1, 2, 7] {
            assert_eq!(squares(threads), expected);
        }
        assert!(in_chunks(0, 3, 2, |range| range.len()).is_empty());
    }
}
