//! Captions for a scene: a small grammar with many ways to say the same.
//!
//! Every caption names the shape and the colour of every object and, where
//! there are two or more, at least one relation between two of them. What else
//! it says (size, texture, place, background), in which order and in which
//! words, is chance, as it is between people who describe a picture.

use super::phrases;
use super::truth::{Object, Relation, Scene};
use super::words::relation_phrases;
use crate::data::rng::Rng;

/// Captions to a picture.
pub const CAPTIONS: usize = 5;

/// The fewest and the most words of a caption.
const LENGTH: std::ops::RangeInclusive<usize> = 7..=22;

/// Writes [`CAPTIONS`] different captions of a scene.
pub fn captions(scene: &Scene, rng: &mut Rng) -> Vec<String> {
    let mut written: Vec<String> = Vec::with_capacity(CAPTIONS);
    while written.len() < CAPTIONS {
        let text = sentence(scene, rng);
        if LENGTH.contains(&text.split(' ').count()) && !written.contains(&text) {
            written.push(text);
        }
    }
    written
}

/// A description: either a noun phrase, which wants a frame, or a whole clause.
enum Core {
    /// `a red circle above a blue square`
    Nominal { text: String, plural: bool },
    /// `a red circle sits above a blue square`
    Clause(String),
}

fn sentence(scene: &Scene, rng: &mut Rng) -> String {
    let core = match scene.objects.as_slice() {
        [object] => single(object, rng),
        [a, b] if a.looks_like(b) && rng.chance(60) => twins(a, b, rng),
        [_, _] => pair(scene, rng).0,
        _ => triple(scene, rng),
    };
    let background = scene.background;
    let chance = if scene.objects.len() == 1 { 50 } else { 25 };
    let text = match (rng.chance(chance), core) {
        (true, core) if rng.chance(20) => {
            let description = match core {
                Core::Clause(text) => text,
                Core::Nominal { text, plural } => format!("{}{text}", there_is(plural, rng)),
            };
            format!("on a {}, {description}", phrases::backdrop(background, rng))
        }
        (true, core) => format!("{} {}", framed(core, rng), phrases::behind(background, rng)),
        (false, core) => framed(core, rng),
    };
    phrases::finish(&text, rng)
}

fn framed(core: Core, rng: &mut Rng) -> String {
    match core {
        Core::Clause(text) => text,
        Core::Nominal { text, plural } => frame(&text, plural, rng),
    }
}

/// `there is `, `we see ` or nothing
fn there_is(plural: bool, rng: &mut Rng) -> &'static str {
    rng.pick(&[
        if plural { "there are " } else { "there is " },
        "we see ",
        "",
    ])
}

/// `{a picture of} a red circle`
fn frame(text: &str, plural: bool, rng: &mut Rng) -> String {
    let picture = rng.pick(&["picture", "photo", "image", "drawing"]);
    match rng.below(12) {
        0 | 1 => format!("a {picture} of {text}"),
        2 => format!("a {picture} with {text}"),
        3 => format!("this {picture} shows {text}"),
        4 => format!("the {picture} shows {text}"),
        5 => format!("a {picture} showing {text}"),
        6 => format!("we see {text}"),
        7 => format!("here we can see {text}"),
        8 | 9 => format!("there {} {text}", if plural { "are" } else { "is" }),
        _ => text.to_owned(),
    }
}

fn single(object: &Object, rng: &mut Rng) -> Core {
    let noun = phrases::noun(object, 45, rng);
    let place = phrases::place(object, rng);
    match rng.below(10) {
        0..4 => Core::Nominal {
            text: noun,
            plural: false,
        },
        4..7 => Core::Nominal {
            text: format!("{noun} {place}"),
            plural: false,
        },
        7 => Core::Clause(format!("{noun} {} {place}", rng.pick(phrases::FINITE))),
        8 => Core::Clause(format!("{place} there is {noun}")),
        _ => Core::Clause(format!("the only thing here is {noun} {place}")),
    }
}

