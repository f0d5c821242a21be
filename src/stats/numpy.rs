//! The random numbers of NumPy's `default_rng(seed)`, so that a test here draws what sacreBLEU's draws.
//!
//! The seed becomes a state through NumPy's `SeedSequence` (O'Neill: Developing a seed_seq alternative, 2015), the
//! generator is PCG-XSL-RR 128/64 (O'Neill: PCG, 2014), and numbers below a bound come from 32 bits by Lemire's
//! multiplication (Fast Random Integer Generation in an Interval, 2019), as `Generator.integers` does it.

/// The multiplier of the generator's 128-bit step.
const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
/// Words of entropy that a `SeedSequence` mixes.
const POOL: usize = 4;

/// NumPy's generator `PCG64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pcg64 {
    state: u128,
    increment: u128,
    /// The upper half of the last 64 bits, where only the lower one was asked for.
    held: Option<u32>,
}

impl Pcg64 {
    /// As `numpy.random.default_rng(seed)`.
    pub fn new(seed: u64) -> Self {
        let [state_high, state_low, stream_high, stream_low] = seed_sequence(seed);
        let wide = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
        let increment = wide(stream_high, stream_low) << 1 | 1;
        let mut pcg = Self {
            state: increment.wrapping_add(wide(state_high, state_low)),
            increment,
            held: None,
        };
        pcg.step();
        pcg
    }

    fn step(&mut self) {
        self.state = self
            .state
            .wrapping_mul(MULTIPLIER)
            .wrapping_add(self.increment);
    }

    /// The next 64 random bits.
    pub fn bits64(&mut self) -> u64 {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    /// The next 32 random bits: the lower half of 64, then the upper one.
    fn bits32(&mut self) -> u32 {
        if let Some(upper) = self.held.take() {
            return upper;
        }
        let bits = self.bits64();
        self.held = Some((bits >> 32) as u32);
        bits as u32
    }

    /// The next number below `end`, every one as likely: one of `integers(end)` and of `choice(end)`.
    ///
    /// # Panics
    /// If `end` is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        self.counted_below(end).0
    }

    /// [`Pcg64::below`], and how many times 32 bits were thrown away for it because some numbers would have been
    /// likelier.
    fn counted_below(&mut self, end: u32) -> (u32, u64) {
        assert!(end > 0, "there is no number below 0");
        if end == 1 {
            // NumPy draws nothing where there is nothing to choose.
            return (0, 0);
        }
        let mut product = u64::from(self.bits32()) * u64::from(end);
        let mut thrown = 0;
        if (product as u32) < end {
            let threshold = end.wrapping_neg() % end;
            while (product as u32) < threshold {
                product = u64::from(self.bits32()) * u64::from(end);
                thrown += 1;
            }
        }
        ((product >> 32) as u32, thrown)
    }

    /// Gives `each` the next `count` numbers below `end`, as [`Pcg64::below`] draws them, and returns how many times 32
    /// bits were thrown away.
    ///
    /// # Panics
    /// If `end` is 0.
    #[inline]
    pub fn each_below(&mut self, end: u32, count: usize, mut each: impl FnMut(u32)) -> u64 {
        let (mut left, mut thrown) = (count, 0);
        while left > 0 {
            if self.held.is_none() && left > 1 && end > 1 {
                let before = *self;
                let bits = self.bits64();
                let [first, second] =
                    [bits as u32, (bits >> 32) as u32].map(|bits| u64::from(bits) * u64::from(end));
                if first as u32 >= end && second as u32 >= end {
                    each((first >> 32) as u32);
                    each((second >> 32) as u32);
                    left -= 2;
                    continue;
                }
                *self = before;
            }
            let (number, more) = self.counted_below(end);
            each(number);
            thrown += more;
            left -= 1;
        }
        thrown
    }

    /// Leaves out the next `count` times 32 bits of a generator that holds none.
    pub fn skip32(&mut self, count: u64) {
        self.skip(count / 2);
        if count % 2 == 1 {
            self.bits32();
        }
    }

    /// Leaves out the next `count` times 64 bits, in as many steps as `count` has binary digits (Brown 1994).
    pub fn skip(&mut self, mut count: u64) {
        let (mut multiplier, mut increment) = (MULTIPLIER, self.increment);
        let (mut all_multiplier, mut all_increment) = (1u128, 0u128);
        while count > 0 {
            if count & 1 == 1 {
                all_multiplier = all_multiplier.wrapping_mul(multiplier);
                all_increment = all_increment
                    .wrapping_mul(multiplier)
                    .wrapping_add(increment);
            }
            increment = multiplier.wrapping_add(1).wrapping_mul(increment);
            multiplier = multiplier.wrapping_mul(multiplier);
            count >>= 1;
        }
        self.state = all_multiplier
            .wrapping_mul(self.state)
            .wrapping_add(all_increment);
        self.held = None;
    }
}

