//! Tokens as numbers.

use std::collections::HashMap;

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

/// A short token: its first and last bytes and its length, which leave no doubt.
#[derive(Clone, Copy, Default)]
struct Entry {
    first: u64,
    last: u64,
    len: u32,
    /// Its number plus one, 0 of an entry without a token.
    number: u32,
}

impl Numbering {
    /// The number of a token: the one it got before, or the next.
    pub fn number(&mut self, token: &str) -> u32 {
        let Some(mut entry) = Entry::of(token.as_bytes()) else {
            if let Some(&number) = self.long.get(token) {
                return number;
            }
            self.long.insert(token.into(), self.len);
            self.len += 1;
            return self.len - 1;
        };
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
    /// That of a token, or `None` of one with more than 16 bytes.
    fn of(token: &[u8]) -> Option<Self> {
        let (first, last) = match token {
            [] => (0, 0),
            [a] => (u64::from(*a), 0),
            [a, b] => (u64::from(*a), u64::from(*b)),
            [a, b, c] => (u64::from(*a) | u64::from(*b) << 8, u64::from(*c)),
            _ if token.len() < 8 => {
                let (first, last) = (token.first_chunk()?, token.last_chunk()?);
                let [first, last] = [first, last].map(|bytes| u32::from_le_bytes(*bytes));
                (u64::from(first), u64::from(last))
            }
            _ if token.len() <= 16 => {
                let (first, last) = (token.first_chunk()?, token.last_chunk()?);
                (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
            }
            _ => return None,
        };
        let len = token.len() as u32;
        Some(Self {
            first,
            last,
            len,
            number: 0,
        })
    }

    fn same(&self, other: &Self) -> bool {
        (self.first, self.last, self.len) == (other.first, other.last, other.len)
    }

    fn hash(&self) -> usize {
        let mixed = self.first.rotate_left(23) ^ self.last ^ u64::from(self.len);
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
