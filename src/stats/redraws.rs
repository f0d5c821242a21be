//! The captions that sacreBLEU's paired tests draw and exchange.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::numpy::Pcg64;
use super::resample::{Counts, Weights};
use crate::nn::kernels::dispatch::dispatch;

/// Resamples with replacement, as `default_rng(seed).choice(captions, size=(…, captions))` draws them.
///
/// A draw may be made again, so that they can only be drawn in order: one thread draws while others sum.
pub(super) struct Redraws {
    captions: u32,
    next: Mutex<(Pcg64, usize)>,
}

impl Redraws {
    /// # Panics
    /// For 2³² captions or more.
    pub(super) fn new(seed: u64, captions: usize) -> Self {
        Self {
            captions: u32::try_from(captions).expect("fewer captions than 2³²"),
            next: Mutex::new((Pcg64::new(seed), 0)),
        }
    }
}

impl Weights for Redraws {
    fn take(&self, range: Range<usize>) -> (usize, Counts) {
        let mut counts: Counts = std::array::from_fn(|_| vec![0; self.captions as usize]);
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let (pcg, number) = &mut *next;
        let first = *number;
        *number += range.len();
        for counts in &mut counts[..range.len()] {
            for _ in 0..self.captions {
                let count = &mut counts[pcg.below(self.captions) as usize];
                *count = count.saturating_add(1);
            }
        }
        (first, counts)
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
    fn take(&self, range: Range<usize>) -> (usize, Counts) {
        let counts = std::array::from_fn(|lane| match lane < range.len() {
            true => self.kept(range.start + lane),
            false => vec![0; self.captions],
        });
        (range.start, counts)
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
    fn every_resample_is_given_once_and_in_order() {
        let redraws = Redraws::new(12345, 3);
        let (first, counts) = redraws.take(8..10);
        assert_eq!(first, 0);
        let (second, more) = redraws.take(0..8);
        assert_eq!(second, 2);
        let mut pcg = Pcg64::new(12345);
        for counts in counts[..2].iter().chain(&more) {
            let mut expected = [0; 3];
            for _ in 0..3 {
                expected[pcg.below(3) as usize] += 1;
            }
            assert_eq!(counts[..], expected);
        }
    }
}
