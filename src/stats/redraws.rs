//! The captions that sacreBLEU's paired tests draw and exchange.

use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::numpy::Pcg64;
use super::resample::{Counts, Weights};
use crate::nn::kernels::dispatch::dispatch;

/// Resamples with replacement, as `default_rng(seed).choice(captions, size=(…, captions))` draws them.
///
/// Where in the generator's stream a resample begins is known but for the few draws before it that were made again,
/// one in a million. So each thread draws ahead, supposing that there were none since what is known, and draws again
/// if it turns out otherwise when its turn comes.
pub(super) struct Redraws {
    captions: u32,
    start: Pcg64,
    known: Mutex<Known>,
    turn: Condvar,
}

/// What is known of the stream.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// Up to which resample.
    resamples: usize,
    /// Draws of these that were made again.
    again: u64,
}

impl Redraws {
    /// # Panics
    /// For 2³² captions or more.
    pub(super) fn new(seed: u64, captions: usize) -> Self {
        Self {
            captions: u32::try_from(captions).expect("fewer captions than 2³²"),
            start: Pcg64::new(seed),
            known: Mutex::default(),
            turn: Condvar::new(),
        }
    }

    /// Counts these resamples if `again` draws before them were made again, and how many of their own were.
    fn draw(&self, range: &Range<usize>, again: u64) -> (Counts, u64) {
        let mut counts: Counts = std::array::from_fn(|_| vec![0; self.captions as usize]);
        let mut pcg = self.start;
        pcg.skip32(range.start as u64 * u64::from(self.captions) + again);
        let mut own = 0;
        for counts in &mut counts[..range.len()] {
            own += pcg.each_below(self.captions, self.captions as usize, |caption| {
                let count = &mut counts[caption as usize];
                *count = count.saturating_add(1);
            });
        }
        (counts, own)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Weights for Redraws {
    fn take(&self, range: Range<usize>) -> Counts {
        let supposed = self.known().again;
        let (mut counts, mut own) = self.draw(&range, supposed);
        let mut known = self.known();
        while known.resamples != range.start {
            let waited = self.turn.wait(known);
            known = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if known.again != supposed {
            (counts, own) = self.draw(&range, known.again);
        }
        *known = Known {
            resamples: range.end,
            again: known.again + own,
        };
        self.turn.notify_all();
        counts
    }
}

/// Which captions are kept in each trial, as `default_rng(seed).integers(2, size=(…, captions), dtype=bool)` says.
pub(super) struct Exchanges {
    captions: usize,
    start: Pcg64,
}

impl Exchanges {
    pub(super) fn new(seed: u64, captions: usize) -> Self {
        Self {
            captions,
            start: Pcg64::new(seed),
        }
    }

    /// 1 for every caption that is kept in a trial, else 0: a bit each, the lowest of every word first.
    fn kept(&self, trial: usize) -> Vec<u8> {
        let first = trial as u64 * self.captions as u64;
        let offset = (first % 64) as usize;
        let mut pcg = self.start;
        pcg.skip(first / 64);
        let words: Vec<u64> = (0..(offset + self.captions).div_ceil(64))
            .map(|_| pcg.bits64())
            .collect();
        let mut kept = vec![0; 64 * words.len()];
        spread(&words, &mut kept);
        kept.drain(..offset);
        kept.truncate(self.captions);
        kept
    }
}

impl Weights for Exchanges {
    fn take(&self, range: Range<usize>) -> Counts {
        std::array::from_fn(|lane| match lane < range.len() {
            true => self.kept(range.start + lane),
            false => vec![0; self.captions],
        })
    }
}

dispatch! {
    /// Each bit as a byte.
    fn spread(words: &[u64], bits: &mut [u8]) {
        for (&word, bits) in words.iter().zip(bits.chunks_exact_mut(64)) {
            for (at, bit) in bits.iter_mut().enumerate() {
                *bit = (word >> at) as u8 & 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::parallel::in_chunks;

    /// `default_rng(12345).integers(2, size=(2, 40), dtype=bool)` of NumPy 2.4.6.
    #[test]
    fn captions_are_kept_as_numpy_says() {
        let exchanges = Exchanges::new(12345, 40);
        let kept = |trial| {
            let kept = exchanges.kept(trial);
            kept.iter().map(u8::to_string).collect::<String>()
        };
        assert_eq!(kept(0), "1011100110000011111111110100110110110001");
        assert_eq!(kept(1), "1000110101001100010111000111101100100011");
    }

    #[test]
    fn resamples_are_those_of_the_stream_on_any_number_of_threads() {
        let (captions, resamples) = (1000, 100);
        let mut pcg = Pcg64::new(12345);
        let expected: Vec<Vec<u8>> = (0..resamples)
            .map(|_| {
                let mut counts = vec![0; captions];
                for _ in 0..captions {
                    counts[pcg.below(captions as u32) as usize] += 1;
                }
                counts
            })
            .collect();
        for threads in [1, 2, 5] {
            let redraws = Redraws::new(12345, captions);
            let chunks = in_chunks(resamples, 7, threads, |range| {
                let lanes = range.len();
                redraws.take(range)[..lanes].to_vec()
            });
            assert_eq!(chunks.concat(), expected, "{threads}");
        }
    }

    /// What was supposed is wrong, so that the second resample has to be drawn again.
    #[test]
    fn what_was_supposed_wrongly_is_drawn_again() {
        let redraws = Redraws::new(12345, 40);
        let known = Known {
            resamples: 1,
            again: 3,
        };
        let (expected, own) = redraws.draw(&(1..2), 3);
        let taken = std::thread::scope(|scope| {
            let taken = scope.spawn(|| redraws.take(1..2));
            // It draws as if nothing had been made again, then waits for its turn.
            std::thread::sleep(std::time::Duration::from_millis(50));
            *redraws.known() = known;
            redraws.turn.notify_all();
            taken.join().unwrap()
        });
        assert_eq!(taken, expected);
        assert_ne!(taken, redraws.draw(&(1..2), 0).0);
        assert_eq!(redraws.known().again, 3 + own);
    }
}
