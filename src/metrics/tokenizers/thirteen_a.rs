//! The `13a` tokenizer of sacreBLEU, in the form Hugging Face's `bleu` uses it: case is kept.
//!
//! After mteval-v13a: a few entities are undone, most ASCII punctuation gets a space on both sides,
//! and periods, commas and hyphens are cut off depending on the digits around them. The apostrophe
//! stays in its word. Each of the replacements consumes what it matched, so runs such as `..` are
//! cut in pairs; the scans below do the same.

use std::borrow::Cow;
use std::ops::Range;

use super::python::is_space;
use super::{marks, pairs};

/// What entities stand for, in the order in which they are undone: `&amp;lt;` is `<`.
const ENTITIES: [(&str, &str); 4] = [
    ("&quot;", "\""),
    ("&amp;", "&"),
    ("&lt;", "<"),
    ("&gt;", ">"),
];

/// The tokens of `text`.
///
/// sacreBLEU's own scores first strip trailing white space; Hugging Face's do not, and it matters
/// for a text that ends in a hyphen and a line break.
pub fn tokenize(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    each(text, |text, at| tokens.push(text[at].to_owned()));
    tokens
}

/// Calls `token` with each token of `text`: with a text, as rewritten, and where in it the token is.
pub fn each(text: &str, mut token: impl FnMut(&str, Range<usize>)) {
    if is_plain(text) {
        return each_plain(text, token);
    }
    let mut text = Cow::Borrowed(text);
    let mut replace = |from: &str, to: &str| {
        if text.contains(from) {
            text = Cow::Owned(text.replace(from, to));
        }
    };
    replace("<skipped>", "");
    replace("-\n", "");
    replace("\n", " ");
    for (entity, character) in ENTITIES {
        replace(entity, character);
    }
    let text = pad_punctuation(&text);
    let stop = |c| c == '.' || c == ',';
    let no_digit = |c: char| !c.is_ascii_digit();
    let mut text = text;
    if text.contains(stop) {
        text = pairs::replace(&text, no_digit, stop, |a, b| [a, ' ', b, ' ']);
        text = pairs::replace(&text, stop, no_digit, |a, b| [' ', a, ' ', b]);
    }
    if text.contains('-') {
        let digit = |c: char| c.is_ascii_digit();
        text = pairs::replace(&text, digit, |c| c == '-', |a, b| [a, ' ', b, ' ']);
    }
    let mut start = 0;
    for (at, space) in text.match_indices(is_space).chain([(text.len(), "")]) {
        if start < at {
            token(&text, start..at);
        }
        start = at + space.len();
    }
}

/// Whether nothing in a text is rewritten before it is cut, and no two stops are neighbours, so that
/// each is cut by what stands beside it.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let stop = |byte| matches!(byte, b'.' | b',');
    // No short cuts: so it is done for many bytes at a time.
    let rewritten = bytes.iter().fold(false, |any, &byte| {
        any | !byte.is_ascii() | (byte == b'&') | (byte == b'<') | (byte == b'\n')
    });
    let neighbours = bytes.iter().zip(bytes.iter().skip(1));
    !rewritten && !neighbours.fold(false, |any, (&a, &b)| any | (stop(a) & stop(b)))
}

/// What a byte of a plain text does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Byte {
    /// Is in a token.
    Inside,
    /// Is between tokens.
    Space,
    /// Is a token.
    Mark,
    /// Is a token unless between digits: a period or a comma.
    Stop,
    /// Is a token behind a digit.
    Hyphen,
}

/// What each byte does.
const BYTES: [Byte; 256] = {
    let mut bytes = [Byte::Inside; 256];
    let mut byte = 0u8;
    while byte.is_ascii() {
        bytes[byte as usize] = match byte {
            b'\'' => Byte::Inside,
            b'.' | b',' => Byte::Stop,
            b'-' => Byte::Hyphen,
            b'\t'..=b'\r' | 0x1c..=0x1f | b' ' => Byte::Space,
            byte if byte.is_ascii_punctuation() => Byte::Mark,
            _ => Byte::Inside,
        };
        byte += 1;
    }
    bytes
};

/// Calls `token` with each token of a plain text, and where in the text it is.
fn each_plain(text: &str, mut token: impl FnMut(&str, Range<usize>)) {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut start = 0;
    marks::each(bytes, |at| {
        let alone = match BYTES[usize::from(bytes[at])] {
            Byte::Inside => return,
            Byte::Space => false,
            Byte::Mark => true,
            Byte::Stop if digit(at.wrapping_sub(1)) && digit(at + 1) => return,
            Byte::Stop => true,
            Byte::Hyphen if digit(at.wrapping_sub(1)) => true,
            Byte::Hyphen => return,
        };
        if start < at {
            token(text, start..at);
        }
        if alone {
            token(text, at..at + 1);
        }
        start = at + 1;
    });
    if start < bytes.len() {
        token(text, start..bytes.len());
    }
}

/// A space on both sides of the text and of every ASCII punctuation mark but `'`, `,`, `-`, `.`.
fn pad_punctuation(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    out.push(' ');
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '\'' | ',' | '-' | '.') {
            out.extend([' ', c, ' ']);
        } else {
            out.push(c);
        }
    }
    out.push(' ');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_by_the_digits_around() {
        assert_eq!(tokenize("1,000.5 cats."), ["1,000.5", "cats", "."]);
        assert_eq!(
            tokenize("a,b 5-6 x-y"),
            ["a", ",", "b", "5", "-", "6", "x-y"]
        );
        assert_eq!(tokenize("٣.5"), ["٣", ".", "5"]);
    }

    #[test]
    fn runs_are_cut_in_pairs() {
        assert_eq!(tokenize("so... fine"), ["so", ".", ".", ".", "fine"]);
        assert_eq!(tokenize("5.,6"), ["5", ".", ",", "6"]);
    }

    #[test]
    fn the_short_way_cuts_as_the_long_way() {
        let pieces = [
            "a", "7", ".", ",", "-", " ", "'", "(", "12", "dog", "?", "x.y", "3.5", "1,000", "\t",
            "_", "\u{1c}",
        ];
        let mut state = 1u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..8 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                text += pieces[(state >> 33) as usize % pieces.len()];
            }
            if is_plain(&text) {
                let mut short = Vec::new();
                each_plain(&text, |text, at| short.push(text[at].to_owned()));
                // A skipped mark makes it take the long way and leaves no trace.
                assert_eq!(short, tokenize(&format!("{text}<skipped>")), "{text:?}");
            }
        }
    }

    #[test]
    fn entities_hyphens_and_quotes() {
        assert_eq!(tokenize("&amp;lt;a&quot; don't"), ["<", "a", "\"", "don't"]);
        assert_eq!(tokenize("sky-\nline\nfoo-\n"), ["skyline", "foo"]);
        assert_eq!(tokenize("a<skipped>b\u{a0}c"), ["ab", "c"]);
        assert!(tokenize(" \n").is_empty());
    }
}
