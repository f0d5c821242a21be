//! NLTK's word tokenizer, on one sentence: a Treebank tokenizer with more quotes and dashes.
//!
//! The reference is a chain of rewritings that put spaces around what is to stand alone, followed
//! by a split at white space. The order matters, and so does that each rewriting goes from left to
//! right and never looks again at what it consumed. It is kept here as a chain, one `Rewrite` step
//! each; steps whose mark does not occur in the sentence are skipped.

use super::python::{fold, is_digit, is_re_word, is_regex_word, is_space};

/// Appends the words of one sentence to `tokens`.
pub fn tokenize(sentence: &[char], tokens: &mut Vec<String>) {
    let mut text = Rewrite::new(sentence);
    starting_quotes(&mut text);
    punctuation(&mut text);
    if text.any("[](){}<>") {
        text.pad(|c| matches!(c, '[' | ']' | '(' | ')' | '{' | '}' | '<' | '>'));
    }
    if text.any("-") {
        text.replace(&['-', '-'], " -- ");
    }
    text.text.insert(0, ' ');
    text.text.push(' ');
    ending_quotes(&mut text);
    contractions(&mut text);
    tokens.extend(
        text.text
            .split(|&c| is_space(c))
            .filter(|token| !token.is_empty())
            .map(|token| token.iter().collect::<String>()),
    );
}

/// Quotes that open: `“ ‘ « „`, backticks, and straight ones by what stands before them.
fn starting_quotes(text: &mut Rewrite) {
    if text.any("`«“‘„") {
        text.step(|text, i, out| {
            let run = text[i..].iter().take_while(|&&c| c == '`').count();
            let length = match text[i] {
                '«' | '“' | '‘' | '„' => 1,
                _ => run,
            };
            emit_padded(&text[i..i + length], out)
        });
    }
    if text.text.first() == Some(&'"') {
        text.text.splice(0..1, ['`', '`']);
        text.marks.add('`');
    }
    if text.any("`") {
        text.replace(&['`', '`'], " `` ");
    }
    if text.any("\"'") {
        text.step(|text, i, out| {
            if !matches!(text[i], ' ' | '(' | '[' | '{' | '<') {
                return 0;
            }
            let length = match text[i + 1..] {
                ['"', ..] => 1,
                ['\'', '\'', ..] => 2,
                _ => return 0,
            };
            out.push(text[i]);
            out.extend(" `` ".chars());
            1 + length
        });
    }
    if text.any("'") {
        text.step(|text, i, out| {
            let opens = text[i] == '\''
                && (i == 0 || !is_regex_word(text[i - 1]))
                && text.get(i + 1).is_some_and(|&c| is_regex_word(c))
                && !starts_with_clitic(&text[i + 1..]);
            if opens {
                out.extend(['\'', ' ']);
            }
            usize::from(opens)
        });
    }
}

/// Whether `text` begins with what is contracted after an apostrophe (`'re`, `'s`, …) as a word.
fn starts_with_clitic(text: &[char]) -> bool {
    ["re", "ve", "ll", "m", "t", "s", "d", "n"]
        .iter()
        .any(|clitic| {
            starts_with(text, clitic) && !text.get(clitic.len()).is_some_and(|&c| is_regex_word(c))
        })
}

fn punctuation(text: &mut Rewrite) {
    final_period(text, true);
    if text.any(":,") {
        text.step(|text, i, out| match text[i..] {
            [mark @ (':' | ','), next, ..] if !is_digit(next) => {
                out.extend([' ', mark, ' ', next]);
                2
            }
            _ => 0,
        });
        if let Some(&mark @ (':' | ',')) = text.text.last() {
            text.text.pop();
            text.text.extend([' ', mark, ' ']);
        }
    }
    if text.any(".") {
        text.step(|text, i, out| {
            let run = text[i..].iter().take_while(|&&c| c == '.').count();
            if run < 2 {
                return 0;
            }
            emit_padded(&text[i..i + run], out)
        });
    }
    if text.any(";@#$%&") {
        text.pad(|c| matches!(c, ';' | '@' | '#' | '$' | '%' | '&'));
    }
    if text.any("\u{2012}\u{2013}\u{2014}\u{2015}") {
        text.pad(|c| ('\u{2012}'..='\u{2015}').contains(&c));
    }
    final_period(text, false);
    if text.any("?!") {
        text.pad(|c| matches!(c, '?' | '!'));
    }
    if text.any("'") {
        text.step(|text, i, out| match text[i..] {
            [before, '\'', ' ', ..] if before != '\'' => {
                out.extend([before, ' ', '\'', ' ']);
                3
            }
            _ => 0,
        });
    }
    if text.any("*") {
        text.pad(|c| c == '*');
    }
}

