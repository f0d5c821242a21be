//! Where each token of a short text stands.

/// Tokens of a text for which [`Places`] has room.
pub const ROOM: usize = u64::BITS as usize;

/// Where each token of a short text stands, as a set of places, one bit each.
pub struct Places([(u32, u64); 2 * ROOM]);

impl Places {
    /// The places of the tokens, or `None` if there are more than [`ROOM`].
    pub fn of(tokens: impl ExactSizeIterator<Item = u32>) -> Option<Self> {
        if tokens.len() > ROOM {
            return None;
        }
        let mut places = Self([(0, 0); 2 * ROOM]);
        for (place, id) in tokens.enumerate() {
            let (known, set) = &mut places.0[places.slot(id)];
            *known = id;
            *set |= 1 << place;
        }
        Some(places)
    }

    /// The places of a token.
    pub fn get(&self, id: u32) -> u64 {
        self.0[self.slot(id)].1
    }

    /// The slot of a token: its own or an empty one.
    fn slot(&self, id: u32) -> usize {
        let slots = self.0.len();
        let mut slot = (id.wrapping_mul(0x9e37_79b1) >> (u32::BITS - slots.ilog2())) as usize;
        while self.0[slot].1 != 0 && self.0[slot].0 != id {
            slot = (slot + 1) % slots;
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_has_its_places() {
        let tokens: Vec<u32> = (0..ROOM as u32).map(|i| i % 7 * 1_000_003).collect();
        let places = Places::of(tokens.iter().copied()).expect("room");
        for id in 0..9 {
            let at = |place: &usize| tokens[*place] == id * 1_000_003;
            let expected = (0..ROOM).filter(at).fold(0, |set, place| set | 1 << place);
            assert_eq!(places.get(id * 1_000_003), expected);
        }
        assert!(Places::of([0; ROOM + 1].into_iter()).is_none());
    }
}
