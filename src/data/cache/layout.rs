//! The bytes of a cache file, as the [module](super) draws them.

/// The format's name and version; decoding or resizing to other pixels needs another.
const MAGIC: &[u8; 8] = b"cbpics02";
const HEADER: usize = 64;

/// Bytes of a table's entry.
pub const ENTRY: usize = 32;
/// Records of a block.
pub const SLOTS: usize = 1024;

/// What a picture is found by: see [`super::key`].
pub type Key = [u8; 16];

/// Where things are in a cache of pictures of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Height and width of every picture.
    pub size: usize,
}

impl Layout {
    /// The first bytes of the file.
    pub fn header(self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(MAGIC);
        header[8..16].copy_from_slice(&(self.size as u64).to_le_bytes());
        header
    }

    /// Bytes of a picture.
    pub fn pixels(self) -> usize {
        3 * self.size * self.size
    }

    /// Bytes of a record: with padding, so that no entry lies across two sectors of a disk.
    fn record(self) -> usize {
        self.pixels().next_multiple_of(64)
    }

    fn block(self) -> usize {
        SLOTS * (ENTRY + self.record())
    }

    /// Where the entry of a slot begins.
    pub fn entry_at(self, slot: usize) -> usize {
        HEADER + slot / SLOTS * self.block() + slot % SLOTS * ENTRY
    }

    /// Where the pixels of a slot begin.
    pub fn pixels_at(self, slot: usize) -> usize {
        let block = HEADER + slot / SLOTS * self.block();
        block + SLOTS * ENTRY + slot % SLOTS * self.record()
    }
}

/// What a table says of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Nothing was written there, or not to its end.
    Free,
    /// Its pixels were found corrupt; they are never used, and the place never again.
    Dead,
    /// A picture.
    Record {
        /// The picture's key.
        key: Key,
        /// The checksum of its pixels.
        checksum: u64,
    },
}

impl Entry {
    /// Key, checksum of the pixels, checksum of both; a free entry is zeros, a dead one has no key.
    pub fn encode(self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        match self {
            Self::Free => return bytes,
            Self::Dead => {}
            Self::Record { key, checksum } => {
                bytes[..16].copy_from_slice(&key);
                bytes[16..24].copy_from_slice(&checksum.to_le_bytes());
            }
        }
        let sum = checksum(&bytes[..24]);
        bytes[24..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads an entry; one that is torn is free.
    pub fn decode(bytes: &[u8; ENTRY]) -> Self {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(word)
        };
        if word(24) != checksum(&bytes[..24]) {
            return Self::Free;
        }
        let mut key = [0; 16];
        key.copy_from_slice(&bytes[..16]);
        match key == [0; 16] {
            true => Self::Dead,
            false => Self::Record {
                key,
                checksum: word(16),
            },
        }
    }
}

/// A fast checksum: eight bytes at a time, multiplied and folded. It finds
/// accidents, not attacks.
pub fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let add = |sum: u64, word: [u8; 8]| {
        let sum = (sum ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
        sum ^ (sum >> 29)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words
        .iter()
        .fold(bytes.len() as u64, |sum, &word| add(sum, word));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    add(sum, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_entries_never_overlap() {
        let layout = Layout { size: 5 };
        for slot in 0..3 * SLOTS {
            let (entry, pixels) = (layout.entry_at(slot), layout.pixels_at(slot));
            assert_eq!(entry % ENTRY, 0);
            assert!(pixels >= layout.entry_at(slot / SLOTS * SLOTS + SLOTS - 1) + ENTRY);
            let next = match (slot + 1) % SLOTS {
                0 => layout.entry_at(slot + 1),
                _ => layout.pixels_at(slot + 1),
            };
            assert!(pixels + layout.pixels() <= next);
        }
    }

    #[test]
    fn entries_are_read_back_and_a_torn_one_is_free() {
        let record = Entry::Record {
            key: *b"a picture's key!",
            checksum: checksum(b"pixels"),
        };
        for entry in [Entry::Free, Entry::Dead, record] {
            assert_eq!(Entry::decode(&entry.encode()), entry);
        }
        for cut in 0..ENTRY {
            let mut torn = record.encode();
            torn[cut..].fill(0);
            assert_eq!(Entry::decode(&torn), Entry::Free, "{cut} bytes");
            let mut flipped = record.encode();
            flipped[cut] ^= 1;
            assert_eq!(Entry::decode(&flipped), Entry::Free);
        }
    }

    #[test]
    fn a_checksum_sees_every_bit_and_the_length() {
        let bytes: Vec<u8> = (0..203).map(|i| (i * 7) as u8).collect();
        let sum = checksum(&bytes);
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(checksum(&flipped), sum, "bit {bit}");
        }
        assert_ne!(checksum(&[0; 8]), checksum(&[0; 9]));
    }
}
