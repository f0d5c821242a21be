//! Punkt, the sentence splitter of NLTK (Kiss & Strunk 2006), with its English model.
//!
//! Every `.`, `?` or `!` followed by closing punctuation or by white space and more text may end a
//! sentence. Whether it does is decided from the word before it and the one after: abbreviations,
//! initials and numbers, and how the next word is usually written.

use std::ops::Range;

use super::punkt_model::{Model, Seen};
use super::python::{is_digit, is_regex_word, is_space};

/// The sentences of `text`, without the white space between them.
pub fn sentences(text: &[char]) -> Vec<Range<usize>> {
    let end = text
        .iter()
        .rposition(|&c| !is_space(c))
        .map_or(0, |i| i + 1);
    let mut cuts = Vec::new();
    let mut start = 0;
    for candidate in candidates(text) {
        if breaks(text, &candidate) {
            cuts.push(start..candidate.mark + 1);
            start = candidate.next_start();
        }
    }
    cuts.push(start..end.max(start));
    realign(text, &cuts)
}

/// A mark that may end a sentence.
struct Candidate {
    /// Where the word that the mark ends begins.
    word: usize,
    /// Where the mark stands.
    mark: usize,
    /// The end of what follows: of one closing mark, or of white space and the token after it.
    after: usize,
    /// Where the token after white space begins, if it is that.
    next_token: Option<usize>,
}

impl Candidate {
    /// Where the next sentence begins if this one ends here.
    fn next_start(&self) -> usize {
        self.next_token.unwrap_or(self.mark + 1)
    }
}

/// Characters that cannot be part of a word.
fn is_non_word(c: char) -> bool {
    matches!(
        c,
        ')' | '"'
            | ';'
            | '}'
            | ']'
            | '*'
            | ':'
            | '@'
            | '\''
            | '('
            | '{'
            | '['
            | '‘'
            | '’'
            | '“'
            | '”'
            | '«'
            | '»'
            | '?'
            | '!'
    )
}

/// The candidates to decide on; of those that share a word (`acting!!!`) only the last.
fn candidates(text: &[char]) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    let mut previous = 0..0;
    for mark in 0..text.len() {
        if !matches!(text[mark], '.' | '?' | '!') {
            continue;
        }
        let Some((after, next_token)) = what_follows(text, mark + 1) else {
            continue;
        };
        // From the last white space since the previous candidate; one that is the stretch's very
        // first character does not count, as in the reference.
        let space = text[previous.end..mark]
            .iter()
            .rposition(|c| matches!(c, ' ' | '\t'..='\r'));
        let word = match space {
            None | Some(0) => previous.start,
            Some(i) => previous.end + i + 1,
        };
        if found.last().is_some_and(|last| last.mark > word) {
            found.pop();
        }
        found.push(Candidate {
            word,
            mark,
            after,
            next_token,
        });
        previous = word..mark;
    }
    found
}

/// What makes the mark before `i` a candidate: see [`Candidate::after`] and [`Candidate::next_token`].
fn what_follows(text: &[char], i: usize) -> Option<(usize, Option<usize>)> {
    let &next = text.get(i)?;
    if is_non_word(next) {
        return Some((i + 1, None));
    }
    let start = i + text[i..].iter().take_while(|c| c.is_whitespace()).count();
    let end = start
        + text[start..]
            .iter()
            .take_while(|c| !c.is_whitespace())
            .count();
    (start > i && end > start).then_some((end, Some(start)))
}

/// Whether a sentence ends at the candidate: any token of its context but the last says so.
fn breaks(text: &[char], candidate: &Candidate) -> bool {
    let mut tokens: Vec<Token> = text[candidate.word..candidate.after]
        .split(|&c| c == '\n')
        .filter(|line| !line.iter().all(|&c| is_space(c)))
        .flat_map(words)
        .map(Token::new)
        .collect();
    for i in 1..tokens.len() {
        let (before, rest) = tokens.split_at_mut(i);
        before[i - 1].look_at_next(&rest[0]);
        if before[i - 1].ends_sentence {
            return true;
        }
    }
    false
}

