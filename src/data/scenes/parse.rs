//! Reading a caption: which objects it names, and how it says they stand.
//!
//! The reader knows the grammar's words ([`super::words`]) and skips all
//! others. A shape's name is a *mention*; the colour words in the same noun
//! phrase (`a big red circle`), or after it (`a circle in red`, `a circle that
//! is red`), are its colour, and two different ones are none. `two red circles`
//! are two mentions.
//!
//! A relation phrase tells of the mention before it and the one after it (`A
//! above B`), or, where a sentence opens with it, the other way round (`above B
//! is A`); `B with A above it` and `A next to B, on its left` are known as well.
//! `next to` without a side says nothing.

use std::ops::Range;

use super::truth::{Colour, Relation, Shape};
use super::words::{colour_of, determiner, is_modifier, shape_of};

/// An object as a caption names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention {
    /// The shape named.
    pub shape: Shape,
    /// The colour named, if there is just one.
    pub colour: Option<Colour>,
}

/// How two mentions stand, according to the caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The first stands in this relation to the second.
    Stands(Relation),
    /// They stand side by side, in either order.
    SideBySide,
    /// One stands above the other.
    OneAboveTheOther,
}

/// What a caption says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// Objects, in the order in which they are named.
    pub mentions: Vec<Mention>,
    /// Claims on two mentions, by their places in `mentions`.
    pub claims: Vec<(usize, Claim, usize)>,
}

/// A run of words that means something.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    /// Mentions, by their places, of one noun phrase.
    Named(Range<usize>),
    /// `above`, told of what follows.
    Relation(Relation),
    /// `above it`, `on its left`: told of what was named before.
    ToIt(Relation),
    /// `next to`
    Beside,
    /// `side by side`, `one above the other`
    Mutual(Claim),
    /// The end of a sentence.
    End,
    /// A word that leaves a relation waiting for its object (`of the`).
    Filler,
    /// Any other word.
    Other,
}

/// Reads a caption.
pub fn read(caption: &str) -> Reading {
    let words = words(caption);
    let mut reading = Reading::default();
    let items = items(&words, &mut reading.mentions);
    for sentence in items.split(|item| *item == Item::End) {
        claims(sentence, &mut reading.claims);
    }
    reading
}

/// Words in lower case, with `.` for the end of a sentence.
fn words(caption: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in caption.chars() {
        if c.is_alphanumeric() {
            let word = words.last_mut().expect("there is always one");
            word.extend(c.to_lowercase());
            continue;
        }
        if matches!(c, '.' | ';' | '!' | '?') {
            words.push(".".to_owned());
        }
        words.push(String::new());
    }
    words.retain(|word| !word.is_empty());
    words
}

fn items(words: &[String], mentions: &mut Vec<Mention>) -> Vec<Item> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut items = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let (item, length) = phrase(&words[at..]).unwrap_or_else(|| {
            let item = match (shape_of(words[at]), words[at]) {
                (Some((shape, plural)), _) => named(&words, at, shape, plural, mentions),
                (None, ".") => Item::End,
                (None, word) if is_filler(word) => Item::Filler,
                _ => Item::Other,
            };
            (item, 1)
        });
        items.push(item);
        at += length;
    }
    items
}

/// Words that may stand between a relation and the noun it is told of.
fn is_filler(word: &str) -> bool {
    let connective = ["to", "of", "on", "in", "at", "side", "and", "or", "hand"].contains(&word);
    connective || determiner(word).is_some() || is_modifier(word) || colour_of(word).is_some()
}

