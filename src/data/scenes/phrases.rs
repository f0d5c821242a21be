//! The pieces that captions are put together from.

use super::truth::{Background, Object, Relation, SIDE, Texture};
use super::words::{
    background_names, colour_names, plural, shape_names, size_words, texture_nouns, texture_words,
};
use crate::data::rng::Rng;

/// Verbs for where an object is.
pub const FINITE: &[&str] = &[
    "is",
    "is",
    "sits",
    "lies",
    "stands",
    "appears",
    "rests",
    "floats",
    "is placed",
    "is sitting",
    "is drawn",
    "is shown",
];

/// The same as participles.
pub const PARTICIPLE: &[&str] = &[
    "sitting",
    "lying",
    "standing",
    "placed",
    "positioned",
    "resting",
    "floating",
    "drawn",
];

/// A noun phrase with its article: shape and colour always, size and texture in
/// `detail` of 100 cases each.
pub fn noun(object: &Object, detail: usize, rng: &mut Rng) -> String {
    let (adjectives, tail) = description(object, detail, rng);
    let name = usual(shape_names(object.shape), rng);
    let article = if rng.chance(8) { "one" } else { "a" };
    format!("{article} {adjectives}{name}{tail}")
}

/// The same for several that look alike, without a number.
pub fn plural_noun(object: &Object, rng: &mut Rng) -> String {
    let (adjectives, tail) = description(object, 35, rng);
    let name = plural(usual(shape_names(object.shape), rng));
    format!("{adjectives}{name}{tail}")
}

/// `a red circle` as `another red circle`.
pub fn another(noun: &str) -> String {
    let rest = noun.split_once(' ').map_or(noun, |(_, rest)| rest);
    format!("another {rest}")
}

/// What stands before the name, each word with a space behind, and what follows it.
fn description(object: &Object, detail: usize, rng: &mut Rng) -> (String, String) {
    let mut words: Vec<&str> = Vec::new();
    if rng.chance(detail) {
        words.push(rng.pick(size_words(object.size)));
    }
    let colour = usual(colour_names(object.colour), rng);
    let texture_said = if object.texture == Texture::Solid {
        detail / 4
    } else {
        detail
    };
    let texture = rng
        .chance(texture_said)
        .then(|| rng.pick(texture_words(object.texture)));
    let nouns = texture_nouns(object.texture);
    if texture.is_some() && !nouns.is_empty() && rng.chance(30) {
        words.push(colour);
        return (joined(&words), format!(" with {}", rng.pick(nouns)));
    }
    if let Some(texture) = texture {
        let before = rng.chance(50);
        words.extend(if before {
            [texture, colour]
        } else {
            [colour, texture]
        });
    } else if rng.chance(detail / 5) {
        return (joined(&words), format!(" in {colour}"));
    } else {
        words.push(colour);
        if rng.chance(detail / 6) {
            words.push(rng.pick(&["colored", "coloured"]));
        }
    }
    (joined(&words), String::new())
}

fn joined(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word} ")).collect()
}

/// The first name in four of five cases, or else one of the others.
fn usual(names: &[&'static str], rng: &mut Rng) -> &'static str {
    if names.len() == 1 || rng.chance(80) {
        names[0]
    } else {
        rng.pick(&names[1..])
    }
}

/// `above it`, `to the left of it`
pub fn relation_to_it(relation: Relation, rng: &mut Rng) -> &'static str {
    match relation {
        Relation::LeftOf => rng.pick(&["to the left of it", "on its left", "on its left side"]),
        Relation::RightOf => rng.pick(&["to the right of it", "on its right", "on its right side"]),
        Relation::Above => rng.pick(&["above it", "over it", "on top of it"]),
        Relation::Below => rng.pick(&["below it", "under it", "beneath it"]),
    }
}

/// Where in the picture an object is, by thirds.
pub fn place(object: &Object, rng: &mut Rng) -> String {
    let third = |start: i32| match 2 * start + object.side {
        ..52 => 0,
        52..=76 => 1,
        _ => 2,
    };
    debug_assert_eq!(SIDE, 64);
    let across = ["left", "", "right"][third(object.left)];
    let down = third(object.top);
    let upper = rng.pick(&[["top", "", "bottom"], ["upper", "", "lower"]])[down];
    let edge = ["top", "", "bottom"][down];
    let phrase = match (across, edge) {
        ("", "") => rng
            .pick(&["in the middle", "in the center", "in the centre"])
            .to_owned(),
        ("", _) => format!("{} the {edge}", rng.pick(&["at", "near"])),
        (_, "") => format!("on the {across}{}", rng.pick(&["", " side"])),
        _ => format!("in the {upper} {across} corner"),
    };
    match rng.below(4) {
        0 => format!(
            "{phrase} of the {}",
            rng.pick(&["picture", "image", "photo"])
        ),
        _ => phrase,
    }
}

/// `on a black background`, to follow a description.
pub fn behind(background: Background, rng: &mut Rng) -> String {
    let before = rng.pick(&["on", "on", "on", "against", "in front of"]);
    format!("{before} a {}", backdrop(background, rng))
}

/// `black background`
pub fn backdrop(background: Background, rng: &mut Rng) -> String {
    let colour = rng.pick(background_names(background));
    format!(
        "{colour} {}",
        rng.pick(&["background", "background", "backdrop"])
    )
}

/// Puts the articles right and, in three of ten cases, a capital and a period.
pub fn finish(text: &str, rng: &mut Rng) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let mut finished = String::with_capacity(text.len() + 4);
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            finished.push(' ');
        }
        let vowel = words
            .get(i + 1)
            .is_some_and(|next| next.starts_with(['a', 'e', 'i', 'o', 'u']));
        finished.push_str(if *word == "a" && vowel { "an" } else { word });
    }
    if rng.chance(30) {
        finished[..1].make_ascii_uppercase();
        finished.push('.');
    }
    finished
}