/// Punkt's words of one line.
fn words(line: &[char]) -> Vec<&[char]> {
    let mut words = Vec::new();
    let mut i = 0;
    while i < line.len() {
        if line[i].is_whitespace() {
            i += 1;
            continue;
        }
        let length = match multi_mark(&line[i..]) {
            0 if cannot_start_word(line[i]) => 1,
            0 => {
                1 + (i + 1..line.len())
                    .take_while(|&end| !ends_word(&line[end..]))
                    .count()
            }
            marks => marks,
        };
        words.push(&line[i..i + length]);
        i += length;
    }
    words
}

fn cannot_start_word(c: char) -> bool {
    matches!(
        c,
        '(' | '"'
            | '`'
            | '{'
            | '['
            | ':'
            | ';'
            | '&'
            | '#'
            | '*'
            | '@'
            | ')'
            | '}'
            | ']'
            | '-'
            | ','
    )
}

/// Whether a word ends before `rest`, which is not empty.
fn ends_word(rest: &[char]) -> bool {
    let plain =
        |rest: &[char]| rest[0].is_whitespace() || is_non_word(rest[0]) || multi_mark(rest) > 0;
    plain(rest) || rest[0] == ',' && (rest.len() == 1 || plain(&rest[1..]))
}

/// The length of the run of hyphens, of periods, or of three or more spaced periods that `text`
/// starts with; 0 if it starts with none.
fn multi_mark(text: &[char]) -> usize {
    let run = |mark| text.iter().take_while(|&&c| c == mark).count();
    match text[0] {
        '-' if run('-') >= 2 => run('-'),
        '.' if run('.') >= 2 => run('.'),
        '.' => {
            let spaced = |pair: &&[char]| pair[0].is_whitespace() && pair[1] == '.';
            match text[1..].chunks_exact(2).take_while(spaced).count() {
                more @ 2.. => 1 + 2 * more,
                _ => 0,
            }
        }
        _ => 0,
    }
}

const NUMBER: &str = "##number##";

/// A token of a context, with what was found out about it.
struct Token {
    text: String,
    /// Lower case; numbers are all one type.
    kind: String,
    abbreviation: bool,
    ellipsis: bool,
    ends_sentence: bool,
}

impl Token {
    /// The first pass: what the token itself tells.
    fn new(chars: &[char]) -> Self {
        let text: String = chars.iter().collect();
        let lower = text.to_lowercase();
        let mut token = Self {
            kind: if is_number(&lower) {
                NUMBER.into()
            } else {
                lower
            },
            text,
            abbreviation: false,
            ellipsis: false,
            ends_sentence: false,
        };
        if matches!(token.text.as_str(), "." | "?" | "!") {
            token.ends_sentence = true;
        } else if token.text.ends_with("..") {
            token.ellipsis = token.text.chars().all(|c| c == '.');
        } else if let Some(word) = token.text.strip_suffix('.') {
            let word = word.to_lowercase();
            let last_part = word.rsplit('-').next().unwrap_or(&word);
            let known = &Model::english().abbreviations;
            token.abbreviation = known.contains(word.as_str()) || known.contains(last_part);
            token.ends_sentence = !token.abbreviation;
        }
        token
    }

    /// The second pass: what the next token tells about this one.
    fn look_at_next(&mut self, next: &Self) {
        if !self.text.ends_with('.') {
            return;
        }
        let model = Model::english();
        let kind = without_period(&self.kind);
        let next_kind = next.kind_in_sentence();
        if model.collocations.contains(&(kind, next_kind)) {
            self.ends_sentence = false;
            return;
        }
        let initial = self.is_initial();
        let opens = next.opens_sentence();
        if (self.abbreviation || self.ellipsis) && !initial {
            let frequent =
                next.starts_with(char::is_uppercase) && model.starters.contains(next_kind);
            if opens == Some(true) || frequent {
                self.ends_sentence = true;
                return;
            }
        }
        if initial || kind == NUMBER {
            let name = opens.is_none()
                && initial
                && next.starts_with(char::is_uppercase)
                && !model.seen.contains_key(next_kind);
            if opens == Some(false) || name {
                self.ends_sentence = false;
            }
        }
    }

