//! METEOR's normalizer (`-norm`): splits punctuation and hyphenated words off, once more.
//!
//! Each step rewrites the whole line, and a match consumes the characters it looks at: of
//! `a-b-c`, whose second hyphen has lost its left neighbour to the first, only one is split.

use rustc_hash::FxHashSet;

/// The normalizer, with its list of abbreviations that keep their period.
#[derive(Default)]
pub(super) struct Normalizer {
    /// Prefixes that keep their period anywhere.
    always: FxHashSet<String>,
    /// Prefixes that keep it before a number.
    before_numbers: FxHashSet<String>,
}

impl Normalizer {
    /// Reads the list: one prefix a line, some marked `#NUMERIC_ONLY#`, comments starting with `#`.
    pub fn of(prefixes: &str) -> Self {
        let mut normalizer = Self::default();
        for line in prefixes.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split_whitespace();
            let Some(prefix) = fields.next() else {
                continue;
            };
            if fields.next() == Some("#NUMERIC_ONLY#") {
                normalizer.before_numbers.insert(prefix.into());
            } else {
                normalizer.always.insert(prefix.into());
            }
        }
        normalizer
    }

    /// Calls `word` with each word of a line of tokens.
    pub fn words(&self, line: &str, mut word: impl FnMut(&str)) {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b' ';
        if line.bytes().all(plain) {
            line.split(' ')
                .filter(|token| !token.is_empty())
                .for_each(word);
            return;
        }
        let text: String = split_punctuation(line).into_iter().collect();
        let tokens: Vec<&str> = text
            .split(is_ascii_space)
            .filter(|t| !t.is_empty())
            .collect();
        for (i, token) in tokens.iter().enumerate() {
            let next = tokens.get(i + 1).and_then(|next| next.chars().next());
            match self.period(token, next) {
                Period::Stays => each_word(token, &mut word),
                Period::Inside(letters) => each_word(&letters, &mut word),
                Period::Apart(prefix) => {
                    each_word(prefix, &mut word);
                    word(".");
                }
            }
        }
    }

    /// What becomes of the period at the end of a token, `next` being the character after it.
    fn period<'a>(&self, token: &'a str, next: Option<char>) -> Period<'a> {
        let Some(prefix) = token.strip_suffix('.') else {
            return Period::Stays;
        };
        if prefix.chars().all(|c| c == '.') {
            return Period::Stays;
        }
        if prefix.contains('.') && prefix.contains(is_letter) {
            return Period::Inside(token.replace('.', ""));
        }
        let stays = self.always.contains(prefix)
            || next.is_some_and(|c| c.is_ascii_lowercase())
            || (self.before_numbers.contains(prefix) && next.is_some_and(|c| c.is_ascii_digit()));
        if stays {
            Period::Stays
        } else {
            Period::Apart(prefix)
        }
    }
}

enum Period<'a> {
    Stays,
    /// An abbreviation such as `u.s.`: the letters alone.
    Inside(String),
    /// The period is a word of its own, after this one.
    Apart(&'a str),
}

/// Lower-cases a token and splits it at spaces of all kinds.
fn each_word(token: &str, word: &mut impl FnMut(&str)) {
    if token.is_ascii() {
        word(&token.to_ascii_lowercase());
        return;
    }
    let spaces = |c| {
        matches!(
            c,
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
        )
    };
    let lower = token.to_lowercase();
    lower
        .split(spaces)
        .filter(|part| !part.is_empty())
        .for_each(word);
}

/// All steps but those that look at whole tokens.
fn split_punctuation(line: &str) -> Vec<char> {
    let mut text = vec![' '];
    for c in line.chars() {
        let kept = is_letter_or_digit(c)
            || is_ascii_space(c)
            || matches!(c, '.' | '\'' | '`' | ',' | '-' | '‘' | '’');
        if kept {
            text.push(c);
        } else {
            text.extend([' ', c, ' ']);
        }
    }
    text.push(' ');
    text = set_runs_of_periods_apart(&text);
    let (digit, no_digit) = (|c: char| c.is_ascii_digit(), |c: char| !c.is_ascii_digit());
    text = between(&text, no_digit, ',', no_digit, " , ");
    text = between(&text, digit, ',', no_digit, " , ");
    text = between(&text, no_digit, ',', digit, " , ");

    for c in &mut text {
        match *c {
            '`' | '‘' | '’' => *c = '\'',
            '\u{2013}' => *c = '-',
            '“' | '”' => *c = '"',
            _ => {}
        }
    }
    text = pairs(&text, '\'', &[' ', '"', ' ']);
    text = pairs(&text, '-', &['-']);
    let before_hyphen = |c| is_letter_or_digit(c) || c == '.';
    text = between(&text, before_hyphen, '-', is_letter_or_digit, " ");

    let no_letter = |c| !is_letter(c);
    let neither = |c: char| !is_letter(c) && !c.is_ascii_digit();
    text = between(&text, no_letter, '\'', no_letter, " ' ");
    text = between(&text, neither, '\'', is_letter, " ' ");
    text = between(&text, is_letter, '\'', no_letter, " ' ");
    text = between(&text, is_letter, '\'', is_letter, " '");
    between(&text, digit, '\'', |c| c == 's', " '")
}

