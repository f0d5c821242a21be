//! All captions that are scored together, and what only all of them together tell.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Case;
use super::cider::DocumentFrequencies;
use super::ptb_tokens::PtbTokens;

/// The cases of an evaluation.
///
/// Nearly all metrics look at one case alone. Those of coco-caption do not: its tokenizer reads all
/// captions as one stream, and CIDEr weighs n-grams by how many cases have them. Both are computed
/// once, when first asked for, by several threads, and are the same for any number of these.
pub struct Corpus<'a> {
    cases: &'a [Case],
    threads: usize,
    ptb: OnceLock<PtbTokens>,
    frequencies: OnceLock<DocumentFrequencies>,
}

impl<'a> Corpus<'a> {
    /// The cases, with nothing computed yet.
    pub fn new(cases: &'a [Case], threads: usize) -> Self {
        Self {
            cases,
            threads: threads.max(1),
            ptb: OnceLock::new(),
            frequencies: OnceLock::new(),
        }
    }

    /// The cases.
    pub fn cases(&self) -> &'a [Case] {
        self.cases
    }

    /// The tokens of all texts.
    pub fn ptb(&self) -> &PtbTokens {
        self.ptb
            .get_or_init(|| PtbTokens::new(self.cases, self.threads))
    }

    /// In how many cases each n-gram of the references occurs.
    pub fn document_frequencies(&self) -> &DocumentFrequencies {
        self.frequencies
            .get_or_init(|| DocumentFrequencies::count(self.ptb(), self.threads))
    }
}

/// Runs `work` on every chunk of `0..n`, `size` long, on `threads` threads; results in order.
pub(super) fn in_chunks<T: Send>(
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