    /// Whether this token opens a sentence, from how it is written here and usually; `None` if unknown.
    fn opens_sentence(&self) -> Option<bool> {
        if matches!(self.text.as_str(), ";" | ":" | "," | "." | "!" | "?") {
            return Some(false);
        }
        let seen = Model::english().seen.get(self.kind_in_sentence());
        if self.starts_with(char::is_uppercase) {
            matches!(seen, Some(Seen::Lower | Seen::LowerOpening)).then_some(true)
        } else if self.starts_with(char::is_lowercase) {
            (seen != Some(&Seen::LowerOpening)).then_some(false)
        } else {
            None
        }
    }

    /// The type without the period that ends the sentence.
    fn kind_in_sentence(&self) -> &str {
        if self.ends_sentence {
            without_period(&self.kind)
        } else {
            &self.kind
        }
    }

    fn starts_with(&self, class: impl Fn(char) -> bool) -> bool {
        self.text.chars().next().is_some_and(class)
    }

    /// A single letter and a period.
    fn is_initial(&self) -> bool {
        let mut chars = self.text.chars();
        let letter = chars
            .next()
            .is_some_and(|c| is_regex_word(c) && !is_digit(c));
        letter && chars.as_str() == "."
    }
}

fn without_period(kind: &str) -> &str {
    match kind.strip_suffix('.') {
        Some(rest) if !rest.is_empty() => rest,
        _ => kind,
    }
}

/// An optional minus, an optional period or comma, a digit, then digits, commas, periods, hyphens.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let text = text.strip_prefix(['.', ',']).unwrap_or(text);
    text.starts_with(is_digit)
        && text
            .chars()
            .all(|c| is_digit(c) || matches!(c, ',' | '.' | '-'))
}

/// Moves closing punctuation at a sentence's start to the sentence before; drops empty sentences.
fn realign(text: &[char], cuts: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut sentences = Vec::with_capacity(cuts.len());
    let mut moved = 0;
    for (i, cut) in cuts.iter().enumerate() {
        let start = cut.start + moved;
        moved = 0;
        let mut end = cut.end;
        if let Some(next) = cuts.get(i + 1) {
            let (closers, space) = leading_closers(&text[next.clone()]);
            if closers > 0 {
                end = next.start + closers;
                moved = closers + space;
            }
        }
        if start < end {
            sentences.push(start..end);
        }
    }
    sentences
}

/// The fewest closing marks at the start that white space, `--` or the end follows, and the length
/// of that white space; zeros if there are none.
fn leading_closers(sentence: &[char]) -> (usize, usize) {
    let closes = |c: &&char| {
        matches!(
            c,
            '"' | '\'' | ')' | ']' | '}' | '‘' | '’' | '“' | '”' | '«' | '»'
        )
    };
    let run = sentence.iter().take_while(closes).count();
    for closers in 1..=run {
        let rest = &sentence[closers..];
        let space = rest.iter().take_while(|c| c.is_whitespace()).count();
        if space > 0 || rest.is_empty() || rest.starts_with(&['-', '-']) {
            return (closers, space);
        }
    }
    (0, 0)
}

#[cfg(test)]
mod tests {
    fn split(text: &str) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        super::sentences(&chars)
            .into_iter()
            .map(|range| chars[range].iter().collect())
            .collect()
    }

    #[test]
    fn abbreviations_and_initials_do_not_end_a_sentence() {
        assert_eq!(
            split("Mr. Hale waits. A dog sits."),
            ["Mr. Hale waits.", "A dog sits."]
        );
        assert_eq!(
            split("J. Bach plays at 5 p.m. on Sunday "),
            ["J. Bach plays at 5 p.m. on Sunday"]
        );
    }

    #[test]
    fn closing_marks_belong_to_the_sentence_before() {
        assert_eq!(
            split("(It ran.) It fell!!! \"Yes.\" No"),
            ["(It ran.)", "It fell!!!", "\"Yes.\"", "No"]
        );
    }

    #[test]
    fn nothing_is_no_sentence() {
        assert!(split("").is_empty());
        assert!(split(" \n\t").is_empty());
        assert_eq!(
            split("Up. \u{1c}"),
            ["Up."],
            "white space to one half of the reference only"
        );
    }
}
