//! Tokens as numbers.

use std::collections::HashMap;
use std::ops::Range;

use rustc_hash::FxBuildHasher;

/// Numbers tokens in the order of their first appearance, nearly always without an allocation.
#[derive(Default)]
pub struct Numbering {
    /// How many there are.
    len: u32,
    /// The tokens of at most 16 bytes by hash; the length is a power of two.
    short: Vec<Entry>,
    long: HashMap<Box<str>, u32, FxBuildHasher>,
}

/// A short token: its bytes, zeros behind them, and how many they are.
#[derive(Clone, Copy, Default)]
struct Entry {
    bytes: u128,
    len: u32,
    /// Its number plus one, 0 of an entry without a token.
    number: u32,
}

/// The most bytes of a short token.
const SHORT: usize = size_of::<u128>();

impl Numbering {
    /// The number of a token: the one it got before, or the next.
    pub fn number(&mut self, token: &str) -> u32 {
        self.number_at(token, 0..token.len())
    }

    /// The number of the token at a place of a text; faster in a text of at least 16 bytes.
    ///
    /// # Panics
    /// If there is no such place in the text.
    pub fn number_at(&mut self, text: &str, at: Range<usize>) -> u32 {
        if at.len() > SHORT {
            return self.number_long(&text[at]);
        }
        let mut entry = Entry::of(text.as_bytes(), at);
        if self.short.len() < 2 * (self.len as usize + 1) {
            self.grow();
        }
        let place = self.place(&entry);
        if self.short[place].number == 0 {
            self.len += 1;
            entry.number = self.len;
            self.short[place] = entry;
        }
        self.short[place].number - 1
    }

    fn number_long(&mut self, token: &str) -> u32 {
        if let Some(&number) = self.long.get(token) {
            return number;
        }
        self.long.insert(token.into(), self.len);
        self.len += 1;
        self.len - 1
    }

    /// Where a token is, or where it belongs.
    fn place(&self, entry: &Entry) -> usize {
        let mut place = entry.hash() & (self.short.len() - 1);
        loop {
            let there = &self.short[place];
            if there.number == 0 || there.same(entry) {
                return place;
            }
            place = (place + 1) & (self.short.len() - 1);
        }
    }

    fn grow(&mut self) {
        let size = (2 * self.short.len()).max(128);
        for entry in std::mem::replace(&mut self.short, vec![Entry::default(); size]) {
            if entry.number != 0 {
                let place = self.place(&entry);
                self.short[place] = entry;
            }
        }
    }
}

impl Entry {
    /// That of a token of at most [`SHORT`] bytes.
    fn of(text: &[u8], at: Range<usize>) -> Self {
        let len = at.len();
        let bytes = match text.len().checked_sub(SHORT) {
            // As many bytes of the text as fit, from the token on or up to the text's end; then those
            // before the token are moved out, and those behind it cut off.
            Some(last) => {
                let from = at.start.min(last);
                let bytes = text[from..]
                    .first_chunk()
                    .map_or(0, |bytes| u128::from_le_bytes(*bytes));
                let moved = bytes >> (8 * (at.start - from));
                match len {
                    SHORT => moved,
                    _ => moved & ((1 << (8 * len)) - 1),
                }
            }
            None => {
                let mut bytes = [0; SHORT];
                bytes[..len].copy_from_slice(&text[at]);
                u128::from_le_bytes(bytes)
            }
        };
        Self {
            bytes,
            len: len as u32,
            number: 0,
        }
    }

    fn same(&self, other: &Self) -> bool {
        (self.bytes, self.len) == (other.bytes, other.len)
    }

    fn hash(&self) -> usize {
        let (low, high) = (self.bytes as u64, (self.bytes >> 64) as u64);
        let mixed = low ^ high.rotate_left(23) ^ u64::from(self.len);
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_up_and_come_back() {
        let mut numbering = Numbering::default();
        let tokens: Vec<String> = (0..1000).map(|i| format!("t{i}")).collect();
        for round in 0..2 {
            for (i, token) in tokens.iter().enumerate() {
                assert_eq!(numbering.number(token), i as u32, "round {round}");
            }
        }
        assert_eq!(numbering.number(""), 1000, "an empty token is one too");
        assert_eq!(numbering.number("t10"), 10);
    }

    #[test]
    fn tokens_of_any_length_are_told_apart() {
        let mut numbering = Numbering::default();
        let letters = "abcdefghijklmnopqrstuvwxyz";
        let mut known = Vec::new();
        for len in 0..=20 {
            known.push(letters[..len].to_owned());
            for at in 0..len {
                let mut token = letters[..len].to_owned();
                token.replace_range(at..=at, "z");
                known.push(token);
            }
        }
        for round in 0..2 {
            for (i, token) in known.iter().enumerate() {
                assert_eq!(
                    numbering.number(token),
                    i as u32,
                    "{token:?}, round {round}"
                );
            }
        }
    }
}
