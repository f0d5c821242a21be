//! Replacements of two neighbouring characters, as mteval's tokenizers are made of.

/// Replaces each pair of neighbours in the two classes, from left to right and never overlapping.
pub fn replace(
    text: &str,
    first: impl Fn(char) -> bool,
    second: impl Fn(char) -> bool,
    with: impl Fn(char, char) -> [char; 4],
) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match rest.peek() {
            Some(&next) if first(c) && second(next) => {
                out.extend(with(c, next));
                rest.next();
            }
            _ => out.push(c),
        }
    }
    out
}
