//! Attribute accuracy: the share of shapes, colours and relations that a caption gets right.
//!
//! Totals come from the truth alone: a shape and a colour for every object, and
//! one relation where there are two objects or more.
//!
//! 1. The caption is read ([`super::parse`]) as mentions of objects and claims on
//!    how they stand.
//! 2. Mentions are assigned to true objects, one to one, in the way that gets the
//!    most shapes and colours right; so it matters that a colour is said of the
//!    right shape, and not in which order objects are named.
//! 3. Every mention beyond the number of true objects takes one right shape and
//!    one right colour away again: an object too many costs as much as one too
//!    few, and naming everything earns nothing.
//! 4. The relation is right if the caption claims at least one and all claims
//!    are true. A claim on a mention that was not assigned, or of which neither
//!    shape nor colour is right, is not true.

use std::iter::Sum;
use std::ops::AddAssign;

use super::parse::{Claim, Mention, Reading, read};
use super::truth::{Object, Relation, Scene};

/// Attributes that captions got right, of those there are: `(right, total)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Shapes.
    pub shapes: (usize, usize),
    /// Colours.
    pub colours: (usize, usize),
    /// Relations.
    pub relations: (usize, usize),
}

impl Attributes {
    /// All attributes together.
    pub fn all(&self) -> (usize, usize) {
        let [a, b, c] = [self.shapes, self.colours, self.relations];
        (a.0 + b.0 + c.0, a.1 + b.1 + c.1)
    }
}

impl AddAssign for Attributes {
    fn add_assign(&mut self, other: Self) {
        let add = |a: &mut (usize, usize), b: (usize, usize)| *a = (a.0 + b.0, a.1 + b.1);
        add(&mut self.shapes, other.shapes);
        add(&mut self.colours, other.colours);
        add(&mut self.relations, other.relations);
    }
}

