//! Characters as the tokenizer's rules see them: one byte each.
//!
//! An ASCII character is its own code. Beyond, a code stands for all characters that the tokenizer
//! treats alike:
//!
//! | code | characters |
//! | --- | --- |
//! | 80 | letters, with the vowel signs that it counts as such |
//! | 81 | marks that are part of a word but of no number |
//! | 82 | digits |
//! | 83 | signs that are a token each |
//! | 84 | characters it does not know and leaves out |
//! | 85, 99 | the no-break space; other spaces beyond ASCII |
//! | 86 | the soft hyphen |
//! | 87, 88 | closing single quotes; of those U+2019 and U+0092 are apostrophes too |
//! | 89, 8a | opening single quotes; of those U+2018, U+201B and U+0091 stand for apostrophes in `n't` |
//! | 8b, 8c | opening and closing double quotes |
//! | 8d | dashes |
//! | 8e | hyphens other than ASCII's |
//! | 8f | fractions that are written out |
//! | 90 | the ellipsis |
//! | 91 | raised and lowered digits |
//! | 92, 93, 94 | currencies that are written `$`, `cents` and `#` |
//! | 95 | the low single quote, written as it is |
//! | 96, 97 | the fraction slash; Arabic separators in numbers |
//! | 98 | the ideographic comma |

use std::sync::LazyLock;

use super::table::RUNS;

/// The code of characters that are left out, as all beyond U+FFFF are.
const UNKNOWN: u8 = 0x84;

static CODES: LazyLock<Box<[u8]>> = LazyLock::new(|| {
    let mut codes: Vec<u8> = (0..0x80).collect();
    for (i, &(first, code)) in RUNS.iter().enumerate() {
        let end = RUNS
            .get(i + 1)
            .map_or(0x1_0000, |&(next, _)| usize::from(next));
        codes.resize(codes.len() + end - usize::from(first), code);
    }
    // Line ends within a text are spaces here; other controls are nothing.
    for code in &mut codes[..0x20] {
        *code = match *code {
            b'\n' | b'\r' | 0x0b | 0x0c => b'\n',
            b'\t' => b'\t',
            _ => UNKNOWN,
        };
    }
    codes[0x7f] = UNKNOWN;
    codes.into_boxed_slice()
});

/// The code of a character.
pub fn code(c: char) -> u8 {
    CODES.get(c as usize).copied().unwrap_or(UNKNOWN)
}
