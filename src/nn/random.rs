//! Random numbers by counter: any of them can be had at once, in any order.
//!
//! A number is a hash of (seed, stream, row, column). Nothing is carried from one
//! to the next, so a mask need not be stored to be had again in the backward pass,
//! and no cut of a batch into shards changes what a row draws.

/// An independent sequence of rows of random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stream {
    key: u64,
}

/// The two keys that a row's bits are hashed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowKey {
    first: u32,
    second: u32,
}

impl Stream {
    /// Stream number `stream` of `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self {
            key: mix64(mix64(seed) ^ stream),
        }
    }

    /// The stream of `seed` that belongs to a name (FNV-1a of its bytes).
    pub fn named(seed: u64, name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self::new(seed, hash)
    }

    /// What it is told apart by, for a device that draws from it.
    #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
    pub fn key(self) -> u64 {
        self.key
    }

    /// The keys of one row.
    pub fn row(self, row: u64) -> RowKey {
        let bits = mix64(self.key ^ mix64(row));
        RowKey {
            first: bits as u32,
            second: (bits >> 32) as u32,
        }
    }
}

impl RowKey {
    /// 32 random bits for a column. Plain 32-bit arithmetic, so loops over columns vectorise.
    #[inline(always)]
    pub fn bits(self, column: u32) -> u32 {
        mix32(mix32(column.wrapping_mul(0x9E37_79B9) ^ self.first).wrapping_add(self.second))
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014), after its increment.
fn mix64(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The `lowbias32` permutation (Wellons 2018).
#[inline(always)]
fn mix32(x: u32) -> u32 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_balanced_and_streams_differ() {
        let row = Stream::new(1, 2).row(3);
        let mut ones = [0u32; 32];
        for column in 0..4096 {
            let bits = row.bits(column);
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += bits >> bit & 1;
            }
        }
        // 4096 fair coins: 2048 ± 32; five deviations are 160.
        assert!(
            ones.iter().all(|count| count.abs_diff(2048) < 160),
            "{ones:?}"
        );
        assert_ne!(Stream::new(1, 2).row(4), row);
        assert_ne!(Stream::new(1, 3).row(3), row);
        assert_ne!(Stream::new(2, 2).row(3), row);
        assert_ne!(Stream::named(1, "a"), Stream::named(1, "b"));
    }
}
