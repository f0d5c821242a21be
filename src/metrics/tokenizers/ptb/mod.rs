//! Captions as coco-caption tokenizes them: Stanford CoreNLP 3.4.1's `PTBTokenizer` with
//! `-preserveLines -lowerCase`, and its punctuation taken away.
//!
//! The tokenizer is a longest-match lexer. Its rules (`rules.rs`) are stated here anew, from what it does:
//! every character of the Basic Multilingual Plane was tried for its class, and the rules were
//! compared on all captions of COCO's validation set and of Flickr8k (no difference) and on 110,000
//! random strings of marks, abbreviations and numbers (12 differ).
//!
//! ```text
//! text ──[classes]──▶ one code a character ──[rules, one automaton]──▶ match
//!      ──[Cut]──▶ token ──[write]──▶ as it is put out, or nothing
//! ```

mod classes;
mod rules;
mod table;
mod words;
mod write;

use std::sync::LazyLock;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::{primitives::StateID, start, syntax};
use regex_automata::{Anchored, MatchKind};

use rules::{Cut, Form};

/// Tokens that are taken away, as coco-caption's wrapper does. It lists brackets in capitals, which
/// no token has any more, so `-lrb-` and the like stay.
const PUNCTUATION: [&str; 13] = [
    "''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";",
];

/// Calls `token` with the line and the text of every token of `lines` that is no punctuation.
///
/// A line's tokens can depend on the start of the line after it: `plan A.` ends a sentence if
/// `The cat` follows, and keeps its period otherwise. `next` is the line after the last.
///
/// A line break within a line counts as a space.
pub fn scan<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    next: Option<&'a str>,
    mut token: impl FnMut(usize, &str),
) {
    let mut text = Text::default();
    let mut count = 0;
    for line in lines {
        text.push(line);
        count += 1;
    }
    if let Some(next) = next {
        text.push(next);
    }
    let lexer = &*LEXER;
    let (mut line, mut at) = (0, 0);
    let mut written = String::new();
    while at < text.codes.len() && line < count {
        if text.codes[at] == b'\n' {
            line += 1;
            at += 1;
            continue;
        }
        let Some((rule, length)) = lexer.longest(&text.codes[at..]) else {
            at += 1;
            continue;
        };
        let (cut, form) = lexer.rules[rule];
        let codes = &text.codes[at..at + length];
        let codes = &codes[..cut.apply(codes)];
        written.clear();
        write::write(form, text.slice(at, codes.len()), codes, &mut written);
        if !written.is_empty() && !PUNCTUATION.contains(&written.as_str()) {
            token(line, &written);
        }
        at += codes.len();
    }
}

/// Compiles the rules, which the first text would have to wait for otherwise.
pub fn prepare() {
    LazyLock::force(&LEXER);
}

/// The tokens of one text without punctuation, with nothing after it.
pub fn tokenize(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    scan([text], None, |_, token| tokens.push(token.to_owned()));
    tokens
}

/// Lines of text, each with a line end, and their codes.
#[derive(Default)]
struct Text {
    text: String,
    codes: Vec<u8>,
    /// Where each character starts in `text`; empty as long as all are ASCII.
    starts: Vec<usize>,
}

impl Text {
    fn push(&mut self, line: &str) {
        if !line.is_ascii() && self.starts.is_empty() {
            self.starts = (0..self.text.len()).collect();
        }
        if !line.is_ascii() || !self.starts.is_empty() {
            let start = self.text.len();
            self.starts
                .extend(line.char_indices().map(|(at, _)| start + at));
            self.starts.push(start + line.len());
        }
        self.text.push_str(line);
        self.text.push('\n');
        let codes = line.chars().map(classes::code);
        // Only the end of a line ends a line.
        self.codes
            .extend(codes.map(|code| if code == b'\n' { b' ' } else { code }));
        self.codes.push(b'\n');
    }

    /// `count` characters from character `at`.
    fn slice(&self, at: usize, count: usize) -> &str {
        if self.starts.is_empty() {
            return &self.text[at..at + count];
        }
        let end = self.starts.get(at + count).copied();
        &self.text[self.starts[at]..end.unwrap_or(self.text.len())]
    }
}

/// The rules as one automaton over codes.
struct Lexer {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
    rules: Vec<(Cut, Form)>,
}

