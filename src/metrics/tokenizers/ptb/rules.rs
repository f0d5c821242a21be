//! What a token may look like: one pattern a kind of token, in order of precedence.
//!
//! Patterns are written over [`classes`](super::classes) codes, one byte a character, so that `\x80`
//! is any letter beyond ASCII. At each place the longest match wins, and of equally long ones the
//! earlier rule. A match may reach into what follows a token, which only has to be there; [`Cut`] says
//! how much of it is the token.

use super::words;

/// How much of a match is the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// All of it.
    All,
    /// All but this many characters at its end.
    Less(usize),
    /// The first characters, this many.
    First(usize),
    /// What stands before the last apostrophe.
    Clitic,
    /// What stands before the `n` in front of the last apostrophe.
    Negation,
    /// What stands before the period in front of the first white space.
    Sentence,
    /// Up to the first period, which belongs to it.
    Period,
}

impl Cut {
    /// The length of the token in a match, in characters.
    pub fn apply(self, matched: &[u8]) -> usize {
        let all = matched.len();
        let space = |code: &u8| matches!(code, b' ' | b'\t' | b'\n' | 0x85 | 0x99);
        let apostrophe = |at: &usize| {
            matches!(matched[*at], b'\'' | b'`' | 0x87 | 0x89)
                || matched[*at..].starts_with(b"&apos;")
        };
        let clitic = || (0..all).rev().find(apostrophe).unwrap_or(all);
        match self {
            Self::All => all,
            Self::Less(n) => all - n,
            Self::First(n) => n,
            Self::Clitic => clitic(),
            Self::Negation => clitic() - 1,
            Self::Sentence => matched.iter().position(space).unwrap_or(all) - 1,
            Self::Period => matched
                .iter()
                .position(|&c| c == b'.')
                .map_or(all, |at| at + 1),
        }
    }
}

/// How a token is written, where that is not as it stands in the text (in lower case).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it stands, without soft hyphens.
    Plain,
    /// As it stands.
    Verbatim,
    /// Without soft hyphens, the apostrophe as `'` if it is one and as `` ` `` if it is another quote.
    Clitic,
    /// Nothing: white space and what the tokenizer does not know.
    Nothing,
    /// `''`, `` ` `` and other quotes by their first character.
    Quote,
    /// `` `` ``
    OpenDouble,
    /// `` ` ``
    OpenSingle,
    /// `...`
    Ellipsis,
    /// `--` for three or four hyphens, and for dashes.
    Dash,
    /// Brackets as `-lrb-` and the like, spaces as U+00A0.
    Brackets,
    /// Signs that are written as others: `$`, `cents`, fractions, entities.
    Sign,
}

/// A kind of token.
pub struct Rule {
    /// A regular expression over codes.
    pub pattern: String,
    pub cut: Cut,
    pub form: Form,
}

// Building blocks. A loose apostrophe is any sign that stands for one between letters.
const DIGIT: &str = r"[0-9\x82]";
const ALNUM: &str = r"[A-Za-z0-9\x80\x82]";
const LETTER: &str = r"(?:[A-Za-z\x80\x81\x86]|&[aeiouAEIOU](?:acute|grave|uml);)";
const LETTER_OR_DIGIT: &str = r"(?:[A-Za-z0-9\x80-\x82\x86]|&[aeiouAEIOU](?:acute|grave|uml);)";
const APOSTROPHE: &str = r"(?:['\x87]|&apos;)";
const LOOSE_APOSTROPHE: &str = r"(?:['`\x87\x89]|&apos;)";
const CLITIC: &str = r"(?:[msdMSD]|[rR][eE]|[vV][eE]|[lL][lL])";
/// Capitals joined by `&` or `+`.
const CAPITALS: &str = "[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+";
const SPACE_OR_LINE: &str = r"[ \t\n\x85\x99]";

fn word() -> String {
    format!("{LETTER}{LETTER_OR_DIGIT}*(?:[.!?]{LETTER}{LETTER_OR_DIGIT}*)*")
}

/// Digits with inner points, commas and colons.
fn number() -> String {
    format!(r"(?:{DIGIT}*(?:[.,:\x86\x97]{DIGIT}+)+|{DIGIT}+)")
}

