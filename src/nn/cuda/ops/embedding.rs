//! Embeddings of tokens and of their positions.

use crate::nn::cuda::array::{Array, Element};
use crate::nn::cuda::tape::DeviceTape;
use crate::nn::layout::Slot;
use crate::nn::spans::Spans;
use crate::nn::tape::Var;

impl DeviceTape<'_> {
    /// words\[id\] + positions\[place in the sample\] (+ one row of a further table): (ids, width).
    pub fn embedding(
        &mut self,
        ids: &[u32],
        samples: &Spans,
        words: Slot,
        positions: Slot,
        extra: Option<(Slot, usize)>,
    ) -> Var {
        let (rows, width) = (ids.len(), words.cols);
        assert_eq!(rows, samples.rows(), "samples that all ids are in");
        let places: Vec<u32> = samples
            .iter()
            .flat_map(|rows| 0..rows.len() as u32)
            .collect();
        let extra = extra.map(|(table, row)| table.rows(row..row + 1));
        let mark = self.mark();
        let out = self.embedded(ids, &places, words, positions, extra);
        let out = self.push(rows, width, out);
        let ids = ids.to_vec();
        self.record(mark, move |back| {
            let Some(gradient) = back.take_gradient(out) else {
                return;
            };
            let (device, precision) = (back.device(), back.precision());
            for (table, rows) in [(words, ids), (positions, places)] {
                let to = back.gradients.slice(table);
                let rows = rows.into_iter().map(|row| row as usize);
                device.add_rows(precision, gradient.view(), rows, to, width);
            }
            if let Some(row) = extra {
                let to = back.gradients.slice(row);
                device.add_column_sums(precision, gradient.view(), to);
            }
        });
        out
    }

    /// The next token of each row, all at the same place: words\[id\] + positions\[place\], which wants
    /// no gradient.
    pub fn next_tokens(&mut self, ids: &[u32], place: usize, words: Slot, positions: Slot) -> Var {
        assert!(!self.is_training(), "captions are written, not learnt from");
        let places = vec![place as u32; ids.len()];
        let out = self.embedded(ids, &places, words, positions, None);
        self.push(ids.len(), words.cols, out)
    }

    fn embedded(
        &self,
        ids: &[u32],
        places: &[u32],
        words: Slot,
        positions: Slot,
        extra: Option<Slot>,
    ) -> Array {
        let (rows, width) = (ids.len(), words.cols);
        for (table, numbers) in [(words, ids), (positions, places)] {
            for &row in numbers {
                let there = (row as usize) < table.rows;
                assert!(there, "row {row} of a table of {}", table.rows);
            }
        }
        let out = self.activations(rows * width);
        let [ids, places] =
            [ids, places].map(|values| self.device().uploaded(Element::U32, values));
        self.device()
            .typed_kernel("embed", self.precision())
            .array(ids.view(), Element::U32, rows)
            .array(places.view(), Element::U32, rows)
            .array(self.params.slice(words), Element::F32, words.len())
            .array(self.params.slice(positions), Element::F32, positions.len())
            .optional(extra.map(|row| self.params.slice(row)), Element::F32, width)
            .array(out.view(), self.precision().into(), rows * width)
            .count(rows)
            .count(width)
            .rows(rows, 1);
        out
    }
}