/// Replaces each `mark` between two fitting neighbours by `with`; neighbours are consumed.
fn between(
    text: &[char],
    left: impl Fn(char) -> bool,
    mark: char,
    right: impl Fn(char) -> bool,
    with: &str,
) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut i = 0;
    while i < text.len() {
        match text[i..] {
            [a, b, c, ..] if b == mark && left(a) && right(c) => {
                out.push(a);
                out.extend(with.chars());
                out.push(c);
                i += 3;
            }
            _ => {
                out.push(text[i]);
                i += 1;
            }
        }
    }
    out
}

/// Replaces each two of `mark` in a row by `with`.
fn pairs(text: &[char], mark: char, with: &[char]) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut rest = text;
    while let [first, more @ ..] = rest {
        if *first == mark && more.first() == Some(&mark) {
            out.extend(with);
            rest = &more[1..];
        } else {
            out.push(*first);
            rest = more;
        }
    }
    out
}

fn set_runs_of_periods_apart(text: &[char]) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len() + 8);
    for run in text.chunk_by(|&a, &b| a == '.' && b == '.') {
        if run.len() > 1 {
            out.push(' ');
            out.extend(run);
            out.push(' ');
        } else {
            out.extend(run);
        }
    }
    out
}

/// A letter, as METEOR's normalizer has it: Latin and Cyrillic ones.
fn is_letter(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z' | 'Š' | 'Ž' | 'š' | 'ž' | 'Ÿ'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{17e}'
        | '\u{400}'..='\u{527}' | '\u{a640}'..='\u{a66e}' | '\u{a67e}'..='\u{a697}'
        | '\u{1d00}'..='\u{1d7f}')
}

fn is_letter_or_digit(c: char) -> bool {
    is_letter(c) || c.is_ascii_digit()
}

fn is_ascii_space(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> String {
        let normalizer = Normalizer::of("# a comment\nmr\n\nno #NUMERIC_ONLY# \n");
        let mut words = Vec::new();
        normalizer.words(line, |word| words.push(word.to_owned()));
        words.join(" ")
    }

    #[test]
    fn words_of_letters_and_digits_stay() {
        assert_eq!(words("  two dogs 2 7th "), "two dogs 2 7th");
        assert_eq!(words(""), "");
        assert_eq!(words("Zoë"), "zoë");
        assert_eq!(words("ſame"), "ſ ame", "the long s is none of its letters");
    }

    #[test]
    fn hyphens_split_words_but_consume_their_neighbours() {
        assert_eq!(words("a well-known man"), "a well known man");
        assert_eq!(words("a-b-c"), "a b-c");
        assert_eq!(words("ab-cd-ef"), "ab cd ef");
        assert_eq!(words("a -- b–c"), "a - b - c");
    }

    #[test]
    fn commas_stay_between_digits_only() {
        assert_eq!(words("1,000 a,b 1,b a,1 ,,"), "1,000 a , b 1 , b a , 1 , ,");
    }

    #[test]
    fn apostrophes() {
        assert_eq!(words("the man 's dogs '"), "the man ' s dogs '");
        assert_eq!(words("do n't o'er 80's"), "do n 't o 'er 80 's");
        assert_eq!(words("`` don’t ''"), "\" don 't \"");
    }

    #[test]
    fn periods() {
        assert_eq!(words("the u.s. and"), "the us and");
        assert_eq!(words("mx. X"), "mx . x");
        assert_eq!(words("mr. 5"), "mr. 5");
        assert_eq!(words("no. 5"), "no. 5");
        assert_eq!(words("no. !"), "no . !");
        assert_eq!(words("dog. cat"), "dog. cat");
        assert_eq!(words("dog."), "dog .");
        assert_eq!(words("a...b"), "a ... b");
        assert_eq!(words("wait..."), "wait ...");
        assert_eq!(words("a..-b ."), "a .. -b .");
    }

    #[test]
    fn other_signs_stand_alone_and_wide_spaces_split() {
        assert_eq!(words("c#d é€5"), "c # d é € 5");
        assert_eq!(words("2\u{a0}1/2"), "2 1 / 2");
    }
}