/// An opening or closing tag without anything but bare words in it.
fn tag() -> String {
    let name = r"[A-Za-z][A-Za-z0-9_:.-]*";
    let attribute = format!(r#"{name}(?: *= *(?:"[^"\n]*"|'[^'\n]*'))?"#);
    format!(r"<(?:[!?][A-Za-z-][^>\n]*|/?{name}|{name}(?: +{attribute})* */?)>")
}

/// Parts of letters and digits joined by single hyphens or underscores; a part may be elided as in
/// `d'Artagnan`.
fn hyphenated() -> String {
    let part = format!("(?:[dDoOlL]{LOOSE_APOSTROPHE}{ALNUM})?{ALNUM}+");
    format!(r"{part}(?:[-_\x8e]{part})*")
}

/// The same in ASCII, where the first part may have periods and commas in it, and others may be
/// dotted abbreviations.
fn hyphenated_abbreviations() -> String {
    r"[A-Za-z0-9][A-Za-z0-9.,\x86]*(?:-(?:[A-Za-z0-9\x86]+|[A-Za-z](?:\.[A-Za-z])+\.))+".to_owned()
}

fn slashed() -> String {
    let part = "[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}";
    format!(r"{part}(?:\\?/{part}){{1,2}}")
}

fn phone() -> String {
    let (area, gap) = (format!("{DIGIT}{{2,4}}"), r"[- \x85]");
    let line = format!("{DIGIT}{{3,4}}{gap}?{DIGIT}{{3,5}}");
    let before = format!(r"(?:\({DIGIT}{{2,3}}\)[ \x85]?|(?:\+\+?)?(?:{area}{gap})?{area}{gap})");
    let dotted = format!(r"(?:(?:\+\+?)?{area}\.)?{area}\.{DIGIT}{{3,4}}\.{DIGIT}{{3,5}}");
    format!("(?:{before}{line}|{dotted})")
}

/// Web addresses: with a scheme, from `www.`, or up to a well-known domain.
fn addresses() -> [String; 3] {
    let last = r#"[^ \t\n\x85\x99"<>|.!?(){},-]"#;
    let path = format!(r#"(?:/[^ \t\n"<>|()]+{last})?"#);
    let sign = r"[a-z#%&*+~\x80\x81\x83\x84\x86-\x98\x9a-\xff]";
    let label = format!(r"{sign}[a-z#%&*+~\x80\x81\x83-\xff]*");
    [
        format!(r#"(?i:https?)://[^ \t\n"<>|(){{}}]+{last}"#),
        format!(r#"(?i:www)\.(?:[^ \t\n"<>|.!?(){{}},]+\.)+[a-zA-Z]{{2,4}}{path}"#),
        format!(r"(?:{label}\.)+(?i:com|net|org|edu){path}"),
    ]
}

fn mail() -> String {
    let before = r#"[a-zA-Z0-9][^ \t\n\x85"<>|(){}]*"#;
    let label = r#"[^ \t\n\x85"<>|(){}.]+"#;
    let end = r#"[^ \t\n\x85\x99"<>|(){}.]"#;
    format!(r"(?:&lt;|<)?{before}@(?:{label}\.)*(?:{label})?{end}(?:&gt;|>)?")
}

fn file_name() -> String {
    let endings = words::FILE_ENDINGS.join("|");
    format!(r#"(?:[A-Za-z0-9\x80\x82\x86]+\.)+(?i:{endings})[ \t\n\x85\x99.?!,"<]"#)
}

/// All rules, the earlier the stronger.
pub fn rules() -> Vec<Rule> {
    use Cut::{All, Clitic, First, Less, Negation, Period, Sentence};
    use Form::{
        Brackets, Dash, Ellipsis, Nothing, OpenDouble, OpenSingle, Plain, Quote, Sign, Verbatim,
    };
    let word = word();
    let number = number();
    let [scheme, www, domain] = addresses();
    let any = |list: &[&str]| list.join("|");
    let ends = any(words::ENDING_ABBREVIATIONS);
    let starters = any(words::SENTENCE_STARTERS);
    let titles = any(words::TITLES);
    let numbered = any(words::NUMBERED);
    let sentence_end = format!("{SPACE_OR_LINE}+(?:{starters}|{}){SPACE_OR_LINE}", tag());
    let own: Vec<(String, Cut, Form)> = vec![
        // Words that are two.
        (r"(?i:cannot)".into(), First(3), Plain),
        (r"(?i:gonna|gotta|lemme|gimme|wanna)".into(), Less(2), Plain),
        (r"'(?i:tis)".into(), First(2), Plain),
        (r"'(?i:twas)".into(), First(2), Plain),
        (tag(), All, Brackets),
        (r"&nbsp;".into(), All, Nothing),
        // Words, and those that a contraction follows.
        (format!("{word}{APOSTROPHE}{CLITIC}"), Clitic, Plain),
        (
            format!(r"[A-Za-z\x86]+[nN]{LOOSE_APOSTROPHE}[tT]"),
            Negation,
            Plain,
        ),
        (word.clone(), All, Plain),
        (
            any(words::APOSTROPHE_WORDS).replace('\'', APOSTROPHE),
            All,
            Plain,
        ),
        (format!("'[0-9][0-9]{SPACE_OR_LINE}"), Less(1), Plain),
        (format!(r"\x87[0-9][0-9]{SPACE_OR_LINE}"), Less(1), Plain),
        (scheme, All, Verbatim),
        (www, All, Verbatim),
        (domain, All, Verbatim),
        (mail(), All, Verbatim),
        ("@[A-Za-z_][A-Za-z_0-9]*".into(), All, Plain),
        (r"#[A-Za-z\x80\x81\x86]+".into(), All, Verbatim),
        // Names such as O'Malley and Ho'ohu.
        (
            format!(r"[A-HJ-XZn]{LOOSE_APOSTROPHE}[A-Za-z\x80]{{2,}}"),
            All,
            Plain,
        ),
        (
            format!(r"[A-Za-z\x80]+[aeiouyAEIOUY]{LOOSE_APOSTROPHE}[aeiouA-Z][A-Za-z\x80]*"),
            All,
            Plain,
        ),
        (
            format!("{APOSTROPHE}{CLITIC}[^A-Za-z]"),
            Less(1),
            Form::Clitic,
        ),
        (
            format!("[nN]{LOOSE_APOSTROPHE}[tT][^A-Za-z]"),
            Less(1),
            Form::Clitic,
        ),
        // Numbers.
        (format!("[-+]?{number}"), All, Plain),
        (r"[\x91]+".into(), All, Plain),
        (
            format!(r"(?:{DIGIT}{{1,4}}[- \x85])?{DIGIT}{{1,4}}(?:\\?/|\x96){DIGIT}{{1,4}}"),
            All,
            Brackets,
        ),
        (r"\x8f".into(), All, Sign),
        // Words with marks inside.
        (any(words::FIXED), All, Sign),
        // An abbreviation that may end a sentence is set apart where anything follows at all.
        (format!(r"(?s:(?:{ends})\...)"), Less(2), Plain),
        (hyphenated(), All, Plain),
        (hyphenated_abbreviations(), All, Plain),
        (CAPITALS.into(), All, Sign),
        (slashed(), All, Plain),
        (r"[cC]\+\+|[cCfF]#".into(), All, Plain),
        (phone(), All, Brackets),
        (r"[A-Z]*\$".into(), All, Plain),
        (r"#+".into(), All, Plain),
        (r"[\x92-\x94]".into(), All, Sign),
        // Abbreviations and their period.
        (
            format!(
                r"(?:{word}|{}|{}|{CAPITALS})\.[,;:\x98]",
                hyphenated(),
                hyphenated_abbreviations()
            ),
            Less(1),
            Plain,
        ),
        (format!(r"(?:[A-Za-z]\.){sentence_end}"), Sentence, Plain),
        (
            format!(r"(?:{numbered})\.{SPACE_OR_LINE}?{DIGIT}"),
            Period,
            Plain,
        ),
        (format!(r"(?:{ends}|{titles}|[A-Za-z])\."), All, Plain),
        (r"[A-Za-z](?:\.[A-Za-z])+\.".into(), All, Plain),
        (file_name(), Less(1), Verbatim),
        // Marks.
        (
            r"[<>]?[:;=][-o*']?[(){DdOPp\\|\[\]@][^A-Za-z0-9]".into(),
            Less(1),
            Brackets,
        ),
        (r"[-^x=~<>']_[-^x=~<>']".into(), All, Plain),
        (
            r"\.{3,5}|(?:\.[ \x85\x99]){2,4}\.|[\x90]".into(),
            All,
            Ellipsis,
        ),
        (r"&(?i:lt|gt|amp|quot|apos);".into(), All, Sign),
        (r"&#[0-9]+;".into(), All, Plain),
        (r"'{1,2}|[`\x87-\x8c\x95]{1,2}".into(), All, Quote),
        (r"'[A-Za-z][^ \t\n\x85\x99]".into(), First(1), OpenSingle),
        (r#""[A-Za-z0-9$]"#.into(), First(1), OpenDouble),
        (format!("{APOSTROPHE}{CLITIC}"), All, Form::Clitic),
        (format!("[nN]{LOOSE_APOSTROPHE}[tT]"), All, Form::Clitic),
        (r#"""#.into(), All, Quote),
        (r"-+|\x8d|&[mn]dash;".into(), All, Dash),
        (r"[()\[\]{}]".into(), All, Brackets),
        (r"[?!]+|_+|@+|\*+|(?:\\\*)+|<<|>>".into(), All, Plain),
        (r"\x86".into(), All, Plain),
        (r"[!-~\x82\x83\x91\x96\x98]".into(), All, Plain),
        (r"[ \t\n\x84\x85\x8e\x97\x99]".into(), All, Nothing),
    ];
    own.into_iter()
        .map(|(pattern, cut, form)| Rule { pattern, cut, form })
        .collect()
}
