//! Decoding many pictures in worker threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use super::dataset::Example;
use super::image::picture;
use crate::error::{Error, Result};

/// Decoded pictures that may wait for their receiver, per worker.
const WAITING: usize = 4;

/// Broken pictures named in one message.
const NAMED: usize = 5;

/// Applies `work` to every example in `threads` workers and hands the
/// results, with the example's place, to `receive` on the calling thread as they
/// come: in no particular order, so that `receive` must not depend on it.
pub fn each<T: Send>(
    examples: &[&Example],
    threads: usize,
    work: impl Fn(&Example) -> Result<T> + Sync,
    mut receive: impl FnMut(usize, Result<T>) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let workers = threads.clamp(1, examples.len().max(1));
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(workers * WAITING);
        for _ in 0..workers {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(example) = examples.get(at) else {
                        return;
                    };
                    if sender.send((at, work(example))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        receiver
            .iter()
            .try_for_each(|(at, result)| receive(at, result))
    })
}

/// Decodes every picture to `size × size` bytes, channel by channel, and hands
/// them to `store` with their place; `progress` hears how many are done, and ends
/// the work with an error.
///
/// # Errors
///
/// Bad input naming the first pictures that cannot be decoded, in the order of
/// the examples whatever the number of threads, when all others are stored; and
/// what `progress` and `store` return.
pub fn planar_pictures(
    examples: &[&Example],
    size: usize,
    threads: usize,
    progress: &dyn Fn(usize, usize) -> Result<()>,
    mut store: impl FnMut(usize, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut broken: Vec<(usize, Error)> = Vec::new();
    let mut done = 0;
    let work = |example: &Example| Ok(picture(example)?.resized(size, size).planar());
    each(examples, threads, work, |at, result| {
        match result {
            Ok(bytes) => store(at, &bytes)?,
            Err(error) => broken.push((at, error)),
        }
        done += 1;
        progress(done, examples.len())
    })?;
    broken.sort_by_key(|(at, _)| *at);
    let mut lines: Vec<String> = broken
        .iter()
        .take(NAMED)
        .map(|(_, e)| e.to_string())
        .collect();
    match broken.len() {
        0 => return Ok(()),
        NAMED.. if broken.len() > NAMED => lines.push(format!("and {} more", broken.len() - NAMED)),
        _ => {}
    }
    Err(Error::input(lines.join("\n")))
}
