//! Tokens as numbers.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// Numbers tokens in the order of their first appearance, without an allocation a token.
#[derive(Default)]
pub struct Numbering {
    /// All tokens, one after the other.
    text: String,
    /// Where each token ends in `text`.
    ends: Vec<usize>,
    /// Numbers plus one by hash, 0 where there is none; the length is a power of two.
    table: Vec<u32>,
}

impl Numbering {
    /// The number of a token: the one it got before, or the next.
    pub fn number(&mut self, token: &str) -> u32 {
        if self.table.len() < 2 * (self.ends.len() + 1) {
            self.grow();
        }
        let mut place = self.place(token);
        loop {
            match self.table[place] {
                0 => {
                    self.text.push_str(token);
                    self.ends.push(self.text.len());
                    self.table[place] = self.ends.len() as u32;
                    return self.ends.len() as u32 - 1;
                }
                number if self.token(number - 1) == token => return number - 1,
                _ => place = (place + 1) & (self.table.len() - 1),
            }
        }
    }

    /// A token by its number.
    fn token(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[number]]
    }

    /// Where to look for a token first.
    fn place(&self, token: &str) -> usize {
        let mut hasher = FxHasher::default();
        hasher.write(token.as_bytes());
        hasher.finish() as usize & (self.table.len() - 1)
    }

    fn grow(&mut self) {
        let size = (2 * self.table.len()).max(128);
        self.table = vec![0; size];
        for number in 0..self.ends.len() as u32 {
            let mut place = self.place(self.token(number));
            while self.table[place] != 0 {
                place = (place + 1) & (size - 1);
            }
            self.table[place] = number + 1;
        }
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
}