/// Cuts off a single period at the end, before closing marks and white space.
///
/// The first time (`spaced`) spaces and curly quotes may stand among the closing marks; the second
/// time only ASCII marks may, and they stay next to the period.
fn final_period(text: &mut Rewrite, spaced: bool) {
    if !text.any(".") {
        return;
    }
    let closes = |c: char| {
        matches!(c, ']' | ')' | '}' | '>' | '"' | '\'')
            || spaced && matches!(c, ' ' | '»' | '”' | '’')
    };
    let text = &mut text.text;
    let end = text
        .iter()
        .rposition(|c| !c.is_whitespace())
        .map_or(0, |i| i + 1);
    let closers = text[..end].iter().rev().take_while(|&&c| closes(c)).count();
    let [.., before, '.'] = text[..end - closers] else {
        return;
    };
    if before == '.' {
        return;
    }
    let tail: Vec<char> = text[end - closers..end].to_vec();
    text.truncate(end - closers - 1);
    text.extend([' ', '.']);
    text.extend(spaced.then_some(' '));
    text.extend(tail);
    text.push(' ');
}

/// Quotes that close, possessives and contractions at a word's end; white space becomes one space.
fn ending_quotes(text: &mut Rewrite) {
    if text.any("»”’") {
        text.pad(|c| matches!(c, '»' | '”' | '’'));
    }
    let quoted = text.any("\"'");
    if quoted {
        text.replace(&['\'', '\''], " '' ");
        text.replace(&['"'], " '' ");
    }
    text.step(|text, i, out| {
        let run = text[i..].iter().take_while(|c| c.is_whitespace()).count();
        if run > 0 {
            out.push(' ');
        }
        run
    });
    if quoted {
        split_ending(text, &["'s", "'S", "'m", "'M", "'d", "'D", "'"]);
        split_ending(
            text,
            &["'ll", "'LL", "'re", "'RE", "'ve", "'VE", "n't", "N'T"],
        );
    }
}

/// Puts a space before an ending that stands between a character and a space.
fn split_ending(text: &mut Rewrite, endings: &[&str]) {
    text.step(|text, i, out| {
        if matches!(text[i], '\'' | ' ') {
            return 0;
        }
        let rest = &text[i + 1..];
        for ending in endings {
            let length = ending.len();
            if rest.len() > length
                && rest[length] == ' '
                && ending.chars().eq(rest[..length].iter().copied())
            {
                out.extend([text[i], ' ']);
                out.extend(&rest[..=length]);
                return length + 2;
            }
        }
        0
    });
}

/// Splits the words that are two (`cannot`, `gonna`, …), in any case.
fn contractions(text: &mut Rewrite) {
    const WORDS: [(&str, &str); 8] = [
        ("can", "not"),
        ("d", "'ye"),
        ("gim", "me"),
        ("gon", "na"),
        ("got", "ta"),
        ("lem", "me"),
        ("more", "'n"),
        ("wan", "na"),
    ];
    text.step(|text, i, out| {
        if i > 0 && is_re_word(text[i - 1]) || !is_re_word(text[i]) {
            return 0;
        }
        for (first, second) in WORDS {
            let length = first.len() + second.len();
            if !starts_with(&text[i..], first) || !starts_with(&text[i + first.len()..], second) {
                continue;
            }
            let next = text.get(i + length);
            let ends = match first {
                "wan" => next.is_some_and(|&c| is_space(c)),
                _ => !next.is_some_and(|&c| is_re_word(c)),
            };
            if ends {
                return emit_split(&text[i..i + length], first.len(), out);
            }
        }
        0
    });
    if text.any("'") {
        for second in ["is", "was"] {
            text.step(|text, i, out| {
                let length = 2 + second.len();
                let splits = text[i] == ' '
                    && starts_with(&text[i + 1..], "'t")
                    && starts_with(&text[i + 3..], second)
                    && !text.get(i + 1 + length).is_some_and(|&c| is_re_word(c));
                if !splits {
                    return 0;
                }
                1 + emit_split(&text[i + 1..=i + length], 2, out)
            });
        }
    }
}

/// Whether `text` begins with `word` (lower case), in any case.
fn starts_with(text: &[char], word: &str) -> bool {
    text.len() >= word.len() && word.chars().zip(text).all(|(w, &c)| w == fold(c))
}

