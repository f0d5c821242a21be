//! Which parameter lies where in the flat buffer.

use std::collections::BTreeMap;
use std::ops::Range;

use super::buffer::LINE;

/// A named parameter's place in the flat buffer: a `rows` × `cols` matrix, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Index of its first value.
    pub offset: usize,
    /// Number of rows; 1 for a vector.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

impl Slot {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.rows * self.cols
    }

    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some of its rows.
    pub fn rows(&self, rows: Range<usize>) -> Self {
        assert!(
            rows.start <= rows.end && rows.end <= self.rows,
            "rows {rows:?} of {}",
            self.rows
        );
        Self {
            offset: self.offset + rows.start * self.cols,
            rows: rows.len(),
            cols: self.cols,
        }
    }

    /// Its indices in the flat buffer.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// How a parameter starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Normally distributed around 0 with this standard deviation.
    Normal(f32),
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// All this value.
    Constant(f32),
    /// Cosines of a place on a square grid, with this root mean square: one row a place in reading
    /// order, after a row of zeros for the class token.
    Grid(f32),
}

/// A linear map y = x Wᵀ + b.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    /// The weight, outputs × inputs.
    pub w: Slot,
    /// The bias, one value an output.
    pub b: Option<Slot>,
}

impl Linear {
    /// The map to logits that shares the embedding `table` (vocabulary × width), without bias.
    pub fn tied(table: Slot) -> Self {
        Self { w: table, b: None }
    }

    /// Some of its outputs.
    pub fn part(&self, outputs: Range<usize>) -> Self {
        let b = self.b.map(|b| Slot {
            offset: b.offset + outputs.start,
            rows: 1,
            cols: outputs.len(),
        });
        Self {
            w: self.w.rows(outputs),
            b,
        }
    }

    /// Its parameters.
    pub fn slots(&self) -> Vec<Slot> {
        let mut slots = vec![self.w];
        slots.extend(self.b);
        slots
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.w.cols
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.w.rows
    }
}

/// A layer norm over the columns: y = (x − mean) / √(variance + eps) · w + b.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norm {
    /// The scale of each column.
    pub w: Slot,
    /// The shift of each column.
    pub b: Slot,
    /// Added to the variance (1e-12 in ViT and BERT, 1e-5 in GPT-2).
    pub eps: f32,
}

impl Norm {
    /// Its parameters.
    pub fn slots(&self) -> [Slot; 2] {
        [self.w, self.b]
    }
}

/// The parameters of a model: names, places and initial values, in order of definition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    entries: Vec<(String, Slot, Init)>,
    by_name: BTreeMap<String, usize>,
    len: usize,
}

impl Layout {
    /// Starts an empty layout.
    pub fn builder() -> LayoutBuilder {
        LayoutBuilder {
            layout: Self::default(),
        }
    }

    /// Length of the flat buffer: all parameters and the gaps that align them.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of parameters proper, without the gaps.
    pub fn parameter_count(&self) -> usize {
        self.entries.iter().map(|(_, slot, _)| slot.len()).sum()
    }

    /// Every parameter's name and place, in order of definition.
    pub fn slots(&self) -> impl Iterator<Item = (&str, Slot)> {
        self.entries
            .iter()
            .map(|(name, slot, _)| (name.as_str(), *slot))
    }

    /// The place of the parameter of that name.
    pub fn find(&self, name: &str) -> Option<Slot> {
        self.by_name.get(name).map(|&i| self.entries[i].1)
    }

    /// Which parameter, counted in order of definition, a slot or some rows of one lie in, and where.
    pub(super) fn place(&self, slot: Slot) -> (usize, Range<usize>) {
        let after = self
            .entries
            .partition_point(|(_, other, _)| other.offset <= slot.offset);
        let place = after.checked_sub(1).expect("a slot of this layout");
        let whole = self.slot(place);
        let start = slot.offset - whole.offset;
        let range = start..start + slot.len();
        assert!(range.end <= whole.len(), "a slot of this layout");
        (place, range)
    }

