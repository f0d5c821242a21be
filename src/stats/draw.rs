//! Random draws by counter: the n-th draw of a stream is a function of seed, stream and n alone.
//!
//! Nothing has to be drawn in order, so work can be divided among any number of threads and still
//! gives the same bits.

/// An endless stream of random numbers, addressed by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws {
    key: u64,
}

impl Draws {
    /// The stream with this number under this seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self {
            key: mix(mix(seed).wrapping_add(stream)),
        }
    }

    /// 64 random bits.
    pub fn bits(self, index: u64) -> u64 {
        mix(self.key ^ mix(index))
    }

    /// What of a draw depends on its index alone: for those who draw at one index of many streams.
    #[inline(always)]
    pub fn index(index: u64) -> Index {
        Index(mix(index))
    }

    /// [`Draws::below`] at an index, for an `end` of 32 bits: in steps that have vector instructions.
    #[inline(always)]
    pub fn below_at(self, index: Index, end: u32) -> u32 {
        let (bits, end) = (mix(self.key ^ index.0), u64::from(end));
        let (high, low) = (bits >> 32, bits & 0xffff_ffff);
        // The upper half of bits · end: what the lower halves carry, added to the upper ones.
        ((high * end + ((low * end) >> 32)) >> 32) as u32
    }

    /// A number below `end`, uniform but for a bias of at most `end` in 2⁶⁴.
    pub fn below(self, index: u64, end: usize) -> usize {
        ((u128::from(self.bits(index)) * end as u128) >> 64) as usize
    }
}

/// An index, ready to be drawn at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index(u64);

/// The finalizer of SplitMix64 (Steele, Lea & Flood 2014), after a step of its counter.
#[inline(always)]
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_spread_evenly() {
        let draws = Draws::new(1, 2);
        let mut counts = [0u32; 10];
        for i in 0..100_000 {
            counts[draws.below(i, 10)] += 1;
        }
        // Five standard deviations of a binomial with n = 100,000 and p = 0.1.
        assert!(
            counts.iter().all(|count| count.abs_diff(10_000) < 475),
            "{counts:?}"
        );
    }

    #[test]
    fn both_ways_to_draw_are_one() {
        let draws = Draws::new(3, 4);
        for end in [1, 2, 1000, 40_000, u32::MAX] {
            for i in 0..1000 {
                let at = draws.below_at(Draws::index(i), end);
                assert_eq!(at as usize, draws.below(i, end as usize));
            }
        }
    }

    #[test]
    fn streams_and_seeds_differ_and_repeat() {
        let bits = |seed, stream| Draws::new(seed, stream).bits(5);
        assert_eq!(bits(1, 2), bits(1, 2));
        let all = [bits(0, 0), bits(0, 1), bits(1, 0), bits(1, 1), bits(2, 0)];
        assert!(
            (1..all.len()).all(|i| !all[..i].contains(&all[i])),
            "{all:?}"
        );
    }
}