static LEXER: LazyLock<Lexer> = LazyLock::new(|| {
    let rules = rules::rules();
    let patterns: Vec<&str> = rules.iter().map(|rule| rule.pattern.as_str()).collect();
    let dfa = dense::Builder::new()
        .configure(
            dense::Config::new()
                .match_kind(MatchKind::All)
                .start_kind(StartKind::Anchored),
        )
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(thompson::Config::new().utf8(false))
        .build_many(&patterns)
        .expect("the rules are valid patterns");
    let start = dfa
        .start_state(&start::Config::new().anchored(Anchored::Yes))
        .expect("no rule looks behind");
    Lexer {
        dfa,
        start,
        rules: rules.iter().map(|rule| (rule.cut, rule.form)).collect(),
    }
});

impl Lexer {
    /// The rule that matches longest at the start of `codes`, of equally long ones the first, and
    /// the length of its match.
    fn longest(&self, codes: &[u8]) -> Option<(usize, usize)> {
        let (mut state, mut best) = (self.start, None);
        for (at, &code) in codes.iter().enumerate() {
            state = self.dfa.next_state(state, code);
            if self.dfa.is_special_state(state) {
                // A match is known one code after its end.
                if self.dfa.is_match_state(state) {
                    best = Some((state, at));
                } else if self.dfa.is_dead_state(state) {
                    return best.map(|(state, length)| (self.first(state), length));
                }
            }
        }
        state = self.dfa.next_eoi_state(state);
        if self.dfa.is_match_state(state) {
            best = Some((state, codes.len()));
        }
        best.map(|(state, length)| (self.first(state), length))
    }

    /// The first of the rules that match in a state.
    fn first(&self, state: StateID) -> usize {
        let matching = (0..self.dfa.match_len(state)).map(|i| self.dfa.match_pattern(state, i));
        matching.min().map_or(0, |pattern| pattern.as_usize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> String {
        tokenize(text).join(" ")
    }

    #[test]
    fn captions_lose_case_and_punctuation() {
        assert_eq!(
            tokens("A man's dog, (a \"Pug\") isn't in the photo; it's... gone!"),
            "a man 's dog -lrb- a pug -rrb- is n't in the photo it 's gone"
        );
        assert_eq!(
            tokens("two-way x-ray -- black/white"),
            "two-way x-ray black/white"
        );
        assert_eq!(tokens(""), "");
        assert_eq!(tokens("... !? ."), "!?");
    }

    #[test]
    fn contractions_and_names() {
        assert_eq!(
            tokens("cannot gonna 'tis don’t he'd've"),
            "can not gon na 't is do n't he 'd 've"
        );
        assert_eq!(
            tokens("rock'n'roll dogs' O'Neil Hawai'i"),
            "rock 'n' roll dogs o'neil hawai'i"
        );
    }

    #[test]
    fn numbers_and_signs() {
        assert_eq!(
            tokens("1,000.5 at 12:30pm, 8.5x11"),
            "1,000.5 at 12:30 pm 8.5 x11"
        );
        assert_eq!(tokens("2 1/2 ½ £5 50% #3"), "2\u{a0}1/2 1/2 # 5 50 % # 3");
        assert_eq!(tokens("(555) 555-1234"), "-lrb-555-rrb-\u{a0}555-1234");
        assert_eq!(
            tokens("a dog:) <b>bold</b> 🐶"),
            "a dog :-rrb- <b> bold </b>"
        );
    }

    #[test]
    fn abbreviations_keep_their_period() {
        assert_eq!(
            tokens("Mr. Smith of St. Paul, U.S. at 5 p.m. etc."),
            "mr. smith of st. paul u.s. at 5 p.m. etc."
        );
        assert_eq!(tokens("no. 5 is no. good"), "no. 5 is no good");
    }

    #[test]
    fn the_next_line_may_end_a_sentence() {
        let lines = |next| {
            let mut tokens = Vec::new();
            scan(["a plan A.", "the cat"], next, |line, token| {
                tokens.push((line, token.to_owned()))
            });
            tokens
                .iter()
                .map(|(line, token)| format!("{line}{token}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(lines(None), "0a 0plan 0a. 1the 1cat");
        let mut tokens = Vec::new();
        scan(["plan A."], Some("The cat"), |_, token| {
            tokens.push(token.to_owned())
        });
        assert_eq!(tokens, ["plan", "a"]);
    }

    #[test]
    fn characters_beyond_ascii_do_not_shift_what_follows() {
        let mut tokens = Vec::new();
        scan(
            ["a dog", "un café noir", "日本 dogs"],
            None,
            |line, token| {
                tokens.push(format!("{line}{token}"));
            },
        );
        assert_eq!(
            tokens,
            ["0a", "0dog", "1un", "1café", "1noir", "2日本", "2dogs"]
        );
    }
}
