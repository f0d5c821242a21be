//! Which picture and which of its captions each step sees.
//!
//! An epoch is a permutation drawn from the seed and the epoch's number alone,
//! so any step can be found again without replaying those before it: that is
//! what makes a resumed training end with the same bits.

use crate::recipe::CaptionsPerEpoch;

/// A picture and one of its captions, as indices into the training split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The picture.
    pub picture: usize,
    /// Which of the picture's captions.
    pub caption: usize,
}

/// Steps in an epoch: whole batches, the remainder left to other epochs; a set smaller than a batch is one.
pub fn steps_per_epoch(captions: &[usize], rule: CaptionsPerEpoch, batch: usize) -> usize {
    let pairs = match rule {
        CaptionsPerEpoch::One | CaptionsPerEpoch::First => captions.len(),
        CaptionsPerEpoch::All => captions.iter().sum(),
    };
    (pairs / batch).max(1)
}

/// The order of one epoch; `captions` has the number of captions of every training picture.
pub fn epoch(seed: u64, epoch: usize, captions: &[usize], rule: CaptionsPerEpoch) -> Vec<Pair> {
    let mut random = Stream::new(seed, 0x5a4d_91e7, epoch as u64);
    let mut pairs: Vec<Pair> = match rule {
        CaptionsPerEpoch::One => captions
            .iter()
            .enumerate()
            .map(|(picture, &n)| Pair {
                picture,
                caption: random.below(n),
            })
            .collect(),
        CaptionsPerEpoch::First => (0..captions.len())
            .map(|picture| Pair {
                picture,
                caption: 0,
            })
            .collect(),
        CaptionsPerEpoch::All => captions
            .iter()
            .enumerate()
            .flat_map(|(picture, &n)| (0..n).map(move |caption| Pair { picture, caption }))
            .collect(),
    };
    for last in (1..pairs.len()).rev() {
        pairs.swap(last, random.below(last + 1));
    }
    pairs
}

/// A number that depends on all of `seed`, `stream` and `index` (SplitMix64's finalizer, chained).
pub fn mix(seed: u64, stream: u64, index: u64) -> u64 {
    fn finalize(mut z: u64) -> u64 {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let a = finalize(seed.wrapping_add(STEP));
    let b = finalize(a ^ stream.wrapping_mul(STEP).wrapping_add(STEP));
    finalize(b ^ index.wrapping_mul(STEP).wrapping_add(STEP))
}

/// A stream of random numbers, found from its name alone.
#[derive(Debug, Clone)]
pub struct Stream {
    seed: u64,
    stream: u64,
    counter: u64,
}

impl Stream {
    /// The stream `(seed, tag, index)`, at its start.
    pub fn new(seed: u64, tag: u64, index: u64) -> Self {
        Self {
            seed: mix(seed, tag, index),
            stream: tag,
            counter: 0,
        }
    }

    /// A uniform whole number below `n`, without bias worth naming (64-bit multiply-shift).
    pub fn below(&mut self, n: usize) -> usize {
        self.counter += 1;
        let random = mix(self.seed, self.stream, self.counter);
        ((u128::from(random) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_permutation_and_epochs_differ() {
        let captions = vec![5; 100];
        let one = epoch(7, 0, &captions, CaptionsPerEpoch::One);
        let mut pictures: Vec<_> = one.iter().map(|p| p.picture).collect();
        pictures.sort();
        assert_eq!(pictures, (0..100).collect::<Vec<_>>());
        assert_eq!(one, epoch(7, 0, &captions, CaptionsPerEpoch::One));
        assert_ne!(one, epoch(7, 1, &captions, CaptionsPerEpoch::One));
        assert_ne!(one, epoch(8, 0, &captions, CaptionsPerEpoch::One));
        let drawn: std::collections::BTreeSet<_> = one.iter().map(|p| p.caption).collect();
        assert_eq!(drawn.len(), 5, "every caption position is drawn");
    }

    #[test]
    fn all_pairs_come_once() {
        let captions = vec![2, 3, 1];
        let mut all = epoch(1, 4, &captions, CaptionsPerEpoch::All);
        all.sort_by_key(|p| (p.picture, p.caption));
        let flat: Vec<_> = all.iter().map(|p| (p.picture, p.caption)).collect();
        assert_eq!(flat, [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 0)]);
        assert_eq!(steps_per_epoch(&captions, CaptionsPerEpoch::All, 4), 1);
        assert_eq!(steps_per_epoch(&captions, CaptionsPerEpoch::One, 48), 1);
    }
}
