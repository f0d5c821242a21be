//! The words of the grammar: what it writes, and what the reader of captions knows.

use super::truth::{Background, Colour, Relation, Shape, Size, Texture};

/// Names of a shape, the most usual first; the plural adds `s` or `es`.
pub fn shape_names(shape: Shape) -> &'static [&'static str] {
    match shape {
        Shape::Circle => &["circle", "disc", "disk"],
        Shape::Square => &["square", "box"],
        Shape::Triangle => &["triangle"],
        Shape::Star => &["star"],
        Shape::Cross => &["cross"],
        Shape::Ring => &["ring", "hoop"],
        Shape::Heart => &["heart"],
        Shape::Diamond => &["diamond", "rhombus"],
    }
}

/// Names of a colour, the most usual first.
pub fn colour_names(colour: Colour) -> &'static [&'static str] {
    match colour {
        Colour::Red => &["red"],
        Colour::Orange => &["orange"],
        Colour::Yellow => &["yellow"],
        Colour::Green => &["green"],
        Colour::Cyan => &["cyan", "turquoise"],
        Colour::Blue => &["blue"],
        Colour::Purple => &["purple", "violet"],
        Colour::Pink => &["pink"],
    }
}

/// Adjectives for a size.
pub fn size_words(size: Size) -> &'static [&'static str] {
    match size {
        Size::Small => &["small", "little", "tiny"],
        Size::Large => &["big", "large", "huge"],
    }
}

/// Adjectives for a texture.
pub fn texture_words(texture: Texture) -> &'static [&'static str] {
    match texture {
        Texture::Solid => &["plain", "solid"],
        Texture::Striped => &["striped", "stripy"],
        Texture::Dotted => &["dotted", "spotted"],
    }
}

/// Nouns for what a texture shows; nothing where it is plain.
pub fn texture_nouns(texture: Texture) -> &'static [&'static str] {
    match texture {
        Texture::Solid => &[],
        Texture::Striped => &["stripes"],
        Texture::Dotted => &["dots", "spots"],
    }
}

/// Names of a background's colour.
pub fn background_names(background: Background) -> &'static [&'static str] {
    match background {
        Background::Black => &["black"],
        Background::Grey => &["grey", "gray"],
        Background::Brown => &["brown"],
        Background::Navy => &["navy"],
    }
}

/// Ways to say a relation in front of what it is told of.
pub fn relation_phrases(relation: Relation) -> &'static [&'static str] {
    match relation {
        Relation::LeftOf => &[
            "left of",
            "to the left of",
            "on the left of",
            "on the left side of",
        ],
        Relation::RightOf => &[
            "right of",
            "to the right of",
            "on the right of",
            "on the right side of",
        ],
        Relation::Above => &["above", "over", "on top of"],
        Relation::Below => &["below", "under", "beneath", "underneath"],
    }
}

/// The plural of a shape's name.
pub fn plural(name: &str) -> String {
    let sibilant = ["s", "x", "ch"].iter().any(|end| name.ends_with(end));
    format!("{name}{}", if sibilant { "es" } else { "s" })
}

/// The shape that a word names, and whether it is a plural.
pub fn shape_of(word: &str) -> Option<(Shape, bool)> {
    Shape::ALL.into_iter().find_map(|shape| {
        shape_names(shape).iter().find_map(|name| {
            if *name == word {
                Some((shape, false))
            } else {
                (plural(name) == word).then_some((shape, true))
            }
        })
    })
}

/// The colour that a word names.
pub fn colour_of(word: &str) -> Option<Colour> {
    Colour::ALL
        .into_iter()
        .find(|&colour| colour_names(colour).contains(&word))
}

/// Whether a word may stand between a determiner and a shape's name, colours aside.
pub fn is_modifier(word: &str) -> bool {
    let sizes = [Size::Small, Size::Large];
    let textures = [Texture::Solid, Texture::Striped, Texture::Dotted];
    sizes
        .into_iter()
        .any(|size| size_words(size).contains(&word))
        || textures
            .into_iter()
            .any(|texture| texture_words(texture).contains(&word))
        || ["colored", "coloured", "bright", "dark", "light"].contains(&word)
}

/// The number that a determiner stands for.
pub fn determiner(word: &str) -> Option<usize> {
    match word {
        "a" | "an" | "the" | "one" | "another" => Some(1),
        "two" => Some(2),
        "three" => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_name_one_thing() {
        for shape in Shape::ALL {
            for name in shape_names(shape) {
                assert_eq!(shape_of(name), Some((shape, false)));
                assert_eq!(shape_of(&plural(name)), Some((shape, true)));
            }
        }
        for colour in Colour::ALL {
            for name in colour_names(colour) {
                assert_eq!(colour_of(name), Some(colour));
            }
        }
        assert_eq!(plural("cross"), "crosses");
        assert_eq!(shape_of("picture"), None);
        assert_eq!(colour_of("navy"), None);
    }
}