fn twins(a: &Object, b: &Object, rng: &mut Rng) -> Core {
    let noun = phrases::plural_noun(a, rng);
    let horizontal = a.clear_relation(b).is_some_and(Relation::is_horizontal);
    let how = if horizontal {
        rng.pick(&["side by side", "next to each other", "beside each other"])
    } else {
        rng.pick(&[
            "one above the other",
            "one over the other",
            "one on top of the other",
        ])
    };
    match rng.below(3) {
        0 => Core::Clause(format!(
            "two {noun} are {} {how}",
            rng.pick(phrases::PARTICIPLE)
        )),
        _ => Core::Nominal {
            text: format!("two {noun} {how}"),
            plural: true,
        },
    }
}

/// Two objects and how they stand, with the indices of those two.
fn pair(scene: &Scene, rng: &mut Rng) -> (Core, [usize; 2]) {
    let (a, relation, b) = rng.pick(&scene.clear_pairs());
    let detail = if scene.objects.len() == 2 { 28 } else { 12 };
    let first = phrases::noun(&scene.objects[a], detail, rng);
    let mut second = phrases::noun(&scene.objects[b], detail, rng);
    if scene.objects[a].looks_like(&scene.objects[b]) {
        second = phrases::another(&second);
    }
    let how = rng.pick(relation_phrases(relation));
    let core = match rng.below(20) {
        0..7 => nominal(format!("{first} {how} {second}")),
        7..9 => nominal(format!(
            "{first} {} {how} {second}",
            rng.pick(phrases::PARTICIPLE)
        )),
        9..12 => Core::Clause(format!(
            "{first} {} {how} {second}",
            rng.pick(phrases::FINITE)
        )),
        12..15 => {
            let verb = rng.pick(&["is", "sits", "there is", "lies", "we see"]);
            Core::Clause(format!("{how} {second} {verb} {first}"))
        }
        15..18 => nominal(format!(
            "{second} with {first} {}",
            phrases::relation_to_it(relation, rng)
        )),
        _ if relation.is_horizontal() => {
            let side = if relation == Relation::LeftOf {
                "left"
            } else {
                "right"
            };
            let beside = rng.pick(&["next to", "beside"]);
            let tail = rng.pick(&["", " side"]);
            nominal(format!("{first} {beside} {second}, on its {side}{tail}"))
        }
        _ => nominal(format!("{first} {how} {second}")),
    };
    (core, [a, b])
}

fn triple(scene: &Scene, rng: &mut Rng) -> Core {
    if rng.chance(35)
        && let Some(chain) = chain(scene, rng)
    {
        return chain;
    }
    let (core, [a, b]) = pair(scene, rng);
    let third = phrases::noun(&scene.objects[3 - a - b], 12, rng);
    match core {
        Core::Nominal { text, .. } => match rng.below(5) {
            0 => nominal(format!("{third}, and {text}")),
            1 => nominal(format!("{text}, together with {third}")),
            2 => nominal(format!("{text}, along with {third}")),
            3 => nominal(format!("three shapes, {text}, and {third}")),
            _ => nominal(format!("{text}, and also {third}")),
        },
        Core::Clause(text) => Core::Clause(match rng.below(3) {
            0 => format!("{text}, and there is also {third}"),
            1 => format!("{text}, and {third} is there too"),
            _ => format!(
                "{text}, with {third} in the same {}",
                rng.pick(&["picture", "image", "photo"])
            ),
        }),
    }
}

/// `A above B, which is left of C`, where both relations are clear.
fn chain(scene: &Scene, rng: &mut Rng) -> Option<Core> {
    let pairs = scene.clear_pairs();
    let chains: Vec<_> = pairs
        .iter()
        .flat_map(|first| pairs.iter().map(move |second| (*first, *second)))
        .filter(|((a, _, b), (c, _, d))| b == c && a != d)
        .collect();
    if chains.is_empty() {
        return None;
    }
    let ((a, first, b), (_, second, c)) = rng.pick(&chains);
    let [x, y, z] = [a, b, c].map(|i| phrases::noun(&scene.objects[i], 8, rng));
    let link = rng.pick(&[", which is", ", which is itself", " that is"]);
    let (first, second) = (
        rng.pick(relation_phrases(first)),
        rng.pick(relation_phrases(second)),
    );
    Some(nominal(format!("{x} {first} {y}{link} {second} {z}")))
}

fn nominal(text: String) -> Core {
    Core::Nominal {
        text,
        plural: false,
    }
}