    /// The place of a parameter, counted in order of definition.
    pub(super) fn slot(&self, place: usize) -> Slot {
        self.entries[place].1
    }

    /// Every parameter's name, place and initial values.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, Slot, Init)> {
        self.entries
            .iter()
            .map(|(name, slot, init)| (name.as_str(), *slot, *init))
    }
}

/// Builds a [`Layout`], parameter by parameter.
#[derive(Debug, Default)]
pub struct LayoutBuilder {
    layout: Layout,
}

impl LayoutBuilder {
    /// Adds a `rows` × `cols` parameter. Panics if the name is taken.
    pub fn add(&mut self, name: impl Into<String>, rows: usize, cols: usize, init: Init) -> Slot {
        let (name, layout) = (name.into(), &mut self.layout);
        let slot = Slot {
            offset: layout.len,
            rows,
            cols,
        };
        let taken = layout.by_name.insert(name.clone(), layout.entries.len());
        assert!(taken.is_none(), "two parameters are called {name}");
        layout.len += slot.len().next_multiple_of(LINE);
        layout.entries.push((name, slot, init));
        slot
    }

    /// Adds `NAME.weight` (`outputs` × `inputs`, normal with deviation `std`) and, with
    /// `bias`, `NAME.bias` (zeros).
    pub fn linear(
        &mut self,
        name: &str,
        inputs: usize,
        outputs: usize,
        bias: bool,
        std: f32,
    ) -> Linear {
        Linear {
            w: self.add(format!("{name}.weight"), outputs, inputs, Init::Normal(std)),
            b: bias.then(|| self.add(format!("{name}.bias"), 1, outputs, Init::Zeros)),
        }
    }

    /// Adds `NAME.weight` (ones) and `NAME.bias` (zeros) of a layer norm.
    pub fn norm(&mut self, name: &str, width: usize, eps: f32) -> Norm {
        Norm {
            w: self.add(format!("{name}.weight"), 1, width, Init::Ones),
            b: self.add(format!("{name}.bias"), 1, width, Init::Zeros),
            eps,
        }
    }

    /// The finished layout.
    pub fn build(self) -> Layout {
        self.layout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_aligned_apart_and_found_by_name() {
        let mut builder = Layout::builder();
        let linear = builder.linear("map", 3, 5, true, 0.02);
        let norm = builder.norm("norm", 7, 1e-5);
        let layout = builder.build();
        let names: Vec<_> = layout.slots().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            ["map.weight", "map.bias", "norm.weight", "norm.bias"]
        );
        assert_eq!((linear.inputs(), linear.outputs()), (3, 5));
        let mut end = 0;
        for (name, slot) in layout.slots() {
            assert_eq!(slot.offset % LINE, 0);
            assert!(slot.offset >= end);
            assert_eq!(layout.find(name), Some(slot));
            end = slot.range().end;
        }
        assert!(layout.len() >= end);
        assert_eq!(layout.parameter_count(), 15 + 5 + 7 + 7);
        for (place, (_, slot)) in layout.slots().enumerate() {
            assert_eq!(layout.slot(place), slot);
            assert_eq!(layout.place(slot), (place, 0..slot.len()));
        }
        let part = linear.part(1..3);
        assert_eq!(layout.place(part.w), (0, 3..9));
        assert_eq!(part.b.map(|b| layout.place(b)), Some((1, 1..3)));
        assert_eq!(layout.find("norm.bias"), Some(norm.b));
        assert_eq!(layout.find("nothing"), None);
    }

    #[test]
    #[should_panic(expected = "two parameters are called sigma")]
    fn names_are_unique() {
        let mut builder = Layout::builder();
        builder.add("sigma", 1, 1, Init::Constant(0.07));
        builder.add("sigma", 1, 1, Init::Constant(0.07));
    }
}