/// The relation phrase at the start of `words`, and its length in words.
fn phrase(words: &[&str]) -> Option<(Item, usize)> {
    let side = |word: &str| match word {
        "left" => Some(Relation::LeftOf),
        "right" => Some(Relation::RightOf),
        _ => None,
    };
    let level = |words: &[&str]| match words {
        ["on", "top", "of", ..] => Some((Relation::Above, 3)),
        ["above" | "over" | "atop", ..] => Some((Relation::Above, 1)),
        ["below" | "under" | "beneath" | "underneath", ..] => Some((Relation::Below, 1)),
        _ => None,
    };
    match words {
        ["side", "by", "side", ..] => return Some((Item::Mutual(Claim::SideBySide), 3)),
        ["next", "to", "each", "other", ..] => return Some((Item::Mutual(Claim::SideBySide), 4)),
        ["beside", "each", "other", ..] => return Some((Item::Mutual(Claim::SideBySide), 3)),
        ["next", "to", ..] => return Some((Item::Beside, 2)),
        ["beside", ..] => return Some((Item::Beside, 1)),
        ["one", rest @ ..] => {
            let (_, length) = level(rest)?;
            let mutual = rest[length..].starts_with(&["the", "other"]);
            return mutual.then_some((Item::Mutual(Claim::OneAboveTheOther), length + 3));
        }
        ["its", word, ..] => return side(word).map(|relation| (Item::ToIt(relation), 2)),
        _ => {}
    }
    let (relation, length) = level(words).or_else(|| {
        let relation = side(words.first()?)?;
        match &words[1..] {
            ["of", ..] => Some((relation, 2)),
            ["side", "of", ..] => Some((relation, 3)),
            ["hand", "side", "of", ..] => Some((relation, 4)),
            _ => None,
        }
    })?;
    match words.get(length) {
        Some(&"it") => Some((Item::ToIt(relation), length + 1)),
        _ => Some((Item::Relation(relation), length)),
    }
}

/// The mentions of the shape's name at `at`, with the colour of its noun phrase.
fn named(
    words: &[&str],
    at: usize,
    shape: Shape,
    plural: bool,
    mentions: &mut Vec<Mention>,
) -> Item {
    let mut colours: Vec<Colour> = Vec::new();
    let mut start = at;
    while start > 0 && (is_modifier(words[start - 1]) || colour_of(words[start - 1]).is_some()) {
        start -= 1;
        colours.extend(colour_of(words[start]));
    }
    let number = start
        .checked_sub(1)
        .and_then(|before| determiner(words[before]));
    if colours.is_empty() {
        let after = match &words[at + 1..] {
            ["in" | "is" | "are", colour, ..] => Some(colour),
            ["that" | "which", "is" | "are", colour, ..] => Some(colour),
            _ => None,
        };
        colours.extend(after.and_then(|word| colour_of(word)));
    }
    let colour = colours
        .first()
        .copied()
        .filter(|first| colours.iter().all(|c| c == first));
    let count = number.unwrap_or(if plural { 2 } else { 1 });
    let first = mentions.len();
    mentions.extend(std::iter::repeat_n(Mention { shape, colour }, count));
    Item::Named(first..mentions.len())
}

/// The claims of one sentence.
fn claims(items: &[Item], claims: &mut Vec<(usize, Claim, usize)>) {
    let mut claim = |a: &Range<usize>, claim: Claim, b: &Range<usize>| {
        claims.extend(
            a.clone()
                .flat_map(|a| b.clone().map(move |b| (a, claim, b))),
        );
    };
    let mut named: Vec<&Range<usize>> = Vec::new();
    let mut beside: Option<[&Range<usize>; 2]> = None;
    for (at, item) in items.iter().enumerate() {
        match item {
            Item::Named(range) => named.push(range),
            Item::Relation(_) | Item::Beside => {
                let Some((object, subject)) = object(&items[at + 1..]) else {
                    continue;
                };
                let Some(subject) = named.last().copied().or(subject) else {
                    continue;
                };
                if let Item::Relation(relation) = item {
                    claim(subject, Claim::Stands(*relation), object);
                } else {
                    beside = Some([subject, object]);
                }
            }
            Item::ToIt(relation) => {
                if let Some([subject, object]) = beside.take() {
                    claim(subject, Claim::Stands(*relation), object);
                } else if let [.., object, subject] = named[..] {
                    claim(subject, Claim::Stands(*relation), object);
                }
            }
            Item::Mutual(mutual) => match named[..] {
                [.., both] if both.len() == 2 => {
                    claim(
                        &(both.start..both.start + 1),
                        *mutual,
                        &(both.start + 1..both.end),
                    );
                }
                [.., a, b] => claim(a, *mutual, b),
                _ => {}
            },
            Item::End | Item::Filler | Item::Other => {}
        }
    }
}

