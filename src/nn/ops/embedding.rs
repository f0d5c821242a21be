//! Embeddings of tokens and of their positions.

use crate::nn::kernels::elementwise;
use crate::nn::layout::Slot;
use crate::nn::spans::Spans;
use crate::nn::tape::{Tape, Var};

impl Tape<'_> {
    /// words\[id\] + positions\[place in the sample\] (+ one row of a further table): (ids, width).
    ///
    /// `samples` says how the ids fall into samples. `extra` is a table and the row of it that is
    /// added everywhere, as BERT's token type 0.
    pub fn embedding(
        &mut self,
        ids: &[u32],
        samples: &Spans,
        words: Slot,
        positions: Slot,
        extra: Option<(Slot, usize)>,
    ) -> Var {
        let width = words.cols;
        assert_eq!(ids.len(), samples.rows(), "samples that all ids are in");
        let longest = samples.iter().map(|rows| rows.len()).max();
        assert!(
            longest <= Some(positions.rows),
            "{longest:?} tokens, but {} positions",
            positions.rows
        );
        let places = samples.iter().flat_map(|rows| 0..rows.len());
        let tokens: Vec<_> = ids.iter().map(|&id| id as usize).zip(places).collect();
        assert!(
            extra.is_none_or(|(table, row)| row < table.rows),
            "a row of the further table"
        );
        let mark = self.mark();
        let mut out = self.pool.take(ids.len() * width);
        for (out, &(id, place)) in out.chunks_exact_mut(width).zip(&tokens) {
            out.copy_from_slice(self.params.slice(row_of(words, id)));
            elementwise::add(out, self.params.slice(row_of(positions, place)));
            if let Some((table, row)) = extra {
                elementwise::add(out, self.params.slice(row_of(table, row)));
            }
        }
        let out = self.push(ids.len(), width, out);
        let mut tables = vec![words, positions];
        tables.extend(extra.map(|(table, _)| table));
        self.record(mark, &tables, move |back| {
            let Some(gradient) = back.take_gradient(out) else {
                return;
            };
            for (gradient, (id, place)) in gradient.chunks_exact(width).zip(tokens) {
                let mut add = |row: Slot| elementwise::add(back.gradients.slice(row), gradient);
                add(row_of(words, id));
                add(row_of(positions, place));
                if let Some((table, row)) = extra {
                    add(row_of(table, row));
                }
            }
            back.pool.put(gradient);
        });
        out
    }
}

/// One row of a table.
fn row_of(table: Slot, row: usize) -> Slot {
    assert!(row < table.rows, "row {row} of a table of {}", table.rows);
    table.rows(row..row + 1)
}

#[cfg(test)]
mod tests {
    use crate::nn::layout::{Init, Layout};
    use crate::nn::ops::check::check_gradients;
    use crate::nn::spans::Spans;

    #[test]
    fn gradients() {
        let mut builder = Layout::builder();
        let words = builder.add("words", 5, 4, Init::Normal(1.0));
        let positions = builder.add("positions", 4, 4, Init::Normal(1.0));
        let types = builder.add("types", 2, 4, Init::Normal(1.0));
        check_gradients(builder.build(), &[], |tape, _| {
            let samples = Spans::of([2, 4]);
            let ids = [1, 4, 1, 0, 0, 2];
            let a = tape.embedding(&ids, &samples, words, positions, Some((types, 1)));
            let samples = Spans::even(1, 2);
            let b = tape.embedding(&[3, 1], &samples, words, positions, None);
            (vec![a, b], 0.0)
        });
    }

    #[test]
    #[should_panic(expected = "row 5 of a table of 5")]
    fn an_id_outside_of_the_vocabulary_panics() {
        let mut builder = Layout::builder();
        let words = builder.add("words", 5, 4, Init::Normal(1.0));
        check_gradients(builder.build(), &[], |tape, _| {
            let samples = Spans::even(1, 1);
            (
                vec![tape.embedding(&[5], &samples, words, words, None)],
                0.0,
            )
        });
    }
}
