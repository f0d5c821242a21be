//! How a token is put out.

use super::classes;
use super::rules::Form;

/// Appends a token, which is `text` with these `codes`, in lower case; nothing for [`Form::Nothing`].
pub fn write(form: Form, text: &str, codes: &[u8], out: &mut String) {
    match form {
        Form::Nothing => {}
        Form::Plain => plain(text, codes, out),
        Form::Verbatim => lower(text, out),
        Form::Clitic => {
            for c in text.replace("&apos;", "'").chars() {
                match classes::code(c) {
                    0x87 => out.push('\''),
                    0x89 => out.push('`'),
                    _ => out.extend(c.to_lowercase()),
                }
            }
        }
        Form::OpenDouble => out.push_str("``"),
        Form::OpenSingle => out.push('`'),
        Form::Ellipsis => out.push_str("..."),
        Form::Quote => {
            for (&code, c) in codes.iter().zip(text.chars()) {
                match code {
                    0x87 | 0x88 => out.push('\''),
                    0x89 | 0x8a => out.push('`'),
                    0x8b => out.push_str("``"),
                    0x8c | b'"' => out.push_str("''"),
                    _ => out.push(c),
                }
            }
        }
        Form::Dash => match codes {
            [b'-', ..] if !matches!(codes.len(), 3 | 4) => out.push_str(text),
            _ => out.push_str("--"),
        },
        Form::Brackets => brackets(text, codes, out),
        Form::Sign => sign(text, codes, out),
    }
}

fn lower(text: &str, out: &mut String) {
    if text
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_uppercase())
    {
        out.push_str(text);
    } else {
        out.push_str(&text.to_lowercase());
    }
}

/// Soft hyphens vanish, unless there is nothing else.
fn plain(text: &str, codes: &[u8], out: &mut String) {
    if !codes.contains(&0x86) && !codes.contains(&b'&') {
        return lower(text, out);
    }
    let text = text.replace("&apos;", "'").replace('\u{ad}', "");
    lower(if text.is_empty() { "-" } else { &text }, out);
}

/// Round brackets are written out everywhere, others where they stand alone.
fn brackets(text: &str, codes: &[u8], out: &mut String) {
    let alone = codes.len() == 1;
    for (&code, c) in codes.iter().zip(text.chars()) {
        match code {
            b'(' => out.push_str("-lrb-"),
            b')' => out.push_str("-rrb-"),
            b'[' if alone => out.push_str("-lsb-"),
            b']' if alone => out.push_str("-rsb-"),
            b'{' if alone => out.push_str("-lcb-"),
            b'}' if alone => out.push_str("-rcb-"),
            b' ' | 0x85 => out.push('\u{a0}'),
            _ => out.extend(c.to_lowercase()),
        }
    }
}

fn sign(text: &str, codes: &[u8], out: &mut String) {
    match (codes[0], text) {
        (0x92, _) => out.push('$'),
        (0x93, _) => out.push_str("cents"),
        (0x94, _) => out.push('#'),
        (_, "½") => out.push_str("1/2"),
        (_, "¼") => out.push_str("1/4"),
        (_, "¾") => out.push_str("3/4"),
        (_, "⅓") => out.push_str("1/3"),
        (_, "⅔") => out.push_str("2/3"),
        _ => match text.to_lowercase().as_str() {
            "&lt;" => out.push('<'),
            "&gt;" => out.push('>'),
            "&quot;" => out.push_str("''"),
            "&apos;" => out.push('\''),
            text => out.push_str(&text.replace("&amp;", "&")),
        },
    }
}