/// Writes `text` with a space on both sides, unless it is empty; returns its length.
fn emit_padded(text: &[char], out: &mut Vec<char>) -> usize {
    if !text.is_empty() {
        out.push(' ');
        out.extend(text);
        out.push(' ');
    }
    text.len()
}

/// Writes the two parts of `text`, cut at `at`, each with a space around it; returns its length.
fn emit_split(text: &[char], at: usize, out: &mut Vec<char>) -> usize {
    out.push(' ');
    out.extend(&text[..at]);
    out.push(' ');
    out.extend(&text[at..]);
    out.push(' ');
    text.len()
}

/// A sentence being rewritten, step by step.
struct Rewrite {
    text: Vec<char>,
    spare: Vec<char>,
    marks: Marks,
}

impl Rewrite {
    fn new(sentence: &[char]) -> Self {
        let mut marks = Marks::default();
        for &c in sentence {
            marks.add(c);
        }
        Self {
            text: sentence.to_vec(),
            spare: Vec::with_capacity(2 * sentence.len() + 8),
            marks,
        }
    }

    /// Whether any of `marks` may occur.
    fn any(&self, marks: &str) -> bool {
        marks.chars().any(|c| self.marks.may_have(c))
    }

    /// One pass from left to right: `rewrite(text, i, out)` writes what replaces the text at `i` and
    /// returns how many characters that consumed, or 0 to leave the character as it is.
    fn step(&mut self, rewrite: impl Fn(&[char], usize, &mut Vec<char>) -> usize) {
        self.spare.clear();
        let mut i = 0;
        while i < self.text.len() {
            let consumed = rewrite(&self.text, i, &mut self.spare);
            if consumed == 0 {
                self.spare.push(self.text[i]);
            }
            i += consumed.max(1);
        }
        std::mem::swap(&mut self.text, &mut self.spare);
    }

    /// A space on both sides of every character of a class.
    fn pad(&mut self, class: impl Fn(char) -> bool) {
        self.step(|text, i, out| match class(text[i]) {
            true => emit_padded(&text[i..=i], out),
            false => 0,
        });
    }

    /// Replaces every occurrence of `what`.
    fn replace(&mut self, what: &[char], with: &str) {
        self.step(|text, i, out| {
            if !text[i..].starts_with(what) {
                return 0;
            }
            out.extend(with.chars());
            what.len()
        });
    }
}

/// The ASCII characters that occur, and whether any other does.
#[derive(Default)]
struct Marks {
    ascii: u128,
    other: bool,
}

impl Marks {
    fn add(&mut self, c: char) {
        if c.is_ascii() {
            self.ascii |= 1 << c as u32;
        } else {
            self.other = true;
        }
    }

    fn may_have(&self, c: char) -> bool {
        if c.is_ascii() {
            self.ascii >> c as u32 & 1 == 1
        } else {
            self.other
        }
    }
}

#[cfg(test)]
mod tests {
    fn words(sentence: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        super::tokenize(&sentence.chars().collect::<Vec<_>>(), &mut tokens);
        tokens
    }

    #[test]
    fn contractions_and_possessives() {
        assert_eq!(
            words("I can't say she's John's"),
            ["I", "ca", "n't", "say", "she", "'s", "John", "'s"]
        );
        assert_eq!(
            words("Cannot gonna wanna"),
            ["Can", "not", "gon", "na", "wan", "na"]
        );
        assert_eq!(words("it’s"), ["it", "’", "s"]);
        assert_eq!(words("gotta'twas"), ["got", "ta", "'t", "was"]);
    }

    #[test]
    fn quotes() {
        assert_eq!(
            words("\"stop\" (\"go\")"),
            ["``", "stop", "''", "(", "``", "go", "''", ")"]
        );
        assert_eq!(words("a 'dog 'tis"), ["a", "'", "dog", "'", "tis"]);
    }

    #[test]
    fn periods_and_numbers() {
        assert_eq!(words("St. Ives."), ["St.", "Ives", "."]);
        assert_eq!(words("(the end.)"), ["(", "the", "end", ".", ")"]);
        assert_eq!(
            words("3,000 at 5:30, so..."),
            ["3,000", "at", "5:30", ",", "so", "..."]
        );
        assert_eq!(
            words("x-ray--ok a/b $5"),
            ["x-ray", "--", "ok", "a/b", "$", "5"]
        );
    }
}
