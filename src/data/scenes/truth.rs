//! What is in a picture: the truth that captions are checked against.

use serde::{Deserialize, Serialize};

/// Height and width of a picture in pixels.
pub const SIDE: usize = 64;

/// How far apart, in pixels, two objects must be along an axis for a relation
/// along that axis to hold.
pub const CLEAR_GAP: i32 = 4;

/// What an object looks like in outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Shape {
    Circle,
    Square,
    Triangle,
    Star,
    Cross,
    Ring,
    Heart,
    Diamond,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 8] = [
        Self::Circle,
        Self::Square,
        Self::Triangle,
        Self::Star,
        Self::Cross,
        Self::Ring,
        Self::Heart,
        Self::Diamond,
    ];
}

/// What an object is painted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Colour {
    Red,
    Orange,
    Yellow,
    Green,
    Cyan,
    Blue,
    Purple,
    Pink,
}

impl Colour {
    /// Every colour.
    pub const ALL: [Self; 8] = [
        Self::Red,
        Self::Orange,
        Self::Yellow,
        Self::Green,
        Self::Cyan,
        Self::Blue,
        Self::Purple,
        Self::Pink,
    ];
}

/// How big an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Size {
    Small,
    Large,
}

/// How an object is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Texture {
    Solid,
    Striped,
    Dotted,
}

/// What is behind the objects: always darker than they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Background {
    Black,
    Grey,
    Brown,
    Navy,
}

impl Background {
    /// Every background.
    pub const ALL: [Self; 4] = [Self::Black, Self::Grey, Self::Brown, Self::Navy];
}

/// Where one object is, seen from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Relation {
    LeftOf,
    RightOf,
    Above,
    Below,
}

impl Relation {
    /// Every relation.
    pub const ALL: [Self; 4] = [Self::LeftOf, Self::RightOf, Self::Above, Self::Below];

    /// The same fact told of the other object.
    pub fn inverse(self) -> Self {
        match self {
            Self::LeftOf => Self::RightOf,
            Self::RightOf => Self::LeftOf,
            Self::Above => Self::Below,
            Self::Below => Self::Above,
        }
    }

    /// Whether it is told along the horizontal axis.
    pub fn is_horizontal(self) -> bool {
        matches!(self, Self::LeftOf | Self::RightOf)
    }
}

/// One object of a picture; it fills a square box, in pixels from the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Object {
    /// Outline.
    pub shape: Shape,
    /// Paint.
    pub colour: Colour,
    /// Small or large.
    pub size: Size,
    /// Filling.
    pub texture: Texture,
    /// Left edge of the box.
    pub left: i32,
    /// Top edge of the box.
    pub top: i32,
    /// Width and height of the box.
    pub side: i32,
}

impl Object {
    /// Whether `self` stands in `relation` to `other`: along the relation's
    /// axis the boxes are at least [`CLEAR_GAP`] pixels apart, in that order.
    pub fn stands(&self, relation: Relation, other: &Self) -> bool {
        match relation {
            Relation::LeftOf => self.left + self.side + CLEAR_GAP <= other.left,
            Relation::RightOf => other.stands(Relation::LeftOf, self),
            Relation::Above => self.top + self.side + CLEAR_GAP <= other.top,
            Relation::Below => other.stands(Relation::Above, self),
        }
    }

    /// The relation of `self` to `other` that a person would name without
    /// doubt: the only one that holds. `None` where none or, on a diagonal, two do.
    pub fn clear_relation(&self, other: &Self) -> Option<Relation> {
        let mut holding = Relation::ALL.into_iter().filter(|&r| self.stands(r, other));
        let first = holding.next()?;
        holding.next().is_none().then_some(first)
    }

    /// Whether nothing but the place tells the two apart.
    pub fn looks_like(&self, other: &Self) -> bool {
        (self.shape, self.colour, self.size, self.texture)
            == (other.shape, other.colour, other.size, other.texture)
    }
}

/// The truth of one picture, enough to draw it and to check a caption.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scene {
    /// One to three objects that do not touch.
    pub objects: Vec<Object>,
    /// What is behind them.
    pub background: Background,
    /// Names the slight shift of this picture's colours.
    pub shade: u32,
}

impl Scene {
    /// Ordered pairs of objects with the relation of the first to the second,
    /// where it is beyond doubt.
    pub fn clear_pairs(&self) -> Vec<(usize, Relation, usize)> {
        let mut pairs = Vec::new();
        for (a, first) in self.objects.iter().enumerate() {
            for (b, second) in self.objects.iter().enumerate() {
                if let Some(relation) = first.clear_relation(second)
                    && a != b
                {
                    pairs.push((a, relation, b));
                }
            }
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(left: i32, top: i32, side: i32) -> Object {
        Object {
            shape: Shape::Circle,
            colour: Colour::Red,
            size: Size::Small,
            texture: Texture::Solid,
            left,
            top,
            side,
        }
    }

    #[test]
    fn a_relation_needs_a_gap() {
        let a = object(0, 0, 13);
        assert!(a.stands(Relation::LeftOf, &object(17, 0, 13)));
        assert!(!a.stands(Relation::LeftOf, &object(16, 0, 13)));
        assert!(object(17, 0, 13).stands(Relation::RightOf, &a));
        assert!(object(0, 30, 13).stands(Relation::Below, &a));
    }

    #[test]
    fn a_diagonal_is_not_clear() {
        let a = object(0, 0, 13);
        assert_eq!(a.clear_relation(&object(30, 5, 13)), Some(Relation::LeftOf));
        assert_eq!(a.clear_relation(&object(30, 30, 13)), None);
        assert_eq!(a.clear_relation(&object(15, 3, 13)), None);
    }
}
