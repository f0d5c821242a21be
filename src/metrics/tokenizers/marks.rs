//! Where the words of an ASCII text end, found for many bytes at a time.

/// Bytes that are looked at together.
const BLOCK: usize = u64::BITS as usize;

/// Calls `found` with the place of each byte that is no ASCII letter, no digit and no apostrophe.
#[inline]
pub fn each(text: &[u8], mut found: impl FnMut(usize)) {
    for start in (0..text.len()).step_by(BLOCK) {
        let rest = &text[start..];
        let mut marks = match rest.first_chunk() {
            Some(block) => marks(block),
            None => {
                let mut block = [b'a'; BLOCK];
                block[..rest.len()].copy_from_slice(rest);
                marks(&block)
            }
        };
        while marks != 0 {
            found(start + marks.trailing_zeros() as usize);
            marks &= marks - 1;
        }
    }
}

/// One bit a byte: whether it is a mark.
fn marks(block: &[u8; BLOCK]) -> u64 {
    // One byte a byte first: that takes vector instructions.
    let flags = block.map(|byte| {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        u8::from(!(letter | digit | (byte == b'\'')))
    });
    let mut bits = [0; BLOCK / 8];
    for (bits, flags) in bits.iter_mut().zip(flags.as_chunks::<8>().0) {
        // The product has flag i at bit 56 + i.
        *bits = (u64::from_le_bytes(*flags).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8;
    }
    u64::from_le_bytes(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_told_at_every_place() {
        let is_mark = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'\'';
        for len in [0, 1, 63, 64, 65, 200] {
            for first in 0..=255u8 {
                let text: Vec<u8> = (0..len)
                    .map(|i| first.wrapping_add((i * 7) as u8))
                    .collect();
                let mut found = Vec::new();
                each(&text, |at| found.push(at));
                let expected = (0..len).filter(|&at| is_mark(text[at]));
                assert_eq!(found, expected.collect::<Vec<_>>());
            }
        }
    }
}