/// Four words of state from a seed: `SeedSequence(seed).generate_state(4, uint64)`.
fn seed_sequence(seed: u64) -> [u64; 4] {
    let mut constant = 0x43b0_d7e5u32;
    let mut hash = |value: u32| {
        let value = value ^ constant;
        constant = constant.wrapping_mul(0x931e_8875);
        let value = value.wrapping_mul(constant);
        value ^ value >> 16
    };
    let mut pool: [u32; POOL] = [seed as u32, (seed >> 32) as u32, 0, 0].map(&mut hash);
    for from in 0..POOL {
        for to in 0..POOL {
            if from != to {
                let mixed = 0xca01_f9ddu32
                    .wrapping_mul(pool[to])
                    .wrapping_sub(0x4973_f715u32.wrapping_mul(hash(pool[from])));
                pool[to] = mixed ^ mixed >> 16;
            }
        }
    }
    let mut constant = 0x8b51_f9ddu32;
    let mut word = |at: usize| {
        let value = pool[at % POOL] ^ constant;
        constant = constant.wrapping_mul(0x58f3_8ded);
        let value = value.wrapping_mul(constant);
        u64::from(value ^ value >> 16)
    };
    std::array::from_fn(|i| word(2 * i) | word(2 * i + 1) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.random.default_rng(12345).bit_generator.state` of NumPy 2.4.6.
    #[test]
    fn a_seed_becomes_numpys_state() {
        let pcg = Pcg64::new(12345);
        assert_eq!(
            pcg.state,
            33_261_208_707_367_790_463_622_745_601_869_196_757
        );
        assert_eq!(
            pcg.increment,
            268_209_174_141_567_072_605_526_753_992_732_310_247
        );
    }

    /// `default_rng(12345).choice(5000, size=12)` of NumPy 2.4.6.
    #[test]
    fn numbers_below_a_bound_are_numpys() {
        let mut pcg = Pcg64::new(12345);
        let drawn: [u32; 12] = std::array::from_fn(|_| pcg.below(5000));
        let numpy = [
            3496, 1136, 3943, 1583, 1020, 3986, 3213, 3381, 4942, 1955, 4197, 1664,
        ];
        assert_eq!(drawn, numpy);
        assert_eq!(pcg.below(1), 0);
    }

    /// A bound near 2³² throws many draws away: `default_rng(7).integers(3_000_000_000, size=6)` of NumPy 2.4.6.
    #[test]
    fn what_would_be_unfair_is_drawn_again() {
        let mut pcg = Pcg64::new(7);
        let drawn: [u32; 6] = std::array::from_fn(|_| pcg.below(3_000_000_000));
        let numpy = [
            2_834_714_867,
            2_052_539_810,
            2_691_641_402,
            1_734_877_356,
            2_327_057_070,
            2_500_953_064,
        ];
        assert_eq!(drawn, numpy);
    }

    /// `default_rng(2**40 + 5).integers(1000, size=4)` of NumPy 2.4.6.
    #[test]
    fn a_seed_may_have_more_than_32_bits() {
        let mut pcg = Pcg64::new((1 << 40) + 5);
        let drawn: [u32; 4] = std::array::from_fn(|_| pcg.below(1000));
        assert_eq!(drawn, [14, 4, 449, 372]);
    }

    #[test]
    fn what_is_thrown_away_is_counted() {
        let (mut counted, mut drawn) = (Pcg64::new(7), Pcg64::new(7));
        let mut numbers = Vec::new();
        let mut thrown = 0;
        for count in [1, 20, 29] {
            thrown += counted.each_below(3_000_000_000, count, |number| numbers.push(number));
        }
        assert!(thrown > 5, "{thrown}");
        drawn.skip32(50 + thrown);
        assert_eq!(drawn, counted);
        let mut again = Pcg64::new(7);
        again.skip32(0);
        assert!(
            numbers
                .iter()
                .all(|&number| number == again.below(3_000_000_000))
        );
    }

    #[test]
    fn skipping_is_drawing() {
        let mut drawn = Pcg64::new(3);
        for count in [0, 1, 2, 77, 1000] {
            let mut skipped = drawn;
            skipped.skip(count);
            for _ in 0..count {
                drawn.bits64();
            }
            assert_eq!(skipped.bits64(), drawn.bits64(), "{count}");
        }
    }
}