impl Sum for Attributes {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// What `caption` gets right about `scene`; the module's documentation has the definition.
pub fn attributes(scene: &Scene, caption: &str) -> Attributes {
    let reading = read(caption);
    let objects = &scene.objects;
    let surplus = reading.mentions.len().saturating_sub(objects.len());
    let mut best = Assigned::default();
    if surplus < objects.len() {
        assign(objects, &reading, &mut Vec::new(), &mut best);
    }
    let relations = usize::from(objects.len() > 1);
    Attributes {
        shapes: (best.shapes.saturating_sub(surplus), objects.len()),
        colours: (best.colours.saturating_sub(surplus), objects.len()),
        relations: (relations.min(usize::from(best.relation)), relations),
    }
}

/// What one assignment of mentions to objects gets right.
#[derive(Debug, Clone, Copy, Default)]
struct Assigned {
    shapes: usize,
    colours: usize,
    relation: bool,
}

impl Assigned {
    fn rank(&self) -> (usize, bool, usize) {
        (self.shapes + self.colours, self.relation, self.shapes)
    }
}

/// Tries every mention, and none, for the next object; keeps the first of the best.
fn assign(
    objects: &[Object],
    reading: &Reading,
    chosen: &mut Vec<Option<usize>>,
    best: &mut Assigned,
) {
    if chosen.len() == objects.len() {
        let assigned = check(objects, reading, chosen);
        if assigned.rank() > best.rank() {
            *best = assigned;
        }
        return;
    }
    let free = (0..reading.mentions.len()).filter(|m| !chosen.contains(&Some(*m)));
    for choice in free.map(Some).chain([None]).collect::<Vec<_>>() {
        chosen.push(choice);
        assign(objects, reading, chosen, best);
        chosen.pop();
    }
}

fn check(objects: &[Object], reading: &Reading, chosen: &[Option<usize>]) -> Assigned {
    let pairs = || {
        objects
            .iter()
            .zip(chosen)
            .filter_map(|(o, m)| m.map(|m| (o, &reading.mentions[m])))
    };
    let object = |mention: usize| {
        let at = chosen.iter().position(|&m| m == Some(mention))?;
        right_in_part(&objects[at], &reading.mentions[mention]).then_some(&objects[at])
    };
    let holds = |&(a, claim, b): &(usize, Claim, usize)| match (object(a), object(b)) {
        (Some(a), Some(b)) => is_true(a, claim, b),
        _ => false,
    };
    Assigned {
        shapes: pairs().filter(|(o, m)| o.shape == m.shape).count(),
        colours: pairs().filter(|(o, m)| Some(o.colour) == m.colour).count(),
        relation: !reading.claims.is_empty() && reading.claims.iter().all(holds),
    }
}

fn right_in_part(object: &Object, mention: &Mention) -> bool {
    object.shape == mention.shape || Some(object.colour) == mention.colour
}

fn is_true(a: &Object, claim: Claim, b: &Object) -> bool {
    match claim {
        Claim::Stands(relation) => a.stands(relation, b),
        Claim::SideBySide => a.stands(Relation::LeftOf, b) || a.stands(Relation::RightOf, b),
        Claim::OneAboveTheOther => a.stands(Relation::Above, b) || a.stands(Relation::Below, b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scenes::truth::{Background, Colour, Shape, Size, Texture};

    fn object(shape: Shape, colour: Colour, left: i32, top: i32) -> Object {
        Object {
            shape,
            colour,
            size: Size::Small,
            texture: Texture::Solid,
            left,
            top,
            side: 14,
        }
    }

    /// A red circle left of a blue square.
    fn two() -> Scene {
        let objects = vec![
            object(Shape::Circle, Colour::Red, 2, 20),
            object(Shape::Square, Colour::Blue, 40, 22),
        ];
        Scene {
            objects,
            background: Background::Black,
            shade: 0,
        }
    }

    fn right(scene: &Scene, caption: &str) -> (usize, usize, usize) {
        let found = attributes(scene, caption);
        assert_eq!(found.shapes.1, scene.objects.len());
        assert_eq!(found.colours.1, scene.objects.len());
        (found.shapes.0, found.colours.0, found.relations.0)
    }

    #[test]
    fn what_is_true_counts() {
        let scene = two();
        assert_eq!(
            right(&scene, "a red circle to the left of a blue square"),
            (2, 2, 1)
        );
        assert_eq!(right(&scene, "a blue box right of a red disc"), (2, 2, 1));
        assert_eq!(
            right(&scene, "Left of a blue square is a red circle."),
            (2, 2, 1)
        );
        assert_eq!(right(&scene, "a red circle and a blue square"), (2, 2, 0));
        assert_eq!(
            right(&scene, "a red circle next to a blue square"),
            (2, 2, 0)
        );
    }

    #[test]
    fn what_is_false_does_not() {
        let scene = two();
        assert_eq!(
            right(&scene, "a blue square left of a red circle"),
            (2, 2, 0)
        );
        assert_eq!(
            right(&scene, "a blue circle left of a red square"),
            (2, 0, 1)
        );
        assert_eq!(
            right(&scene, "a red circle left of a green star"),
            (1, 1, 0)
        );
        assert_eq!(right(&scene, "a red circle left of a blue star"), (1, 2, 1));
        assert_eq!(right(&scene, "a red circle"), (1, 1, 0));
        assert_eq!(right(&scene, ""), (0, 0, 0));
    }

    #[test]
    fn saying_more_than_is_there_costs() {
        let scene = two();
        assert_eq!(
            right(
                &scene,
                "a red circle left of a blue square, and a green star"
            ),
            (1, 1, 1)
        );
        let everything: String = Shape::ALL
            .iter()
            .flat_map(|s| {
                Colour::ALL
                    .iter()
                    .map(move |c| format!("a {c:?} {s:?} left of "))
            })
            .collect();
        assert_eq!(right(&scene, &everything.to_lowercase()), (0, 0, 0));
        let contradiction = "a red circle left of and right of a blue square";
        assert_eq!(right(&scene, contradiction), (2, 2, 0));
        let colours =
            "a red orange yellow green cyan blue purple pink circle left of a blue square";
        assert_eq!(right(&scene, colours), (2, 1, 1));
    }

    #[test]
    fn twins_may_be_told_in_either_order() {
        let mut scene = two();
        scene.objects[1] = object(Shape::Circle, Colour::Red, 40, 20);
        assert_eq!(right(&scene, "two red circles side by side"), (2, 2, 1));
        assert_eq!(
            right(&scene, "a red circle right of another red circle"),
            (2, 2, 1)
        );
        assert_eq!(
            right(&scene, "two red circles, one above the other"),
            (2, 2, 0)
        );
    }

    #[test]
    fn one_object_has_no_relation() {
        let mut scene = two();
        scene.objects.pop();
        let found = attributes(&scene, "a red circle");
        assert_eq!(
            found,
            Attributes {
                shapes: (1, 1),
                colours: (1, 1),
                relations: (0, 0)
            }
        );
        assert_eq!(
            right(&scene, "a red circle left of a blue square"),
            (0, 0, 0)
        );
        assert_eq!([found, found].into_iter().sum::<Attributes>().all(), (4, 4));
    }
}