/// What a relation is told of, if nothing but fillers and other relations is in
/// between, and what is named after that.
fn object(items: &[Item]) -> Option<(&Range<usize>, Option<&Range<usize>>)> {
    let waiting = |item: &&Item| matches!(item, Item::Filler | Item::Relation(_) | Item::Beside);
    let mut rest = items.iter().skip_while(waiting);
    let Some(Item::Named(object)) = rest.next() else {
        return None;
    };
    let next = rest.find_map(|item| match item {
        Item::Named(range) => Some(range),
        _ => None,
    });
    Some((object, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED_CIRCLE: Mention = Mention {
        shape: Shape::Circle,
        colour: Some(Colour::Red),
    };
    const BLUE_SQUARE: Mention = Mention {
        shape: Shape::Square,
        colour: Some(Colour::Blue),
    };

    #[test]
    fn mentions_carry_the_colour_of_their_noun_phrase() {
        for text in [
            "A big red circle",
            "one striped red disc.",
            "a circle in red",
            "the circle that is red",
            "a grey background with a red, dotted circle",
        ] {
            let colour = if text.contains(',') {
                None
            } else {
                Some(Colour::Red)
            };
            let expected = Mention {
                shape: Shape::Circle,
                colour,
            };
            let mentions = read(text).mentions;
            assert!(
                mentions == [expected] || mentions == [RED_CIRCLE],
                "{text}: {mentions:?}"
            );
        }
        assert_eq!(read("two red circles").mentions, [RED_CIRCLE; 2]);
        assert_eq!(read("a circle").mentions[0].colour, None);
        assert_eq!(read("a red green circle").mentions[0].colour, None);
        assert_eq!(read("a red circle and a square").mentions[1].colour, None);
        assert_eq!(read("a dog runs across the grass"), Reading::default());
    }

    #[test]
    fn relations_are_read_in_either_order() {
        let left = (0, Claim::Stands(Relation::LeftOf), 1);
        let inverted = (1, Claim::Stands(Relation::LeftOf), 0);
        for (text, expected) in [
            ("a red circle left of a blue square", left),
            (
                "a red circle is on the left side of a big blue square",
                left,
            ),
            ("a red circle next to a blue square, on its left", left),
            ("to the left of a red circle is a blue square", inverted),
            (
                "a red circle with a blue square to the left of it",
                inverted,
            ),
            ("a red circle with a blue square on its left side", inverted),
            (
                "on a black background, to the left of a red circle sits a blue square",
                inverted,
            ),
        ] {
            let reading = read(text);
            assert_eq!(reading.mentions, [RED_CIRCLE, BLUE_SQUARE], "{text}");
            assert_eq!(reading.claims, [expected], "{text}");
        }
        let chained = read("a star above a ring, which is left of a heart");
        let above = Claim::Stands(Relation::Above);
        assert_eq!(
            chained.claims,
            [(0, above, 1), (1, Claim::Stands(Relation::LeftOf), 2)]
        );
        assert_eq!(
            read("two stars side by side").claims,
            [(0, Claim::SideBySide, 1)]
        );
        let one_above = read("two red stars, one on top of the other");
        assert_eq!(one_above.claims, [(0, Claim::OneAboveTheOther, 1)]);
    }

    #[test]
    fn half_said_relations_say_nothing() {
        for text in [
            "a red circle next to a blue square",
            "a red circle and a blue square on the left",
            "on the left side of the picture, a red circle and a blue square",
            "above",
            "a star above",
            "its left",
            "one above",
        ] {
            assert_eq!(read(text).claims, [], "{text}");
        }
    }

    #[test]
    fn piled_up_relations_all_count() {
        let claims = read("a red circle left of right of above a blue square").claims;
        assert_eq!(claims.len(), 3);
    }
}
